"""Both samplers pass every check of imbalanced-learn and of scikit-learn, without an exception listed."""

import pytest

pytest.importorskip("imblearn", reason="needs imbalanced-learn: the extra `sampling`")

from imblearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.estimator_checks import parametrize_with_checks as parametrize_with_sklearn_checks

from gramian.sampling import JensenRenyiPrototypes, JensenRenyiUnderSampler

# Few iterations keep the checks quick; what they check does not depend on the number.
QUICK = [JensenRenyiUnderSampler(), JensenRenyiPrototypes(iterations=3)]
OTHERS = [
    JensenRenyiUnderSampler(alpha=1.01, random_state=0),
    JensenRenyiPrototypes(),
    JensenRenyiPrototypes(init="uniform", random_state=0),
]


@parametrize_with_checks(QUICK)
def test_checks_of_imbalanced_learn(estimator, check):
    check(estimator)


@parametrize_with_sklearn_checks(QUICK)
@pytest.mark.filterwarnings("ignore")
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(OTHERS)
def test_checks_of_imbalanced_learn_for_other_settings(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_sklearn_checks(OTHERS)
@pytest.mark.filterwarnings("ignore")
def test_checks_of_scikit_learn_for_other_settings(estimator, check):
    check(estimator)

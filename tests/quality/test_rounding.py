"""Measures that amplify small eigenvalues must not see those that rounding makes."""

import numpy as np
import pytest

from gramian.quality import Moments, alpha_req, effective_rank, get

pytestmark = pytest.mark.filterwarnings("ignore::gramian.quality.SmallSampleWarning")


@pytest.mark.parametrize("shape", [(50, 40), (40, 50)])
def test_one_line_has_effective_rank_one_whatever_its_width(shape):
    rng = np.random.default_rng(0)
    line = np.outer(rng.normal(size=shape[0]), rng.normal(size=shape[1]))
    assert float(effective_rank(line)) == pytest.approx(1, abs=1e-10)
    moments = Moments()
    moments.update(line)
    assert get("effective_rank").finish(moments) == pytest.approx(1, abs=1e-10)


def test_the_decay_is_fitted_over_the_rank_not_the_width():
    """A power law over six directions of twenty: ranks 1 to 3 are fitted."""
    axes = np.diag(np.arange(1, 7.0) ** -1.0)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(20, 20)))[0][:6]
    x = np.concatenate([axes, -axes] * 3) @ turn
    assert float(alpha_req(x)) == pytest.approx(2, abs=1e-9)
    with pytest.raises(ValueError, match="1 <= first < last <= 6"):
        alpha_req(x, fit_range=(1, 7))

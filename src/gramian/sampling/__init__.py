"""Under-sampling that keeps the distribution of a class: samplers in the conventions of imbalanced-learn."""

from gramian.sampling._extra import require_imblearn

require_imblearn()

from gramian.sampling._prototypes import JensenRenyiPrototypes  # noqa: E402
from gramian.sampling._under_sampler import JensenRenyiUnderSampler  # noqa: E402

__all__ = ["JensenRenyiPrototypes", "JensenRenyiUnderSampler"]

"""Under-sampling that keeps the distribution of a class: samplers in the conventions of imbalanced-learn."""

from gramian.sampling._extra import require_imblearn

require_imblearn()

from gramian.sampling._coverage import ColumnShift, Coverage, coverage  # noqa: E402
from gramian.sampling._prototypes import JensenRenyiPrototypes  # noqa: E402
from gramian.sampling._resampling import Resampling, resample_file  # noqa: E402
from gramian.sampling._under_sampler import JensenRenyiUnderSampler  # noqa: E402

__all__ = [
    "ColumnShift",
    "Coverage",
    "JensenRenyiPrototypes",
    "JensenRenyiUnderSampler",
    "Resampling",
    "coverage",
    "resample_file",
]

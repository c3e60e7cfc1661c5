"""Fitting through PyTorch Lightning: whole checkpoints, runs that go on after a kill, a history, evaluations on the way.

What `ssl` and `multiview` share. Knows no objective and no data.
"""

from gramian.training._extra import require_lightning

require_lightning()

from gramian.training._checkpoint_files import CheckpointFault, read_checkpoint  # noqa: E402
from gramian.training._evaluation import PeriodicEvaluation  # noqa: E402
from gramian.training._finite import NonFiniteTraining  # noqa: E402
from gramian.training._fit import FitResult, fit  # noqa: E402
from gramian.training._history import HistoryRow  # noqa: E402
from gramian.training._loader import ResumableLoader  # noqa: E402
from gramian.training._progress import TrainingProgress, is_first_process  # noqa: E402
from gramian.training._seeding import seeded  # noqa: E402

__all__ = [
    "CheckpointFault",
    "FitResult",
    "HistoryRow",
    "NonFiniteTraining",
    "PeriodicEvaluation",
    "ResumableLoader",
    "TrainingProgress",
    "fit",
    "is_first_process",
    "read_checkpoint",
    "require_lightning",
    "seeded",
]

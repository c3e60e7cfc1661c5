"""One monitor for PyTorch Lightning in both its namespaces and for the Hugging Face Trainer."""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Self, cast

from torch import Tensor

from gramian.runs import RunDirectory
from gramian.ssl._monitor.alarm import CollapseAlarm
from gramian.ssl._monitor.hugging_face import HuggingFaceEvents
from gramian.ssl._monitor.lightning import LightningEvents
from gramian.ssl._monitor.watch import Finder, Settings

__all__ = ["SpectrumMonitor"]

# The module that is loaded once a framework's trainer can be built, and the class it wants its callbacks to be of.
_FRAMEWORKS = {
    "pytorch_lightning": ("pytorch_lightning", "Callback"),
    "lightning.pytorch": ("lightning.pytorch", "Callback"),
    "transformers": ("transformers.trainer_callback", "TrainerCallback"),
}


class SpectrumMonitor(LightningEvents, HuggingFaceEvents):
    """Watches the spectrum of embeddings while they are learned: a callback for anybody's training.

    ``Trainer(callbacks=[SpectrumMonitor("projection_head")])`` works for ``pytorch_lightning``, for ``lightning.pytorch``
    and for ``transformers``: the object is a callback of each of the three that is imported when it is made. Training itself
    is not touched: no parameter, gradient or random number is different.

    A *look* takes the embeddings of a few training batches in a row, over all processes, and gives a
    :class:`SpectrumSnapshot`: eigenvalues of their covariance, entropies, RankMe, alpha-ReQ and, of views, LiDAR. Scalars go
    to the trainer's loggers as ``spectrum/<source>/<measure>``, snapshots to ``snapshots`` and, with ``out``, to disk.

    Args:
        module: whose output to watch: the name of a submodule as in ``named_modules()``, the module itself, a function from
            the trained module to one of its submodules, or several of these. None for methods of `gramian.ssl`, which
            keep the features and the embeddings of their step.
        every: batches from look to look; None for about 50 looks in the whole training, fewer in a short one, whose
            windows would overlap (every 100 batches where its length is unknown).
        batches: batches a look takes, at most ``every``. A spectrum of ``d`` features needs ``d`` rows: rows of a batch
            times views times this.
        orders: of the entropies.
        views: how many views of each sample the rows of a call hold; None where each call of the module in a step is a view.
        interleaved: with ``views``: views of a sample are neighbouring rows. Otherwise all samples' first views come
            first, as ``torch.cat`` leaves them.
        read: from the module's output to embeddings ``(n, d)``; None takes the first tensor and its mean over tokens or
            positions.
        alarm: when to warn of collapse, and whether to stop; None never.
        out: where snapshots are kept: an open :class:`gramian.runs.RunDirectory`, whose owner finishes it, or a folder, which
            becomes a run that ``gramian report`` reads. None keeps them in memory alone.
        overwrite: start anew in a folder that holds a finished record.
        name: what the logged names begin with.

    Attributes:
        snapshots: what was found, in order, by this process since it began.

    Raises:
        ImportError: none of the three frameworks is installed.
        TypeError: an argument of the wrong kind.
        ValueError: an argument out of range.

    Warns:
        CollapseWarning: once for each source, see :class:`CollapseAlarm`.

    Cost: nothing in most steps. In those of a look, one copy of the embeddings to the CPU; at its end, float64 eigenvalues.
    """

    def __new__(cls, *arguments: Any, **named: Any) -> Self:
        made: Self = object.__new__(_callback_class(cast(Hashable, cls), _loaded_frameworks()))
        return made

    def __init__(
        self,
        module: Finder | Sequence[Finder] | None = None,
        *,
        every: int | None = None,
        batches: int = 4,
        orders: Sequence[float] = (1.0, 2.0),
        views: int | None = None,
        interleaved: bool = False,
        read: Callable[[Any], Tensor] | None = None,
        alarm: CollapseAlarm | None = CollapseAlarm(),  # noqa: B008  (frozen)
        out: RunDirectory | str | Path | None = None,
        overwrite: bool = False,
        name: str = "spectrum",
    ) -> None:
        settings = Settings.checked(
            module,
            every=every,
            batches=batches,
            orders=orders,
            views=views,
            interleaved=interleaved,
            read=read,
            alarm=alarm,
        )
        super().__init__(settings, out=out, overwrite=overwrite, name=name)

    def __reduce__(self) -> tuple[Any, ...]:
        state = {name: value for name, value in self.__dict__.items() if name != "_trainer"}
        return _restored, (state,)


def _loaded_frameworks() -> tuple[str, ...]:
    loaded = tuple(name for name, (module, _) in _FRAMEWORKS.items() if module in sys.modules)
    if loaded:
        return loaded
    for name, (module, _) in _FRAMEWORKS.items():
        try:
            import_module(module)
        except ImportError:
            continue
        return (name,)
    raise ImportError(
        "SpectrumMonitor: expected pytorch_lightning, lightning or transformers; got none of them. "
        'Install one with: pip install "gramian[ssl]"'
    )


@cache
def _callback_class(cls: Hashable, frameworks: tuple[str, ...]) -> type:
    # The frameworks check what class a callback is of; what their classes define besides empty methods is overridden here.
    bases = [
        getattr(import_module(module), name) for module, name in (_FRAMEWORKS[framework] for framework in frameworks)
    ]
    kind = cast(type, cls)
    return type(kind.__name__, (kind, *bases), {"__module__": kind.__module__, "__doc__": kind.__doc__})


def _restored(state: dict[str, Any]) -> SpectrumMonitor:
    monitor = SpectrumMonitor.__new__(SpectrumMonitor)
    monitor.__dict__.update(state)
    return monitor

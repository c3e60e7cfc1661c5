"""The spectrum of embeddings during training: tracker, callbacks, metric, alarm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gramian.ssl._monitor.alarm import CollapseAlarm, CollapseWarning
from gramian.ssl._monitor.monitor import SpectrumMonitor
from gramian.ssl._monitor.snapshot import SpectrumSnapshot
from gramian.ssl._monitor.tracker import SpectrumTracker

if TYPE_CHECKING:
    from gramian.ssl._monitor.metric import SpectrumMetric

__all__ = [
    "CollapseAlarm",
    "CollapseWarning",
    "SpectrumMetric",
    "SpectrumMonitor",
    "SpectrumSnapshot",
    "SpectrumTracker",
]


def __getattr__(name: str) -> Any:
    # torchmetrics is loaded with the one class that needs it.
    if name == "SpectrumMetric":
        from gramian.ssl._monitor.metric import SpectrumMetric

        return SpectrumMetric
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

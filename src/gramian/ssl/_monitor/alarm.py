"""When a representation has collapsed, and saying so once."""

from __future__ import annotations

from dataclasses import dataclass

from gramian.itl._errors import type_fault, value_fault
from gramian.ssl._monitor.snapshot import SpectrumSnapshot

__all__ = ["CollapseAlarm", "CollapseCount", "CollapseWarning"]


class CollapseWarning(UserWarning):
    """The embeddings have shrunk to a point or to a line, or are no numbers any more."""


@dataclass(frozen=True)
class CollapseAlarm:
    """When to say that embeddings have collapsed.

    It goes off when, at ``patience`` looks in a row, one of these holds:

    - *a point*: the mean embedding has at least ``mean_share`` of the mean squared norm (at 0.95, two embeddings have a
      cosine of about 0.95), or there is no variance at all. Token means of language models have that from birth: say 0.9999
      there;
    - *a line*: one direction has at least ``top_share`` of the variance, so that the effective rank of the covariance is
      near 1 whatever the width is.

    and at once where more than half of the samples have entries that are not finite. Both rules are about shares, so they do
    not depend on the scale or the width of the embeddings. A rank that is low but not 1 is no alarm: how low is too low
    depends on data and method, and is what the curve of the effective rank is for.

    Args:
        top_share: within ``(0, 1]``.
        mean_share: within ``(0, 1]``.
        patience: looks in a row, at least 1.
        stop: end the training as well as warn.

    Raises:
        TypeError: a share that is no number, a patience that is no integer.
        ValueError: out of range.
    """

    top_share: float = 0.9
    mean_share: float = 0.95
    patience: int = 3
    stop: bool = False

    def __post_init__(self) -> None:
        for name in ("top_share", "mean_share"):
            share = getattr(self, name)
            if isinstance(share, bool) or not isinstance(share, int | float):
                raise type_fault(name, "a number", type(share).__name__, "Give a share such as 0.9.")
            if not 0 < share <= 1:
                raise value_fault(name, "a share above 0 and up to 1", share, "0.9 is nine tenths.")
        if isinstance(self.patience, bool) or not isinstance(self.patience, int):
            raise type_fault("patience", "an integer", type(self.patience).__name__, "Count looks.")
        if self.patience < 1:
            raise value_fault("patience", "at least 1 look", self.patience, "1 goes off at the first.")

    def reason(self, snapshot: SpectrumSnapshot) -> str | None:
        """Why these embeddings have collapsed, or None where they have not."""
        if not snapshot.variance > 0 or snapshot.mean_share >= self.mean_share:
            share = 100 * snapshot.mean_share if snapshot.variance > 0 else 100.0
            return f"the mean embedding has {share:.2f} % of the squared norm (alarm from {100 * self.mean_share:g} %)"
        if snapshot.top_share >= self.top_share:
            top, limit = 100 * snapshot.top_share, 100 * self.top_share
            return f"one direction of {snapshot.width} has {top:.1f} % of the variance (alarm from {limit:g} %)"
        return None


class CollapseCount:
    """How many looks in a row one source has been collapsed, and whether it was said."""

    def __init__(self, alarm: CollapseAlarm) -> None:
        self._alarm = alarm
        self.in_a_row = 0
        self.told = False

    def observe(self, snapshot: SpectrumSnapshot) -> str | None:
        """The warning, the first time that the alarm goes off."""
        reason = self._alarm.reason(snapshot)
        broken = snapshot.skipped > snapshot.samples
        self.in_a_row = self.in_a_row + 1 if reason else 0
        if self.told or not (broken or self.in_a_row >= self._alarm.patience):
            return None
        self.told = True
        looks = f"{self.in_a_row} looks in a row" if self.in_a_row > 1 else "this look"
        got = not_finite(snapshot.skipped, snapshot.samples) if broken else f"{reason} at {looks}"
        return collapse_message(snapshot.source, snapshot.step, got)


def not_finite(skipped: int, samples: int) -> str:
    return f"{skipped} of {skipped + samples} samples with entries that are not finite"


def collapse_message(source: str, step: int, got: str) -> str:
    return (
        f"{source}: expected embeddings that spread; got {got}, up to step {step}. The representation has collapsed: look at "
        "the learning rate, at the term of the loss that keeps embeddings apart, and at the stop-gradient or the momentum "
        "encoder."
    )

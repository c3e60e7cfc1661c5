"""What every probe returns."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ProbeResult"]


@dataclass(frozen=True)
class ProbeResult:
    """The score of a probe on examples it was not fitted to.

    Score and interval speak of the held-out examples, given the probes that were fitted: another sample of as many texts
    would move the score by about ``stderr``. The spread between folds is not used, because folds share most of their
    training examples and no estimator of the variance from them is unbiased [bengio2004].

    Attributes:
        score: Over all held-out examples; higher is better. Unit and range are the metric's.
        stderr: Standard error of the score.
        low: Lower end of the 95 % interval.
        high: Upper end of the 95 % interval.
        metric: ``"accuracy"``, ``"r2"`` or ``"spearman"``.
        folds: The score on each held-out fold; one entry where a test set was given.
        n: Held-out examples.
    """

    score: float
    stderr: float
    low: float
    high: float
    metric: str
    folds: tuple[float, ...]
    n: int

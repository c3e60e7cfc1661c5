"""The learning rate at every step: a linear warm-up, then half a cosine."""

from __future__ import annotations

import math

__all__ = ["cosine_between", "warmup_cosine", "warmup_steps"]


def warmup_steps(*, total: int, steps_per_epoch: int, epochs: float, share: float) -> int:
    """Steps of warm-up: ``epochs`` of them, and at most ``share`` of the run.

    The bound leaves the published recipes as they are (10 epochs of 100 or more, a share of 0.1) and keeps a short run of one of
    them from ending in its warm-up.

    Example:
        >>> [warmup_steps(total=10 * n, steps_per_epoch=10, epochs=10, share=0.1) for n in (1000, 100, 20, 1)]
        [100, 100, 20, 1]
    """
    return round(min(epochs * steps_per_epoch, share * total))


def warmup_cosine(step: int, *, total: int, warmup: int, peak: float, start: float, final: float) -> float:
    r"""The learning rate at a step, within ``[min(start, final), peak]``.

    .. math:: \gamma_t = s + (p - s) t / w \text{ for } t < w, \quad
        \gamma_t = f + (p - f) \tfrac12 \left(1 + \cos \pi \tfrac{t - w}{T - w}\right) \text{ after}

    Args:
        step: ``t``, from 0; beyond ``total`` the rate stays ``final``.
        total: ``T``, steps of the run.
        warmup: ``w``, steps until the peak.
        peak: ``p``.
        start: ``s``.
        final: ``f``.

    Example:
        >>> [round(warmup_cosine(t, total=10, warmup=2, peak=1.0, start=0.0, final=0.0), 3) for t in (0, 1, 2, 6, 10)]
        [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    if step < warmup:
        return start + (peak - start) * step / warmup
    return cosine_between(peak, final, step - warmup, total - warmup)


def cosine_between(first: float, last: float, step: int, total: int) -> float:
    """From ``first`` at step 0 to ``last`` at step ``total`` along half a cosine; ``last`` from there on.

    Example:
        >>> [cosine_between(0.99, 1.0, t, 100) for t in (0, 100, 200)]
        [0.99, 1.0, 1.0]
    """
    if step >= total:
        return last
    return last + (first - last) * (1 + math.cos(math.pi * step / total)) / 2

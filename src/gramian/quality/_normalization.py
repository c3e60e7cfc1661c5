"""Dividing an entropy by the largest value it could take."""

from __future__ import annotations

import torch
from torch import Tensor

from ._inputs import check_choice

NORMALIZATIONS = (None, "log_n", "log_d", "min")


def normalized_entropy(entropy: Tensor, *, count: Tensor | int, width: int, normalization: str | None) -> Tensor:
    """`entropy` over the log of the vector count, of the width, or of the smaller of the two; None leaves it in nats.

    Raises:
        ValueError: unknown normalization, or one that divides by log 1 = 0.
    """
    check_choice("normalization", normalization, NORMALIZATIONS)
    if normalization is None:
        return entropy
    counts = torch.as_tensor(count, device=entropy.device)
    size = {"log_n": counts, "log_d": torch.full_like(counts, width), "min": counts.clamp_max(width)}[normalization]
    if bool((size < 2).any()):
        raise ValueError(
            f"normalization: expected {normalization!r} to divide by the log of 2 or more; got a size of 1. "
            "Use normalization=None."
        )
    return entropy / size.to(entropy.dtype).log()

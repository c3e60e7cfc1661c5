"""From the token states of one layer to one vector a text, for every pooling at once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["pooling_weights"]


def pooling_weights(mask: Tensor, poolings: Sequence[str]) -> Tensor:
    """Weights of the tokens, so that every pooling is one product with the states.

    Args:
        mask: ``(batch, tokens)`` of booleans, True for the tokens to measure; at least one a row.
        poolings: Names of `Pooling`.

    Returns:
        ``(batch, poolings, tokens)`` float32, zero outside the mask, summing to one over the tokens.

    >>> pooling_weights(torch.tensor([[True, True, True]]), ["mean_no_first", "weighted_mean"])[0] * 6
    tensor([[0., 3., 3.],
            [1., 2., 3.]])
    """
    measured = mask.to(torch.float32)
    position = measured.cumsum(1) * measured  # 1, 2, ... at the measured tokens
    count = measured.sum(1, keepdim=True)
    first = (position == 1).to(torch.float32)
    later = measured - first
    parts = {
        "mean": measured / count,
        "mean_no_first": torch.where(count > 1, later / (count - 1).clamp_min(1), first),
        "last": (position == count).to(torch.float32),
        "first": first,
        "weighted_mean": position / position.sum(1, keepdim=True),
    }
    if not poolings:
        return measured.new_zeros(len(mask), 0, mask.shape[1])
    return torch.stack([parts[pooling] for pooling in poolings], 1)

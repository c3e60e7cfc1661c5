"""Classification by the nearest neighbours, weighted by their similarity."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize

from gramian.itl._errors import type_fault, value_fault
from gramian.ssl._evaluation.features import Features

__all__ = ["weighted_knn"]

# Similarities held at once.
_BLOCK = 2**24


@torch.no_grad()
def weighted_knn(
    bank: Features, queries: Tensor, *, classes: int, neighbors: Sequence[int] = (20, 200), temperature: float = 0.1
) -> dict[int, Tensor]:
    r"""Classes of queries by a vote of their nearest neighbours, ``(m,)`` int64 for each number of neighbours.

    A neighbour of cosine similarity :math:`s` has the weight :math:`\exp(s / \tau)`; classes with equal votes go to the lower
    number. As the temperature grows it becomes a plain majority.

    Source: [wu2018, Sec. 3.4]; one pass for all numbers of neighbours.

    Args:
        bank: Labelled features, ``(n, d)``.
        queries: ``(m, d)``.
        classes: Number of classes.
        neighbors: How many vote; more than ``n`` are all of them.
        temperature: :math:`\tau`, above 0.

    Raises:
        ValueError: No number of neighbours, one below 1, a temperature that is not positive, labels outside the classes.
        TypeError: A number of neighbours that is not whole.

    Cost: ``O(m n d)``; memory for about 16 million similarities.

    Example:
        >>> bank = Features(torch.eye(2), torch.tensor([0, 1]))
        >>> weighted_knn(bank, torch.tensor([[2.0, 0.1]]), classes=2, neighbors=[1, 2])
        {1: tensor([0]), 2: tensor([0])}
    """
    for count in neighbors:
        if isinstance(count, bool) or not isinstance(count, int):
            raise type_fault("neighbors", "whole numbers", type(count).__name__, "Give for example 20.")
    if not neighbors or min(neighbors) < 1:
        raise value_fault("neighbors", "numbers from 1", list(neighbors), "Give for example 20 and 200.")
    if not temperature > 0:
        raise value_fault("temperature", "a number above 0", temperature, "0.1 is usual.")
    if int(bank.labels.min()) < 0 or int(bank.labels.max()) >= classes:
        got = f"{int(bank.labels.min())} to {int(bank.labels.max())}"
        raise value_fault("labels", f"0 to {classes - 1} in the bank", got, "Leave out images without a label.")
    most = min(max(neighbors), len(bank.labels))
    known, asked = normalize(bank.vectors, dim=1), normalize(queries, dim=1)
    found: dict[int, list[Tensor]] = {count: [] for count in neighbors}
    for part in asked.split(max(1, _BLOCK // len(known))):
        similarity, index = (part @ known.mT).topk(most, dim=1)
        # The largest exponent is taken out, so that a low temperature does not overflow.
        weight = ((similarity - similarity[:, :1]) / temperature).exp()
        marks = bank.labels[index]
        for count, parts in found.items():
            votes = torch.zeros(len(part), classes, dtype=weight.dtype)
            votes.scatter_add_(1, marks[:, :count], weight[:, :count])
            parts.append(votes.argmax(1))
    return {count: torch.cat(parts) for count, parts in found.items()}

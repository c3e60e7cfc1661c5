"""Which prompts go through the model together."""

from __future__ import annotations

import operator
from collections.abc import Sequence


def plan_batches(lengths: Sequence[int], *, token_budget: int, max_batch: int = 64) -> list[list[int]]:
    """Batches of prompts of similar length whose padded size stays within a budget.

    Prompts are sorted by length, longest first, so that padding is small and a batch that does not fit into memory is
    the first one rather than the last. A prompt longer than the budget forms a batch of its own. Equal lengths keep
    their order, so that the plan is a function of the lengths.

    Args:
        lengths: Tokens of every prompt, each at least 1.
        token_budget: Most tokens in a batch, padding included, at least 1.
        max_batch: Most prompts in a batch, at least 1.

    Returns:
        Indices into ``lengths``, every one exactly once; no batch is empty.

    Raises:
        ValueError: a length, budget or batch size under 1.
        TypeError: one that is no whole number.

    Cost: O(N log N).

    >>> plan_batches([2, 9, 3, 2], token_budget=8)
    [[1], [2, 0], [3]]
    """
    _check("token_budget", token_budget)
    _check("max_batch", max_batch)
    sizes = [_check(f"lengths[{index}]", length) for index, length in enumerate(lengths)]
    batches: list[list[int]] = []
    longest = 0
    for index in sorted(range(len(sizes)), key=lambda index: (-sizes[index], index)):
        if batches and len(batches[-1]) < max_batch and longest * (len(batches[-1]) + 1) <= token_budget:
            batches[-1].append(index)
        else:
            batches.append([index])
            longest = sizes[index]
    return batches


def _check(name: str, value: int) -> int:
    try:
        number = operator.index(value)
    except TypeError as error:
        raise TypeError(f"{name}: expected a whole number; got {type(value).__name__}. Convert it.") from error
    if number < 1:
        raise ValueError(f"{name}: expected at least 1; got {number}. Drop empty prompts.")
    return number

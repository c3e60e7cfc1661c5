"""Sink share: how much of a prompt's squared norm sits in its first token."""

from __future__ import annotations

from typing import Any

import torch

from ._inputs import ArrayT, in_range, listed, read_tokens
from ._measure import measure
from ._prompt_mean import PromptMean, few_prompts, prompt_mean


@measure(
    needs="tokens",
    unit="none",
    bounds="[0, 1]",
    invariances=("scale", "rotation"),
    source="queipo2025",
    summary="High: the first token outweighs all others, so entropies of this layer describe mostly that token.",
    statistic=PromptMean,
    finish=prompt_mean,
    minimum=few_prompts,
)
def sink_share(tokens: ArrayT, mask: Any = None) -> ArrayT:
    r"""Share of the first token in the squared norm of a prompt, without unit, within ``[0, 1]``.

    .. math:: \|z_1\|^2 / \sum_i \|z_i\|^2

    1 / n when all tokens are equally long; near 1 in the middle layers of many language models, where the first token
    carries massive activations.

    Source: [queipo2025], which links such activations to the low entropy of middle layers; the share is our summary of
    them.

    Args:
        tokens: `(..., n, d)`, in the order of the text.
        mask: `(..., n)`, boolean; the first true entry marks the first token. All when None.

    Returns:
        `(...,)`.

    Raises:
        ValueError: a prompt of zeros only, a mask of another shape or without a true entry, NaN or infinity.
        TypeError: integer tokens, a mask that is not boolean, NumPy mixed with torch.

    Differentiation: smooth.

    Cost: O(n d) a prompt.

    >>> import numpy as np
    >>> float(sink_share(np.array([[3.0, 0.0], [0.0, 1.0], [1.0, 1.0], [2.0, 0.0]])))    # 9 of 9 + 1 + 2 + 4
    0.5625
    """
    x, real, restore = read_tokens(tokens, mask)
    squares = in_range(x, axes=2).square().sum(-1)
    total = squares.sum(-1)
    if bool((total == 0).any()):
        raise ValueError(
            f"tokens: expected a token that is not zero in every prompt; got only zeros in prompt(s) "
            f"{listed(total == 0)}. Leave such prompts out."
        )
    first = torch.gather(squares, -1, real.to(torch.uint8).argmax(-1, keepdim=True))[..., 0]
    return restore(first / total)

"""Curvature: how sharply the path of a prompt's tokens turns."""

from __future__ import annotations

from typing import Any

import torch

from ._inputs import ArrayT, check_contiguous, in_range, listed, read_tokens
from ._measure import measure
from ._prompt_mean import PromptMean, few_prompts, prompt_mean


@measure(
    needs="tokens",
    unit="radians",
    bounds="[0, pi]",
    invariances=("scale", "rotation", "translation"),
    source="hosseini2023",
    summary="High: the path from token to token turns back on itself. Low: it runs straight.",
    statistic=PromptMean,
    finish=prompt_mean,
    minimum=few_prompts,
)
def curvature(tokens: ArrayT, mask: Any = None) -> ArrayT:
    r"""Mean angle between successive differences of tokens, in radians, within ``[0, pi]``.

    .. math:: \frac{1}{n-2} \sum_k \angle(v_k, v_{k+1}), \quad v_k = z_{k+1} - z_k

    0 on a straight line, pi when the path reverses at every token. In high dimension independent tokens give about 2
    pi / 3, independent differences about pi / 2. An angle at a difference of zero (two equal successive tokens) is
    undefined and left out of the mean.

    Source: [hosseini2023], [skean2025, Sec. 3.3.2]. The released code takes angles between tokens instead of
    differences, or folds the angle by an absolute value; here neither.

    Args:
        tokens: `(..., n, d)`, in the order of the text.
        mask: `(..., n)`, boolean, one contiguous run of true entries a prompt; all when None.

    Returns:
        `(...,)`.

    Raises:
        ValueError: fewer than three real tokens in a prompt, no angle defined, a mask with gaps or of another shape,
            NaN or infinity in a real token.
        TypeError: integer tokens, a mask that is not boolean, NumPy mixed with torch.

    Differentiation: smooth except where the path is exactly straight or exactly reverses; there the gradient is 0.

    Cost: O(n d) a prompt.

    >>> import numpy as np
    >>> corner = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    >>> bool(np.isclose(curvature(corner), np.pi / 2))
    True
    """
    x, real, restore = read_tokens(tokens, mask)
    check_contiguous(real)
    short = real.sum(-1) < 3
    if bool(short.any()):
        raise ValueError(
            f"tokens: expected at least 3 real tokens a prompt; got fewer in prompt(s) {listed(short)}. "
            "One angle needs two differences: leave shorter prompts out."
        )
    steps = in_range(in_range(x, axes=2).diff(dim=-2), axes=1)
    squares = steps.square().sum(-1, keepdim=True)
    moved = squares > 0
    unit = torch.where(moved, steps / torch.where(moved, squares, 1).sqrt(), 0)
    defined = (moved[..., 1:, 0] & moved[..., :-1, 0]) & real[..., 2:] & real[..., :-2]
    count = defined.sum(-1)
    if bool((count == 0).any()):
        raise ValueError(
            f"tokens: expected two successive differences that are not zero; got none in prompt(s) "
            f"{listed(count == 0)}. Leave prompts of equal tokens out."
        )
    # Half-angle form of arccos(u . w): no clamp is needed, and small angles keep their digits.
    apart = torch.linalg.vector_norm(unit[..., 1:, :] - unit[..., :-1, :], dim=-1)
    along = torch.linalg.vector_norm(unit[..., 1:, :] + unit[..., :-1, :], dim=-1)
    angles = 2 * torch.atan2(torch.where(defined, apart, 0), torch.where(defined, along, 1))
    return restore(angles.sum(-1) / count)

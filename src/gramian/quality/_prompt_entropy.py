"""Prompt entropy: how many directions the tokens of one prompt spread over."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gramian.itl import batched_eigenvalues

from ._inputs import ArrayT, in_range, listed, precise, read, read_tokens, rounding_unit
from ._measure import measure
from ._normalization import normalized_entropy
from ._prompt_mean import PromptMean, few_prompts, prompt_mean
from ._spectra import below_one, entropy_of

# Residuals of centring below this many units of rounding are rounding: the token equals the mean.
_ROUNDING = 32


@measure(
    needs="tokens",
    unit="nats",
    bounds="[0, log min(n - 1, d)]",
    invariances=("scale", "rotation", "translation", "permutation"),
    source="skean2025",
    summary="High: the tokens of a prompt point in many directions. Low: they lie along a few.",
    statistic=PromptMean,
    finish=prompt_mean,
    minimum=few_prompts,
)
def prompt_entropy(
    tokens: ArrayT,
    mask: Any = None,
    *,
    alpha: float = 1.0,
    center: bool = True,
    unit_norm: bool = True,
    normalization: str | None = None,
) -> ArrayT:
    r"""Matrix entropy of each prompt's token vectors, in nats, within ``[0, log min(n - 1, d)]``.

    .. math::
        S_\alpha = \frac{1}{1-\alpha} \log \sum_i \lambda_i^\alpha, \quad
        \lambda = \operatorname{eig}(ZZ^T / \operatorname{tr} ZZ^T)

    Z holds the real tokens, first centred on their mean, then each divided by its length; a token equal to the mean
    has no direction and counts as a zero row. Tokens all on one line through their mean give 0. Uncentred, the largest
    value is ``log min(n, d)``.

    Source: [skean2025, Eq. (1)]. The paper does not state the centring and the unit length, its code does both; its
    clamping of negative Gram entries is left out, as that is no longer an entropy of the representation.

    Args:
        tokens: `(..., n, d)`.
        mask: `(..., n)`, boolean, true at real tokens, in any pattern; all when None.
        alpha: order, from 0 to infinity. Below 1, eigenvalues up to ``min(n, d) * eps`` of the largest count as zero, n
            the prompt's real tokens, eps that of the input's dtype.
        center: subtract the mean of the real tokens first.
        unit_norm: divide each (centred) token by its length.
        normalization: None, or divide by `"log_n"` (log of the number of real tokens), `"log_d"` or `"min"` (the
            smaller).

    Returns:
        `(...,)`.

    Raises:
        ValueError: a prompt of one token or of equal tokens (centring leaves nothing), of zeros only (uncentred); NaN
            or infinity in a real token; a mask of another shape or without a true entry; an unknown normalization; an
            order below 1 where ``min(n, d) * eps`` reaches 1 (half precision).
        TypeError: integer tokens, a mask that is not boolean, NumPy mixed with torch.

    Differentiation: smooth in tokens; at orders up to 1 the gradient keeps the rank, see `spectral_entropy`.

    Cost: O(n d min(n, d)) a prompt, and the eigenvalues of the smaller Gram matrix.

    >>> import numpy as np
    >>> square = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])    # two directions, equally used
    >>> bool(np.isclose(prompt_entropy(square), np.log(2)))
    True
    """
    x, real, restore = read_tokens(tokens, mask)
    # Without a gradient float32 tokens stay float32 at orders from 1, where that costs less than 1e-4 nats.
    fast = not below_one(alpha) and not (torch.is_grad_enabled() and x.requires_grad)
    z = x if fast else precise(x)
    spectrum = precise(_spectrum(z, real, center=center, unit_norm=unit_norm, eps=torch.finfo(x.dtype).eps))
    spectrum = spectrum / spectrum.sum(-1, keepdim=True)
    counts, width = real.sum(-1), x.shape[-1]
    entropy = entropy_of(spectrum, alpha=alpha, size=counts.clamp_max(width), eps=rounding_unit(tokens))
    return restore(normalized_entropy(entropy, count=counts, width=width, normalization=normalization))


def token_spectrum(tokens: ArrayT, mask: Any = None, *, center: bool = True, unit_norm: bool = True) -> ArrayT:
    """Eigenvalues behind `prompt_entropy`, `(..., n, d)` -> `(..., min(n, d))`, summing to one, descending.

    The Gram matrix is formed in the dtype of the tokens (float32 for halves), which keeps entropies of order 1 and
    above within 1e-4 nats of float64; `prompt_entropy` itself works in float64.

    Args:
        tokens: as in `prompt_entropy`.
        mask: as in `prompt_entropy`.
        center: as in `prompt_entropy`.
        unit_norm: as in `prompt_entropy`.

    Raises:
        ValueError, TypeError: as `prompt_entropy`.

    >>> import numpy as np
    >>> token_spectrum(np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])).round(6).tolist()
    [0.5, 0.5]
    """
    x, real, restore = read_tokens(tokens, mask)
    return restore(_spectrum(x, real, center=center, unit_norm=unit_norm, eps=torch.finfo(x.dtype).eps))


def prompt_entropy_from_spectrum(
    eigenvalues: ArrayT, lengths: Any, width: int, *, alpha: float = 1.0, normalization: str | None = None
) -> ArrayT:
    """Prompt entropy from `token_spectrum`, `(..., m)` -> `(...,)`, in nats.

    Args:
        eigenvalues: `(..., m)`, summing to one.
        lengths: `(...,)` integers, real tokens of each prompt.
        width: dimensions of the tokens.
        alpha: as in `prompt_entropy`.
        normalization: as in `prompt_entropy`.

    Raises:
        ValueError: lengths of another shape, eigenvalues that do not sum to one, and as `prompt_entropy`.

    >>> import numpy as np
    >>> float(prompt_entropy_from_spectrum(np.array([0.5, 0.5]), 4, 2, normalization="log_d"))
    1.0
    """
    (spectrum,), restore = read(("eigenvalues",), eigenvalues, axes="m")
    counts = torch.as_tensor(lengths, device=spectrum.device)
    if counts.shape != spectrum.shape[:-1]:
        raise ValueError(
            f"lengths: expected shape {tuple(spectrum.shape[:-1])}, one a prompt; got {tuple(counts.shape)}. "
            "Give the number of real tokens of each prompt."
        )
    values = precise(spectrum)
    total = values.sum(-1, keepdim=True)
    if bool(((total - 1).abs() > torch.finfo(spectrum.dtype).eps ** 0.5).any()):
        raise ValueError(
            f"eigenvalues: expected a sum of one; got {float(total.detach().flatten()[0]):.6g}. Divide by their sum."
        )
    # In float32 they sum to one only to its rounding.
    size, eps = counts.clamp_max(width), rounding_unit(eigenvalues)
    entropy = entropy_of(values / total, alpha=alpha, size=size, eps=eps)
    return restore(normalized_entropy(entropy, count=counts, width=width, normalization=normalization))


def _spectrum(x: Tensor, mask: Tensor, *, center: bool, unit_norm: bool, eps: float) -> Tensor:
    z = prepared_tokens(x, mask, center=center, unit_norm=unit_norm, eps=eps)
    gram = z @ z.mT if z.shape[-2] <= z.shape[-1] else z.mT @ z
    eigenvalues = batched_eigenvalues(gram).flip(-1).clamp_min(0)
    return eigenvalues / eigenvalues.sum(-1, keepdim=True)


def prepared_tokens(x: Tensor, mask: Tensor, *, center: bool, unit_norm: bool, eps: float) -> Tensor:
    """Tokens centred on the mean of the real ones, then of unit length; masked ones and those equal to the mean zero.

    `eps` is the rounding unit of the caller's dtype: a mean that was rounded to it is still the mean.
    """
    real = mask[..., None]
    count = real.sum(-2, keepdim=True)
    # One scale a prompt when they are centred together; else each token has its own, so that none vanishes.
    x = in_range(x, axes=1 if unit_norm and not center else 2)
    z = x
    nothing = torch.zeros((), dtype=x.dtype, device=x.device)
    if center:
        if bool((count < 2).any()):
            raise ValueError(
                f"tokens: expected at least 2 real tokens a prompt; got 1 in prompt(s) {listed(count < 2)}. "
                "Centring leaves nothing of one token: leave it out, or use center=False."
            )
        mean = x.sum(-2, keepdim=True) / count
        z = torch.where(real, x - mean, 0)
        nothing = (_ROUNDING * eps) ** 2 * (x.square().sum(-1, keepdim=True) + mean.square().sum(-1, keepdim=True))
    squares = z.square().sum(-1, keepdim=True)
    directed = squares > nothing
    undefined = ~directed.any(-2)
    if bool(undefined.any()):
        rule, got = ("tokens that differ", "equal tokens") if center else ("a token that is not zero", "only zeros")
        raise ValueError(
            f"tokens: expected {rule} in every prompt; got {got} in prompt(s) {listed(undefined)}. "
            "Leave such prompts out."
        )
    # Both branches of a where are differentiated: the root must not see a zero.
    length = torch.where(directed, squares, 1).sqrt() if unit_norm else torch.ones_like(squares)
    return torch.where(directed, z / length, 0)

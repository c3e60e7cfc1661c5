"""Normalised spectra of a set of embeddings, and which of their eigenvalues rounding leaves."""

from __future__ import annotations

from numbers import Real

import numpy as np
import torch
from torch import Tensor

from gramian.itl import feature_spectrum, spectral_entropy

from ._inputs import check_count, in_range, listed, precise

# Statistics hold sums of squares of magnitudes within 1e-60 and 1e60, whose products stay inside float64 too.
_LARGEST_SQUARES = 1e120


def centred(name: str, x: Tensor) -> Tensor:
    """Rows less their mean, at a scale whose squares are in range; where only rounding is left, an error."""
    x = in_range(x, axes=2)
    residual = x - x.mean(-2, keepdim=True)
    noise = x.shape[-2] * torch.finfo(x.dtype).eps * torch.linalg.vector_norm(x.detach(), dim=(-2, -1))
    gone = torch.linalg.vector_norm(residual.detach(), dim=(-2, -1)) <= noise
    if bool(gone.any()):
        raise ValueError(
            f"{name}: expected rows that differ; got equal rows in sample(s) {listed(gone)}. "
            "A centred spectrum needs variance."
        )
    return residual


def embedding_spectrum(embeddings: Tensor, *, center: bool) -> Tensor:
    """`(..., N, d)` -> `(..., min(N, d))`: eigenvalues of the Gram matrix, summing to one, descending, in float64."""
    check_count("embeddings", embeddings.shape[-2], 2, "prompts")
    x = precise(embeddings)
    if center:
        return feature_spectrum(centred("embeddings", x), center=False)
    zero = (x == 0).all(-1).all(-1)
    if bool(zero.any()):
        raise ValueError(
            f"embeddings: expected a vector that is not zero; got only zeros in sample(s) {listed(zero)}. "
            "A zero Gram matrix has no spectrum."
        )
    return feature_spectrum(x, center=False)


def matrix_spectrum(matrix: Tensor) -> Tensor:
    """Eigenvalues of a symmetric positive matrix, summing to one, descending; slightly negative ones are zero."""
    eigenvalues: Tensor = torch.linalg.eigvalsh(matrix).flip(-1).clamp_min(0)
    return eigenvalues / eigenvalues.sum(-1, keepdim=True)


def check_squares(name: str, squares: Tensor, *, zero: bool) -> None:
    """Sums of squares that overflowed or vanished must not pass for data; `zero` says that zeros are all there was."""
    if bool(squares < _LARGEST_SQUARES) and (zero or bool(squares > 1 / _LARGEST_SQUARES)):
        return
    raise ValueError(
        f"{name}: expected magnitudes from 1e-60 to 1e60, whose squares stay in range; got squares that sum to "
        f"{float(squares):.3g}. Rescale the vectors."
    )


def below_one(alpha: object) -> bool:
    """Whether the order amplifies rounding noise; what is no order is left to `spectral_entropy` to refuse."""
    if isinstance(alpha, np.ndarray | Tensor) and alpha.ndim == 0:
        alpha = alpha.item()
    return isinstance(alpha, Real) and 0 <= float(alpha) < 1


def entropy_of(spectrum: Tensor, *, alpha: float, size: Tensor | int, eps: float) -> Tensor:
    """`spectral_entropy` whose rank tolerance, below order 1, is each element's own: `size * eps` of its largest.

    Args:
        spectrum: `(..., m)`, summing to one.
        alpha: order.
        size: `(...,)` or one for all; padding takes no part in it.
        eps: rounding unit of the caller's dtype.
    """
    if below_one(alpha):
        cutoff = torch.as_tensor(size, device=spectrum.device)[..., None] * eps
        if bool((cutoff >= 1).any()):
            raise ValueError(
                f"alpha: expected an order of at least 1 where rounding hides the rank; got order {alpha} on "
                f"{round(float(cutoff.max()) / eps)} vectors or dimensions with relative rounding {eps:.2g}. "
                "Use float32 or float64 input."
            )
        kept = torch.where(spectrum > cutoff * spectrum.detach().amax(-1, keepdim=True), spectrum, 0)
        spectrum = kept / kept.sum(-1, keepdim=True)
    entropy: Tensor = spectral_entropy(spectrum, alpha=alpha, rank_tolerance=0.0)
    return entropy


def above_rounding(spectrum: Tensor) -> Tensor:
    """Which eigenvalues exceed n * eps * largest.

    Only for quantities that amplify small eigenvalues, such as a square root or a logarithm of each.
    """
    tolerance = spectrum.shape[-1] * torch.finfo(spectrum.dtype).eps
    return spectrum > tolerance * spectrum[..., :1]

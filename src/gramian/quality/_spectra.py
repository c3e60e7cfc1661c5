"""Normalised spectra of a set of embeddings, and which of their eigenvalues rounding leaves."""

from __future__ import annotations

import torch
from torch import Tensor

from gramian.itl import feature_spectrum

from ._inputs import check_count, listed, precise


def centred(name: str, x: Tensor) -> Tensor:
    """Rows less their mean; where nothing but rounding is left, the spectrum is undefined."""
    residual = x - x.mean(-2, keepdim=True)
    noise = (x.shape[-2] * torch.finfo(x.dtype).eps) ** 2 * x.square().sum((-2, -1))
    gone = residual.square().sum((-2, -1)) <= noise
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


def rank_tolerance(count: int, width: int, dtype: torch.dtype) -> float:
    """The share of the largest eigenvalue below which orders under 1 count an eigenvalue as zero."""
    return min(max(count, width) * torch.finfo(dtype).eps, 0.5)


def above_rounding(spectrum: Tensor) -> Tensor:
    """Which eigenvalues exceed n * eps * largest.

    Only for quantities that amplify small eigenvalues, such as a square root or a logarithm of each.
    """
    tolerance = spectrum.shape[-1] * torch.finfo(spectrum.dtype).eps
    return spectrum > tolerance * spectrum[..., :1]

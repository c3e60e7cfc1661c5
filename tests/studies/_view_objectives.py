"""What DiME is compared with: losses of two views' codes, all to be minimised, and linear CCA in closed form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from gramian.multiview import DiMELoss
from gramian.quality import infonce, linear_cka

Matrix = npt.NDArray[np.floating]


class PairLoss(nn.Module):
    """A function of two codes ``(n, d)`` as a module that takes them as a list, as `DiMELoss` does."""

    def __init__(self, value: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.value = value

    def forward(self, codes: list[Tensor]) -> Tensor:
        return self.value(codes[0], codes[1])


def whitened(code: Tensor, *, ridge: float) -> Tensor:
    """Centred code ``(n, d)`` with covariance I, over n - 1, up to ``ridge``, in float64.

    By the Cholesky factor in place of the symmetric root: they differ by a rotation, which neither singular values nor distances see.
    """
    centred = code.double() - code.double().mean(0)
    covariance = centred.mT @ centred / (len(code) - 1)
    factor = torch.linalg.cholesky(covariance + ridge * torch.eye(code.shape[1], dtype=covariance.dtype))
    return torch.linalg.solve_triangular(factor, centred.mT, upper=False).mT


def total_correlation(first: Tensor, second: Tensor, *, ridge: float = 1e-3) -> Tensor:
    r"""Sum of the canonical correlations of two codes, from 0 to their width.

    The nuclear norm of :math:`(S_{11} + r I)^{-1/2} S_{12} (S_{22} + r I)^{-1/2}` with covariances over n - 1 (Andrew et al. 2013). The
    authors of [skean2023] divide by the square root of n less one and take the Frobenius norm.
    """
    across = whitened(first, ridge=ridge).mT @ whitened(second, ridge=ridge) / (len(first) - 1)
    return torch.linalg.svdvals(across).sum()


class Classified(nn.Module):
    """Cross-entropy of a linear layer a view on the codes: what labels give the same encoder."""

    def __init__(self, latent: int, classes: int) -> None:
        super().__init__()
        self.heads = nn.ModuleList(nn.Linear(latent, classes) for _ in range(2))

    def forward(self, codes: list[Tensor], labels: Tensor) -> Tensor:
        losses = [nn.functional.cross_entropy(head(code), labels) for head, code in zip(self.heads, codes, strict=True)]
        return torch.stack(losses).mean()


def objective(name: str, *, latent: int, seed: int, **settings: Any) -> nn.Module:
    """A fresh loss by the name it has in the study."""
    if name == "DiME":
        return DiMELoss(seed=seed, **settings)
    if name == "supervised":
        return Classified(latent, 10)
    if name == "Barlow Twins":
        from lightly.loss import BarlowTwinsLoss

        barlow = BarlowTwinsLoss(**settings)
        return PairLoss(lambda x, y: barlow(x, y))
    losses: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "deep CCA": lambda x, y: -total_correlation(x, y, **settings),
        "CKA": lambda x, y: 1 - linear_cka(x, y),
        "InfoNCE": lambda x, y: infonce(x, y, **settings),
    }
    return PairLoss(losses[name])


def linear_cca(
    first: Matrix, second: Matrix, *, latent: int, ridge: float
) -> tuple[Callable[[Matrix], Matrix], Callable[[Matrix], Matrix], Matrix]:
    """Canonical directions of two views in closed form: a map to codes of each, and the ``latent`` correlations, largest first.

    ``ridge`` is relative to the mean variance of a column.
    """
    means = [view.mean(0) for view in (first, second)]
    centred = [view - mean for view, mean in zip((first, second), means, strict=True)]
    whitening = []
    for view in centred:
        values, vectors = np.linalg.eigh(view.T @ view / (len(view) - 1))
        whitening.append(vectors / np.sqrt(np.maximum(values, 0) + ridge * values.mean()) @ vectors.T)
    across = whitening[0] @ centred[0].T @ centred[1] @ whitening[1] / (len(first) - 1)
    left, correlations, right = np.linalg.svd(across)
    turns = [whitening[0] @ left[:, :latent], whitening[1] @ right[:latent].T]
    return (
        lambda view: (view - means[0]) @ turns[0],
        lambda view: (view - means[1]) @ turns[1],
        correlations[:latent],
    )

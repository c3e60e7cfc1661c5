"""An orthonormal basis of a block Krylov space, and its image: what a large matrix does where it does most."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gramian.itl._arrays import spectral_dtype

__all__ = ["KrylovBasis", "krylov_basis", "random_start"]

# Blocks of a space. Fewer and wider ones take fewer passes over the matrix, and know less of it for as many dimensions.
_BLOCKS = 8
_NARROWEST, _WIDEST = 8, 32
# Attempts after which a block that still has a part in the others is made from scratch.
_ATTEMPTS = 6
# Cosines that count as right angles; and shares of the longest column's length in a factor that cost few digits.
_SQUARE, _WELL = 1e-12, 1e-2


class KrylovBasis(NamedTuple):
    """``Q``, ``A Q`` and ``Q' A Q``, in the dtype of spectra."""

    basis: Tensor  # (..., n, m)
    image: Tensor  # (..., n, m)
    inside: Tensor  # (..., m, m), symmetric


def random_start(size: int, rank: int, generator: torch.Generator) -> Tensor:
    """The first block for a space of ``rank`` dimensions, ``(size, width)``."""
    width = min(max(-(-rank // _BLOCKS), _NARROWEST), _WIDEST, -(-rank // 2))
    return torch.randn(size, width, generator=generator, device=generator.device)


def krylov_basis(a: Tensor, start: Tensor, rank: int) -> KrylovBasis:
    """The space of ``A S, A^2 S, ...``, blocks made orthonormal one after the other, up to ``rank`` dimensions.

    Products with ``A`` are taken in its own dtype, orthogonality is that of the wider one. A space that ``A`` does not leave is filled
    up with other directions.

    Args:
        a: ``(..., n, n)``, symmetric.
        start: ``(n, width)``, random.
        rank: dimensions, below ``n``.

    Cost:
        ``n^2 (rank + width)`` and ``n rank^2``.
    """
    wide, size, width = spectral_dtype(a), a.shape[-1], start.shape[-1]
    basis = torch.empty(*a.shape[:-2], size, rank, dtype=wide, device=a.device)
    image, inside = torch.empty_like(basis), basis.new_zeros(*a.shape[:-2], rank, rank)
    block = _product(a, start.to(wide).expand(*a.shape[:-2], -1, -1))
    for low in range(0, rank, width):
        here = slice(low, min(low + width, rank))
        before, upto = basis[..., :low], slice(0, here.stop)
        basis[..., here] = _orthonormal(block[..., : here.stop - low], before)
        block = _product(a, basis[..., here])
        image[..., here] = block
        products = basis[..., upto].mT @ block
        inside[..., upto, here], inside[..., here, upto] = products, products.mT
        block = block - basis[..., upto] @ products
    return KrylovBasis(basis, image, (inside + inside.mT) / 2)


def _product(a: Tensor, block: Tensor) -> Tensor:
    with torch.autocast(a.device.type, enabled=False):
        product: Tensor = a @ block.to(a.dtype)
    return product.to(block.dtype)


def _orthonormal(block: Tensor, before: Tensor) -> Tensor:
    """Orthonormal columns of the span of a block that was projected once, at right angles to those before."""
    given = block
    for _ in range(_ATTEMPTS):
        factor, failed = torch.linalg.cholesky_ex(block.mT @ block)
        if bool(failed.any()):
            break
        block = torch.linalg.solve_triangular(factor, block.mT, upper=False).mT
        if not bool((factor.diagonal(dim1=-2, dim2=-1) > _WELL * factor.amax((-2, -1)).unsqueeze(-1)).all()):
            continue
        left = before.mT @ block
        if not left.numel() or float(left.abs().max()) < _SQUARE:
            return block
        block = block - before @ left
    # Dependent columns, or nothing that is new: reflections give what is left of it, and any directions for the rest.
    filled: Tensor = torch.linalg.qr(torch.cat([before, given], dim=-1)).Q
    return filled[..., before.shape[-1] :]

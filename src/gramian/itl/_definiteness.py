"""Whether a Gram matrix is positive semidefinite, without its eigenvalues where it is large."""

from __future__ import annotations

import torch
from torch import Tensor

from gramian.itl._arrays import spectral_dtype
from gramian.itl._gram_checks import departure_tolerance, raise_indefinite
from gramian.itl._shapes import Float

__all__ = ["check_definite"]

# Up to this size a Cholesky factorisation costs about what a few passes over the matrix do.
_FACTORED = 128
_DIRECTIONS = 3
_STRIP = 32


def check_definite(name: str, gram: Float[Tensor, "*batch n n"], eps: float) -> None:
    """Raises where a checked Gram is shown to be clearly indefinite; never for one that is not.

    Up to 128 samples that is every such matrix. Beyond, what two necessary conditions show at a cost of ``n^2``: the
    2 x 2 minors (which keep an order-2 entropy within ``[0, log n]``: ``|K_ij|^2 <= K_ii K_jj`` sums to ``|K|_F^2 <= tr(K)^2``)
    and, by :func:`_check_directions`, the eigenvalues of the matrix restricted to three directions.
    """
    gram = gram.detach()
    if gram.shape[-1] <= _FACTORED:
        _check_factors(name, gram, eps)
    else:
        _check_minors(name, gram, eps)
        _check_directions(name, gram, eps)


def _check_factors(name: str, gram: Float[Tensor, "*batch n n"], eps: float) -> None:
    # A factorisation of K + shift shows that no eigenvalue is below -shift. Where it fails, the eigenvalues decide.
    wide = gram.to(spectral_dtype(gram))
    wide = (wide + wide.mT) / 2
    shift = departure_tolerance(eps) * wide.diagonal(dim1=-2, dim2=-1).amax(-1)
    shifted = wide.clone()
    shifted.diagonal(dim1=-2, dim2=-1).add_(shift.unsqueeze(-1))
    if not bool((torch.linalg.cholesky_ex(shifted).info > 0).any()):
        return
    smallest, largest = torch.linalg.eigvalsh(wide).aminmax(dim=-1)
    if bool((smallest < -departure_tolerance(eps) * largest).any()):
        worst = int((smallest / largest).flatten().argmin())
        got = f"eigenvalues from {float(smallest.flatten()[worst]):.3g} to {float(largest.flatten()[worst]):.3g}"
        raise_indefinite(name, got)


def _check_minors(name: str, gram: Float[Tensor, "*batch n n"], eps: float) -> None:
    diagonal = gram.diagonal(dim1=-2, dim2=-1).clamp(min=0)
    allowed = departure_tolerance(eps) * diagonal.amax(-1, keepdim=True)
    highest = torch.maximum(gram.amax((-2, -1)), -gram.amin((-2, -1)))
    if bool((highest <= diagonal.amin(-1) + allowed.squeeze(-1)).all()):
        return  # no entry exceeds the smallest of the diagonal, as in every kernel of unit diagonal
    inverse = (diagonal + allowed).rsqrt()
    for top in range(0, gram.shape[-1], _STRIP):  # rows that stay in the cache, from the diagonal on
        strip = gram[..., top : top + _STRIP, top:] * inverse[..., None, top:]
        cosine = torch.maximum(strip.amax(-1), -strip.amin(-1)) * inverse[..., top : top + _STRIP]
        if bool((cosine > 1 + departure_tolerance(eps)).any()):
            raise_indefinite(name, "an entry with |K_ij|^2 > K_ii K_jj")


def _check_directions(name: str, gram: Float[Tensor, "*batch n n"], eps: float) -> None:
    # Eigenvalues of the matrix restricted to a few directions lie between its smallest and its largest. The directions:
    # half the constant vector, on which most wrong similarities fail, half a random one; its image; the image of that.
    size = gram.shape[-1]
    start = 1 + torch.randn(size, generator=torch.Generator().manual_seed(0))
    vector = start.to(gram.device, gram.dtype).expand(gram.shape[:-1]).unsqueeze(-1)
    vector = vector / vector.norm(dim=-2, keepdim=True)
    basis, images = [], []
    with torch.autocast(gram.device.type, enabled=False):
        for _ in range(_DIRECTIONS):
            basis.append(vector)
            images.append(gram @ vector)
            vector = images[-1]
            for _ in range(2):  # orthogonal to rounding only the second time
                known = torch.cat(basis, dim=-1)
                vector = vector - known @ (known.mT @ vector)
            # Where nothing new is left this is rounding, or zero: shorter than a unit vector, which does no harm.
            vector = vector / vector.norm(dim=-2, keepdim=True).clamp(min=torch.finfo(gram.dtype).tiny)
        restricted = torch.cat(basis, dim=-1).mT @ torch.cat(images, dim=-1)
    smallest = torch.linalg.eigvalsh((restricted + restricted.mT) / 2)[..., 0]
    # The trace bounds the largest eigenvalue: nothing that eigenvalues would let pass is refused.
    trace = gram.diagonal(dim1=-2, dim2=-1).sum(-1)
    if bool((smallest < -2 * departure_tolerance(eps) * trace).any()):
        raise_indefinite(name, f"a direction in which it is {float((smallest / trace).amin()):.3g} of its trace")

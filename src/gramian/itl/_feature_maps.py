"""Feature maps: finitely many features of a point whose inner products stand for a kernel."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gramian.itl._arrays import convert, spectral_dtype
from gramian.itl._errors import type_fault, value_fault
from gramian.itl._shapes import ArrayT, Bandwidth, Float, Kernel

__all__ = ["FeatureMap", "checked_dtype", "checked_kernel"]

# Elements of the features computed at once: 32 MB in float64.
_CHUNK = 2**22


@dataclass(frozen=True, eq=False)
class FeatureMap(ABC):
    r"""Features of points whose inner products stand for a kernel (no unit).

    .. math:: k(x, y) \approx \langle \phi(x), \phi(y) \rangle

    With ``n`` points the Gram is :math:`Z Z^\top`, of rank up to ``features``, and everything computed from its
    spectrum costs ``n m^2`` instead of ``n^3``. Made by :func:`gramian.itl.fourier_map` and
    :func:`gramian.itl.nystrom_map`; frozen: the same points always get the same features.

    Source: [rahimi2007].

    Attributes:
        kernel: ``"gaussian"`` or ``"laplacian"``.
        bandwidth: length of the kernel, in the unit of the points.
        width: coordinates of a point, ``d``.
        dtype: dtype of the features; that of the points where None.

    Example:
        >>> import numpy as np
        >>> from gramian.itl import fourier_map
        >>> phi = fourier_map(3, bandwidth=1.0, features=8, seed=0).map(np.eye(3))
        >>> (phi**2).sum(-1).round(12)
        array([1., 1., 1.])
    """

    kernel: str
    bandwidth: Bandwidth
    width: int
    dtype: torch.dtype | None

    @property
    @abstractmethod
    def features(self) -> int:
        """Number of features, ``m``."""

    @abstractmethod
    def _features_of(self, points: Float[Tensor, "rows d"]) -> Float[Tensor, "rows m"]:
        """Features of points given in float64."""

    @property
    def _is_learned(self) -> bool:
        return isinstance(self.bandwidth, Tensor) and self.bandwidth.requires_grad

    def map(self, x: ArrayT) -> ArrayT:
        """Features of points.

        Args:
            x: ``(..., n, d)``, one point a row.

        Returns:
            ``(..., n, m)``, the caller's kind, in ``dtype`` or else the caller's (float32 for half precision).

        Raises:
            TypeError: not a floating array.
            ValueError: fewer than two axes, another width, empty, not finite; points too many bandwidths from the origin.

        Differentiation:
            Exact by ``x``; by the bandwidth of a :func:`gramian.itl.fourier_map` given as a tensor.

        Cost:
            ``n d m`` and ``n m`` cosines in float64, in pieces: beside the result, memory does not grow with ``n`` unless
            a gradient is recorded.
        """
        converted = convert(["x"], [x])
        (vectors,) = converted.tensors
        if vectors.ndim < 2:
            got = f"shape {tuple(vectors.shape)}"
            raise value_fault("x", "points (..., n, d)", got, "One point a row: reshape to (n, d).")
        if vectors.shape[-1] != self.width:
            rule = f"points of width {self.width}, which this map was made for"
            raise value_fault("x", rule, f"shape {tuple(vectors.shape)}", "Make another map for other points.")
        converted = replace(converted, dtype=self.dtype or converted.dtype)
        flat = vectors.reshape(-1, self.width)
        if torch.is_grad_enabled() and (flat.requires_grad or self._is_learned):
            mapped = self._features_of(flat.to(spectral_dtype(flat)))
        else:
            mapped = torch.empty(len(flat), self.features, dtype=converted.dtype, device=flat.device)
            for rows in _pieces(len(flat), max(self.features, self.width)):
                mapped[rows] = self._features_of(flat[rows].to(spectral_dtype(flat))).to(mapped.dtype)
        return converted.restore(mapped.reshape(*vectors.shape[:-1], self.features))


def _pieces(size: int, width: int) -> Iterator[slice]:
    step = max(1, _CHUNK // width)
    return (slice(start, start + step) for start in range(0, size, step))


def checked_kernel(kernel: Kernel) -> str:
    """The name of a kernel that has a feature map."""
    if not isinstance(kernel, str):
        rule, got = "the name of a kernel with a bandwidth", type(kernel).__name__
        raise type_fault("kernel", rule, got, "A function has no known features: use its Gram.")
    if kernel not in ("gaussian", "laplacian"):
        remedy = "Vectors are features of the linear kernel already."
        raise value_fault("kernel", "one of gaussian, laplacian", repr(kernel), remedy)
    return kernel


def checked_dtype(dtype: torch.dtype | None) -> torch.dtype | None:
    """float32, float64 or None."""
    if dtype not in (torch.float32, torch.float64, None):
        raise value_fault("dtype", "torch.float32, torch.float64 or None", dtype, "None takes that of the points.")
    return dtype

"""Nystrom features: a kernel seen from a few landmarks."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from gramian.itl._arrays import convert, spectral_dtype
from gramian.itl._bandwidths import checked_length
from gramian.itl._errors import type_fault, value_fault
from gramian.itl._feature_maps import FeatureMap, checked_dtype, checked_kernel
from gramian.itl._kernels import gaussian_kernel, laplacian_kernel
from gramian.itl._shapes import ArrayT, Bandwidth, Float, Kernel

__all__ = ["nystrom_map"]

_KERNELS = {"gaussian": gaussian_kernel, "laplacian": laplacian_kernel}


@dataclass(frozen=True, eq=False)
class _NystromMap(FeatureMap):
    landmarks: Tensor = field(repr=False)
    root: Tensor = field(repr=False)

    @property
    def features(self) -> int:
        return self.root.shape[-1]

    def _features_of(self, points: Float[Tensor, "rows d"]) -> Float[Tensor, "rows m"]:
        similarity = _KERNELS[self.kernel](points, self.landmarks.to(points), bandwidth=self.bandwidth)
        with torch.autocast(points.device.type, enabled=False):
            return similarity @ self.root.to(points)


def nystrom_map(
    landmarks: ArrayT,
    *,
    bandwidth: Bandwidth,
    kernel: Kernel = "gaussian",
    dtype: torch.dtype | None = None,
) -> FeatureMap:
    r"""Features by which a kernel is exact on given landmarks, and at most exact elsewhere (no unit).

    .. math:: \phi(x) = \Lambda^{-1/2} V^\top k(x), \quad K = V \Lambda V^\top

    ``K`` is the Gram of the landmarks and ``k(x)`` holds the kernel of a point with each of them: the projection of the
    point on what the landmarks span, so its norm is at most one. Directions whose eigenvalue is within rounding of zero
    (``m * eps * largest`` of float64) are left out, so there are as many features as the landmarks' Gram has rank.

    Source: [williams2000]. The features are those of :math:`K^{-1/2} k(x)`, turned by ``V``, which no Gram sees.

    Args:
        landmarks: ``(m, d)``, one point a row; usually a random subsample.
        bandwidth: :math:`\sigma` of :func:`gramian.gaussian_kernel` or :func:`gramian.laplacian_kernel`, a positive number.
        kernel: ``"gaussian"`` or ``"laplacian"``.
        dtype: dtype of the features, float32 or float64; that of the points where None. Computed in float64 always.

    Returns:
        A :class:`gramian.itl.FeatureMap`.

    Raises:
        TypeError: landmarks that are not a floating array, a bandwidth that is no number or wants a gradient, a kernel that
            is no name.
        ValueError: landmarks of other than two axes, empty or not finite; a bandwidth that is not positive; an unknown
            kernel or dtype.

    Differentiation:
        By the points. Landmarks and bandwidth are constants: the features are not differentiable by them where eigenvalues
        repeat, though their Gram is.

    Cost:
        ``m^2 d`` for the Gram, ``m^3`` for its root.

    Example:
        >>> import numpy as np
        >>> import gramian as gm
        >>> x = np.array([[0.0], [1.0], [3.0]])
        >>> phi = nystrom_map(x, bandwidth=1.0).map(x)
        >>> bool(np.allclose(phi @ phi.T, gm.gaussian_kernel(x, bandwidth=1.0)))
        True
    """
    (points,) = convert(["landmarks"], [landmarks]).tensors
    if points.ndim != 2:
        raise value_fault("landmarks", "points (m, d)", f"shape {tuple(points.shape)}", "One point a row, no batch.")
    name, length = checked_kernel(kernel), checked_length(bandwidth)
    if isinstance(length, Tensor):
        remedy = "Detach it, or learn it through gramian.itl.fourier_map."
        raise type_fault("bandwidth", "a number without gradient", "a tensor that requires one", remedy)
    points = points.detach().to(spectral_dtype(points)).clone()
    values, vectors = torch.linalg.eigh(_KERNELS[name](points, bandwidth=length))
    kept = values > len(points) * torch.finfo(values.dtype).eps * values[-1]
    root = vectors[:, kept] * values[kept].rsqrt()
    return _NystromMap(name, length, points.shape[-1], checked_dtype(dtype), points, root)

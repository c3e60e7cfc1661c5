"""Random Fourier features of the Gaussian and the Laplacian kernel."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from gramian.itl._arrays import spectral_dtype
from gramian.itl._bandwidths import checked_length
from gramian.itl._counts import checked_count
from gramian.itl._errors import value_fault
from gramian.itl._feature_maps import FeatureMap, checked_dtype, checked_kernel
from gramian.itl._randomness import as_generator
from gramian.itl._shapes import Bandwidth, Count, Float, Kernel, Seed

__all__ = ["fourier_map"]

# Beyond this many bandwidths from the origin the phases of float64 have too few digits left for a cosine.
_FARTHEST = 1e11


@dataclass(frozen=True, eq=False)
class _FourierMap(FeatureMap):
    frequencies: Tensor = field(repr=False)

    @property
    def features(self) -> int:
        return 2 * self.frequencies.shape[0]

    def _features_of(self, points: Float[Tensor, "rows d"]) -> Float[Tensor, "rows m"]:
        length = self.bandwidth.to(points) if isinstance(self.bandwidth, Tensor) else self.bandwidth
        scaled = points / length
        if not bool(scaled.detach().abs().amax() <= _FARTHEST):
            got = f"a coordinate of {float(points.detach().abs().amax()):.3g} at bandwidth {float(length):.3g}"
            remedy = "Subtract the mean from the points, which changes no distance, or take a larger bandwidth."
            raise value_fault("x", f"points within {_FARTHEST:.0e} bandwidths of the origin", got, remedy)
        frequencies = self.frequencies.to(points)
        with torch.autocast(points.device.type, enabled=False):
            phases = scaled @ frequencies.mT
        return torch.cat([phases.cos(), phases.sin()], dim=-1) * (len(frequencies) ** -0.5)


def fourier_map(
    width: Count,
    *,
    bandwidth: Bandwidth,
    features: Count = 512,
    kernel: Kernel = "gaussian",
    seed: Seed = None,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> FeatureMap:
    r"""Random Fourier features of a kernel that depends on the difference of two points (no unit).

    .. math:: \phi(x) = \sqrt{2/m}\, (\operatorname{cos} \omega_1^\top x, \dots, \operatorname{cos} \omega_{m/2}^\top x,
        \operatorname{sin} \omega_1^\top x, \dots, \operatorname{sin} \omega_{m/2}^\top x)

    The frequencies are a sample of the kernel's Fourier transform: Gaussian for the Gaussian kernel, multivariate Cauchy
    for the Laplacian one with the Euclidean distance. Every point has norm one, as under the kernel; an inner product is off by
    at most about :math:`\sqrt{2/m}`, whatever the width.

    Source: [rahimi2007], as pairs of cosine and sine, which have the smaller variance for the Gaussian kernel
    [sutherland2015] and norm one exactly; the released code of [hoyos2022] draws one cosine with a random phase a
    feature, and resets the global random state.

    Args:
        width: coordinates of a point, ``d``.
        bandwidth: :math:`\sigma` of :func:`gramian.gaussian_kernel` or :func:`gramian.laplacian_kernel`: a positive number, or
            a tensor without axes, to which gradients pass.
        features: number of features, ``m``; even.
        kernel: ``"gaussian"`` or ``"laplacian"``.
        seed: an integer, a ``torch.Generator`` or None; the global random state is left alone.
        dtype: dtype of the features, float32 or float64; that of the points where None. Phases are taken in float64 always.
        device: where the frequencies are kept; they follow the points.

    Returns:
        A :class:`gramian.itl.FeatureMap`.

    Raises:
        TypeError: numbers of another kind, a kernel that is no name.
        ValueError: a width or bandwidth that is not positive, an odd number of features, an unknown kernel or dtype.

    Differentiation:
        Exact by points and by a tensor bandwidth, the frequencies held fixed.

    Cost:
        ``m d / 2`` draws.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0, 0.0], [1.0, 1.0]])
        >>> phi = fourier_map(2, bandwidth=1.0, features=4096, seed=0).map(x)
        >>> bool(abs(phi[0] @ phi[1] - np.exp(-1)) < 0.05)
        True
    """
    count = checked_count("features", features, 2, "Pairs of cosine and sine: 512 is usual.")
    if count % 2:
        raise value_fault("features", "an even number", count, "Features are pairs of cosine and sine.")
    columns = checked_count("width", width, 1, "It is the number of coordinates of a point.")
    name = checked_kernel(kernel)
    length = checked_length(bandwidth)
    generator = as_generator(seed)
    draws = torch.randn(count // 2, columns + 1, generator=generator, device=generator.device, dtype=torch.float64)
    frequencies = draws[:, 1:]
    if name == "laplacian":
        frequencies = (
            frequencies / draws[:, :1].abs()
        )  # Gaussian over the root of a chi-squared with one degree of freedom
    place = torch.empty(0, device=device or generator.device)
    return _FourierMap(name, length, columns, checked_dtype(dtype), frequencies.to(place.device, spectral_dtype(place)))

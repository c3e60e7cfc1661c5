"""Kernels: from vectors or labels to Gram matrices."""

from __future__ import annotations

import torch
from torch import Tensor

from gramian.itl._arrays import Converted, convert, spectral_dtype
from gramian.itl._bandwidths import resolve_bandwidth
from gramian.itl._distances import distances, scaled_points, squared_distances
from gramian.itl._errors import value_fault
from gramian.itl._gaussian_gram import gaussian_gram, in_strips
from gramian.itl._labels import checked_labels
from gramian.itl._shapes import ArrayT, Bandwidth, Float

__all__ = ["cosine_kernel", "gaussian_kernel", "label_kernel", "laplacian_kernel", "linear_kernel"]


def gaussian_kernel(x: ArrayT, y: ArrayT | None = None, *, bandwidth: Bandwidth = "median") -> ArrayT:
    r"""Gaussian similarity of vectors, within ``[0, 1]`` (no unit).

    .. math:: k(x, y) = \exp\left(-\frac{|x - y|^2}{2 \sigma^2}\right)

    Source: [giraldo2015]. The median rule is the median *distance*, not half the median squared distance.

    Args:
        x: ``(..., n, d)``, one vector a row.
        y: ``(..., m, d)`` with the batch axes of ``x``; ``x`` itself if None.
        bandwidth: :math:`\sigma`: ``"median"`` or ``"mean"`` of the distances between distinct pairs of points, x and y
            taken together; ``"dimension"`` for :math:`\sqrt{d / 2}`; a positive number; or an array of the batch's
            shape.

    Returns:
        ``(..., n, m)``, the caller's kind and dtype (float32 for half precision); the diagonal is 1 if ``y`` is None.

    Raises:
        TypeError: not floating arrays, NumPy mixed with torch, a bandwidth that is no number, array or rule.
        ValueError: shapes that do not fit, a bandwidth that is not positive, an unknown rule, a rule on equal points.

    Differentiation:
        Exact, through the rule too: ``"median"`` and ``"mean"`` depend on ``x``. Pass a number to hold it constant.

    Cost:
        ``n m d``, in float64; ``d`` more for each pair closer than a thousandth of its distance from the centre, which is
        computed from the difference of its points. No digits are lost to an outlier or to the scale.

    Example:
        >>> import numpy as np
        >>> k = gaussian_kernel(np.array([[0.0], [3.0]]), bandwidth=3.0)
        >>> float(np.log(k[0, 1]))
        -0.5
    """
    if y is None and not (isinstance(bandwidth, str) and bandwidth in ("median", "mean")):
        converted, vectors, _ = _checked_vectors(x, None)
        if in_strips(vectors):
            points, _, unit = scaled_points(vectors, vectors)
            factor = _factor(resolve_bandwidth(bandwidth, points, unit, x))
            return converted.restore(gaussian_gram(points, factor, converted.dtype))
    converted, squared, lengths = _scaled_distances(x, y, bandwidth)
    return converted.restore(torch.exp(squared * _factor(lengths)))


def laplacian_kernel(x: ArrayT, y: ArrayT | None = None, *, bandwidth: Bandwidth = "median") -> ArrayT:
    r"""Laplacian similarity of vectors with the Euclidean distance, within ``[0, 1]`` (no unit).

    .. math:: k(x, y) = \exp(-|x - y| / \sigma)

    Source: [rasmussen2006], the exponential covariance. Products of one-dimensional Laplacians, as in some
    released code, use the sum of absolute differences instead.

    Args:
        x: ``(..., n, d)``, one vector a row.
        y: ``(..., m, d)`` with the batch axes of ``x``; ``x`` itself if None.
        bandwidth: :math:`\sigma`, as in :func:`gramian.gaussian_kernel`.

    Returns:
        ``(..., n, m)``, the caller's kind and dtype (float32 for half precision); the diagonal is 1 if ``y`` is None.

    Raises:
        TypeError, ValueError: as :func:`gramian.gaussian_kernel`.

    Differentiation:
        Not differentiable where two points meet: the gradient of that entry is returned as zero.

    Cost:
        ``n m d``, in float64.

    Example:
        >>> import numpy as np
        >>> k = laplacian_kernel(np.array([[0.0, 0.0], [3.0, 4.0]]), bandwidth=5.0)
        >>> float(np.log(k[0, 1]))
        -1.0
    """
    converted, squared, lengths = _scaled_distances(x, y, bandwidth)
    shortest = torch.finfo(squared.dtype).tiny
    return converted.restore(torch.exp(-distances(squared) / lengths.clamp(min=shortest)))


def linear_kernel(x: ArrayT, y: ArrayT | None = None) -> ArrayT:
    r"""Inner products of vectors, :math:`x^\top y`, unbounded, in the squared unit of ``x``.

    Source: [skean2025].

    Args:
        x: ``(..., n, d)``, one vector a row.
        y: ``(..., m, d)`` with the batch axes of ``x``; ``x`` itself if None.

    Returns:
        ``(..., n, m)``, the caller's kind and dtype (float32 for half precision).

    Raises:
        TypeError: not floating arrays, NumPy mixed with torch.
        ValueError: shapes that do not fit, empty, not finite; inner products beyond the range of the dtype.

    Differentiation:
        Exact.

    Cost:
        ``n m d``. For the entropy of one linear Gram, :func:`gramian.feature_entropy` takes the smaller side.

    Example:
        >>> import numpy as np
        >>> linear_kernel(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]))
        array([[11.]])
    """
    converted, left, right = _checked_vectors(x, y)
    products = _product(left, right)
    # No entry of one sample's Gram exceeds the largest of its diagonal.
    telling = products.detach().diagonal(dim1=-2, dim2=-1) if y is None else products.detach()
    if not bool(torch.isfinite(telling.sum())) and not bool(torch.isfinite(telling).all()):
        largest = max(float(vectors.detach().abs().max()) for vectors in (left, right))
        got = f"an overflow, from vectors with entries up to {largest:.3g}"
        remedy = "Rescale the vectors: entropies do not change with the scale. float64 reaches further than float32."
        raise value_fault("x", f"inner products within the range of {products.dtype}", got, remedy)
    return converted.restore(products)


def cosine_kernel(x: ArrayT, y: ArrayT | None = None) -> ArrayT:
    r"""Cosines of the angles between vectors, within ``[-1, 1]`` (no unit).

    .. math:: k(x, y) = \frac{x^\top y}{|x| |y|}

    Source: [skean2025], the linear kernel of unit vectors.

    Args:
        x: ``(..., n, d)``, one vector a row, none of them zero.
        y: ``(..., m, d)`` with the batch axes of ``x``; ``x`` itself if None.

    Returns:
        ``(..., n, m)``, the caller's kind and dtype (float32 for half precision); the diagonal is 1 if ``y`` is None.

    Raises:
        TypeError: not floating arrays, NumPy mixed with torch.
        ValueError: a zero vector, shapes that do not fit, empty, not finite.

    Differentiation:
        Exact.

    Cost:
        ``n m d``.

    Example:
        >>> import numpy as np
        >>> cosine_kernel(np.array([[3.0, 4.0]]), np.array([[5.0, 0.0]]))
        array([[0.6]])
    """
    converted, left, right = _checked_vectors(x, y)
    unit_left = _unit("x", left)
    unit_right = unit_left if y is None else _unit("y", right)
    return converted.restore(_product(unit_left, unit_right))


def label_kernel(labels: ArrayT) -> ArrayT:
    """One where two labels agree, zero elsewhere.

    Source: [giraldo2015].

    Args:
        labels: ``(..., n)``, integers of any values.

    Returns:
        ``(..., n, n)``: float64 for NumPy, torch's default dtype for torch.

    Raises:
        TypeError: not an array, or not integers.
        ValueError: empty, or no axis.

    Differentiation:
        Constant: labels have no gradient.

    Cost:
        ``n^2``.

    Example:
        >>> import numpy as np
        >>> label_kernel(np.array([7, 3, 7]))
        array([[1., 0., 1.],
               [0., 1., 0.],
               [1., 0., 1.]])
    """
    values = checked_labels(labels)
    agree = values.unsqueeze(-1) == values.unsqueeze(-2)
    is_numpy = not isinstance(labels, Tensor)
    dtype = torch.float64 if is_numpy else torch.get_default_dtype()
    converted: Converted[ArrayT] = Converted((values,), dtype, torch.finfo(dtype).eps, is_numpy)
    return converted.restore(agree)


def _checked_vectors(x: ArrayT, y: ArrayT | None) -> tuple[Converted[ArrayT], Tensor, Tensor]:
    converted = convert(["x"], [x]) if y is None else convert(["x", "y"], [x, y])
    left, right = converted.tensors[0], converted.tensors[-1]
    if left.ndim < 2:
        remedy = "One vector a row: reshape to (n, d)."
        raise value_fault("x", "vectors (..., n, d)", f"shape {tuple(left.shape)}", remedy)
    if left.shape[:-2] != right.shape[:-2] or left.shape[-1] != right.shape[-1]:
        rule = f"vectors (..., m, d) with the batch axes and width of x, {tuple(left.shape)}"
        raise value_fault("y", rule, f"shape {tuple(right.shape)}", "Both hold vectors of one space.")
    return converted, left, right


def _scaled_distances(x: ArrayT, y: ArrayT | None, bandwidth: Bandwidth) -> tuple[Converted[ArrayT], Tensor, Tensor]:
    converted, left, right = _checked_vectors(x, y)
    left, right, unit = scaled_points(left, right)
    squared = squared_distances(left, right)
    if y is None:
        lengths = resolve_bandwidth(bandwidth, left, unit, x, squared)
    else:
        lengths = resolve_bandwidth(bandwidth, torch.cat([left, right], dim=-2), unit, x)
    return converted, squared, lengths[..., None, None]


def _factor(lengths: Tensor) -> Tensor:
    # A bandwidth whose square would vanish still tells equal points from all others.
    return -0.5 / lengths.clamp(min=torch.finfo(lengths.dtype).tiny ** 0.5).square()


def _unit(name: str, x: Float[Tensor, "*batch n d"]) -> Float[Tensor, "*batch n d"]:
    norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=spectral_dtype(x))
    limits = torch.finfo(norm.dtype)
    if not bool(((norm.detach() < limits.max**0.5) & (norm.detach() > (limits.tiny / limits.eps) ** 0.5)).all()):
        # Squares left the range of the dtype: directions do not change with the scale of a row, so take another one.
        largest = x.detach().abs().amax(-1, keepdim=True)
        x = x / torch.where(largest > 0, largest, 1.0)
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=spectral_dtype(x))
    if bool((norm == 0).any()):
        got = f"{int((norm == 0).sum())} zero vectors"
        raise value_fault(name, "vectors with a direction", got, "A cosine with zero is undefined: leave them out.")
    return (x / norm).to(x.dtype)


def _product(x: Float[Tensor, "*batch n d"], y: Float[Tensor, "*batch m d"]) -> Float[Tensor, "*batch n m"]:
    with torch.autocast(x.device.type, enabled=False):  # autocast would multiply in half precision
        return x @ y.mT

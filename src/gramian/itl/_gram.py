"""The Gram matrix of a sample under a named kernel or the caller's own."""

from __future__ import annotations

from gramian.itl._arrays import convert, same_kind
from gramian.itl._errors import type_fault, value_fault
from gramian.itl._gram_checks import checked_grams
from gramian.itl._kernels import cosine_kernel, gaussian_kernel, laplacian_kernel, linear_kernel
from gramian.itl._shapes import ArrayT, Bandwidth, Kernel
from gramian.itl._spectrum import gram_distribution

__all__ = ["gram"]

_SCALED = {"gaussian": gaussian_kernel, "laplacian": laplacian_kernel}
_PLAIN = {"linear": linear_kernel, "cosine": cosine_kernel}


def gram(x: ArrayT, *, kernel: Kernel = "gaussian", bandwidth: Bandwidth | None = None) -> ArrayT:
    """Gram matrix of one sample, positive semidefinite (no unit).

    Source: [giraldo2015].

    Args:
        x: ``(..., n, d)``, one vector a row.
        kernel: ``"gaussian"``, ``"laplacian"``, ``"linear"``, ``"cosine"``, or a function called as ``kernel(x)`` with
            the caller's own array, returning ``(..., n, n)`` of the same kind.
        bandwidth: for the first two, as in :func:`gramian.gaussian_kernel`; ``"median"`` if None. Not for the others.

    Returns:
        ``(..., n, n)``, the caller's kind. What a function returned is checked, and returned as it is.

    Raises:
        TypeError: not floating arrays; ``kernel`` neither a name nor a function; a function's result of another kind.
        ValueError: an unknown name, a bandwidth for a kernel without one, a function's result that is not square, not
            symmetric, not positive semidefinite, or not of ``n`` rows.

    Differentiation:
        That of the kernel.

    Cost:
        That of the kernel; for a function, also ``n^3`` for the eigenvalues that show it is positive semidefinite.

    Example:
        >>> import numpy as np
        >>> gram(np.array([[1.0], [2.0]]), kernel="linear")
        array([[1., 2.],
               [2., 4.]])
    """
    if isinstance(kernel, str) and kernel in _SCALED:
        return _SCALED[kernel](x, bandwidth="median" if bandwidth is None else bandwidth)
    if bandwidth is not None:
        remedy = "Leave it out, or put it into your function."
        raise value_fault("bandwidth", f"None for a kernel other than {', '.join(_SCALED)}", bandwidth, remedy)
    if isinstance(kernel, str):
        if kernel not in _PLAIN:
            rule = f"one of {', '.join([*_SCALED, *_PLAIN])}, or a function"
            raise value_fault("kernel", rule, repr(kernel), "A function is called as kernel(x).")
        return _PLAIN[kernel](x)
    if not callable(kernel):
        raise type_fault("kernel", "a name or a function", type(kernel).__name__, "A function is called as kernel(x).")
    (vectors,) = convert(["x"], [x]).tensors
    if vectors.ndim < 2:
        got = f"shape {tuple(vectors.shape)}"
        raise value_fault("x", "vectors (..., n, d)", got, "One vector a row: reshape to (n, d).")
    result: ArrayT = kernel(x)
    return _checked_result(x, result)


def _checked_result(x: ArrayT, result: ArrayT) -> ArrayT:
    converted = checked_grams(["kernel(x)"], [result])
    same_kind("x", x, "kernel(x)", result)
    (matrix,) = converted.tensors
    expected = (*x.shape[:-1], x.shape[-2])
    if tuple(matrix.shape) != expected:
        got = f"shape {tuple(matrix.shape)}"
        raise value_fault("kernel(x)", f"a Gram matrix of shape {expected}", got, "One row and column a sample.")
    gram_distribution(matrix.detach(), name="kernel(x)", eps=converted.eps)
    return result

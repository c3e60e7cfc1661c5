"""Finding a sample's other view among many, by its code."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gramian.itl._errors import value_fault

__all__ = ["aligned_codes", "retrieval_ranks"]

Codes = npt.NDArray[np.floating]


def aligned_codes(first: Codes, second: Codes, *, fitted_on: tuple[Codes, Codes] | None = None) -> tuple[Codes, Codes]:
    """Codes of two views, the second turned onto the first.

    DiME compares distances within a view, so each view's codes are known up to a rotation, a reflection and a shift alone. Those that
    bring pairs closest are taken out (orthogonal Procrustes).

    Args:
        first: ``(n, d)``.
        second: ``(n, d)``, row i of the same sample.
        fitted_on: codes of other pairs ``(m, d)`` to fit the rotation on, such as those of training; the given ones if None.

    Returns:
        Both, ``(n, d)`` in float64, less the means of what the rotation was fitted on.

    Raises:
        ValueError: other shapes.
    """
    pair = [np.asarray(codes, dtype=np.float64) for codes in (first, second)]
    known = pair if fitted_on is None else [np.asarray(codes, dtype=np.float64) for codes in fitted_on]
    for name, (one, other) in (("second", pair), ("fitted_on", known)):
        if one.ndim != 2 or one.shape != other.shape or other.shape[1] != pair[0].shape[1] or not len(one):
            rule = "codes (n, d) of both views, in one shape"
            raise value_fault(name, rule, f"{one.shape} and {other.shape}", "Row i of both is the same sample.")
    means = [codes.mean(0) for codes in known]
    left, _, right = np.linalg.svd((known[1] - means[1]).T @ (known[0] - means[0]))
    return pair[0] - means[0], (pair[1] - means[1]) @ left @ right


def retrieval_ranks(
    first: Codes, second: Codes, *, fitted_on: tuple[Codes, Codes] | None = None
) -> npt.NDArray[np.int64]:
    """For each sample, how many rows of the second view are as near to its first view as its own; 0 is a hit.

    Args:
        first: as in `aligned_codes`.
        second: likewise.
        fitted_on: likewise. Without it the rotation knows the answers, of little account only where ``n`` is far above ``d``.

    Returns:
        ``(n,)``, from 0 to ``n - 1``. Rows that are tied with the own one count against it, so collapsed codes find nothing.

    Raises:
        ValueError: other shapes.

    Cost:
        ``n^2`` memory.

    Example:
        >>> import numpy as np
        >>> codes = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 3.0]])
        >>> retrieval_ranks(codes, codes[:, ::-1] + 7)
        array([0, 0, 0])
    """
    left, right = aligned_codes(first, second, fitted_on=fitted_on)
    squares = (left**2).sum(1)[:, None] - 2 * left @ right.T + (right**2).sum(1)
    slack = 1e-9 * max(float(np.abs(squares).max()), 1e-300)
    found: npt.NDArray[np.int64] = (squares <= np.diag(squares)[:, None] + slack).sum(1) - 1
    return found

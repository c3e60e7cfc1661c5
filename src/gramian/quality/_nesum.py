"""NESum: the variance in all directions, in units of the largest."""

from __future__ import annotations

from torch import Tensor

from ._inputs import ArrayT, read
from ._measure import measure
from ._moments import Moments, too_few_rows
from ._small_samples import fewer_prompts_than_dimensions, warn_if_small
from ._spectra import embedding_spectrum


def _of_spectrum(spectrum: Tensor) -> Tensor:
    return 1 / spectrum[..., 0]


def _finish(statistic: Moments) -> float:
    return float(_of_spectrum(statistic.spectrum(center=True)))


@measure(
    needs="embeddings",
    unit="dimensions",
    bounds="[1, min(N - 1, d)]",
    invariances=("scale", "rotation", "translation", "permutation"),
    source="he2022",
    summary="High: no direction of variance stands out (whitened). 1: one direction has all variance (collapsed).",
    statistic=Moments,
    finish=_finish,
    minimum=too_few_rows,
)
def nesum(embeddings: ArrayT) -> ArrayT:
    r"""Normalised eigenvalue sum of the covariance, in dimensions, within ``[1, min(N - 1, d)]``.

    .. math:: \sum_i \lambda_i / \lambda_1

    with the eigenvalues of the centred covariance; `stable_rank` is the same of the uncentred matrix.

    Source: [he2022], the normalised eigenvalue sum.

    Args:
        embeddings: `(..., N, d)`, one row a prompt.

    Returns:
        `(...,)`.

    Raises:
        ValueError: fewer than two rows, equal rows, NaN or infinity.
        TypeError: integers, or neither NumPy nor torch.

    Warns:
        SmallSampleWarning: fewer prompts than dimensions.

    Differentiation: smooth where the largest eigenvalue is simple; a subgradient elsewhere.

    Cost: O(N d min(N, d)) and the eigenvalues of the smaller Gram matrix, in float64.

    >>> import numpy as np
    >>> float(nesum(np.array([[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]])).round(9))    # (8 + 2) / 8
    1.25
    """
    (x,), restore = read(("embeddings",), embeddings, axes="N d")
    value = _of_spectrum(embedding_spectrum(x, center=True))
    warn_if_small("nesum", fewer_prompts_than_dimensions(*x.shape[-2:]))
    return restore(value)

"""Participation ratio: the number of directions that variance is shared by."""

from __future__ import annotations

from torch import Tensor

from ._inputs import ArrayT, read
from ._measure import measure
from ._moments import Moments, too_few_rows
from ._small_samples import fewer_prompts_than_dimensions, warn_if_small
from ._spectra import embedding_spectrum


def _of_spectrum(spectrum: Tensor) -> Tensor:
    return 1 / spectrum.square().sum(-1)


def _finish(statistic: Moments) -> float:
    return float(_of_spectrum(statistic.spectrum(center=True)))


@measure(
    needs="embeddings",
    unit="dimensions",
    bounds="[1, min(N - 1, d)]",
    invariances=("scale", "rotation", "translation", "permutation"),
    source="gao2017",
    summary="High: variance is shared by many directions. 1: one direction has all of it.",
    statistic=Moments,
    finish=_finish,
    minimum=too_few_rows,
)
def participation_ratio(embeddings: ArrayT) -> ArrayT:
    r"""Participation ratio of the covariance, in dimensions, within ``[1, min(N - 1, d)]``.

    .. math:: \Big(\sum_i \lambda_i\Big)^2 / \sum_i \lambda_i^2

    with the eigenvalues of the centred covariance: exp of the centred dataset entropy of order 2.

    Source: [gao2017], the participation ratio.

    Args:
        embeddings: `(..., N, d)`, one row a prompt.

    Returns:
        `(...,)`.

    Raises:
        ValueError: fewer than two rows, equal rows, NaN or infinity.
        TypeError: integers, or neither NumPy nor torch.

    Warns:
        SmallSampleWarning: fewer prompts than dimensions.

    Differentiation: smooth.

    Cost: O(N d min(N, d)) and the eigenvalues of the smaller Gram matrix, in float64.

    >>> import numpy as np
    >>> x = np.array([[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    >>> float(participation_ratio(x).round(9))    # (8 + 2)^2 / (64 + 4)
    1.470588235
    """
    (x,), restore = read(("embeddings",), embeddings, axes="N d")
    value = _of_spectrum(embedding_spectrum(x, center=True))
    warn_if_small("participation_ratio", fewer_prompts_than_dimensions(*x.shape[-2:]))
    return restore(value)

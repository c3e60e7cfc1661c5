"""Stable rank: a rank that rounding and small directions do not move."""

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
    return float(_of_spectrum(statistic.spectrum(center=False)))


@measure(
    needs="embeddings",
    unit="dimensions",
    bounds="[1, min(N, d)]",
    invariances=("scale", "rotation", "permutation"),
    source="rudelson2007",
    summary="High: many directions carry the embeddings. Near 1: one, often the common mean, outweighs the rest.",
    statistic=Moments,
    finish=_finish,
    minimum=too_few_rows,
)
def stable_rank(embeddings: ArrayT) -> ArrayT:
    r"""Stable rank of a set of embeddings, in dimensions, within ``[1, min(N, d)]``.

    .. math:: \|X\|_F^2 / \|X\|_2^2

    of the uncentred matrix. It never exceeds the rank. The exponential of the dataset entropy at order infinity.

    Source: [rudelson2007], the numerical rank.

    Args:
        embeddings: `(..., N, d)`, one row a prompt.

    Returns:
        `(...,)`.

    Raises:
        ValueError: fewer than two rows, nothing but zeros, NaN or infinity.
        TypeError: integers, or neither NumPy nor torch.

    Warns:
        SmallSampleWarning: fewer prompts than dimensions.

    Differentiation: smooth where the largest singular value is simple; a subgradient elsewhere.

    Cost: O(N d min(N, d)) and the eigenvalues of the smaller Gram matrix, in float64.

    >>> import numpy as np
    >>> float(stable_rank(np.array([[2.0, 0.0], [0.0, 1.0]])).round(9))    # (4 + 1) / 4
    1.25
    """
    (x,), restore = read(("embeddings",), embeddings, axes="N d")
    value = _of_spectrum(embedding_spectrum(x, center=False))
    warn_if_small("stable_rank", fewer_prompts_than_dimensions(*x.shape[-2:]))
    return restore(value)

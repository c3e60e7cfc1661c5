"""Effective rank (RankMe): the number of singular directions that embeddings use."""

from __future__ import annotations

import torch
from torch import Tensor

from gramian.itl import spectral_entropy

from ._inputs import ArrayT, in_range, read
from ._measure import measure
from ._moments import Moments, too_few_rows
from ._small_samples import fewer_prompts_than_dimensions, warn_if_small
from ._spectra import above_rounding, embedding_spectrum

# A singular value below this share of the largest has lost half of its digits or more in the Gram matrix.
_LOST = 1e-4


def _of_spectrum(spectrum: Tensor) -> Tensor:
    # The root turns a relative error of 1e-16 into 1e-8, so what is below rounding must be dropped before it.
    real = above_rounding(spectrum)
    return _of_singular_values(torch.where(real, torch.where(real, spectrum, 1).sqrt(), 0))


def _of_singular_values(singular: Tensor) -> Tensor:
    real = above_rounding(singular)
    singular = torch.where(real, singular, 0)
    return spectral_entropy(singular / singular.sum(-1, keepdim=True), alpha=1.0).exp()


def _finish(statistic: Moments) -> float:
    return float(_of_spectrum(statistic.spectrum(center=False)))


@measure(
    needs="embeddings",
    unit="dimensions",
    bounds="[1, min(N, d)]",
    invariances=("scale", "rotation", "permutation"),
    source="garrido2023",
    summary="High: many directions carry the embeddings. 1: they all lie on one line through the origin.",
    statistic=Moments,
    finish=_finish,
    minimum=too_few_rows,
)
def effective_rank(embeddings: ArrayT) -> ArrayT:
    r"""Effective rank of a set of embeddings (RankMe), in dimensions, within ``[1, min(N, d)]``.

    .. math:: \exp\Big(-\sum_i p_i \log p_i\Big), \quad p_i = \sigma_i / \sum_j \sigma_j

    with the singular values of the uncentred matrix. It is at least exp of the dataset entropy of order 1, which
    weights by squared singular values.

    Source: [garrido2023, Eq. (1)], without its epsilon, which keeps p from summing to one. Singular values below
    rounding count as zero: below ``min(N, d) * eps`` of the largest. They come from the eigenvalues of the Gram matrix,
    and where float64 input has some below 1e-4 of the largest, from the matrix itself. The accumulator and narrower
    input have the Gram matrix alone, whose floor is ``sqrt(min(N, d) * 2.2e-16)`` of the largest, about 3e-7 at 500
    dimensions: a long flat tail below it is not seen.

    Args:
        embeddings: `(..., N, d)`, one row a prompt.

    Returns:
        `(...,)`.

    Raises:
        ValueError: fewer than two rows, nothing but zeros, NaN or infinity.
        TypeError: integers, or neither NumPy nor torch.

    Warns:
        SmallSampleWarning: fewer prompts than dimensions.

    Differentiation: smooth at full rank; elsewhere the gradient keeps the rank.

    Cost: O(N d min(N, d)) and the eigenvalues of the smaller Gram matrix, in float64; singular values cost about five
    times as much, where they are needed.

    >>> import numpy as np
    >>> bool(np.isclose(effective_rank(np.array([[2.0, 0.0], [0.0, -2.0]])), 2))
    True
    """
    (x,), restore = read(("embeddings",), embeddings, axes="N d")
    spectrum = embedding_spectrum(x, center=False)
    if x.dtype == torch.float64 and bool((spectrum[..., -1] < _LOST**2 * spectrum[..., 0]).any()):
        value = _of_singular_values(torch.linalg.svdvals(in_range(x, axes=2)))
    else:
        value = _of_spectrum(spectrum)
    warn_if_small("effective_rank", fewer_prompts_than_dimensions(*x.shape[-2:]))
    return restore(value)

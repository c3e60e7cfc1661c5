"""Effective rank (RankMe): the number of singular directions that embeddings use."""

from __future__ import annotations

import torch
from torch import Tensor

from gramian.itl import spectral_entropy

from ._inputs import ArrayT, read
from ._measure import measure
from ._moments import Moments, too_few_rows
from ._small_samples import fewer_prompts_than_dimensions, warn_if_small
from ._spectra import above_rounding, embedding_spectrum


def _of_spectrum(spectrum: Tensor) -> Tensor:
    # The root turns a relative error of 1e-16 into 1e-8, so what is below rounding must be dropped before it.
    real = above_rounding(spectrum)
    singular = torch.where(real, torch.where(real, spectrum, 1).sqrt(), 0)
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
    rounding (eigenvalues below n eps of the largest) count as zero.

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

    Cost: O(N d min(N, d)) and the eigenvalues of the smaller Gram matrix, in float64.

    >>> import numpy as np
    >>> bool(np.isclose(effective_rank(np.array([[2.0, 0.0], [0.0, -2.0]])), 2))
    True
    """
    (x,), restore = read(("embeddings",), embeddings, axes="N d")
    value = _of_spectrum(embedding_spectrum(x, center=False))
    warn_if_small("effective_rank", fewer_prompts_than_dimensions(*x.shape[-2:]))
    return restore(value)

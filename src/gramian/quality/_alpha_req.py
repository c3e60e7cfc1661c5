"""Alpha-ReQ: how fast the eigenvalues of the covariance decay."""

from __future__ import annotations

import torch
from torch import Tensor

from ._inputs import ArrayT, read
from ._measure import measure
from ._moments import Moments, too_few_rows
from ._small_samples import fewer_prompts_than_dimensions, warn_if_small
from ._spectra import above_rounding, embedding_spectrum

# The default fit runs from rank r // 50 to r // 2 of r eigenvalues above rounding.
_FIRST_SHARE, _LAST_SHARE = 50, 2


def _of_one_spectrum(spectrum: Tensor, fit_range: tuple[int, int] | None) -> Tensor:
    """`(m,)` -> scalar."""
    ranks = int(above_rounding(spectrum).sum())
    first, last = (max(1, ranks // _FIRST_SHARE), ranks // _LAST_SHARE) if fit_range is None else fit_range
    if first < 1 or last <= first or last > ranks:
        raise ValueError(
            f"fit_range: expected (first, last) with 1 <= first < last <= {ranks}, the eigenvalues above rounding; "
            f"got ({first}, {last}). Add prompts, or give a range inside."
        )
    log_rank = torch.arange(first, last + 1, dtype=spectrum.dtype, device=spectrum.device).log()
    log_rank = log_rank - log_rank.mean()
    return -(spectrum[first - 1 : last].log() * log_rank).sum() / log_rank.square().sum()


def _finish(statistic: Moments, *, fit_range: tuple[int, int] | None = None) -> float:
    return float(_of_one_spectrum(statistic.spectrum(center=True), fit_range))


@measure(
    needs="embeddings",
    unit="none",
    bounds="[0, inf)",
    invariances=("scale", "rotation", "translation", "permutation"),
    source="agrawal2022",
    summary="High: variance falls off fast, few directions matter. Near 0: all directions vary alike.",
    statistic=Moments,
    finish=_finish,
    minimum=too_few_rows,
)
def alpha_req(embeddings: ArrayT, *, fit_range: tuple[int, int] | None = None) -> ArrayT:
    r"""Power-law exponent of the covariance eigenvalues, without unit, within ``[0, inf)``.

    .. math:: \lambda_j \propto j^{-\alpha}

    by least squares of log eigenvalue on log rank. Sensitive to the range of ranks: compare values only at equal
    ranges.

    Source: [agrawal2022], the decay coefficient of the eigenspectrum. The fit range is ours: of r eigenvalues above
    rounding, ranks max(1, r // 50) to r // 2. It leaves out the few largest, which outlier dimensions set, and the
    tail, which the sample size sets. Each sample of a batch has its own r.

    Args:
        embeddings: `(..., N, d)`, one row a prompt.
        fit_range: first and last rank of the fit, counted from 1, both included; None for the default above.

    Returns:
        `(...,)`.

    Raises:
        ValueError: a fit of fewer than two ranks or beyond the rank, fewer than two rows, equal rows, NaN or infinity.
        TypeError: integers, or neither NumPy nor torch.

    Warns:
        SmallSampleWarning: fewer prompts than dimensions.

    Differentiation: smooth where the number of eigenvalues above rounding does not change.

    Cost: O(N d min(N, d)) and the eigenvalues of the smaller Gram matrix, in float64.

    >>> import numpy as np
    >>> axes = np.diag([1.0, 1 / 2, 1 / 3, 1 / 4])                           # eigenvalues proportional to j^-2
    >>> float(alpha_req(np.concatenate([axes, -axes]), fit_range=(1, 4)).round(9))
    2.0
    """
    (x,), restore = read(("embeddings",), embeddings, axes="N d")
    spectra = embedding_spectrum(x, center=True)
    samples = spectra.reshape(-1, spectra.shape[-1])
    value = torch.stack([_of_one_spectrum(sample, fit_range) for sample in samples]).reshape(x.shape[:-2])
    warn_if_small("alpha_req", fewer_prompts_than_dimensions(*x.shape[-2:]))
    return restore(value)

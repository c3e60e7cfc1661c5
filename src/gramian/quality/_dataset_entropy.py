"""Dataset entropy: how many directions a set of embeddings spreads over."""

from __future__ import annotations

from ._inputs import ArrayT, read, rounding_unit
from ._measure import measure
from ._moments import Moments, too_few_rows
from ._normalization import normalized_entropy
from ._small_samples import fewer_prompts_than_dimensions, warn_if_small
from ._spectra import embedding_spectrum, entropy_of


def _finish(statistic: Moments, *, alpha: float = 1.0, center: bool = False, normalization: str | None = None) -> float:
    size = max(statistic.count, statistic.width)
    entropy = entropy_of(statistic.spectrum(center=center), alpha=alpha, size=size, eps=statistic.eps)
    return float(normalized_entropy(entropy, count=statistic.count, width=statistic.width, normalization=normalization))


@measure(
    needs="embeddings",
    unit="nats",
    bounds="[0, log min(N, d)]",
    invariances=("scale", "rotation", "permutation"),
    source="skean2025",
    summary="High: the prompts' embeddings use many directions evenly. Low: a few directions carry most of them.",
    statistic=Moments,
    finish=_finish,
    minimum=too_few_rows,
)
def dataset_entropy(
    embeddings: ArrayT, *, alpha: float = 1.0, center: bool = False, normalization: str | None = None
) -> ArrayT:
    r"""Matrix entropy of a set of embeddings, in nats, within ``[0, log min(N, d)]``.

    .. math::
        S_\alpha = \frac{1}{1-\alpha} \log \sum_i \lambda_i^\alpha, \quad
        \lambda = \operatorname{eig}(XX^T / \operatorname{tr} XX^T)

    Uncentred, a mean common to all prompts is one more direction, often the largest; `center=True` removes it.

    Source: [skean2025, Eq. (1)]. The embeddings must be pooled from tokens that were not centred: the mean of centred
    tokens is zero, and what the released code measures is its rounding.

    Args:
        embeddings: `(..., N, d)`, one row a prompt.
        alpha: order, from 0 to infinity. Below 1, eigenvalues up to ``max(N, d) * eps`` of the largest count as zero,
            eps that of the input's dtype.
        center: subtract the mean embedding first.
        normalization: None, or divide by `"log_n"` (log N), `"log_d"` or `"min"` (the smaller).

    Returns:
        `(...,)`.

    Raises:
        ValueError: fewer than two rows, nothing but zeros (centred: equal rows), NaN or infinity, unknown
            normalization, an order below 1 where ``max(N, d) * eps`` reaches 1 (half precision).
        TypeError: integers, or neither NumPy nor torch.

    Warns:
        SmallSampleWarning: fewer prompts than dimensions.

    Differentiation: smooth; at orders up to 1 the gradient keeps the rank, see `spectral_entropy`.

    Cost: O(N d min(N, d)) and the eigenvalues of the smaller Gram matrix, in float64.

    >>> import numpy as np
    >>> bool(np.isclose(dataset_entropy(np.eye(3)), np.log(3)))
    True
    """
    (x,), restore = read(("embeddings",), embeddings, axes="N d")
    n, d = x.shape[-2:]
    spectrum = embedding_spectrum(x, center=center)
    entropy = entropy_of(spectrum, alpha=alpha, size=max(n, d), eps=rounding_unit(embeddings))
    entropy = normalized_entropy(entropy, count=n, width=d, normalization=normalization)
    warn_if_small("dataset_entropy", fewer_prompts_than_dimensions(n, d))
    return restore(entropy)

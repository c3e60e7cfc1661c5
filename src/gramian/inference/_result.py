"""What every test returns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gramian.itl._shapes import Array

__all__ = ["ScaleResult", "TestResult"]


@dataclass(frozen=True)
class ScaleResult:
    """One kernel and bandwidth of a test.

    Attributes:
        kernel: Name of the kernel.
        bandwidth: Its length, in the unit of the points; None where the kernel has none.
        divergence: Jensen-Rényi divergence of the samples, in nats.
        expected: What permuted labels give on average, in nats: the bias of ``divergence`` where nothing differs.
        effect: What ``divergence`` is beyond ``expected``, as a share of what it could be.
        pvalue: Of this scale alone. Not corrected for the other scales: the smallest of several is no p-value.
    """

    kernel: str
    bandwidth: float | None
    divergence: float
    expected: float
    effect: float
    pvalue: float


@dataclass(frozen=True, eq=False)
class TestResult:
    """Outcome of a permutation test; unpacks as ``statistic, pvalue = result``.

    Attributes:
        statistic: Of the labels as given. With one scale the divergence in nats; with several their combination, which has
            no unit and is comparable to ``null_distribution`` only.
        pvalue: ``(b + 1) / (B + 1)``: ``b`` of the ``B`` other labellings reach the statistic, ties counted.
        null_distribution: ``(B,)``, the statistic under the other labellings, in the caller's kind.
        divergence: Jensen-Rényi divergence in nats at the scale that stands out most.
        effect: ``(divergence - expected) / (label_entropy - expected)`` there: about 0 where nothing differs, whatever the
            sizes, and 1 where the samples have nothing in common. It depends on the bandwidth: compare effects at one.
        label_entropy: Largest value the divergence can take, in nats: ``log k`` for ``k`` balanced groups.
        bandwidth: Bandwidth of that scale, None where the kernel has none.
        kernel: Kernel of that scale.
        alpha: Order of the entropies.
        sizes: Points in each sample.
        scales: Every kernel and bandwidth looked at, in order.
        method: ``"exact"``, or ``"features"`` where kernels were replaced by feature maps.
        features: Number of features, or None.
        feature_error: Largest difference between the divergence from features and the exact one over the scales, in nats,
            on at most 500 points a sample; None where the method is exact.
        block: Points permuted together: 1, or more where many points are tested by features. The level is as exact.
        exhaustive: Whether the other labellings are all there are, rather than a random draw.
    """

    __test__ = False  # the name begins like those that pytest collects

    statistic: float
    pvalue: float
    null_distribution: Array
    divergence: float
    effect: float
    label_entropy: float
    bandwidth: float | None
    kernel: str
    alpha: float
    sizes: tuple[int, ...]
    scales: tuple[ScaleResult, ...]
    method: str
    features: int | None
    feature_error: float | None
    block: int
    exhaustive: bool

    def __iter__(self) -> Iterator[float]:
        return iter((self.statistic, self.pvalue))

"""What the test of independence returns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gramian.itl._shapes import Array

__all__ = ["IndependenceResult", "PairScaleResult"]


@dataclass(frozen=True)
class PairScaleResult:
    """One kernel and bandwidth of each view.

    Attributes:
        kernel: Names of the kernels of x and of y.
        bandwidth: Their lengths, each in the unit of its points; None where a kernel has none.
        dime: Mean joint entropy over all permutations compared, less that of the pairs as given, in nats.
        pvalue: Of this pair of scales alone. Not corrected for the others: the smallest of several is no p-value.
    """

    kernel: tuple[str, str]
    bandwidth: tuple[float | None, float | None]
    dime: float
    pvalue: float


@dataclass(frozen=True, eq=False)
class IndependenceResult:
    """Outcome of a permutation test of independence; unpacks as ``statistic, pvalue = result``.

    Attributes:
        statistic: Of the pairs as given. With one pair of scales DiME in nats; with several their combination, which has no
            unit and is comparable to ``null_distribution`` only.
        pvalue: ``(b + 1) / (B + 1)``: ``b`` of the ``B`` other permutations reach the statistic, ties counted.
        null_distribution: ``(B,)``, the statistic under the other permutations, in the caller's kind.
        dime: DiME in nats at the pair of scales that stands out most; about 0 for independent views.
        bandwidth: Bandwidths of x and of y there, None where the kernel has none.
        kernel: Kernels of x and of y there.
        alpha: Order of the entropies.
        n: Pairs tested.
        scales: Every pair of kernels and bandwidths looked at, those of y running fastest.
        rank: Leading eigenvalues computed of each product, or None where entropies are exact.
        exhaustive: Whether the other permutations are all there are, rather than a random draw.
    """

    statistic: float
    pvalue: float
    null_distribution: Array
    dime: float
    bandwidth: tuple[float | None, float | None]
    kernel: tuple[str, str]
    alpha: float
    n: int
    scales: tuple[PairScaleResult, ...]
    rank: int | None
    exhaustive: bool

    def __iter__(self) -> Iterator[float]:
        return iter((self.statistic, self.pvalue))

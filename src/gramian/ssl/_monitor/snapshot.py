"""What one look at the embeddings found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

__all__ = ["SpectrumSnapshot"]


@dataclass(frozen=True)
class SpectrumSnapshot:
    """The spectrum of a set of embeddings at one moment of training, and what is read off it.

    A quantity that is undefined for the data, such as the entropy of embeddings that are all one point, is NaN and
    never a plausible number: a monitor must outlive the collapse that it is there to see.

    Attributes:
        source: which embeddings: the name of the module they came from.
        step: optimiser steps taken.
        epoch: passes over the data taken, with a fraction.
        samples: samples looked at, over all processes.
        views: views of each sample; 1 where they were not told apart.
        width: features of an embedding, ``d``.
        eigenvalues: ``(min(n, d),)`` or ``(d,)`` in float64, of the covariance of all views (divided by their number ``n``),
            descending, in squared units of the embeddings; they sum to ``variance``.
        entropies: by order, in nats: matrix entropy of the covariance, `gramian.quality.dataset_entropy` centred.
        effective_rank: RankMe, in dimensions: `gramian.quality.effective_rank`, of the embeddings as they are.
        alpha_req: decay of the eigenvalues: `gramian.quality.alpha_req`.
        lidar: in dimensions: `gramian.quality.lidar`; NaN without views.
        variance: mean squared distance of an embedding from the mean embedding.
        mean_share: share of the mean squared norm that the mean embedding has, within ``[0, 1]``; near 1 the embeddings
            are nearly one point.
        skipped: samples left out because an entry was not finite.
        remarks: why the sample is too small for some of it, if it is.
    """

    source: str
    step: int
    epoch: float
    samples: int
    views: int
    width: int
    eigenvalues: Tensor
    entropies: Mapping[float, float]
    effective_rank: float
    alpha_req: float
    lidar: float
    variance: float
    mean_share: float
    skipped: int = 0
    remarks: tuple[str, ...] = ()

    @property
    def top_share(self) -> float:
        """Share of the variance along the first eigenvector, within ``[1 / d, 1]``; NaN where there is no variance."""
        return float(self.eigenvalues[0]) / self.variance if self.variance > 0 else float("nan")

    def measures(self) -> tuple[tuple[str, str, float], ...]:
        """Every number as measure, variant and value, in the order of the tables."""
        entropies = [
            ("dataset_entropy", f"alpha={order:g};center=true", entropy) for order, entropy in self.entropies.items()
        ]
        return (
            ("effective_rank", "", self.effective_rank),
            *entropies,
            ("alpha_req", "", self.alpha_req),
            ("lidar", "", self.lidar),
            ("top_share", "", self.top_share),
            ("mean_share", "", self.mean_share),
            ("variance", "", self.variance),
        )

    def scalars(self) -> dict[str, float]:
        """Every number under one plain name, as loggers want them; what is undefined is left out."""
        named = {
            f"entropy_{variant.partition(';')[0].removeprefix('alpha=')}"
            if measure == "dataset_entropy"
            else measure: value
            for measure, variant, value in self.measures()
        }
        return {name: value for name, value in named.items() if value == value}

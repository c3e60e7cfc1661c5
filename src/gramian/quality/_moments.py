"""First and second moments of embeddings, from which every covariance measure is finished."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from ._inputs import check_count, in_range, read, rounding_unit
from ._small_samples import fewer_prompts_than_dimensions
from ._spectra import centred, check_squares, embedding_spectrum, matrix_spectrum
from ._statistic import Statistic, check_width


class Moments(Statistic):
    """Rows while there are fewer than dimensions; from then on count, mean and the d x d scatter about the mean.

    The scatter is kept about the mean, in float64, and merged by the rule for pooled covariances: a large mean, as
    language models have it, then costs the centred spectrum no digits.
    """

    def __init__(self) -> None:
        self._count = 0
        self._width: int | None = None
        self._eps = torch.finfo(torch.float64).eps
        self._rows: list[Tensor] | None = []
        self._mean = torch.zeros(0, dtype=torch.float64)
        self._scatter = torch.zeros(0, 0, dtype=torch.float64)
        self._directions = torch.zeros(0, dtype=torch.float64)
        self._zero_rows = 0
        self._spectra: dict[bool, Tensor] = {}

    @property
    def count(self) -> int:
        return self._count

    @property
    def width(self) -> int:
        """Dimensions of the embeddings; 0 before the first."""
        return self._width or 0

    @property
    def eps(self) -> float:
        """Relative rounding error of the embeddings seen: the coarsest."""
        return self._eps

    def update(self, embeddings: Any) -> None:
        """Add embeddings `(N, d)`."""
        (x,), _ = read(("embeddings",), embeddings, axes="N d")
        if x.ndim != 2:
            raise ValueError(f"embeddings: expected shape (N, d); got {tuple(x.shape)}. Add one sample at a time.")
        self._eps = max(self._eps, rounding_unit(embeddings))
        self._add(x.detach().cpu())

    def merge(self, other: Self) -> None:
        if other._count == 0:
            return
        self._eps = max(self._eps, other._eps)
        if other._rows is not None:
            self._add(other.rows())
            return
        self._start(other.width)
        self._fold_rows()
        self._pool(other._count, other._mean, other._scatter, other._directions, other._zero_rows)

    def rows(self) -> Tensor:
        """The embeddings, while they are fewer than their dimensions."""
        if self._rows is None:
            raise ValueError(f"rows: expected fewer than {self.width}; got {self._count}. Only moments are kept.")
        return torch.cat(self._rows) if self._rows else torch.zeros(0, self.width)

    @property
    def folded(self) -> bool:
        """Whether the rows have given way to the scatter matrix."""
        return self._rows is None

    @property
    def mean(self) -> Tensor:
        """Mean embedding `(d,)`."""
        return self.rows().double().mean(0) if self._rows is not None else self._mean

    @property
    def scatter(self) -> Tensor:
        """Sum of squared deviations `(d, d)`: N times the covariance."""
        if self._rows is None:
            return self._scatter
        deviations = self.rows().double() - self.mean
        return deviations.mT @ deviations

    @property
    def direction_sum(self) -> tuple[Tensor, int]:
        """Sum of the unit vectors `(d,)`, and how many rows were zero and have no direction."""
        if self._rows is None:
            return self._directions, self._zero_rows
        return _direction_sum(self.rows().double())

    def spectrum(self, *, center: bool) -> Tensor:
        """`(min(N, d),)`: eigenvalues of the covariance or of the uncentred Gram, summing to one, descending; cached.

        Raises:
            ValueError: fewer than two rows, or nothing but zeros (centred: equal rows).
        """
        check_count("embeddings", self._count, 2, "prompts")
        if center not in self._spectra:
            self._spectra[center] = self._compute_spectrum(center)
        return self._spectra[center]

    def _compute_spectrum(self, center: bool) -> Tensor:
        if self._rows is not None:
            return embedding_spectrum(self.rows(), center=center)
        if center:
            self.check_spread()
            return matrix_spectrum(self._scatter)
        self._variance_and_power()
        if self._zero_rows == self._count:
            raise ValueError(
                f"embeddings: expected a vector that is not zero; got {self._count} zero rows. "
                "A zero Gram matrix has no spectrum."
            )
        return matrix_spectrum(self._scatter + self._count * torch.outer(self._mean, self._mean))

    def check_spread(self) -> None:
        """Raise where all rows are equal: a centred spectrum is then undefined."""
        if self._rows is not None:
            centred("embeddings", self.rows().double())
            return
        variance, power = self._variance_and_power()
        if bool(variance <= (self._count * torch.finfo(torch.float64).eps) ** 2 * power):
            raise ValueError(
                f"embeddings: expected rows that differ; got {self._count} equal rows. "
                "A centred spectrum needs variance."
            )

    def _variance_and_power(self) -> tuple[Tensor, Tensor]:
        variance, power = torch.trace(self._scatter), self._count * self._mean.square().sum()
        check_squares("embeddings", variance + power, zero=self._zero_rows == self._count)
        return variance, power

    def _start(self, width: int) -> None:
        check_width("embeddings", self._width, width)
        self._width = width
        self._spectra = {}

    def _add(self, rows: Tensor) -> None:
        self._start(rows.shape[1])
        if self._rows is not None:
            self._rows.append(rows)
            self._count += len(rows)
            if self._count >= self.width:
                self._fold_rows()
            return
        x = rows.double()
        mean = x.mean(0)
        deviations = x - mean
        self._pool(len(x), mean, deviations.mT @ deviations, *_direction_sum(x))

    def _fold_rows(self) -> None:
        if self._rows is None:
            return
        rows, d = self._rows, self.width
        self._rows, self._count, self._zero_rows = None, 0, 0
        self._mean = torch.zeros(d, dtype=torch.float64)
        self._scatter = torch.zeros(d, d, dtype=torch.float64)
        self._directions = torch.zeros(d, dtype=torch.float64)
        if rows:
            self._add(torch.cat(rows))

    def _pool(self, count: int, mean: Tensor, scatter: Tensor, directions: Tensor, zero_rows: int) -> None:
        total = self._count + count
        gap = mean - self._mean
        self._scatter = self._scatter + scatter
        self._scatter.addr_(gap, gap, alpha=self._count * count / total)
        self._mean = self._mean + gap * (count / total)
        self._directions = self._directions + directions
        self._zero_rows += zero_rows
        self._count = total

    def state(self) -> dict[str, np.ndarray]:
        eps = np.array(self._eps)
        if self._rows is not None:
            return {"eps": eps, "rows": self.rows().numpy()}
        return {
            "eps": eps,
            "count": np.array(self._count),
            "mean": self._mean.numpy(),
            "scatter": self._scatter.numpy(),
            "directions": self._directions.numpy(),
            "zero_rows": np.array(self._zero_rows),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, np.ndarray]) -> Self:
        restored = cls()
        restored._eps = float(state["eps"])
        if "rows" in state:
            if len(state["rows"]):
                restored._add(torch.from_numpy(np.array(state["rows"])))
            return restored
        restored._start(len(state["mean"]))
        restored._rows = None
        restored._count, restored._zero_rows = int(state["count"]), int(state["zero_rows"])
        restored._mean = torch.from_numpy(np.array(state["mean"]))
        restored._scatter = torch.from_numpy(np.array(state["scatter"]))
        restored._directions = torch.from_numpy(np.array(state["directions"]))
        return restored


def _direction_sum(x: Tensor) -> tuple[Tensor, int]:
    x = in_range(x, axes=1)
    norms = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    zero = norms == 0
    return (x / torch.where(zero, 1, norms)).sum(0), int(zero.sum())


def too_few_rows(statistic: Moments) -> str | None:
    return fewer_prompts_than_dimensions(statistic.count, statistic.width)

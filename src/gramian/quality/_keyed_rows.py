"""A bounded sample of prompts: those with the smallest keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from ._inputs import read
from ._statistic import Statistic


class KeyedRows(Statistic):
    """The `capacity` prompts with the smallest keys, in the order of their keys.

    Which prompts are kept depends on the keys alone, not on batches, shards or the order of merging. Keys drawn by a
    hash make the sample uniform; keys must differ between prompts that differ. Without keys, a hash of the content is
    used.
    """

    _name: ClassVar[str]
    _axes: ClassVar[str]
    CAPACITY: ClassVar[int]

    def __init__(self, capacity: int | None = None) -> None:
        capacity = self.CAPACITY if capacity is None else capacity
        if capacity < 2:
            raise ValueError(f"capacity: expected at least 2 prompts; got {capacity}. Choose a larger sample.")
        self.capacity = capacity
        self._count = 0
        self._keys = np.zeros(0, dtype=np.uint64)
        self._data: np.ndarray | None = None

    @property
    def count(self) -> int:
        return self._count

    @property
    def kept(self) -> int:
        """Prompts in the sample."""
        return len(self._keys)

    @property
    def sample(self) -> Tensor:
        """The kept prompts, in the order of their keys.

        Raises:
            ValueError: none seen yet.
        """
        if self._data is None:
            raise ValueError(f"{self._name}: expected at least 1 prompt; got 0. Update the statistic first.")
        return torch.from_numpy(self._data)

    def update(self, data: Any, keys: Any = None) -> None:
        """Add prompts `(N, ...)`, each with a key of dtype uint64 `(N,)`."""
        (x,), _ = read((self._name,), data, axes=self._axes)
        if x.ndim != len(self._axes.split()):
            shape = ", ".join(self._axes.split())
            raise ValueError(f"{self._name}: expected shape ({shape}); got {tuple(x.shape)}. Add one sample at a time.")
        rows = x.detach().cpu().numpy()
        chosen = content_keys(rows) if keys is None else np.asarray(keys)
        if chosen.dtype != np.uint64 or chosen.shape != (len(rows),):
            raise ValueError(
                f"keys: expected {len(rows)} of dtype uint64, one a prompt; got {chosen.shape} of {chosen.dtype}. "
                "Hash the prompts' identifiers."
            )
        self._keep(rows, chosen)
        self._count += len(rows)

    def merge(self, other: Self) -> None:
        if other.capacity != self.capacity:
            raise ValueError(
                f"capacity: expected {self.capacity}, that of this sample; got {other.capacity}. "
                "Use one for all shards."
            )
        if other._data is not None:
            self._keep(other._data, other._keys)
        self._count += other._count

    def _keep(self, rows: np.ndarray, keys: np.ndarray) -> None:
        if self._data is not None and self._data.shape[1:] != rows.shape[1:]:
            raise ValueError(
                f"{self._name}: expected prompts of shape {self._data.shape[1:]}, as seen before; "
                f"got {rows.shape[1:]}. Use one statistic for each width."
            )
        all_keys = np.concatenate([self._keys, keys])
        all_rows = rows if self._data is None else np.concatenate([self._data, rows])
        order = np.argsort(all_keys, kind="stable")[: self.capacity]
        self._keys, self._data = all_keys[order], all_rows[order]

    def state(self) -> dict[str, np.ndarray]:
        state = {"count": np.array(self._count), "capacity": np.array(self.capacity), "keys": self._keys}
        if self._data is not None:
            state["data"] = self._data
        return state

    @classmethod
    def from_state(cls, state: Mapping[str, np.ndarray]) -> Self:
        restored = cls(int(state["capacity"]))
        restored._count = int(state["count"])
        restored._keys = np.array(state["keys"], dtype=np.uint64)
        restored._data = np.array(state["data"]) if "data" in state else None
        return restored


class Rows(KeyedRows):
    """A bounded sample of embeddings `(N, d)`."""

    CAPACITY = 2048
    _name = "embeddings"
    _axes = "N d"


class ViewRows(KeyedRows):
    """A bounded sample of prompts with their views `(N, q, d)`."""

    # Spectra of N x N are taken of these, several for each value.
    CAPACITY = 1000
    _name = "views"
    _axes = "N q d"

    @property
    def pair(self) -> tuple[Tensor, Tensor]:
        """The first two views of every kept prompt, each `(N, d)`.

        Raises:
            ValueError: fewer than two views.
        """
        views = self.sample
        if views.shape[1] < 2:
            raise ValueError(f"views: expected at least 2 a prompt; got {views.shape[1]}. Add a second view.")
        return views[:, 0], views[:, 1]


def content_keys(rows: np.ndarray) -> np.ndarray:
    """A 64-bit hash of each row's numbers: equal rows have equal keys, wherever they come from."""
    # Adding zero turns -0.0 into 0.0, which compares equal but has other bits.
    bits: np.ndarray = (np.ascontiguousarray(rows.reshape(len(rows), -1), dtype=np.float64) + 0.0).view(np.uint64)
    position = np.arange(1, bits.shape[1] + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return _scramble(np.bitwise_xor.reduce(_scramble(bits ^ position), axis=1))


def _scramble(x: np.ndarray) -> np.ndarray:
    # The finaliser of SplitMix64: every input bit reaches every output bit.
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray = x ^ (x >> np.uint64(31))
    return mixed

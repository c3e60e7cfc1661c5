"""Reading the caller's vectors, targets and groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gramian.itl import as_generator, as_tensors

__all__ = ["Examples", "Sample", "Targets", "check_options", "draw_seed", "read_sample"]

Targets = npt.NDArray[Any] | Tensor | Sequence[Any]
"""One label or number an example."""

Examples = npt.NDArray[Any] | Tensor
"""Vectors ``(n, d)``."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Checked vectors with their targets.

    Attributes:
        x: ``(n, d)`` of float32 or float64.
        y: ``(n,)``: class numbers, or float64 targets.
        groups: ``(n,)`` of integers; examples of one group stay together.
        grouped: Whether any group has more than one example.
    """

    x: npt.NDArray[Any]
    y: npt.NDArray[Any]
    groups: npt.NDArray[np.int64]
    grouped: bool

    def take(self, rows: npt.NDArray[Any]) -> Sample:
        """Some of the examples."""
        return Sample(self.x[rows], self.y[rows], self.groups[rows], self.grouped)


def read_sample(
    x: Examples,
    y: Targets,
    groups: Targets | None,
    test: tuple[Any, ...] | None,
    *,
    numeric: bool,
) -> tuple[Sample, Sample | None]:
    """The training sample, and the test sample where there is one, with classes and groups numbered alike."""
    vectors = _vectors("x", x)
    targets = _numbers("y", y, len(vectors)) if numeric else _labels("y", y, len(vectors))
    marks = None if groups is None else _labels("groups", groups, len(vectors), kinds="biufUSO")
    if test is None:
        classes, codes = (targets, targets) if numeric else _codes(targets)
        _check_classes(classes, numeric)
        return _sample(vectors, codes, marks), None
    if not isinstance(test, tuple) or len(test) != (2 if groups is None else 3):
        rule = "a tuple (x, y)" if groups is None else "a tuple (x, y, groups), as groups is given"
        got = f"{len(test)} entries" if isinstance(test, tuple) else type(test).__name__
        raise TypeError(f"test: expected {rule}; got {got}. Give the test examples in the same form.")
    others = _vectors("test x", test[0])
    if others.shape[1] != vectors.shape[1]:
        raise ValueError(
            f"test x: expected {vectors.shape[1]} columns, as x has; got shape {others.shape}. Read both at one layer."
        )
    reader = _numbers if numeric else _labels
    other_targets = reader("test y", test[1], len(others))
    other_marks = None if groups is None else _labels("test groups", test[2], len(others), kinds="biufUSO")
    if not numeric:
        classes, targets = _codes(targets)
        _check_classes(classes, numeric)
        unseen = ~np.isin(other_targets, classes)
        if unseen.any():
            raise ValueError(
                f"test y: expected labels that occur in y; got {other_targets[unseen][0]}. "
                "Leave examples of other classes out."
            )
        other_targets = np.searchsorted(classes, other_targets)
    else:
        _check_classes(targets, numeric)
    if marks is not None and other_marks is not None and np.isin(other_marks, marks).any():
        shared = other_marks[np.isin(other_marks, marks)][0]
        raise ValueError(
            f"test groups: expected groups that do not occur in training; got {str(shared)[:40]!r} in both. "
            "Leave shared examples out of one side."
        )
    return _sample(vectors, targets, marks), _sample(others, other_targets, other_marks)


def check_options(folds: object, test: object, standardize: object) -> None:
    """Raise for options no probe can be run with."""
    if isinstance(folds, bool) or not isinstance(folds, int | np.integer):
        raise TypeError(f"folds: expected an integer; got {type(folds).__name__}. Give 2 or more.")
    if test is None and folds < 2:
        raise ValueError(f"folds: expected at least 2; got {folds}. Give 5, or a test set.")
    if not isinstance(standardize, bool):
        raise TypeError(f"standardize: expected True or False; got {standardize!r}. Give one of them.")


def draw_seed(seed: int | torch.Generator | None) -> int:
    """A seed for scikit-learn and NumPy, from any seed of ours."""
    return int(torch.randint(2**31 - 1, (1,), generator=as_generator(seed)))


def _vectors(name: str, x: Any) -> npt.NDArray[Any]:
    (tensor,), _ = as_tensors(name, x)
    if tensor.ndim != 2:
        raise ValueError(f"{name}: expected shape (n, d); got {tuple(tensor.shape)}. Give one vector an example.")
    vectors: npt.NDArray[Any] = tensor.detach().cpu().numpy()
    return vectors


def _column(name: str, values: Targets, count: int) -> npt.NDArray[Any]:
    column = np.asarray(values.detach().cpu() if isinstance(values, Tensor) else values)
    if column.shape != (count,):
        raise ValueError(
            f"{name}: expected shape ({count},), one entry an example; got {column.shape}. Row i of x belongs to it."
        )
    return column


def _labels(name: str, values: Targets, count: int, kinds: str = "biuUSO") -> npt.NDArray[Any]:
    column = _column(name, values, count)
    if column.dtype.kind not in kinds:
        raise TypeError(
            f"{name}: expected integers, booleans or strings; got {column.dtype}. Use ridge_probe for numeric targets."
        )
    if column.dtype.kind == "O":
        strange = [value for value in column if not isinstance(value, str)]
        if strange:
            raise TypeError(
                f"{name}: expected strings or integers of one kind; got {strange[0]!r} among them. "
                "Leave examples without a label out."
            )
        column = column.astype(str)
    return column


def _numbers(name: str, values: Targets, count: int) -> npt.NDArray[np.float64]:
    column = _column(name, values, count)
    if column.dtype.kind not in "biuf":
        raise TypeError(f"{name}: expected numbers; got {column.dtype}. Use linear_probe for labels.")
    column = column.astype(np.float64)
    if not np.isfinite(column).all():
        raise ValueError(
            f"{name}: expected finite numbers; got {column[~np.isfinite(column)][0]} at index "
            f"{int(np.argmin(np.isfinite(column)))}. Leave examples without a target out."
        )
    return column


def _codes(labels: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    classes, codes = np.unique(labels, return_inverse=True)
    return classes, codes.astype(np.int64)


def _check_classes(values: npt.NDArray[Any], numeric: bool) -> None:
    distinct = np.unique(values)
    if len(distinct) < 2:
        what = "a target that varies" if numeric else "at least two classes"
        raise ValueError(f"y: expected {what}; got only {distinct[0]}. There is nothing to tell apart.")


def _sample(x: npt.NDArray[Any], y: npt.NDArray[Any], marks: npt.NDArray[Any] | None) -> Sample:
    if marks is None:
        return Sample(x, y, np.arange(len(x)), grouped=False)
    distinct, groups = np.unique(marks, return_inverse=True)
    return Sample(x, y, groups.astype(np.int64), grouped=len(distinct) < len(x))

"""Splits: examples of one group are never on both sides."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from gramian.probes._inputs import Sample

__all__ = ["Split", "check_class_sizes", "class_sizes", "group_splits", "stratified_splits"]

Split = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
"""Rows to fit and rows to hold out."""


def class_sizes(sample: Sample) -> npt.NDArray[np.int64]:
    """In how many groups each class occurs."""
    pairs = np.unique(np.stack([sample.y, sample.groups]), axis=1)
    return np.bincount(pairs[0])


def check_class_sizes(sample: Sample, folds: int) -> None:
    """Every class must be able to occur in every fold."""
    sizes = class_sizes(sample)
    rare = int((sizes < folds).sum())
    if rare:
        what = "groups" if sample.grouped else "examples"
        raise ValueError(
            f"y: expected at least {folds} {what} of every class, one a fold; got {sizes.min()} in the rarest and too few "
            f"in {rare} of {len(sizes)} classes. Leave rare classes out or lower folds."
        )


def stratified_splits(sample: Sample, folds: int, *, seed: int) -> Iterator[Split]:
    """Folds with every class in proportion, as far as groups allow."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    kind = StratifiedGroupKFold if sample.grouped else StratifiedKFold
    together = sample.groups if sample.grouped else None
    for fit, held_out in kind(folds, shuffle=True, random_state=seed).split(sample.x, sample.y, together):
        if not len(held_out) or len(np.unique(sample.y[fit])) < len(np.unique(sample.y)):
            raise ValueError(
                f"groups: expected groups that can be dealt to {folds} folds with every class in training; got a fold "
                "that cannot. Lower folds, or leave classes out that lie in a few large groups."
            )
        yield fit, held_out


def group_splits(sample: Sample, folds: int, *, seed: int) -> Iterator[Split]:
    """Folds of whole groups, for numeric targets."""
    from sklearn.model_selection import KFold

    groups = np.unique(sample.groups)
    if len(groups) < folds:
        what = "groups" if sample.grouped else "examples"
        raise ValueError(f"y: expected at least {folds} {what}, one a fold; got {len(groups)}. Lower folds.")
    for _, chosen in KFold(folds, shuffle=True, random_state=seed).split(groups):
        held_out = np.isin(sample.groups, groups[chosen])
        yield np.flatnonzero(~held_out), np.flatnonzero(held_out)

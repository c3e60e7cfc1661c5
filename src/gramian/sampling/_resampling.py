"""A table under-sampled by the classes of one column, with what it changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gramian.itl._errors import value_fault
from gramian.sampling._coverage import Coverage, coverage
from gramian.sampling._prototypes import JensenRenyiPrototypes
from gramian.sampling._tables import SUFFIXES, DataTable, read_table
from gramian.sampling._under_sampler import JensenRenyiUnderSampler

__all__ = ["METHODS", "Resampling", "resample_file"]

METHODS = ("select", "prototypes")


@dataclass(frozen=True)
class Resampling:
    """What was done to a table.

    Attributes:
        target: name of the column of classes.
        method: ``"select"`` or ``"prototypes"``.
        alpha: order of the divergence that was minimised.
        measured: columns that distances are measured in.
        left_out: the others: they ride along when rows are selected, and are not written when points are learned.
        counts: by class, number of rows before and after.
        classes: how well each class that was thinned is covered.
    """

    target: str
    method: str
    alpha: float
    measured: tuple[str, ...]
    left_out: tuple[str, ...]
    counts: dict[str, tuple[int, int]]
    classes: dict[str, Coverage]

    def document(self) -> dict[str, Any]:
        """The result in lists, mappings and numbers."""
        return {
            "target": self.target,
            "method": self.method,
            "alpha": self.alpha,
            "measured": list(self.measured),
            "left_out": list(self.left_out),
            "counts": {name: {"before": before, "after": after} for name, (before, after) in self.counts.items()},
            "classes": {
                name: {
                    "divergence": found.divergence,
                    "random_mean": found.random_mean,
                    "random_best": found.random_best,
                    "random_subsets": found.random_subsets,
                    "bandwidth": found.bandwidth,
                    "columns": {
                        column: {
                            "mean_before": shift.mean_before,
                            "mean_after": shift.mean_after,
                            "shift": shift.shift,
                            "spread": shift.spread,
                            "distance": shift.distance,
                        }
                        for column, shift in zip(self.measured, found.columns, strict=True)
                    },
                }
                for name, found in self.classes.items()
            },
        }


def resample_file(
    data: Path,
    *,
    target: str,
    out: Path,
    method: str = "select",
    ratio: float = 1.0,
    alpha: float | None = None,
    bandwidth: str | float = "median",
    bandwidth_factor: float = 1.0,
    ignore: Sequence[str] = (),
    random_subsets: int = 100,
    seed: int = 0,
) -> Resampling:
    """Under-sample a CSV or Parquet table and write the result.

    Distances are measured in the columns of numbers, each in its standard deviation; columns of text are not measured.
    ``select`` keeps rows as they are, all their columns, in the order of the file. ``prototypes`` writes the rows of the
    classes it leaves alone and then the learned ones, in the columns of numbers and the target; columns of whole numbers
    get whole numbers.

    Source: [hoyos2022].

    Args:
        data: table with a header; ``.csv``, ``.tsv``, ``.parquet``.
        target: column of classes.
        out: file to write, of any of these endings.
        method: ``"select"`` or ``"prototypes"``.
        ratio: size of the smallest class over that of every class that is thinned, within ``(0, 1]``.
        alpha: order of the divergence; the sampler's own default if None.
        bandwidth: as :class:`gramian.sampling.JensenRenyiUnderSampler`.
        bandwidth_factor: as there.
        ignore: columns of numbers not to measure, such as identifiers.
        random_subsets: drawn for comparison, at most.
        seed: of every draw.

    Returns:
        A :class:`Resampling`.

    Raises:
        ValueError: a file, column, class or number that does not fit; missing values.
    """
    if method not in METHODS:
        raise value_fault("method", f"one of {', '.join(METHODS)}", repr(method), "The default is 'select'.")
    if not 0 < ratio <= 1:
        raise value_fault("ratio", "a number in (0, 1]", ratio, "1 makes every class as small as the smallest.")
    if out.suffix not in SUFFIXES:
        raise value_fault("out", f"a file ending in {', '.join(SUFFIXES)}", str(out), "Name it so.")
    if out.resolve() == data.resolve():
        raise value_fault("out", "another file than the data", str(out), "The data are never written over.")
    table = read_table(data)
    labels = _labels(table, target)
    measured = _measured(table, target, ignore)
    x = np.column_stack([_complete(table, name) for name in measured])
    names, y = np.unique(labels, return_inverse=True)
    before = np.bincount(y)
    if len(names) < 2:
        got = f"one, {names[0]}"
        raise value_fault("target", "two classes or more", got, "There is nothing to balance against.")
    most = round(before.min() / ratio)
    strategy = {int(label): most for label in range(len(names)) if before[label] > most}
    if not strategy:
        counts = ", ".join(f"{name} {count}" for name, count in zip(names, before, strict=True))
        raise value_fault(
            "ratio", f"a class of more than {most} rows", counts, "The classes are that balanced already."
        )
    options: dict[str, Any] = {"bandwidth": bandwidth, "bandwidth_factor": bandwidth_factor, "random_state": seed}
    if alpha is not None:
        options["alpha"] = alpha
    sampler = (JensenRenyiUnderSampler if method == "select" else JensenRenyiPrototypes)(
        sampling_strategy=strategy, **options
    )
    kept, assigned = sampler.fit_resample(x, y)
    if method == "select":
        table.write(out, np.sort(sampler.sample_indices_))
    else:
        _write_learned(table, out, measured, target, y, kept, assigned, strategy)
    after = np.bincount(assigned, minlength=len(names))
    return Resampling(
        target=target,
        method=method,
        alpha=float(sampler.alpha),
        measured=tuple(measured),
        left_out=tuple(name for name in table.columns if name not in {*measured, target}),
        counts={str(name): (int(b), int(a)) for name, b, a in zip(names, before, after, strict=True)},
        classes={
            str(names[label]): coverage(
                x[y == label],
                kept[assigned == label],
                scale=x,
                bandwidth=bandwidth,
                bandwidth_factor=bandwidth_factor,
                random_subsets=random_subsets,
                random_state=seed,
            )
            for label in strategy
        },
    )


def _labels(table: DataTable, target: str) -> npt.NDArray[np.str_]:
    if target not in table.columns:
        rule = f"one of {', '.join(map(repr, list(table.columns)[:8]))}"
        raise value_fault("target", rule, repr(target), "Name a column of the table.")
    column = table.columns[target]
    missing = sum(value is None or str(value).strip() == "" for value in column.values)
    if missing:
        got = f"none in {missing} of {table.rows}"
        raise value_fault("target", "a class in every row", got, "Remove these rows or fill them in.")
    labels = np.array([str(value) for value in column.values])
    if column.numbers is not None and not column.whole and len(np.unique(labels)) > 20:
        got = f"{len(np.unique(labels))} different numbers in {target!r}"
        raise value_fault("target", "classes", got, "Cut the column into classes first.")
    return labels


def _measured(table: DataTable, target: str, ignore: Sequence[str]) -> list[str]:
    unknown = [name for name in ignore if name not in table.columns]
    if unknown:
        raise value_fault("ignore", "columns of the table", repr(unknown[0]), "Check the name.")
    found = [
        name
        for name, column in table.columns.items()
        if column.numbers is not None and name != target and name not in ignore
    ]
    if not found:
        remedy = "Distances need one: encode text as numbers, or ignore fewer."
        raise value_fault("data", "a column of numbers beside the target", "none", remedy)
    return found


def _complete(table: DataTable, name: str) -> npt.NDArray[np.float64]:
    numbers = np.asarray(table.columns[name].numbers, dtype=np.float64)
    wrong = int((~np.isfinite(numbers)).sum())
    if wrong:
        got = f"none in {wrong} of {len(numbers)} rows of {name!r}"
        raise value_fault(
            "data", "a finite number in every row", got, "Fill them in, or leave the column out: --ignore."
        )
    return numbers


def _write_learned(
    table: DataTable,
    out: Path,
    measured: list[str],
    target: str,
    y: npt.NDArray[np.intp],
    points: npt.NDArray[np.float64],
    assigned: npt.NDArray[np.intp],
    strategy: dict[int, int],
) -> None:
    new = np.isin(assigned, list(strategy))
    spoken = {label: table.columns[target].values[int(np.flatnonzero(y == label)[0])] for label in strategy}
    learned: dict[str, list[Any]] = {}
    for name in table.columns:
        if name == target:
            learned[name] = [spoken[int(label)] for label in assigned[new]]
        elif name in measured:
            values = points[new, measured.index(name)]
            learned[name] = np.rint(values).astype(np.int64).tolist() if table.columns[name].whole else values.tolist()
    table.write(out, np.flatnonzero(~np.isin(y, list(strategy))), learned)

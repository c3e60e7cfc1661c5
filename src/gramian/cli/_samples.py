"""What `gramian compare` reads: samples of any kind, with equal coordinates in equal order and finite numbers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gramian.cli import _sample_arrays, _sample_tables
from gramian.cli._sample_arrays import read_array
from gramian.cli._sample_images import CHANNELS, Pixels, grey_where_all_are, pixel_names, read_folders, read_images
from gramian.cli._sample_tables import read_groups, read_table

if TYPE_CHECKING:
    from gramian.report import ComparedSample

__all__ = ["Reading", "read_samples", "scale_ratio", "standardized"]

_SHOWN = 8
_KINDS = (
    "an array (.npy, .npz, .pt, .safetensors), a table (.csv, .tsv, .jsonl, .parquet) or a folder or .zip of images"
)


@dataclass(frozen=True)
class Reading:
    """How samples are read.

    Attributes:
        columns: Columns of tables; None takes all.
        group: The column that tells the samples of a single table apart, or ``folder`` for a folder of images.
        layer: Which layer of files of hidden states.
        image_size: Side that images are brought to.
        drop_missing: Leave out points that lack a number.
        max_points: At most so many points of each sample, drawn by ``seed``; None takes all.
        seed: Of that draw.
    """

    columns: tuple[str, ...] | None = None
    group: str | None = None
    layer: int | None = None
    image_size: int = 32
    drop_missing: bool = False
    max_points: int | None = None
    seed: int = 0


def read_samples(sources: Sequence[str], reading: Reading) -> tuple[ComparedSample, ...]:
    """Two samples or more, ready to be compared: the same columns by name, every number finite.

    Raises:
        ValueError: A source that cannot be read, samples that cannot be compared, points without numbers.
        ImportError: An extra is missing.
    """
    if reading.group is not None:
        if len(sources) != 1:
            raise ValueError(
                f"--group: expected one table or folder; got {len(sources)} sources. Give one, or leave it out."
            )
        samples = _groups(Path(sources[0]), reading)
    else:
        if len(sources) < 2:
            raise ValueError(
                f"sources: expected two samples or more; got {len(sources)}. Name a second, or the column of one table that tells "
                "its samples apart with --group."
            )
        samples = [_sample(source, reading) for source in sources]
    _refuse_unused(samples, reading)
    samples = _named(_aligned(samples))
    return tuple(_thinned(_complete(sample, reading), reading) for sample in samples)


def standardized(samples: Sequence[ComparedSample]) -> list[np.ndarray]:
    """Points with every coordinate of the pooled samples at mean 0 and deviation 1; a constant one at 0.

    The pooled sample knows no labels, so that permuted labels see the same coordinates.
    """
    pooled = np.concatenate([sample.points for sample in samples]).astype(np.float64)
    mean, deviation = pooled.mean(0), _deviation(pooled)
    return [(sample.points - mean) / np.where(deviation > 0, deviation, 1.0) for sample in samples]


def scale_ratio(samples: Sequence[ComparedSample]) -> tuple[float, str, str]:
    """Deviation of the widest coordinate by that of the narrowest that varies, and the names of both."""
    deviation = _deviation(np.concatenate([sample.points for sample in samples]).astype(np.float64))
    varying = np.flatnonzero(deviation > 0)
    if not len(varying):
        return 1.0, "", ""
    widest, narrowest = varying[deviation[varying].argmax()], varying[deviation[varying].argmin()]
    columns = samples[0].columns
    return float(deviation[widest] / deviation[narrowest]), columns[widest], columns[narrowest]


def _deviation(pooled: np.ndarray) -> np.ndarray:
    # Of a constant column the mean is rounded, which leaves a deviation that is not zero.
    return np.where(np.ptp(pooled, axis=0) > 0, pooled.std(0), 0.0)


def _sample(source: str, reading: Reading) -> ComparedSample:
    path, key = _location(source)
    suffix = path.suffix.lower()
    if path.is_dir() or suffix == ".zip":
        return _of_pixels(path.name or str(path), path, read_images(path, size=reading.image_size), reading.image_size)
    if suffix not in (*_sample_arrays.SUFFIXES, *_sample_tables.SUFFIXES):
        what = f"a file ending in {suffix or 'nothing'}" if path.exists() else "nothing there"
        raise ValueError(f"{source}: expected {_KINDS}; got {what}. Check the path.")
    if not path.is_file():
        raise ValueError(f"{source}: expected a file; got nothing there. Check the path.")
    if not path.stat().st_size:
        raise ValueError(f"{source}: expected a sample; got an empty file. Check what should have written it.")
    if suffix in _sample_tables.SUFFIXES:
        if key is not None:
            raise ValueError(f"{source}: expected no name behind a table; got :{key}. Choose columns with --columns.")
        columns, points = read_table(path, columns=reading.columns)
        return _made(path.name, path, points, columns, _row_names(range(len(points))), "table")
    points = read_array(path, key=key, layer=reading.layer)
    columns = tuple(f"column {place}" for place in range(points.shape[1]))
    rows = tuple(f"index {place}" for place in range(len(points)))
    return _made(path.name if key is None else f"{path.name}:{key}", path, points, columns, rows, "array")


def _location(source: str) -> tuple[Path, str | None]:
    """A path, and the name of an array behind a colon, where the file exists and ends as one of arrays does."""
    head, colon, key = source.rpartition(":")
    if colon and key and not Path(source).exists() and Path(head).suffix.lower() in _sample_arrays.SUFFIXES:
        return Path(head), key
    return Path(source), None


def _groups(path: Path, reading: Reading) -> list[ComparedSample]:
    group = str(reading.group)
    if path.is_dir() or path.suffix.lower() == ".zip":
        if group != "folder":
            raise ValueError(
                f"--group: expected folder, for images in folders of their group; got {group!r}. Correct it."
            )
        folders = read_folders(path, size=reading.image_size)
        samples = [_of_pixels(name, path, pixels, reading.image_size) for name, pixels in folders.items()]
    elif path.suffix.lower() in _sample_tables.SUFFIXES:
        tables = read_groups(path, group, columns=reading.columns)
        samples = [
            _made(label, path, points, columns, _row_names(rows), "table")
            for label, (columns, points, rows) in tables.items()
        ]
    else:
        raise ValueError(f"--group: expected a table or a folder of images; got {path}. Give one file a sample.")
    if len(samples) < 2:
        raise ValueError(
            f"--group: expected two groups or more in {group!r} of {path}; got one, {samples[0].name}. Name another."
        )
    return samples


def _row_names(places: Sequence[int] | range) -> tuple[str, ...]:
    return tuple(f"row {place + 1}" for place in places)


def _made(
    name: str, path: Path, points: np.ndarray, columns: tuple[str, ...], rows: tuple[str, ...], kind: str
) -> ComparedSample:
    from gramian.report import ComparedSample

    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ComparedSample(
        name=name, source=str(path), points=points, columns=columns, rows=rows, kind=kind, hash=digest
    )


def _of_pixels(name: str, path: Path, pixels: Pixels, size: int) -> ComparedSample:
    from gramian.report import ComparedSample

    return ComparedSample(
        name=name,
        source=str(path),
        points=pixels.points,
        columns=pixel_names(size, len(CHANNELS)),
        rows=pixels.names,
        kind="images",
        hash=pixels.hash,
        picture=pixels.picture,
        side=size,
    )


def _refuse_unused(samples: Sequence[ComparedSample], reading: Reading) -> None:
    """An option that nothing reads is a mistake: it changes what somebody believes was compared."""
    kinds = {sample.kind for sample in samples}
    for option, given, kind, what in (
        ("--columns", reading.columns is not None, "table", "a table"),
        ("--layer", reading.layer is not None, "array", "a file of hidden states"),
    ):
        if given and kind not in kinds:
            raise ValueError(f"{option}: expected {what} among the sources; got none. Leave it out.")


def _aligned(samples: Sequence[ComparedSample]) -> list[ComparedSample]:
    first = samples[0]
    if len({sample.kind == "images" for sample in samples}) > 1:
        raise ValueError(
            "sources: expected images throughout, or none; got both. Save features of the images as an array."
        )
    if first.kind == "images":
        thin = grey_where_all_are([sample.points for sample in samples])
        names = pixel_names(first.side or 0, thin[0].shape[1] // (first.side or 1) ** 2)
        return [replace(sample, points=points, columns=names) for sample, points in zip(samples, thin, strict=True)]
    leading = next((sample for sample in samples if sample.kind == "table"), first)
    return [_like(sample, leading) for sample in samples]


def _like(sample: ComparedSample, leading: ComparedSample) -> ComparedSample:
    """A sample with the coordinates of another: those of tables by name, in any order, those of arrays by place."""
    if sample.kind == "table" and sample.columns != leading.columns:
        lacking = [name for name in leading.columns if name not in sample.columns]
        beyond = [name for name in sample.columns if name not in leading.columns]
        if lacking or beyond:
            shared = ",".join(name for name in leading.columns if name in sample.columns)
            differences = [f"none called {_few(lacking)}"] * bool(lacking) + [f"also {_few(beyond)}"] * bool(beyond)
            remedy = f"Compare what both have with --columns {shared}" if shared else "Rename them alike."
            raise ValueError(
                f"{sample.source}: expected the columns of {leading.source}; got {' and '.join(differences)}. {remedy}"
            )
        places = [sample.columns.index(name) for name in leading.columns]
        return replace(sample, points=sample.points[:, places], columns=leading.columns)
    if sample.points.shape[1] != leading.points.shape[1]:
        raise ValueError(
            f"{sample.source}: expected {leading.points.shape[1]} columns as in {leading.source}; got {sample.points.shape[1]}. "
            "Samples share their columns."
        )
    if sample.kind == "array" and leading.kind == "table":
        note = f"{sample.name} names no columns: they are matched with those of {leading.name} by their place."
        return replace(sample, columns=leading.columns, notes=(*sample.notes, note))
    return sample


def _named(samples: Sequence[ComparedSample]) -> list[ComparedSample]:
    """Samples under names that tell them apart: with the folder where files are called alike, else numbered."""
    names = [sample.name for sample in samples]
    if len(set(names)) < len(names):
        names = [f"{Path(sample.source).resolve().parent.name}/{sample.name}" for sample in samples]
    if len(set(names)) < len(names):
        names = [f"{name} ({place})" for place, name in enumerate(names, 1)]
    return [replace(sample, name=name) for sample, name in zip(samples, names, strict=True)]


def _complete(sample: ComparedSample, reading: Reading) -> ComparedSample:
    whole = np.isfinite(sample.points)
    kept = whole.all(1)
    left_out = int((~kept).sum())
    if left_out and not reading.drop_missing:
        row, column = (int(place) for place in np.argwhere(~whole)[0])
        raise ValueError(
            f"{sample.source}: expected a finite number everywhere; got {sample.points[row, column]} in {left_out:,} of {len(kept):,} "
            f"points, first {sample.rows[row]}, {sample.columns[column]}. Fill them, or leave them out with --drop-missing."
        )
    if left_out:
        lacking = [name for name, full in zip(sample.columns, whole.all(0), strict=True) if not full]
        note = (
            f"{left_out:,} of {len(kept):,} points of {sample.name} are left out: no finite number in {_few(lacking)}."
        )
        sample = _taken(sample, np.flatnonzero(kept), note)
    if len(sample.points) < 2:
        raise ValueError(
            f"{sample.source}: expected at least 2 points in {sample.name}; got {len(sample.points)}. One point has no distribution."
        )
    if not sample.columns:
        raise ValueError(f"{sample.source}: expected at least one column; got none. Add numbers to compare.")
    return sample


def _thinned(sample: ComparedSample, reading: Reading) -> ComparedSample:
    most = reading.max_points
    if most is None or len(sample.points) <= most:
        return sample
    import torch

    from gramian.itl import as_generator

    drawn = torch.randperm(len(sample.points), generator=as_generator(reading.seed))[:most].sort().values.numpy()
    note = f"{most:,} of the {len(sample.points):,} points of {sample.name} are compared, drawn by seed {reading.seed}."
    return _taken(sample, drawn, note)


def _taken(sample: ComparedSample, places: np.ndarray, note: str) -> ComparedSample:
    picture = sample.picture
    return replace(
        sample,
        points=sample.points[places],
        rows=tuple(sample.rows[place] for place in places),
        picture=None if picture is None else lambda place: picture(int(places[place])),
        notes=(*sample.notes, note),
    )


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(re.sub(r"\s+", " ", name) for name in names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")

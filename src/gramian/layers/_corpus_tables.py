"""Prompts out of columns: Parquet files and data sets of the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from gramian.layers._corpus_files import Entry, as_label, choose_field

_ROWS = 1024
_INSTALL = 'Install it with: pip install "gramian[layers]"'


def _pyarrow() -> tuple[ModuleType, ModuleType]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(f"source: expected pyarrow, to read Parquet; got none. {_INSTALL}") from error
    return pyarrow, pyarrow.parquet


def parquet_entries(path: Path, *, field: str | None, label_field: str | None) -> Iterator[Entry]:
    """Rows of a Parquet file; only the columns that are needed are read, some rows at a time.

    Raises:
        ValueError: a truncated file, or a field that is missing, ambiguous or holds no text.
        ImportError: pyarrow is missing.
    """
    pa, parquet = _pyarrow()
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            fields = {column.name: _holds_text(pa, column.type) for column in file.schema_arrow}
            chosen = choose_field(fields, field=field, label_field=label_field, where=str(path))
            columns = [chosen] if label_field in (None, chosen) else [chosen, label_field]
            for batch in file.iter_batches(batch_size=_ROWS, columns=columns):
                texts = batch.column(batch.schema.get_field_index(chosen)).to_pylist()
                labels = None
                if label_field is not None:
                    labels = batch.column(batch.schema.get_field_index(label_field)).to_pylist()
                for index, text in enumerate(texts):
                    number += 1
                    where = f"row {number} of {path}"
                    yield Entry(text or "", None if labels is None else as_label(labels[index], where=where))
    except (pa.ArrowException, OSError) as error:
        reason = (str(error).splitlines() or ["no reason given"])[0]
        raise ValueError(
            f"source: expected a whole Parquet file; got a truncated or damaged one, {path} ({reason}). Copy it again."
        ) from error


def _holds_text(pa: ModuleType, kind: Any) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def hub_entries(
    name: str, *, field: str | None, label_field: str | None, split: str | None, revision: str | None
) -> Iterator[Entry]:
    """Rows of a data set of the hub, or of a folder in the hub's layout, through ``datasets.load_dataset``.

    Args:
        name: ``org/name``, ``org/name:configuration``, or a folder.
        field: The field of the text.
        label_field: The field of the labels; numbered classes come back by name.
        split: The split; may be left out when there is one only.
        revision: Branch, tag or commit on the hub.

    Raises:
        ValueError: the data set, configuration, split or field cannot be had; the reason is in the message.
        ImportError: datasets is missing.
    """
    try:
        import datasets
    except ImportError as error:
        raise ImportError(f"source: expected datasets, to read {name!r}; got none. {_INSTALL}") from error
    repository, configuration = name, None
    if ":" in name and not Path(name).exists():
        repository, _, configuration = name.rpartition(":")
    try:
        loaded = datasets.load_dataset(repository, configuration, split=split, revision=revision)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"source: expected a data set that can be loaded; got {name!r} with split {split!r} and revision "
            f"{revision!r} "
            f"({reason}). Check the names, and the connection if it is not in the cache."
        ) from error
    if isinstance(loaded, datasets.DatasetDict):
        if len(loaded) != 1:
            raise ValueError(f"split: expected one of the splits of {name} ({', '.join(loaded)}); got None. Name one.")
        loaded = next(iter(loaded.values()))
    features = loaded.features
    texts = {
        key: isinstance(kind, datasets.Value) and kind.dtype in ("string", "large_string")
        for key, kind in features.items()
    }
    chosen = choose_field(texts, field=field, label_field=label_field, where=name)
    classes = features[label_field] if label_field is not None else None
    wanted = loaded.select_columns([chosen] if label_field in (None, chosen) else [chosen, label_field])
    for number, row in enumerate(wanted, 1):
        label = None
        if label_field is not None:
            value = row[label_field]
            if isinstance(classes, datasets.ClassLabel) and isinstance(value, int) and value >= 0:
                value = classes.int2str(value)
            label = as_label(value, where=f"row {number} of {name}")
        yield Entry(row[chosen] or "", label)

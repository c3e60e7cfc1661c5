"""What the vectors of a corpus cost on disk, before anything is read."""

from __future__ import annotations

from gramian.downstream._vectors.precision import PRECISIONS, Precision
from gramian.downstream._vectors.shelf import row_bytes

__all__ = ["store_cost"]


def store_cost(
    texts: int, *, streams: int, width: int, readings: int = 1, precision: Precision = "float16", passes: int = 1
) -> int:
    """Bytes on disk of the vectors of distinct texts, all streams and readings.

    Args:
        texts: Distinct texts.
        streams: Streams kept: layers 0 to depth make depth + 1, and one more for the final-normed state.
        width: Features of a state.
        readings: Poolings times normalisations.
        precision: Of the store.
        passes: Groups of layers that are read one after the other; the largest group counts.

    Returns:
        Bytes, without the few kilobytes of file headers.

    Raises:
        ValueError: A number under 1, or an unknown precision.

    >>> store_cost(1_000_000, streams=34, width=4096) / 1e9
    278.753
    """
    numbers = {"texts": texts, "streams": streams, "width": width, "readings": readings, "passes": passes}
    for name, value in numbers.items():
        if value < 1:
            raise ValueError(f"{name}: expected at least 1; got {value}. Correct it.")
    if precision not in PRECISIONS:
        raise ValueError(f"precision: expected one of {', '.join(PRECISIONS)}; got {precision!r}. Correct it.")
    at_once = -(-streams // passes)
    return texts * readings * row_bytes(at_once, width, precision)

"""Which layers are kept, and in how many groups they are read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from gramian.layers import LanguageModel

__all__ = ["Layers", "all_streams", "choose_streams", "stream_groups"]

Layers = Sequence[int] | str | None
_EVERY = re.compile(r"every\s+(\d+)(?:st|nd|rd|th)?")


def all_streams(model: LanguageModel) -> tuple[tuple[int, str], ...]:
    """The residual stream at layers 0 to depth, and the final-normed state where there is one, in the order they are seen."""
    residual = [(layer, "residual") for layer in range(model.depth + 1)]
    return (*residual, *([(model.depth, "final_norm")] if model.final_norm is not None else []))


def choose_streams(model: LanguageModel, layers: Layers) -> tuple[tuple[int, str], ...]:
    """The streams of some layers, in order; ``final_norm`` comes with the last layer.

    Args:
        model: The model.
        layers: None for all; numbers from 0 to depth, negative ones from the end; or text: ``every 4th`` (0, 4, 8, ... and the last),
            ``last``, or numbers with commas between them.

    Raises:
        ValueError: A layer that the model lacks, no layer, or text of another form.
    """
    numbers = range(model.depth + 1) if layers is None else _numbers(layers, model.depth)
    wrong = [layer for layer in numbers if not -model.depth - 1 <= layer <= model.depth]
    if wrong:
        raise ValueError(
            f"layers: expected numbers from 0 to {model.depth}, the layers of {model.name}; got {wrong[0]}. Correct it."
        )
    kept = {layer % (model.depth + 1) for layer in numbers}
    if not kept:
        raise ValueError("layers: expected at least one; got none. Leave it out for all layers.")
    return tuple(name for name in all_streams(model) if name[0] in kept)


def stream_groups(streams: Sequence[tuple[int, str]], passes: int) -> list[tuple[tuple[int, str], ...]]:
    """Streams in ``passes`` groups of about equal size, in order; one forward pass each.

    Raises:
        ValueError: Fewer than one group.
    """
    if passes < 1:
        raise ValueError(f"passes: expected at least 1; got {passes}. One reads all layers at once.")
    count = min(passes, len(streams))
    cuts = [len(streams) * number // count for number in range(count + 1)]
    return [tuple(streams[first:last]) for first, last in pairwise(cuts)]


def _numbers(layers: Sequence[int] | str, depth: int) -> Sequence[int]:
    if not isinstance(layers, str):
        return list(layers)
    text = layers.strip().lower()
    every = _EVERY.fullmatch(text)
    if every and int(every[1]) > 0:
        return [*range(0, depth + 1, int(every[1])), depth]
    if text == "last":
        return [depth]
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(
            f"layers: expected numbers with commas between them, 'every 4th' or 'last'; got {layers!r}. For example 0,8,16."
        ) from None

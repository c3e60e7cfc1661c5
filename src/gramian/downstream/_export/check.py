"""Whether an exported folder, loaded by sentence-transformers alone, gives the vectors that were asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gramian.downstream._export.texts import CHECKED_TEXTS
from gramian.downstream._vectors.batch_vectors import read_batch
from gramian.downstream._vectors.readings import Reading
from gramian.layers import LanguageModel, encode
from gramian.layers._loading import quiet_loading

__all__ = ["check_export"]

# Of the distance between texts, by the format of the weights: rounding of a batch against single texts stays far below.
_TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-4, torch.float16: 2e-2, torch.bfloat16: 1e-1}
# Texts of more tokens cost too much to run through the model; of those, the tokens alone are compared.
_LONG = 512


def check_export(
    folder: Path, model: LanguageModel, *, layer: int, stream: str, reading: Reading, max_tokens: int | None
) -> float:
    """Compare a folder's vectors with those of the whole model, one text at a time and in a padded batch.

    Args:
        folder: What `write_folder` wrote.
        model: The whole model.
        layer: The layer that was asked for.
        stream: Its stream.
        reading: How its vectors are made.
        max_tokens: Where texts are cut.

    Returns:
        The largest distance, as a share of the distance between texts.

    Raises:
        ValueError: The folder cannot be loaded, cuts texts elsewhere, or gives other vectors than rounding explains.
    """
    exported = _load(folder, model)
    texts = [*CHECKED_TEXTS]
    if max_tokens is not None:
        long = "word and " * (max_tokens + 1)
        _compare_tokens(exported, model, long, max_tokens)
        if max_tokens <= _LONG:
            texts.append(long)
    expected = np.concatenate(
        [
            read_batch(
                model, encode(model, [text], max_tokens=max_tokens), readings=[reading], streams=[(layer, stream)]
            ).vectors[0, 0]
            for text in texts
        ]
    )
    tolerance = _TOLERANCE.get(next(model.model.parameters()).dtype, 1e-4)
    worst = 0.0
    for size in (1, len(texts)):
        found = exported.encode(texts, batch_size=size, convert_to_numpy=True, show_progress_bar=False)
        distance = relative_distances(expected, np.asarray(found, dtype=np.float64))
        worst = max(worst, float(distance.max()))
        if not worst <= tolerance:
            batch = "one text at a time" if size == 1 else "in a padded batch"
            remedy = "Put the instruction into the texts" if model.instruction else "Choose another reading or model"
            raise ValueError(
                f"layer: expected vectors of sentence-transformers within {tolerance:g} of the whole model's; got {worst:.2g} "
                f"{batch}, on {texts[int(distance.argmax())][:30]!r}. {remedy}: family {model.family!r} cannot be exported with "
                f"{reading.variant}. Nothing was written."
            )
    return worst


def relative_distances(expected: NDArray[Any], found: NDArray[Any]) -> NDArray[np.float64]:
    """Distance of each vector from what it should be, over its distance from the median of all, or the median of those.

    Over the length itself, a part that all vectors share would hide any difference: in raw streams it can be nearly all.
    """
    if expected.shape != found.shape or not np.isfinite(found).all():
        return np.full(len(expected), np.inf)
    apart = np.linalg.norm(expected - np.median(expected, axis=0), axis=1)
    scale = np.maximum(apart, np.median(apart))
    away = np.linalg.norm(expected - found, axis=1)
    return np.asarray(np.where(away == 0, 0.0, away / np.where(scale > 0, scale, np.finfo(np.float32).tiny)))


def _load(folder: Path, model: LanguageModel) -> Any:
    from sentence_transformers import SentenceTransformer

    try:
        with quiet_loading():
            return SentenceTransformer(str(folder), device=str(model.device), local_files_only=True)
    except (
        ValueError,
        OSError,
        KeyError,
        TypeError,
        RuntimeError,
        AttributeError,
        IndexError,
        ImportError,
        ZeroDivisionError,
    ) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(
            f"model: expected a family that sentence-transformers loads; got {model.family!r}: {reason}. Choose another model."
        ) from error


def _compare_tokens(exported: Any, model: LanguageModel, text: str, max_tokens: int) -> None:
    ours = encode(model, [text], max_tokens=max_tokens).input_ids[0].tolist()
    theirs = exported.tokenizer(model.instruction + text, truncation="longest_first")["input_ids"]
    if list(theirs) != ours:
        raise ValueError(
            f"max_tokens: expected a tokenizer that cuts a long text to the same {len(ours)} tokens when it is saved; got "
            f"{len(theirs)}. This tokenizer cannot be exported; nothing was written."
        )

"""The chosen layer as a sentence-transformers model of its own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from gramian import __version__
from gramian.downstream._export.card import RECORD, LayerScore, model_card
from gramian.downstream._export.check import check_export
from gramian.downstream._export.folder import write_folder
from gramian.downstream._export.model import cut_model
from gramian.downstream._export.places import place_of_state
from gramian.downstream._vectors.encoder import model_identity
from gramian.downstream._vectors.readings import Normalization, Pooling, Reading
from gramian.layers import LanguageModel, load_model
from gramian.layers._prompts import usable_tokens

__all__ = ["ExportedLayer", "check_way", "export_layer", "require_export_extra"]

# The first release with the module that leaves a first token out of the mean.
_LEAST_VERSION = (6, 2)


@dataclass(frozen=True)
class ExportedLayer:
    """What was written.

    Attributes:
        folder: A folder for ``sentence_transformers.SentenceTransformer``.
        layer: The layer.
        stream: ``residual`` or ``final_norm``.
        reading: How its vectors are made.
        record: What ``gramian_export.json`` in the folder says.
    """

    folder: Path
    layer: int
    stream: str
    reading: Reading
    record: Mapping[str, Any]


def export_layer(
    model: LanguageModel | str,
    *,
    layer: int,
    out: str | Path,
    pooling: str = "mean",
    normalize: str = "raw",
    stream: str = "residual",
    max_tokens: int | None = None,
    overwrite: bool = False,
    scores: Sequence[LayerScore] = (),
    sentences: Sequence[str] = (),
    model_options: Mapping[str, Any] | None = None,
) -> ExportedLayer:
    """Write a layer of a model, cut off and pooled, as a folder that sentence-transformers loads without Gramian.

    Blocks after the layer are not saved. Before the folder gets its name it is loaded by sentence-transformers and its
    vectors are compared with those of the whole model; a difference beyond rounding leaves nothing behind.

    Args:
        model: A loaded model, or a name for `load_model`.
        layer: From 0 to the model's depth; negative numbers count from the end.
        out: The folder to write; it must not exist, unless ``overwrite``.
        pooling: ``mean``, ``mean_no_first``, ``last``, ``first`` or ``weighted_mean``, as in `Reading`.
        normalize: ``raw`` or ``final_norm``, as in `Reading`.
        stream: ``residual``; or ``final_norm``, the normed last state, with the last layer.
        max_tokens: Longer texts are cut to this many tokens; None for the model's own limit.
        overwrite: Replace an earlier export. Anything else in the way is refused.
        scores: What a run found of this layer, for the model card.
        sentences: Why this layer, for the model card.
        model_options: More arguments of `load_model`, for a model given by name.

    Returns:
        `ExportedLayer`.

    Raises:
        ValueError: A layer that is not there, a reading that this family has not or that cannot be exported, a folder in
            the way, or vectors that differ.
        TypeError: An argument of the wrong kind, or a model that does not read text.
        OSError: The disk is full or may not be written; nothing is left.
        ImportError: The extra ``export`` is not installed.

    Cost: writing and reading the kept weights once; memory of the kept part beside the model; nine short texts through both.
    """
    require_export_extra()
    if isinstance(layer, bool) or not isinstance(layer, int):
        raise TypeError(
            f"layer: expected an integer; got {type(layer).__name__}. Layer 0 is what the first block receives."
        )
    reading = Reading(cast(Pooling, pooling), cast(Normalization, normalize))
    folder = Path(out)
    check_way(folder, overwrite)
    loaded = load_model(model, **(model_options or {})) if isinstance(model, str) else model
    if not isinstance(loaded, LanguageModel):
        raise TypeError(
            f"model: expected one that reads text; got {type(loaded).__name__}. Texts are what is exported here."
        )
    number = _layer_number(loaded, layer)
    reading = _checked_reading(loaded, number, stream, reading)
    if loaded.chat_template:
        raise ValueError(
            "chat_template: expected a model without one, which is read as it stands; got chat_template=True. Load it without, "
            "or put the template into the texts."
        )
    limit = loaded.max_tokens if max_tokens is None else usable_tokens(loaded, max_tokens)
    place = place_of_state(loaded, number, normalize=reading.normalize)
    cut = cut_model(loaded, place)
    with _written_aside(folder) as aside:
        write_folder(aside, cut, loaded, place=place, pooling=reading.pooling, max_tokens=limit)
        distance = check_export(aside, loaded, layer=number, stream=stream, reading=reading, max_tokens=limit)
        settings = json.loads((aside / "config_sentence_transformers.json").read_text(encoding="utf-8"))
        record = {
            "format": "gramian-export",
            "version": 1,
            "gramian": __version__,
            **_identity(loaded),
            "layer": number,
            "stream": stream,
            "pooling": reading.pooling,
            "normalize": reading.normalize,
            "max_tokens": limit,
            "blocks": place.blocks,
            "placeholder": int(place.placeholder),
            "parameters": sum(parameter.numel() for parameter in cut.parameters()),
            "largest_distance": distance,
            "versions": settings["__version__"],
        }
        (aside / RECORD).write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        (aside / "README.md").write_text(model_card(record, scores, sentences), encoding="utf-8")
    return ExportedLayer(folder, number, stream, reading, record)


def require_export_extra() -> None:
    from importlib.metadata import version

    install = "Run `pip install 'gramian[export]'`."
    if find_spec("sentence_transformers") is None:
        raise ImportError(f"gramian export: expected the package sentence-transformers; got none. {install}")
    found = version("sentence-transformers")
    if tuple(int(part) for part in found.split(".")[:2]) < _LEAST_VERSION:
        raise ImportError(f"gramian export: expected sentence-transformers 6.2 or later; got {found}. {install}")


def _layer_number(model: LanguageModel, layer: int) -> int:
    if not -model.depth - 1 <= layer <= model.depth:
        raise ValueError(f"layer: expected 0 to {model.depth}, the layers of {model.name}; got {layer}. Correct it.")
    return layer % (model.depth + 1)


def _checked_reading(model: LanguageModel, layer: int, stream: str, reading: Reading) -> Reading:
    if stream not in ("residual", "final_norm"):
        raise ValueError(f"stream: expected residual or final_norm; got {stream!r}. Correct it.")
    if stream == "final_norm" and layer != model.depth:
        raise ValueError(
            f"stream: expected residual for layer {layer}; got final_norm, which is the state after layer {model.depth}. "
            "For the normed reading of another layer give normalize='final_norm'."
        )
    if model.final_norm is None and "final_norm" in (stream, reading.normalize):
        raise ValueError(
            f"normalize: expected raw and the residual stream for {model.name}, which has no final norm; got final_norm. "
            "Leave it out."
        )
    # The stream is normed already; both names mean one vector.
    return Reading(reading.pooling, "final_norm") if stream == "final_norm" else reading


def _identity(model: LanguageModel) -> dict[str, Any]:
    facts = model_identity(model)
    kept = ("revision", "commit", "family", "depth", "width", "weights_hash", "untrained", "dtype", "instruction")
    return {"model": facts["name"], **{name: facts[name] for name in kept}}


def check_way(folder: Path, overwrite: bool) -> None:
    if not folder.exists() and not folder.is_symlink():
        return
    if not overwrite:
        raise ValueError(
            f"out: expected a folder that is not there yet; got {folder}. Choose another name, or overwrite it."
        )
    if folder.is_dir() and not folder.is_symlink() and ((folder / RECORD).is_file() or not any(folder.iterdir())):
        return
    raise ValueError(
        f"out: expected an earlier export to overwrite; got {folder}, which is something else. Choose another name."
    )


@contextmanager
def _written_aside(folder: Path) -> Iterator[Path]:
    """A folder that takes its name when everything in it is written and checked; until then, and on failure, nothing changes."""
    there = next(parent for parent in folder.absolute().parents if parent.exists())
    aside, old = there / f".{folder.name}.aside", there / f".{folder.name}.old"
    if there == folder.absolute().parent and old.is_dir() and not folder.exists():
        # Killed between the two renames: what was to be replaced is all there is.
        old.replace(folder)
    for leftover in (aside, old):
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        aside.mkdir()
        yield aside
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.exists():
            folder.replace(old)
        try:
            aside.replace(folder)
        except BaseException:
            # An interrupt too: the earlier export is whole, and would go with the finally below.
            if old.exists():
                old.replace(folder)
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)

"""From a run directory to what an export needs: the model, the layer, the reading, and what the run found of them."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gramian.downstream._export.card import LayerScore
from gramian.downstream._vectors.encoder import model_identity
from gramian.downstream._vectors.readings import Reading
from gramian.layers import LanguageModel, load_model
from gramian.layers._model_sources import find_source
from gramian.layers._wheels import WHEELS
from gramian.runs import RunRecord

__all__ = ["Recommended", "layer_scores", "load_measured_model", "read_recommendation", "run_reading"]

_UNTRAINED = " (untrained)"


@dataclass(frozen=True)
class Recommended:
    """What ``recommendation.json`` of a run says.

    Attributes:
        layer: The layer.
        stream: Its stream.
        reading: The reading.
        sentences: Why.
    """

    layer: int
    stream: str
    reading: Reading
    sentences: tuple[str, ...]


def read_recommendation(folder: Path) -> Recommended | None:
    """The recommendation beside a run's tables, None where there is none.

    Raises:
        ValueError: A file of another form.
    """
    file = folder / "recommendation.json"
    if not file.is_file():
        return None
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        chosen = found["recommended"]
        if chosen is None:
            return None
        return Recommended(
            layer=int(chosen["layer"]),
            stream=str(chosen["stream"]),
            reading=Reading.of_variant(str(chosen["reading"])),
            sentences=tuple(map(str, found["sentences"])),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{file}: expected what `gramian recommend` writes; got {type(error).__name__}: {error}. Run it again, or remove the file."
        ) from error


def run_reading(record: RunRecord) -> Reading:
    """The reading that a run took its numbers from, the first where there are several."""
    variants = record.manifest.get("readings")
    if variants:
        return Reading.of_variant(str(variants[0]))
    normed = record.manifest["parameters"].get("normalize") == "final_norm"
    return Reading("mean", "final_norm" if normed else "raw")


def load_measured_model(
    record: RunRecord, *, name: str | None, options: Mapping[str, Any], option: str = "--model"
) -> LanguageModel:
    """The model that a run measured, loaded again and recognised by its weights and tokenizer.

    Args:
        record: The run.
        name: Where it is, for `load_model`; None looks it up by what the manifest says.
        options: More arguments of `load_model`; they go before what the manifest says.
        option: What the command line calls `name`, for messages.

    Raises:
        ValueError: No model of that name is found, or it has other weights or another tokenizer.
        TypeError: The run measured no texts.
    """
    facts = record.manifest.get("model")
    if not isinstance(facts, Mapping) or "weights_hash" not in facts:
        raise ValueError(
            f"{record.path}: expected a run of one model; got a manifest that names none. Give a run of gramian measure or "
            "downstream, or the model itself with --layer."
        )
    if "tokenizer_hash" not in facts:
        raise TypeError(f"{record.path}: expected a run on texts; got one of {facts['name']}, which reads no text.")
    wanted = {
        "revision": None,
        "dtype": facts["dtype"],
        "untrained": facts["untrained"],
        "seed": facts["weights_seed"] or 0,
        "instruction": facts["instruction"],
        "blocks": facts["blocks"],
        "chat_template": facts["chat_template"] is not None,
    }
    found, revision = (name, None) if name is not None else _find(record, facts, option)
    loaded = load_model(found, **{**wanted, "revision": revision, **options})
    if not isinstance(loaded, LanguageModel):
        raise TypeError(f"model: expected one that reads text; got {type(loaded).__name__}. Name another.")
    described = model_identity(loaded)
    for key, what in (("weights_hash", "weights"), ("config_hash", "configuration"), ("tokenizer_hash", "tokenizer")):
        # Runs made before configurations were recorded have no hash of theirs.
        if described[key] != facts.get(key, described[key]):
            raise ValueError(
                f"model: expected the {what} that {record.path} measured (sha256 {facts[key][:12]}...); got {found} with "
                f"{described[key][:12]}.... Name the model of the run with {option}."
            )
    return loaded


def layer_scores(record: RunRecord, *, layer: int, stream: str, reading: Reading, depth: int) -> list[LayerScore]:
    """Main scores of a layer by a reading in a run, with those of the model's last state; empty where there are none."""
    if "scores" not in record.tables:
        return []
    rows = [row for row in record.table("scores").to_pylist() if row["main"] and _finite(row["value"])]
    # Two rows of one vector, where the last layer was scored under both its names: the name that was asked for stays.
    of_vector = [row for row in rows if _vector(row) == _names(layer, stream, reading)]
    of_vector.sort(key=lambda row: (row["stream"], row["variant"]) == (stream, reading.variant))
    mine = list({_task(row): row for row in of_vector}.values())
    last: dict[tuple[str, ...], float] = {}
    for row in sorted(rows, key=lambda row: str(row["stream"]) == "final_norm"):
        same = Reading.of_variant(row["variant"]).pooling == reading.pooling
        if row["layer"] == depth and same and (row["stream"] == "final_norm" or row["variant"] == reading.variant):
            last[_task(row)] = float(row["value"])
    several = {row["task"] for row in mine if sum(other["task"] == row["task"] for other in mine) > 1}
    return [
        LayerScore(
            task=" ".join(_task(row)) if row["task"] in several else str(row["task"]),
            metric=str(row["metric"]),
            value=float(row["value"]),
            low=float(row["low"]) if _finite(row["low"]) else None,
            high=float(row["high"]) if _finite(row["high"]) else None,
            last=last.get(_task(row)),
        )
        for row in mine
    ]


def _find(record: RunRecord, facts: Mapping[str, Any], option: str) -> tuple[str, str | None]:
    """A name for `load_model`, and a revision: of a wheel, of a path on the run's command line, of the hub."""
    title = str(facts["name"]).removesuffix(_UNTRAINED)
    short = next((name for name, wheel in WHEELS.items() if wheel.title == title), None)
    if short is not None:
        return short, None
    if facts["revision"] is not None:
        return title, str(facts["commit"] or facts["revision"])
    for word in shlex.split(str(record.manifest.get("command_line") or ""))[2:]:
        if Path(word).expanduser().exists() and _title(word) == title:
            return word, None
    raise ValueError(
        f"{record.path}: expected a manifest whose model is still there; got {title!r}, local files that are not where the run "
        f"found them. Name the model with {option}."
    )


def _title(path: str) -> str | None:
    try:
        return find_source(path, revision=None, weights=False).title
    except ValueError:
        # A corpus, or another file of the command line.
        return None


def _names(layer: int, stream: str, reading: Reading) -> tuple[int, str, str]:
    """A vector by one name: the stream ``final_norm`` is the normed reading of the last layer."""
    normed = stream == "final_norm" or reading.normalize == "final_norm"
    return layer, reading.pooling, "final_norm" if normed else "raw"


def _vector(row: Mapping[str, Any]) -> tuple[int, str, str]:
    return _names(int(row["layer"]), str(row["stream"]), Reading.of_variant(str(row["variant"])))


def _task(row: Mapping[str, Any]) -> tuple[str, ...]:
    return str(row["task"]), str(row["split"] or ""), str(row["subset"] or "")


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)

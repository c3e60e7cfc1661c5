"""The layer of a run as a model: found, recognised and exported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from gramian.downstream._export.export import ExportedLayer, check_way, export_layer, require_export_extra
from gramian.downstream._export.source import layer_scores, load_measured_model, read_recommendation, run_reading
from gramian.downstream._vectors.readings import Normalization, Pooling
from gramian.runs import read_run

__all__ = ["export_run"]


def export_run(
    directory: str | Path,
    *,
    out: str | Path,
    layer: int | None = None,
    pooling: str | None = None,
    normalize: str | None = None,
    stream: str | None = None,
    max_tokens: int | None = None,
    model: str | None = None,
    overwrite: bool = False,
    model_options: Mapping[str, Any] | None = None,
) -> ExportedLayer:
    """Export a layer of the model that a run measured, with what the run found of it on the model card.

    What is left out is taken from ``recommendation.json`` in the directory where it recommends, else from the run.

    Args:
        directory: A finished run of measure or downstream.
        out: As in `export_layer`.
        layer: The layer; None for the recommended one.
        pooling: None for that of the recommendation, else of the run.
        normalize: Likewise.
        stream: Likewise.
        max_tokens: None for that of the run.
        model: Where the model is; None looks it up by the manifest. Its weights and tokenizer must be those of the run.
        overwrite: As in `export_layer`.
        model_options: More arguments of `load_model`.

    Returns:
        `ExportedLayer`.

    Raises:
        ValueError: No finished run, no layer given or recommended, no model found or another one, or as `export_layer`.
        TypeError: The run measured no texts.
        ImportError: The extra ``export`` is not installed.
    """
    require_export_extra()
    check_way(Path(out), overwrite)
    record = read_run(directory)
    recommended = read_recommendation(record.path)
    if layer is None and recommended is None:
        raise ValueError(
            f"layer: expected a number where {record.path} has no recommendation.json; got none. Give --layer, or run "
            f"`gramian recommend {record.path}` first."
        )
    number = recommended.layer if layer is None and recommended is not None else cast(int, layer)
    reading = recommended.reading if recommended is not None else run_reading(record)
    reading = replace(
        reading,
        pooling=cast(Pooling, pooling or reading.pooling),
        normalize=cast(Normalization, normalize or reading.normalize),
    )
    chosen_stream = stream or (recommended.stream if layer is None and recommended is not None else "residual")
    loaded = load_measured_model(record, name=model, options=model_options or {})
    number = number % (loaded.depth + 1) if -loaded.depth - 1 <= number < 0 else number
    follows = recommended is not None and (number, chosen_stream, reading) == (
        recommended.layer,
        recommended.stream,
        recommended.reading,
    )
    return export_layer(
        loaded,
        layer=number,
        out=out,
        pooling=reading.pooling,
        normalize=reading.normalize,
        stream=chosen_stream,
        max_tokens=max_tokens if max_tokens is not None else record.manifest["parameters"].get("max_tokens"),
        overwrite=overwrite,
        scores=layer_scores(record, layer=number, stream=chosen_stream, reading=reading, depth=loaded.depth),
        sentences=recommended.sentences if recommended is not None and follows else (),
    )

"""From a run's chunks to its tables: measures, per-prompt values, texts and spectra."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gramian.itl import map_on_cores
from gramian.layers._corpus import Corpus
from gramian.layers._dataset_measures import DatasetEstimates, dataset_estimates
from gramian.layers._layer_statistics import StatisticsSource
from gramian.layers._plan import MeasurePlan
from gramian.layers._prompt_measures import PromptSeries
from gramian.layers._uncertainty import Bootstrap, Estimate
from gramian.runs import RunDirectory

if TYPE_CHECKING:
    import pyarrow as pa

EXCERPT = 400


@dataclass(frozen=True)
class Identity:
    """The columns that say whose numbers these are."""

    model: str
    revision: str
    corpus: str
    condition: str


@dataclass(frozen=True)
class _Row:
    layer: int
    stream: str
    measure: str
    variant: str
    estimate: Estimate


def write_measures(
    run: RunDirectory,
    identity: Identity,
    *,
    plan: MeasurePlan,
    orders: Sequence[float],
    prompt_series: Sequence[PromptSeries],
    statistics: StatisticsSource | None,
    prompts: int,
    seed: int,
    report: Callable[[int, int], None],
) -> list[str]:
    """Write the tables `measures`, `spectra` and, where there are per-prompt values, `prompts`.

    Returns:
        What a reader must know: `measure: why`, of samples that are too small or cut, and of values that are not defined.
    """
    rows = []
    bootstrap = Bootstrap(prompts, seed=seed)
    for series in prompt_series:
        estimates = bootstrap.means(series.values)
        rows += [
            _Row(layer, stream, series.measure, series.variant, estimate)
            for (layer, stream), estimate in zip(series.streams, estimates, strict=True)
        ]
    results = _dataset_results(plan, orders, statistics, report) if statistics is not None else {}
    too_small: dict[str, str] = {}
    undefined: dict[str, list[tuple[str, str]]] = {}
    for (layer, stream, _), result in results.items():
        too_small |= result.too_small
        rows += [_Row(layer, stream, *name, estimate) for name, estimate in result.estimates.items()]
        for name, reason in result.undefined.items():
            undefined.setdefault(name, []).append((f"{layer}" if stream == "residual" else stream, reason))
    noted = [f"{name}: {why}" for name, why in too_small.items()]
    noted += [_undefined_note(name, places) for name, places in undefined.items()]
    noted += [note for series in prompt_series for note in _left_out(series)]
    rows = [row for row in rows if math.isfinite(row.estimate.value)]
    if not rows:
        raise ValueError(f"measures: expected at least one that is defined on these prompts; got none. {noted[0]}")
    rank = {measure.name: index for index, measure in enumerate(plan.measures)}
    rows.sort(key=lambda row: (rank[row.measure], row.stream != "residual", row.layer))
    run.write_table("measures", [_measures_table(identity, rows)])
    run.write_table("spectra", _spectra_tables(results))
    saved = [series for series in prompt_series if series.keep]
    if saved:
        run.write_table("prompts", _prompt_tables(identity, saved))
    return noted


def _undefined_note(name: str, places: Sequence[tuple[str, str]]) -> str:
    layers = list(dict.fromkeys(layer for layer, _ in places))
    shown = ", ".join(layers[:6]) + (f" and {len(layers) - 6} more" if len(layers) > 6 else "")
    return f"{name}: not defined at layer {shown}; left out there. {places[0][1]}"


def _left_out(series: PromptSeries) -> list[str]:
    """Prompts without a value, said once a measure: in the variant that is written prompt by prompt."""
    missing = (~np.isfinite(series.values)).sum(1)
    if not series.keep or not missing.any():
        return []
    worst = int(missing.argmax())
    layer, stream = series.streams[worst]
    where = f"layer {layer}" if stream == "residual" else stream
    of_them = f"{missing[worst]} of {series.values.shape[1]} prompts at {where} ({series.variant or 'all tokens'})"
    return [f"{series.measure}: not defined for {of_them}, whose tokens are equal; left out there."]


def _dataset_results(
    plan: MeasurePlan,
    orders: Sequence[float],
    statistics: StatisticsSource,
    report: Callable[[int, int], None],
) -> dict[tuple[int, str, str], DatasetEstimates]:
    measures = plan.needing("embeddings", "views", "view_pair", "adjacent_layers")
    jobs = [(s, p) for s in range(len(statistics.streams)) for p in range(len(statistics.poolings))]
    lock, done = threading.Lock(), 0

    def job(item: tuple[int, int]) -> DatasetEstimates:
        nonlocal done
        stream, pooling = item
        result = dataset_estimates(
            statistics.layer(stream, pooling),
            measures=measures,
            orders=orders,
            tokens=statistics.poolings[pooling],
            spectrum=True,
        )
        with lock:
            done += 1
            report(done, len(jobs))
        return result

    report(0, len(jobs))
    results = map_on_cores(job, jobs)
    return {
        (*statistics.streams[stream], statistics.poolings[pooling]): result
        for (stream, pooling), result in zip(jobs, results, strict=True)
    }


def _measures_table(identity: Identity, rows: Sequence[_Row]) -> pa.Table:
    import pyarrow as pa

    columns = _identity_columns(identity, len(rows)) | {
        "layer": pa.array([row.layer for row in rows], pa.int32()),
        "stream": pa.array([row.stream for row in rows], pa.string()),
        "measure": pa.array([row.measure for row in rows], pa.string()),
        "variant": pa.array([row.variant for row in rows], pa.string()),
    }
    numbers = list(zip(*(astuple(row.estimate) for row in rows), strict=True))
    for name, values in zip(("value", "stderr", "low", "high"), numbers, strict=False):
        columns[name] = pa.array(values, pa.float64())
    columns["n"] = pa.array(numbers[4], pa.int64())
    return pa.table(columns)


def _spectra_tables(results: dict[tuple[int, str, str], DatasetEstimates]) -> Iterator[pa.Table]:
    import pyarrow as pa

    schema = pa.schema(
        {
            "layer": pa.int32(),
            "stream": pa.string(),
            "spectrum": pa.string(),
            "variant": pa.string(),
            "index": pa.int32(),
            "eigenvalue": pa.float64(),
        }
    )
    yield schema.empty_table()
    for (layer, stream, tokens), result in results.items():
        if result.spectrum is None:
            continue
        count = len(result.spectrum)
        yield pa.table(
            {
                "layer": np.full(count, layer, dtype=np.int32),
                "stream": [stream] * count,
                "spectrum": ["embeddings"] * count,
                "variant": [f"tokens={tokens}"] * count,
                "index": np.arange(1, count + 1, dtype=np.int32),
                "eigenvalue": result.spectrum,
            },
            schema=schema,
        )


def _prompt_tables(identity: Identity, series: Sequence[PromptSeries]) -> Iterator[pa.Table]:
    import pyarrow as pa

    for one in series:
        for (layer, stream), values in zip(one.streams, one.values, strict=True):
            prompts = np.flatnonzero(np.isfinite(values)).astype(np.int32)
            values, count = values[prompts], len(prompts)
            yield pa.table(
                _identity_columns(identity, count)
                | {
                    "prompt": pa.array(prompts),
                    "layer": pa.array(np.full(count, layer, dtype=np.int32)),
                    "stream": pa.array([stream] * count),
                    "measure": pa.array([one.measure] * count),
                    "variant": pa.array([one.variant] * count),
                    "value": pa.array(values.astype(np.float64)),
                }
            )


def write_texts(run: RunDirectory, corpus: Corpus, lengths: np.ndarray) -> None:
    """Write the table `texts`: what the prompts were, cut to an excerpt."""
    import pyarrow as pa

    count = len(corpus.texts)
    table = pa.table(
        {
            "prompt": pa.array(np.arange(count, dtype=np.int32)),
            "id": pa.array(list(corpus.ids), pa.string()),
            "text": pa.array([text[:EXCERPT] for text in corpus.texts], pa.string()),
            "tokens": pa.array(lengths.astype(np.int32)),
            "label": pa.array(list(corpus.labels) if corpus.labels is not None else [None] * count, pa.string()),
        }
    )
    run.write_table("texts", [table])


def _identity_columns(identity: Identity, count: int) -> dict[str, Any]:
    import pyarrow as pa

    return {
        name: pa.array([value] * count, pa.string())
        for name, value in zip(("model", "revision", "corpus", "condition"), astuple(identity), strict=True)
    }

"""The main job: every measure of every layer of a model on a corpus, as a run on disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gramian.layers._activations import Activations, load_activations
from gramian.layers._chunks import compute_chunk
from gramian.layers._conditions import NATURAL, Condition
from gramian.layers._corpus import Corpus
from gramian.layers._image_views import ImageRates
from gramian.layers._job import Chunks, Job, load_inputs, plan_job, write_results
from gramian.layers._job import stream_names as stream_names
from gramian.layers._layer_statistics import PromptGroups, VectorSource
from gramian.layers._layered_model import LanguageModel, LayeredModel, VisionModel
from gramian.layers._memory import release_freed_memory
from gramian.layers._plan import MeasurePlan
from gramian.layers._pooled import ChunkedVectors, SavedVectors
from gramian.layers._settings import MeasureSettings
from gramian.layers._tables import Identity, write_measures
from gramian.layers._views import Rates
from gramian.runs import RunDirectory


@dataclass(frozen=True)
class Progress:
    """How far a run is: work done and in all, in tokens for the model's part and in layers for the spectra's."""

    stage: str
    done: int
    total: int
    unit: str


@dataclass(frozen=True)
class MeasureResult:
    """Where a run is, and what it says of itself."""

    directory: Path
    manifest: dict[str, Any]
    resumed: bool


def measure(
    model: LanguageModel | VisionModel | str | Path,
    *,
    corpus: Corpus | str | Path = "python-docs",
    out: str | Path,
    prompts: int | None = 200,
    views: int = 4,
    measures: Sequence[str] | None = None,
    orders: Sequence[float] = (1.0, 2.0),
    max_tokens: int = 256,
    min_tokens: int = 8,
    normalize: str | None = None,
    rates: Rates | ImageRates | None = None,
    condition: Condition = NATURAL,
    groups: int = 5,
    token_budget: int = 2048,
    seed: int = 0,
    overwrite: bool = False,
    model_options: Mapping[str, Any] | None = None,
    corpus_options: Mapping[str, Any] | None = None,
    command_line: str | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> MeasureResult:
    """Measure every layer of a model on a corpus, and leave a run directory.

    One forward pass of each prompt, and of each of its views, serves every measure of every layer. The run goes on where it stopped
    when the same call is made again, and ends with the same tables.

    Args:
        model: a loaded model, a name for `load_model`, or a file of saved activations (`.npy`, `.safetensors`) of shape
            `(layers, prompts, d)` or `(layers, prompts, views, d)`, the first view being the prompt itself; a file takes no corpus,
            and its prompt counts as one of the views, which a run of a model keeps apart.
        corpus: what `load_corpus` takes, or a corpus: then all of it is measured. For a model of images, a folder of images or a
            zip of one.
        out: the run directory.
        prompts: how many prompts to sample from a corpus given by name; None for all.
        views: augmented views of each prompt, for LiDAR, InfoNCE, DiME and alignment (which need two); 0 for none.
        measures: names from `gramian.quality.available()`; None for all that the input allows.
        orders: orders of the prompt and data set entropies, each at least 0.
        max_tokens: longer texts are cut to this many tokens, or to what the model can take where that is less.
        min_tokens: shorter texts of a corpus given by name are left out; at least 4. Images have equally many tokens, and none is cut.
        normalize: None for the raw residual stream, "final_norm" to pass every layer through the model's final norm first.
        rates: how strongly views are perturbed: `Rates` of texts, `ImageRates` of images; None for the defaults.
        condition: what is done to the tokens of every prompt; other than natural it takes no views, whose perturbation would mix
            with it, and no saved activations.
        groups: of the delete-a-group jackknife. Each costs the data set measures once more; with five the 95 % intervals are
            a fifth wider than with ten, because of the wider Student quantile.
        token_budget: padded tokens of a batch.
        seed: of the sample of prompts, the views, the bootstrap, the jackknife's groups and the random weights of an untrained model
            that is given by name; at least 0.
        overwrite: start anew whatever run is there, its progress included.
        model_options: more arguments of `load_model`, for a model given by name.
        corpus_options: more arguments of `load_corpus`, for a corpus given by name.
        command_line: what a user typed, for the manifest: how to go on with the run, and how it was made.
        progress: called after every chunk and every layer.

    Returns:
        The directory, its manifest, and whether earlier work was used.

    Raises:
        ValueError: for an argument out of range, an unknown measure, a corpus without usable prompts, states that are not finite,
            measures that are all undefined on these prompts, or a directory that holds a run with other parameters.
    """
    report = progress or (lambda _: None)
    target = Target(Path(out), overwrite, command_line)
    settings = MeasureSettings(
        prompts=prompts,
        views=views,
        measures=measures,
        orders=orders,
        max_tokens=max_tokens,
        min_tokens=min_tokens,
        normalize=normalize,
        rates=rates,
        condition=condition,
        groups=groups,
        token_budget=token_budget,
        seed=seed,
    )
    if not isinstance(model, LayeredModel) and is_activations(model):
        if (
            normalize is not None
            or condition.kind != NATURAL.kind
            or model_options
            or corpus_options
            or isinstance(corpus, Corpus)
            or corpus != "python-docs"
        ):
            raise ValueError(
                f"{model}: expected neither corpus, normalize, condition nor options of a model with saved activations; got some. "
                "Leave them out"
            )
        return _measure_activations(load_activations(Path(model)), settings, target, report)
    # Anything that can be refused is refused before the model loads, which takes longest.
    settings.plan()
    if isinstance(model, LayeredModel) and model_options:
        raise ValueError("model_options: expected none with a loaded model; got some. Give them to load_model")
    if isinstance(corpus, Corpus) and corpus_options:
        raise ValueError("corpus_options: expected none with a loaded corpus; got some. Give them to load_corpus")
    loaded, read = load_inputs(model, corpus, settings, model_options=model_options, corpus_options=corpus_options)
    return _measure_model(loaded, plan_job(loaded, read, settings), target, report)


@dataclass(frozen=True)
class Target:
    """Where a run goes, and what the user typed to make it."""

    directory: Path
    overwrite: bool
    command_line: str | None

    def open(self, parameters: dict[str, Any]) -> RunDirectory:
        run = RunDirectory.open(self.directory, command="measure", parameters=parameters, overwrite=self.overwrite)
        if self.command_line and not run.finished:
            run.update_manifest(command_line=self.command_line)
        return run


def is_activations(name: str | Path) -> bool:
    """Whether a name is that of a file of saved activations rather than of a model."""
    return Path(name).suffix.lower() in (".npy", ".safetensors")


def _measure_model(
    model: LanguageModel | VisionModel, job: Job, target: Target, report: Callable[[Progress], None]
) -> MeasureResult:
    started = time.monotonic()
    chunks = [(f"{i:06d}", indices) for i, indices in enumerate(job.chunks())]
    with target.open(dict(job.parameters)) as run:
        if run.finished:
            return MeasureResult(run.path, run.manifest, resumed=True)
        before = run.manifest.get("seconds", 0.0)
        try:
            resumed = _compute_missing(run, model, job, chunks, report)
            vectors = ChunkedVectors(run, chunks, job.work.streams) if job.work.pooled else None
            write_results(
                run,
                job,
                chunks,
                VectorSource(vectors, job.groups(), job.plan) if vectors is not None else None,
                report=lambda layers, total: report(Progress("spectra", layers, total, "layers")),
            )
        finally:
            run.update_manifest(seconds=round(before + time.monotonic() - started, 1))
        run.finish()
        return MeasureResult(run.path, run.manifest, resumed=resumed)


def _compute_missing(
    run: RunDirectory,
    model: LanguageModel | VisionModel,
    job: Job,
    chunks: Chunks,
    report: Callable[[Progress], None],
) -> bool:
    """Compute the chunks that are not on disk; whether any was. A chunk of other prompts than planned does not count."""
    there = run.done()
    done = {key for key, indices in chunks if key in there and np.array_equal(run.load_chunk(key)["prompts"], indices)}
    cost = {key: job.cost(indices) for key, indices in chunks}
    total, finished = sum(cost.values()), sum(cost[key] for key in done)
    report(Progress("model", finished, total, "tokens"))
    for key, indices in chunks:
        if key in done:
            continue
        arrays = compute_chunk(model, [job.corpus.prompts[i] for i in indices], job.work)
        run.save_chunk(key, {"prompts": np.asarray(indices, dtype=np.int64), **arrays})
        finished += cost[key]
        report(Progress("model", finished, total, "tokens"))
    release_freed_memory()
    return bool(done)


def _measure_activations(
    activations: Activations,
    settings: MeasureSettings,
    target: Target,
    report: Callable[[Progress], None],
) -> MeasureResult:
    started = time.monotonic()
    vectors = SavedVectors(activations)
    plan = MeasurePlan.of(settings.measures, orders=settings.orders, views=activations.views, tokens=False)
    groups = PromptGroups.of([str(i) for i in range(activations.prompts)], groups=settings.groups, seed=settings.seed)
    parameters = {
        "activations": {"name": activations.name, "hash": activations.hash, "prompts": activations.prompts},
        "measures": [measure.name for measure in plan.measures],
        "orders": list(settings.orders),
        "groups": settings.groups,
        "seed": settings.seed,
    }
    with target.open(parameters) as run:
        if run.finished:
            return MeasureResult(run.path, run.manifest, resumed=True)
        noted = write_measures(
            run,
            Identity(activations.name, "", "saved activations", "natural"),
            plan=plan,
            orders=settings.orders,
            prompt_series=[],
            statistics=VectorSource(vectors, groups, plan),
            prompts=activations.prompts,
            seed=settings.seed,
            report=lambda layers, total: report(Progress("spectra", layers, total, "layers")),
        )
        run.update_manifest(
            model={"name": activations.name, "depth": activations.layers - 1, "width": activations.width},
            corpus={"name": "saved activations", "hash": activations.hash, "prompts": activations.prompts, "notes": []},
            warnings=noted,
            seconds=round(time.monotonic() - started, 1),
        )
        run.finish()
        return MeasureResult(run.path, run.manifest, resumed=False)

"""The main job: every measure of every layer of a model on a corpus, as a run on disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gramian.layers._activations import Activations, load_activations
from gramian.layers._chunks import ChunkWork, compute_chunk, plan_chunks
from gramian.layers._conditions import NATURAL, Condition
from gramian.layers._corpus import Corpus
from gramian.layers._dataset_measures import PromptGroups
from gramian.layers._memory import release_freed_memory
from gramian.layers._model_identity import describe
from gramian.layers._models import LanguageModel, load_model
from gramian.layers._plan import MeasurePlan
from gramian.layers._pooled import ChunkedVectors, SavedVectors
from gramian.layers._prompt_measures import prompt_lengths, prompt_series
from gramian.layers._prompts import load_corpus_for, measured_lengths, usable_tokens
from gramian.layers._tables import Identity, write_measures, write_texts
from gramian.layers._views import Rates
from gramian.runs import RunDirectory

# Below this, curvature without the first token has no angle.
SHORTEST_PROMPT = 4


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
    model: LanguageModel | str | Path,
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
    rates: Rates | None = None,
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
        corpus: what `load_corpus` takes, or a corpus: then all of it is measured.
        out: the run directory.
        prompts: how many prompts to sample from a corpus given by name; None for all.
        views: augmented views of each prompt, for LiDAR, InfoNCE, DiME and alignment (which need two); 0 for none.
        measures: names from `gramian.quality.available()`; None for all that the input allows.
        orders: orders of the prompt and data set entropies, each at least 0.
        max_tokens: longer prompts are cut to this many tokens, or to what the model can take where that is less.
        min_tokens: shorter prompts of a corpus given by name are left out; at least 4.
        normalize: None for the raw residual stream, "final_norm" to pass every layer through the model's final norm first.
        rates: how strongly views are perturbed.
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
    _check_numbers(
        prompts=prompts,
        views=views,
        groups=groups,
        max_tokens=max_tokens,
        min_tokens=min_tokens,
        token_budget=token_budget,
        seed=seed,
    )
    if normalize not in (None, "final_norm"):
        raise ValueError(
            f"normalize: expected None or 'final_norm'; got {normalize!r}. None leaves the residual stream as it is"
        )
    if condition.kind != NATURAL.kind and views:
        raise ValueError(
            f"views: expected 0 with the condition {condition.name}; got {views}. "
            "Views perturb the text themselves, and the two would mix"
        )
    settings = MeasureSettings(
        orders=tuple(float(order) + 0.0 for order in orders),
        max_tokens=max_tokens,
        views=views,
        normalize=normalize,
        rates=rates or Rates(),
        groups=groups,
        token_budget=token_budget,
        seed=seed,
        condition=condition,
    )
    if not isinstance(model, LanguageModel) and is_activations(model):
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
        return _measure_activations(load_activations(Path(model)), measures, settings, target, report)
    # Anything that can be refused is refused before the model loads, which takes longest.
    plan = MeasurePlan.of(measures, orders=settings.orders, views=views, tokens=True)
    if isinstance(model, LanguageModel) and model_options:
        raise ValueError("model_options: expected none with a loaded model; got some. Give them to load_model")
    if isinstance(corpus, Corpus) and corpus_options:
        raise ValueError("corpus_options: expected none with a loaded corpus; got some. Give them to load_corpus")
    loaded = (
        model if isinstance(model, LanguageModel) else load_model(str(model), **{"seed": seed, **(model_options or {})})
    )
    if not isinstance(corpus, Corpus):
        corpus = load_corpus_for(
            loaded,
            corpus,
            prompts=prompts,
            seed=seed,
            min_tokens=min_tokens,
            max_tokens=max_tokens,
            **(corpus_options or {}),
        )
    return _measure_model(loaded, corpus, plan, settings, target, report)


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


@dataclass(frozen=True)
class MeasureSettings:
    """The parameters of a run that its numbers depend on."""

    orders: tuple[float, ...]
    max_tokens: int
    views: int
    normalize: str | None
    rates: Rates
    groups: int
    token_budget: int
    seed: int
    condition: Condition = NATURAL


def _check_numbers(
    *, prompts: int | None, views: int, groups: int, max_tokens: int, min_tokens: int, token_budget: int, seed: int
) -> None:
    if prompts is not None and prompts < 1:
        raise ValueError(f"prompts: expected at least 1; got {prompts}. Leave it out for the default")
    if views < 0 or views == 1:
        raise ValueError(f"views: expected 0 or at least 2; got {views}. Measures over views compare two of them")
    if token_budget < 1:
        raise ValueError(
            f"token_budget: expected at least 1; got {token_budget}. A longer prompt makes a batch of its own"
        )
    if groups < 2:
        raise ValueError(f"groups: expected at least 2 for a jackknife; got {groups}. Five is the default")
    if min_tokens < SHORTEST_PROMPT:
        raise ValueError(
            f"min_tokens: expected at least {SHORTEST_PROMPT}; got {min_tokens}. "
            "Shorter prompts have no curvature without the first token"
        )
    if max_tokens < min_tokens:
        raise ValueError(f"max_tokens: expected at least min_tokens ({min_tokens}); got {max_tokens}. Raise it")
    if seed < 0:
        raise ValueError(f"seed: expected at least 0; got {seed}. Any whole number from 0 will do")


def stream_names(model: LanguageModel) -> tuple[tuple[int, str], ...]:
    """Every stream of a model: the residual stream at layers 0 to depth, and the final-normed state where there is one."""
    residual = [(layer, "residual") for layer in range(model.depth + 1)]
    return (*residual, *([(model.depth, "final_norm")] if model.final_norm is not None else []))


def _measure_model(
    model: LanguageModel,
    corpus: Corpus,
    plan: MeasurePlan,
    settings: MeasureSettings,
    target: Target,
    report: Callable[[Progress], None],
) -> MeasureResult:
    started = time.monotonic()
    limit = usable_tokens(model, settings.max_tokens)
    lengths = measured_lengths(model, corpus.texts, max_tokens=limit)
    _check_prompts(model, corpus, plan, settings, shortest=min(lengths))
    streams = stream_names(model)
    work = ChunkWork(
        streams=streams,
        orders=settings.orders,
        entropy=plan.wants("prompt_entropy"),
        curvature=plan.wants("curvature"),
        sink_share=plan.wants("sink_share"),
        pooled=plan.reads_pooled,
        views=settings.views if plan.reads_views else 0,
        seed=settings.seed,
        rates=settings.rates,
        max_tokens=limit,
        token_budget=settings.token_budget,
        normalize=settings.normalize,
        condition=settings.condition,
    )
    of_corpus = {"name": corpus.name, "hash": corpus.hash, "prompts": len(corpus.texts)}
    parameters = {
        "model": describe(model),
        "corpus": of_corpus,
        "measures": [measure.name for measure in plan.measures],
        "orders": list(settings.orders),
        "views": work.views,
        "rates": asdict(settings.rates) if work.views else None,
        "max_tokens": limit,
        "normalize": settings.normalize,
        "groups": settings.groups,
        "token_budget": settings.token_budget,
        "seed": settings.seed,
    }
    if settings.condition.kind != NATURAL.kind:
        # Left out otherwise: runs made before there were conditions go on.
        parameters["condition"] = asdict(settings.condition)
    chunks = [(f"{i:06d}", indices) for i, indices in enumerate(plan_chunks(lengths, work.views))]
    with target.open(parameters) as run:
        if run.finished:
            return MeasureResult(run.path, run.manifest, resumed=True)
        before = run.manifest.get("seconds", 0.0)
        try:
            resumed = _compute_missing(run, model, corpus, chunks, lengths, work, report)
            condition = settings.condition.name + (", every layer final-normed" if settings.normalize else "")
            noted = write_measures(
                run,
                Identity(model.name, model.revision or "", corpus.name, condition),
                plan=plan,
                orders=settings.orders,
                prompt_series=list(
                    prompt_series(run, chunks, plan, streams=streams, orders=settings.orders, width=model.width)
                ),
                vectors=ChunkedVectors(run, chunks, streams) if plan.reads_pooled else None,
                groups=PromptGroups.of(corpus.ids, groups=settings.groups, seed=settings.seed),
                seed=settings.seed,
                report=lambda layers, total: report(Progress("spectra", layers, total, "layers")),
            )
            read = prompt_lengths(run, chunks)
            write_texts(run, corpus, read)
        finally:
            run.update_manifest(seconds=round(before + time.monotonic() - started, 1))
        run.update_manifest(
            model=parameters["model"],
            corpus={**of_corpus, "notes": list(corpus.notes)},
            tokens=int(read.sum()),
            warnings=noted,
        )
        run.finish()
        return MeasureResult(run.path, run.manifest, resumed=resumed)


def _check_prompts(
    model: LanguageModel, corpus: Corpus, plan: MeasurePlan, settings: MeasureSettings, *, shortest: int
) -> None:
    if shortest < SHORTEST_PROMPT:
        raise ValueError(
            f"corpus {corpus.name}: expected prompts of at least {SHORTEST_PROMPT} measured tokens; got one of {max(shortest, 0)}. "
            "Give load_corpus min_tokens, or more room beside the instruction or template with max_tokens"
        )
    if len(corpus.texts) < 2 and plan.reads_pooled:
        raise ValueError(
            f"corpus {corpus.name}: expected at least 2 prompts for measures of a whole set; got 1. "
            "Give more, or choose measures of single prompts: prompt_entropy, curvature, sink_share"
        )
    if settings.normalize and model.final_norm is None:
        raise ValueError(
            f"normalize: expected None for {model.name}, which has no final norm; got {settings.normalize!r}. Leave it out"
        )


def _compute_missing(
    run: RunDirectory,
    model: LanguageModel,
    corpus: Corpus,
    chunks: Sequence[tuple[str, list[int]]],
    lengths: Sequence[int],
    work: ChunkWork,
    report: Callable[[Progress], None],
) -> bool:
    """Compute the chunks that are not on disk; whether any was. A chunk of other prompts than planned does not count."""
    there = run.done()
    done = {key for key, indices in chunks if key in there and np.array_equal(run.load_chunk(key)["prompts"], indices)}
    cost = {key: sum(lengths[i] for i in indices) * (1 + work.views) for key, indices in chunks}
    total, finished = sum(cost.values()), sum(cost[key] for key in done)
    report(Progress("model", finished, total, "tokens"))
    for key, indices in chunks:
        if key in done:
            continue
        arrays = compute_chunk(model, [corpus.texts[i] for i in indices], work)
        run.save_chunk(key, {"prompts": np.asarray(indices, dtype=np.int64), **arrays})
        finished += cost[key]
        report(Progress("model", finished, total, "tokens"))
    release_freed_memory()
    return bool(done)


def _measure_activations(
    activations: Activations,
    measures: Sequence[str] | None,
    settings: MeasureSettings,
    target: Target,
    report: Callable[[Progress], None],
) -> MeasureResult:
    started = time.monotonic()
    vectors = SavedVectors(activations)
    plan = MeasurePlan.of(measures, orders=settings.orders, views=activations.views, tokens=False)
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
            vectors=vectors,
            groups=PromptGroups.of(
                [str(i) for i in range(activations.prompts)], groups=settings.groups, seed=settings.seed
            ),
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

"""The main job: every measure of every layer of a model on a corpus, as a run on disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gramian.layers._activations import Activations, load_activations
from gramian.layers._chunks import ChunkWork, compute_chunk, plan_chunks
from gramian.layers._corpus import Corpus
from gramian.layers._dataset_measures import PromptGroups
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
    groups: int = 10,
    token_budget: int = 2048,
    seed: int = 0,
    overwrite: bool = False,
    command_line: str | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> MeasureResult:
    """Measure every layer of a model on a corpus, and leave a run directory.

    One forward pass of each prompt, and of each of its views, serves every measure of every layer. The run goes on where it stopped
    when the same call is made again, and ends with the same tables.

    Args:
        model: a loaded model, a name for `load_model`, or a file of saved activations (`.npy`, `.safetensors`) of shape
            `(layers, prompts, d)` or `(layers, prompts, views, d)`, the first view being the prompt itself; a file takes no corpus.
        corpus: a corpus, or what `load_corpus` takes.
        out: the run directory.
        prompts: how many prompts of the corpus; None for all.
        views: augmented views of each prompt, for LiDAR, InfoNCE, DiME and alignment (which need two); 0 for none.
        measures: names from `gramian.quality.available()`; None for all that the input allows.
        orders: orders of the prompt and data set entropies, each at least 0.
        max_tokens: longer prompts are cut to this many tokens.
        min_tokens: shorter prompts are left out; at least 4.
        normalize: None for the raw residual stream, "final_norm" to pass every layer through the model's final norm first.
        rates: how strongly views are perturbed.
        groups: of the delete-a-group jackknife.
        token_budget: padded tokens of a batch.
        seed: of the sample of prompts, the views, the bootstrap and the jackknife's groups.
        overwrite: start anew in a directory that holds a run with other parameters.
        command_line: what a user typed, for the manifest: how to go on with the run, and how it was made.
        progress: called after every chunk and every layer.

    Returns:
        The directory, its manifest, and whether earlier work was used.

    Raises:
        ValueError: for an argument out of range, an unknown measure, a corpus without usable prompts, states that are not finite,
            or a directory that holds a run with other parameters.
    """
    _check_counts(
        prompts=prompts,
        views=views,
        groups=groups,
        max_tokens=max_tokens,
        min_tokens=min_tokens,
        token_budget=token_budget,
    )
    settings = MeasureSettings(
        measures=tuple(measures) if measures is not None else None,
        orders=tuple(float(order) for order in orders),
        max_tokens=max_tokens,
        min_tokens=min_tokens,
        views=views,
        normalize=normalize,
        rates=rates or Rates(),
        groups=groups,
        token_budget=token_budget,
        seed=seed,
    )
    report = progress or (lambda _: None)
    if not isinstance(model, LanguageModel) and is_activations(model):
        return _measure_activations(
            load_activations(Path(model)), settings, Target(Path(out), overwrite, command_line), report
        )
    # Anything that can be refused is refused before the model loads, which takes longest.
    plan = MeasurePlan.of(settings.measures, orders=settings.orders, views=views, tokens=True)
    loaded = model if isinstance(model, LanguageModel) else load_model(str(model))
    if not isinstance(corpus, Corpus):
        corpus = load_corpus_for(
            loaded, corpus, prompts=prompts, seed=seed, min_tokens=min_tokens, max_tokens=max_tokens
        )
    return _measure_model(loaded, corpus, plan, settings, Target(Path(out), overwrite, command_line), report)


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
    return Path(name).suffix in (".npy", ".safetensors")


@dataclass(frozen=True)
class MeasureSettings:
    """The parameters of a run that its numbers depend on."""

    measures: tuple[str, ...] | None
    orders: tuple[float, ...]
    max_tokens: int
    min_tokens: int
    views: int
    normalize: str | None
    rates: Rates
    groups: int
    token_budget: int
    seed: int

    def record(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "measures": list(self.measures) if self.measures else "all",
            "orders": list(self.orders),
        }


def _check_counts(
    *, prompts: int | None, views: int, groups: int, max_tokens: int, min_tokens: int, token_budget: int
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
        raise ValueError(f"groups: expected at least 2 for a jackknife; got {groups}")
    if min_tokens < SHORTEST_PROMPT:
        raise ValueError(
            f"min_tokens: expected at least {SHORTEST_PROMPT}; got {min_tokens}. Shorter prompts have no curvature without the first token"
        )
    if max_tokens < min_tokens:
        raise ValueError(f"max_tokens: expected at least min_tokens ({min_tokens}); got {max_tokens}")


def stream_names(model: LanguageModel) -> tuple[tuple[int, str], ...]:
    """Every stream of a model: the residual stream at layers 0 to depth, and the final-normed state where there is one."""
    residual = [(layer, "residual") for layer in range(model.depth + 1)]
    return (*residual, *([(model.depth, "final_norm")] if model.final_norm is not None else []))


def describe(model: LanguageModel) -> dict[str, Any]:
    """What identifies a model in a run: everything that its hidden states depend on."""
    return {
        "name": model.name,
        "revision": model.revision,
        "commit": model.commit,
        "family": model.family,
        "kind": model.kind,
        "depth": model.depth,
        "width": model.width,
        "weights_hash": model.weights_hash,
        "untrained": model.untrained,
        "weights_seed": model.seed,
        "dtype": str(next(model.model.parameters()).dtype).removeprefix("torch."),
        "chat_template": model.chat_template,
        "instruction": model.instruction,
    }


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
    if min(lengths) < SHORTEST_PROMPT:
        raise ValueError(
            f"corpus {corpus.name}: expected prompts of at least {SHORTEST_PROMPT} tokens; got one of {min(lengths)}. "
            "Give load_corpus min_tokens, or leave fewer tokens to the instruction or template"
        )
    if settings.normalize not in (None, "final_norm") or (settings.normalize and model.final_norm is None):
        raise ValueError(
            f"normalize: expected None or 'final_norm', the latter for a model with a final norm; got {settings.normalize!r} "
            f"for {model.name}"
        )
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
    )
    identity = Identity(model.name, model.revision or "", corpus.name, "natural")
    parameters = {
        "model": describe(model),
        "corpus": {"name": corpus.name, "hash": corpus.hash, "prompts": len(corpus.texts)},
        **settings.record(),
    }
    with target.open(parameters) as run:
        if run.finished:
            return MeasureResult(run.path, run.manifest, resumed=True)
        chunks = [(f"{i:06d}", indices) for i, indices in enumerate(plan_chunks(lengths, work.views))]
        done = run.done()
        cost = [sum(lengths[i] for i in indices) * (1 + work.views) for _, indices in chunks]
        finished = sum(c for c, (key, _) in zip(cost, chunks, strict=True) if key in done)
        report(Progress("model", finished, sum(cost), "tokens"))
        for (key, indices), tokens in zip(chunks, cost, strict=True):
            if key not in done:
                run.save_chunk(key, compute_chunk(model, [corpus.texts[i] for i in indices], work))
                finished += tokens
                report(Progress("model", finished, sum(cost), "tokens"))
        groups = PromptGroups.of(corpus.ids, groups=settings.groups, seed=settings.seed)
        noted = write_measures(
            run,
            identity,
            plan=plan,
            orders=settings.orders,
            prompt_series=list(
                prompt_series(run, chunks, plan, streams=streams, orders=settings.orders, width=model.width)
            ),
            vectors=ChunkedVectors(run, chunks, streams) if plan.reads_pooled else None,
            groups=groups,
            seed=settings.seed,
            report=lambda layers, total: report(Progress("spectra", layers, total, "layers")),
        )
        write_texts(run, corpus, prompt_lengths(run, chunks))
        run.update_manifest(
            model=describe(model),
            corpus={**parameters["corpus"], "notes": list(corpus.notes)},
            tokens=int(sum(lengths)),
            warnings=noted,
            seconds=round(run.manifest.get("seconds", 0) + time.monotonic() - started, 1),
        )
        run.finish()
        return MeasureResult(run.path, run.manifest, resumed=bool(done))


def _measure_activations(
    activations: Activations,
    settings: MeasureSettings,
    target: Target,
    report: Callable[[Progress], None],
) -> MeasureResult:
    started = time.monotonic()
    vectors = SavedVectors(activations)
    plan = MeasurePlan.of(settings.measures, orders=settings.orders, views=activations.views, tokens=False)
    parameters = {
        "activations": {"name": activations.name, "hash": activations.hash, "prompts": activations.prompts},
        "measures": settings.record()["measures"],
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

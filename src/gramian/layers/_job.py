"""A run, decided on: what is computed of which prompts in which chunks, and how its tables are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gramian.layers._chunks import ChunkWork, plan_chunks
from gramian.layers._conditions import NATURAL
from gramian.layers._corpus import Corpus
from gramian.layers._layer_statistics import PromptGroups, StatisticsSource
from gramian.layers._layered_model import LanguageModel, LayeredModel, VisionModel
from gramian.layers._model_identity import describe
from gramian.layers._models import load_model
from gramian.layers._plan import MeasurePlan
from gramian.layers._prompt_measures import prompt_lengths, prompt_series
from gramian.layers._prompts import check_modality, load_corpus_for, measured_lengths, rates_for, usable_tokens
from gramian.layers._settings import SHORTEST_PROMPT, MeasureSettings
from gramian.layers._tables import Identity, write_measures, write_texts
from gramian.runs import RunDirectory

Chunks = Sequence[tuple[str, Sequence[int]]]


@dataclass(frozen=True)
class Job:
    """Everything a run depends on, as plain data: it can be sent to another process, and needs no model to finish the run.

    Attributes:
        identity: the columns that say whose numbers these are.
        parameters: what two sessions must agree on to work on one run.
        corpus: its prompts.
        lengths: measured tokens of every prompt.
        width: of the model's states.
        work: what is computed for each chunk.
        settings: what was asked for.
    """

    identity: Identity
    parameters: Mapping[str, Any]
    corpus: Corpus
    lengths: tuple[int, ...]
    width: int
    work: ChunkWork
    settings: MeasureSettings

    @property
    def plan(self) -> MeasurePlan:
        """The measures of the run."""
        return self.settings.plan()

    def groups(self) -> PromptGroups:
        """How the prompts are dealt into groups; a function of the whole corpus and the seed."""
        return PromptGroups.of(self.corpus.ids, groups=self.settings.groups, seed=self.settings.seed)

    def chunks(self) -> list[list[int]]:
        """The prompts of each chunk, shortest first."""
        return plan_chunks(self.lengths, self.work.views)

    def cost(self, indices: Sequence[int]) -> int:
        """Tokens to read for some prompts, their views included."""
        return sum(self.lengths[i] for i in indices) * (1 + self.work.views)


def load_inputs(
    model: LanguageModel | VisionModel | str | Path,
    corpus: Corpus | str | Path,
    settings: MeasureSettings,
    *,
    model_options: Mapping[str, Any] | None = None,
    corpus_options: Mapping[str, Any] | None = None,
) -> tuple[LanguageModel | VisionModel, Corpus]:
    """The model and the corpus of a run; what is loaded already is taken as it is."""
    loaded = (
        model
        if isinstance(model, LanguageModel | VisionModel)
        else load_model(str(model), **{"seed": settings.seed, **(model_options or {})})
    )
    if not isinstance(corpus, Corpus):
        corpus = load_corpus_for(
            loaded,
            corpus,
            prompts=settings.prompts,
            seed=settings.seed,
            min_tokens=settings.min_tokens,
            max_tokens=settings.max_tokens,
            **(corpus_options or {}),
        )
    return loaded, corpus


def stream_names(model: LayeredModel) -> tuple[tuple[int, str], ...]:
    """Every stream of a model: the residual stream at layers 0 to depth, and the final-normed state where there is one."""
    residual = [(layer, "residual") for layer in range(model.depth + 1)]
    return (*residual, *([(model.depth, "final_norm")] if model.final_norm is not None else []))


def plan_job(model: LanguageModel | VisionModel, corpus: Corpus, settings: MeasureSettings) -> Job:
    """Decide on a run.

    Raises:
        ValueError: for prompts that are too short or too few for what is asked, that the model does not read, or a norm or a
            condition that it does not have.
        TypeError: for rates of the other kind of prompt.
    """
    plan = settings.plan()
    check_modality(model, corpus.name, corpus.modality)
    if isinstance(model, VisionModel) and settings.condition.kind != NATURAL.kind:
        raise ValueError(
            f"condition: expected natural for {model.name}, which reads images; got {settings.condition.name}. "
            "Conditions change the tokens of texts"
        )
    limit = usable_tokens(model, settings.max_tokens)
    lengths = measured_lengths(model, corpus.prompts, max_tokens=limit)
    _check_prompts(model, corpus, plan, settings, shortest=min(lengths))
    work = ChunkWork(
        streams=stream_names(model),
        orders=tuple(settings.orders),
        entropy=plan.wants("prompt_entropy"),
        curvature=plan.wants("curvature"),
        sink_share=plan.wants("sink_share"),
        pooled=plan.reads_pooled,
        views=settings.views if plan.reads_views else 0,
        seed=settings.seed,
        rates=rates_for(model, settings.rates),
        max_tokens=limit,
        token_budget=settings.token_budget,
        normalize=settings.normalize,
        condition=settings.condition,
    )
    parameters = {
        "model": describe(model),
        "corpus": {"name": corpus.name, "hash": corpus.hash, "prompts": len(corpus.texts)},
        "measures": [measure.name for measure in plan.measures],
        "orders": list(settings.orders),
        "views": work.views,
        "rates": asdict(work.rates) if work.views else None,
        "max_tokens": limit,
        "normalize": settings.normalize,
        "groups": settings.groups,
        "token_budget": settings.token_budget,
        "seed": settings.seed,
    }
    if settings.condition.kind != NATURAL.kind:
        # Left out otherwise: runs made before there were conditions go on.
        parameters["condition"] = asdict(settings.condition)
    condition = settings.condition.name + (", every layer final-normed" if settings.normalize else "")
    return Job(
        identity=Identity(model.name, model.revision or "", corpus.name, condition),
        parameters=parameters,
        corpus=corpus,
        lengths=tuple(lengths),
        width=model.width,
        work=work,
        settings=settings,
    )


def write_results(
    run: RunDirectory,
    job: Job,
    chunks: Chunks,
    statistics: StatisticsSource | None,
    *,
    report: Callable[[int, int], None],
) -> None:
    """Write a run's tables from what was computed, and say in its manifest what it is of.

    Args:
        run: with every chunk on disk.
        job: what the run is.
        chunks: keys, and the prompts of each.
        statistics: what measures of a whole set are finished from; None where none was asked for.
        report: called with layers done and layers in all.
    """
    plan = job.plan
    series = prompt_series(run, chunks, plan, streams=job.work.streams, orders=job.work.orders, width=job.width)
    noted = write_measures(
        run,
        job.identity,
        plan=plan,
        orders=job.work.orders,
        prompt_series=list(series),
        statistics=statistics,
        prompts=len(job.corpus.texts),
        seed=job.settings.seed,
        report=report,
    )
    read = prompt_lengths(run, chunks)
    write_texts(run, job.corpus, read)
    run.update_manifest(
        model=job.parameters["model"],
        corpus={**job.parameters["corpus"], "notes": list(job.corpus.notes)},
        tokens=int(read.sum()),
        warnings=noted,
    )


def _check_prompts(
    model: LayeredModel, corpus: Corpus, plan: MeasurePlan, settings: MeasureSettings, *, shortest: int
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

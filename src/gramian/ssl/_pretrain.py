"""Pretraining by a recipe, as a run: data, method, loop, evaluation on the way, tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl
import torch

from gramian.itl._errors import type_fault, value_fault
from gramian.runs import RunDirectory
from gramian.runs._atomic import written_whole
from gramian.ssl._data import DATA_FACTS, DataFacts, ImageSet, open_images, pretraining_loader
from gramian.ssl._methods import METHODS, Pretraining
from gramian.ssl._monitor import SpectrumMonitor
from gramian.ssl._online_evaluation import EvaluationPlan, evaluation_callbacks
from gramian.ssl._recipes import Recipe, load_recipe, read_recipe
from gramian.ssl._recipes.parsing import to_mapping
from gramian.ssl._views import build_views
from gramian.training import FitResult, HistoryRow, TrainingProgress, fit, is_first_process

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["PretrainResult", "pretrain", "resolve_recipe", "training_table"]

RECIPE = "recipe.yaml"
# torch 2.15 reads beyond its memory on a CPU (oneDNN: gradient of a 1 x 1 convolution of stride 2 by its weights, channels last,
# 8 channels or fewer, 56 pixels), and ends the process. Narrow networks gain nothing from that layout.
_NARROW = 16
# What the monitor logs has tables of its own.
_SPECTRUM = "spectrum/"


@dataclass(frozen=True)
class PretrainResult:
    """What a pretraining run left behind.

    Attributes:
        directory: The run directory, with the tables `training`, `training_spectra` and `training_measures`.
        checkpoint: The last checkpoint.
        recipe: What was done.
        history: Every value that was measured, in the order of steps.
        manifest: The run's manifest; empty in all processes but the first.
        resumed: Whether earlier work was used.
    """

    directory: Path
    checkpoint: Path
    recipe: Recipe
    history: tuple[HistoryRow, ...]
    manifest: dict[str, Any]
    resumed: bool

    def last(self, metric: str) -> float | None:
        """The last value of a metric, None where there is none."""
        return next((row.value for row in reversed(self.history) if row.metric == metric), None)


def pretrain(
    method: str | None = None,
    data: str | Path | None = None,
    *,
    out: str | Path,
    root: str | Path | None = None,
    recipe: Recipe | str | Path | None = None,
    overrides: Sequence[str] = (),
    subset: int | None = None,
    evaluation: EvaluationPlan | None = EvaluationPlan(),  # noqa: B008  (frozen)
    monitor: bool = True,
    callbacks: Sequence[pl.Callback] = (),
    accelerator: str = "auto",
    devices: Any = "auto",
    nodes: int = 1,
    strategy: Any = "auto",
    workers: int = 0,
    logger: str = "csv",
    log_every: int = 10,
    checkpoint_every: int = 1,
    checkpoint_steps: int | None = None,
    keep_every: int | None = None,
    download: bool = False,
    overwrite: bool = False,
    progress: Callable[[TrainingProgress], None] | None = None,
    command_line: str | None = None,
) -> PretrainResult:
    """Pretrain an encoder by a recipe, and leave a run directory; the same call goes on where a killed one stopped.

    The directory has ``recipe.yaml`` (everything resolved), ``checkpoints/last.ckpt``, ``logs/`` and, at the end, the tables
    `training` (step, epoch, metric, value, seconds, views), `training_spectra` and `training_measures`.

    Args:
        method: A name of ``METHODS``; None for the recipe's.
        data: A data set's name, or a folder or zip of images; None for the recipe's.
        out: The run directory.
        root: The folder that holds a data set of a name.
        recipe: A `Recipe` or a YAML file; None for the one that comes with the package.
        overrides: ``key.sub=value``, as in ``optimizer.lr=0.1``.
        subset: Train on this many of the images, of every class in proportion, drawn by the recipe's seed.
        evaluation: How the encoder is judged on the way; None for not at all. Data without labels or a test split are not judged.
        monitor: Whether a `SpectrumMonitor` watches the embeddings.
        callbacks: More of Lightning's callbacks.
        accelerator: As Lightning's, like ``devices``, ``nodes`` and ``strategy``. The recipe's batch is that of all processes together.
        devices: See there.
        nodes: See there.
        strategy: See there.
        workers: Processes that make views, for each process that trains; they change no number.
        logger: ``csv`` or ``tensorboard``.
        log_every: Steps between values of the history.
        checkpoint_every: Epochs between checkpoints.
        checkpoint_steps: Steps between checkpoints in mid-epoch.
        keep_every: Epochs between checkpoints that are kept.
        download: Whether torchvision may fetch the data set into ``root``.
        overwrite: Start anew whatever run is there.
        progress: Called after every step.
        command_line: What a user typed, for the manifest.

    Raises:
        RunMismatch: The directory holds a run of another recipe or other images; the message shows the difference.
        RunWriteError: The disk is full; the last whole checkpoint stays, and the same call goes on from it.
        NonFiniteTraining: The loss is not a number any more; the checkpoint before is kept.
        ValueError: No recipe for method and data, an unknown key, a value out of range, too few images for a batch, data that
            are not laid out as expected.
        ImportError: The extra ``ssl`` is not installed.
    """
    chosen = resolve_recipe(method, data, recipe=recipe, overrides=overrides)
    images = _open(chosen, root=root, subset=subset, download=download)
    # What is wrong with the recipe is found before a directory is made that would then refuse the corrected one.
    steps = len(images) // chosen.batch_size
    if steps < 1:
        got = f"{chosen.batch_size} with {len(images):,} images"
        raise value_fault("batch_size", "at most the number of images", got, "Take a smaller batch.")
    module = METHODS[chosen.method](chosen, facts=images.facts, steps_per_epoch=steps)
    first = is_first_process()
    parameters = {
        "recipe": to_mapping(chosen),
        "images": {"identity": images.identity, "number": len(images)},
        "evaluation": None if evaluation is None else evaluation.parameters(),
        "monitor": monitor,
        "log_every": log_every,
    }
    # Processes that Lightning or a cluster started beside the first share its directory and write no run of their own.
    opened = RunDirectory.open(out, command="pretrain", parameters=parameters, overwrite=overwrite) if first else None
    with opened or nullcontext() as run:
        if run is not None and run.finished:
            return _finished(run, chosen)
        if run is not None:
            _prepare(run, chosen, images, command_line)
        watching: list[Any] = [SpectrumMonitor(out=run)] if monitor else []
        judging = evaluation_callbacks(
            evaluation, chosen, images, root=root, steps=steps, module=module, workers=workers
        )
        result = fit(
            module,
            _loaders(chosen, images, workers),
            out=out,
            epochs=chosen.epochs,
            seed=chosen.seed,
            precision=chosen.precision,
            accelerator=accelerator,
            devices=devices,
            nodes=nodes,
            strategy=strategy,
            sync_batchnorm=chosen.sync_batchnorm and _on_graphics(accelerator),
            logger=logger,
            log_every=log_every,
            checkpoint_every=checkpoint_every,
            checkpoint_steps=checkpoint_steps,
            keep_every=keep_every,
            callbacks=[*callbacks, *watching, *judging],
            description={"command": "pretrain", "method": chosen.method},
            progress=progress,
            resume=first or not overwrite,  # the first process has removed what is overwritten
        )
        if run is None:
            return PretrainResult(Path(out), result.checkpoint, chosen, result.history, {}, result.resumed)
        for one in watching:
            one.write_tables(last_step=result.steps)
        return _finish(run, chosen, result, module)


def resolve_recipe(
    method: str | None = None,
    data: str | Path | None = None,
    *,
    recipe: Recipe | str | Path | None = None,
    overrides: Sequence[str] = (),
) -> Recipe:
    """The recipe of a run with every value settled; arguments as `pretrain`.

    Images of one's own are looked at, for their size and splits; those of a data set with a name need not be there.

    Raises:
        ValueError: As `pretrain`.
        TypeError: A recipe of another kind.
    """
    source = None if data is None else str(data)
    if isinstance(recipe, Recipe):
        if overrides:
            raise value_fault("overrides", "none with a Recipe", list(overrides), "Use dataclasses.replace on it.")
        chosen = recipe
    elif isinstance(recipe, str | Path):
        chosen = read_recipe(recipe, overrides=overrides)
    elif recipe is None:
        chosen = _packaged(method, source, overrides)
    else:
        raise type_fault("recipe", "a Recipe or a file", type(recipe).__name__, "load_recipe(method, data) gives one.")
    if method is not None and method != chosen.method:
        raise value_fault("method", f"{chosen.method}, as in the recipe", method, "Leave one of the two out.")
    if source is not None and source != chosen.data:
        chosen = replace(chosen, data=source)
    if chosen.backbone.width < _NARROW:
        chosen = replace(chosen, channels_last=False)
    return chosen if chosen.split is not None else replace(chosen, split=_facts(chosen.data).pretraining_split)


def _packaged(method: str | None, data: str | None, overrides: Sequence[str]) -> Recipe:
    if method is None or data is None:
        name = "method" if method is None else "data"
        raise value_fault(name, "one, or a recipe", "none", "Name it, or give a recipe file.")
    return load_recipe(method, data, overrides=overrides, size=None if data in DATA_FACTS else _facts(data).size)


def _facts(data: str) -> DataFacts:
    return DATA_FACTS[data] if data in DATA_FACTS else open_images(data, split="train").facts


def _open(recipe: Recipe, *, root: str | Path | None, subset: int | None, download: bool) -> ImageSet:
    split = recipe.split or _facts(recipe.data).pretraining_split
    images = open_images(recipe.data, root=root, split=split, download=download)
    return images if subset is None else images.subset(subset, recipe.seed)


def training_table(history: Iterable[HistoryRow], *, views_per_step: int) -> pa.Table:
    """`training`: step, epoch, metric, value, seconds, views; one row a value."""
    import pyarrow as pa

    rows = [row for row in history if not row.metric.startswith(_SPECTRUM)]
    return pa.table(
        {
            "step": pa.array([row.step for row in rows], pa.int64()),
            "epoch": pa.array([row.epoch for row in rows], pa.float64()),
            "metric": pa.array([row.metric for row in rows], pa.string()),
            "value": pa.array([row.value for row in rows], pa.float64()),
            "seconds": pa.array([row.seconds for row in rows], pa.float64()),
            "views": pa.array([row.step * views_per_step for row in rows], pa.int64()),
        }
    )


def _loaders(recipe: Recipe, images: ImageSet, workers: int) -> Callable[[int, int], Any]:
    facts = images.facts
    build = build_views(recipe.views, views=recipe.number_of_views, size=facts.size, mean=facts.mean, std=facts.std)

    def make(rank: int, ranks: int) -> Any:
        return pretraining_loader(
            images, build, batch=recipe.batch_size, seed=recipe.seed, rank=rank, ranks=ranks, workers=workers,
            channels_last=recipe.channels_last, pin_memory=torch.cuda.is_available(),
        )  # fmt: skip

    return make


def _on_graphics(accelerator: str) -> bool:
    """Torch normalises over processes on graphics processors alone."""
    return accelerator != "cpu" and torch.cuda.is_available()


def _prepare(run: RunDirectory, recipe: Recipe, images: ImageSet, command_line: str | None) -> None:
    for name in ("checkpoints", "logs"):
        run.folder(name)
    with written_whole(run.path / RECIPE) as file:
        file.write(recipe.to_yaml().encode())
    facts = images.facts
    entries: dict[str, Any] = {
        "method": recipe.method,
        "data": {
            "name": facts.name, "split": recipe.split, "images": len(images), "classes": facts.classes,
            "size": facts.size, "identity": images.identity,
        },
        "seed": recipe.seed,
    }  # fmt: skip
    run.update_manifest(**entries, **({"command_line": command_line} if command_line else {}))


def _finish(run: RunDirectory, recipe: Recipe, result: FitResult, module: Pretraining) -> PretrainResult:
    table = training_table(result.history, views_per_step=views_per_step(recipe))
    run.write_table("training", [table])
    run.update_manifest(
        seconds=round(result.seconds, 3),
        steps=result.steps,
        features=module.backbone.features,
        parameters_of_backbone=sum(parameter.numel() for parameter in module.backbone.parameters()),
        hardware_used={"devices": str(module.device.type), "processes": module.trainer.world_size},
    )
    run.finish()
    return PretrainResult(run.path, result.checkpoint, recipe, result.history, run.manifest, result.resumed)


def views_per_step(recipe: Recipe) -> int:
    """Images that a step sees, over all processes; those of small views count as one each."""
    return recipe.batch_size * (recipe.number_of_views + recipe.views.small_views)


def _finished(run: RunDirectory, recipe: Recipe) -> PretrainResult:
    columns = run.read_table("training", ["step", "epoch", "metric", "value", "seconds"]).to_pydict()
    rows = tuple(HistoryRow(*row) for row in zip(*columns.values(), strict=True))
    return PretrainResult(run.path, run.path / "checkpoints" / "last.ckpt", recipe, rows, run.manifest, resumed=True)

"""Fitting a Lightning module so that a kill, a full disk or a diverging loss loses nothing."""

from __future__ import annotations

import logging
import signal
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from lightning_fabric.utilities.warnings import PossibleUserWarning
from pytorch_lightning.strategies.launchers import _MultiProcessingLauncher
from pytorch_lightning.utilities.exceptions import SIGTERMException
from torch.utils.data import DataLoader

from gramian.itl._errors import type_fault, value_fault
from gramian.runs._atomic import write_error
from gramian.training._checkpoint_files import WholeCheckpoints, read_checkpoint
from gramian.training._checkpoints import LAST, Checkpoints
from gramian.training._finite import FiniteLoss
from gramian.training._history import History, HistoryRow, Recorder
from gramian.training._loader import ResumableLoader
from gramian.training._progress import ProgressReports, TrainingProgress
from gramian.training._seeding import checked_seed, seeded
from gramian.training._writers import open_writer

__all__ = ["FitResult", "fit"]

_TERMINATED = 128 + signal.SIGTERM


@dataclass(frozen=True)
class FitResult:
    """What a fit left behind.

    Attributes:
        directory: Where checkpoints and logs are.
        checkpoint: The last checkpoint.
        history: Every value that was measured, in the order of steps.
        steps: Steps done in all sessions.
        seconds: Spent on them, evaluations on the way not counted.
        resumed: Whether it went on from a checkpoint.
    """

    directory: Path
    checkpoint: Path
    history: tuple[HistoryRow, ...]
    steps: int
    seconds: float
    resumed: bool


def fit(
    module: pl.LightningModule,
    loader: DataLoader[Any] | Callable[[int, int], DataLoader[Any]],
    *,
    out: str | Path,
    epochs: int,
    seed: int,
    precision: Any = "32-true",
    accelerator: str = "auto",
    devices: Any = "auto",
    nodes: int = 1,
    strategy: Any = "auto",
    sync_batchnorm: bool = False,
    logger: str = "csv",
    log_every: int = 10,
    checkpoint_every: int = 1,
    checkpoint_steps: int | None = None,
    keep_every: int | None = None,
    callbacks: Sequence[pl.Callback] = (),
    description: Mapping[str, Any] | None = None,
    progress: Callable[[TrainingProgress], None] | None = None,
    resume: bool = True,
) -> FitResult:
    """Fit a module; the same call again goes on from the last checkpoint, and ends with the same weights.

    On one processor and in one process the weights of a run that was killed at any moment and started again equal those of an
    undisturbed one bit for bit, in mid-epoch too: draws of a step depend on the seed, the epoch and the step alone. The state of
    torch's, NumPy's and Python's global generators is the caller's again afterwards.

    Args:
        module: What is fitted, in place. Its first weights are the caller's affair: build it inside `seeded`.
        loader: The batches of one epoch; or a function of rank and number of processes that makes the loader of a process. Of a
            plain loader each process of several gets a share.
        out: A directory, made if absent: ``checkpoints/last.ckpt``, kept ones beside it, and ``logs/``.
        epochs: In all, those of earlier sessions included.
        seed: Of the order of batches, and of what steps draw.
        precision: As Lightning's: ``32-true``, ``bf16-mixed``, ``16-mixed``, ``64-true``.
        accelerator: As Lightning's.
        devices: As Lightning's.
        nodes: Machines.
        strategy: As Lightning's, of those that start processes by the command line: ``auto``, ``ddp``.
        sync_batchnorm: Whether batch norms take the moments of all processes.
        logger: ``csv`` (``logs/metrics.csv``) or ``tensorboard``.
        log_every: Steps between values of the history. The module logs with ``self.log(name, value)``, by step: means over an
            epoch come after its checkpoint, and a run that goes on would miss them.
        checkpoint_every: Epochs between checkpoints; one is always written after the last.
        checkpoint_steps: Steps between checkpoints in mid-epoch, None for none.
        keep_every: Epochs between checkpoints that are kept as ``epoch-0010.ckpt``, None to keep the last alone.
        callbacks: More of Lightning's callbacks, such as `PeriodicEvaluation`; their ``state_dict`` is kept in checkpoints.
        description: Text, numbers, lists and mappings that checkpoints carry, for whoever reads them; the epochs done are added.
        progress: Called after every step, in the first process.
        resume: Whether to go on from ``last.ckpt`` if it is there.

    Returns:
        `FitResult`. Calling it on a finished run trains nothing.

    Raises:
        ValueError: An argument out of range; a checkpoint of another loader or of more epochs.
        CheckpointFault: ``last.ckpt`` is damaged or not ours.
        NonFiniteTraining: The loss or a weight is not finite; the checkpoint before is kept.
        RunWriteError: The disk is full or read-only; the last whole checkpoint stays.
        ImportError: ``logger`` is ``tensorboard`` and TensorBoard is not installed.

    Cost: At most a few per cent over a bare loop (measured: `benchmarks/bench_pretrain.py`).
    """
    number = checked_seed(seed)
    _check(module, epochs=epochs, log_every=log_every, checkpoint_every=checkpoint_every, nodes=nodes)
    for name, value in (("checkpoint_steps", checkpoint_steps), ("keep_every", keep_every)):
        if value is not None:
            _whole(name, value)
    folder = Path(out)
    last = folder / "checkpoints" / LAST
    with _quiet(), seeded(number):
        trainer = pl.Trainer(
            max_epochs=epochs,
            precision=precision,
            accelerator=accelerator,
            devices=devices,
            num_nodes=nodes,
            strategy=strategy,
            sync_batchnorm=sync_batchnorm,
            use_distributed_sampler=not callable(loader),
            plugins=[WholeCheckpoints()],
            default_root_dir=folder,
            logger=False,
            log_every_n_steps=log_every,
            limit_val_batches=0,
            num_sanity_val_steps=0,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        if isinstance(trainer.strategy.launcher, _MultiProcessingLauncher):
            rule = "one that starts processes by the command line, such as auto or ddp"
            raise value_fault("strategy", rule, repr(strategy), "Processes that are forked would not know their share.")
        made = loader(trainer.global_rank, trainer.world_size) if callable(loader) else loader
        batches = ResumableLoader(made, seed=number, rank=trainer.global_rank)
        going_on = resume and last.is_file()
        if going_on:
            _check_checkpoint(last, len(batches), epochs)
        writer = open_writer(logger, folder / "logs", first=trainer.is_global_zero)
        history = History(batches, writer)
        finite = FiniteLoss(batches)
        trainer.loggers = [history]
        own: list[pl.Callback] = [Recorder(batches, history, log_every), finite]
        if progress is not None:
            own.append(ProgressReports(batches, epochs * len(batches), progress))
        saving = Checkpoints(
            last.parent, batches, finite, epochs=epochs, every=checkpoint_every, every_steps=checkpoint_steps,
            keep_every=keep_every, description=description or {},
        )  # fmt: skip
        trainer.callbacks += [*callbacks, *own, saving]  # type: ignore[attr-defined]
        try:
            _run(trainer, module, batches, last if going_on else None)
        except OSError as error:
            raise write_error(error, folder) from error
        finally:
            writer.close()
    return FitResult(
        directory=folder,
        checkpoint=last,
        history=tuple(history.rows),
        steps=batches.steps,
        seconds=history.seconds,
        resumed=going_on,
    )


def _run(trainer: pl.Trainer, module: pl.LightningModule, batches: ResumableLoader, checkpoint: Path | None) -> None:
    before = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(module, train_dataloaders=batches, ckpt_path=checkpoint, weights_only=True)
    except SIGTERMException:
        raise SystemExit(_TERMINATED) from None
    except SystemExit:
        # Lightning turns an interrupt into an exit, and switches further ones off for good.
        if not trainer.interrupted:
            raise
        signal.signal(signal.SIGINT, before)
        raise KeyboardInterrupt from None


def _check(module: pl.LightningModule, **numbers: int) -> None:
    if not isinstance(module, pl.LightningModule):
        rule = "a LightningModule of the package pytorch_lightning"
        raise type_fault("module", rule, type(module).__name__, "That of lightning.pytorch is another class.")
    for name, value in numbers.items():
        _whole(name, value)


def _whole(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise value_fault(name, "a whole number from 1", value, "Give another number.")


def _check_checkpoint(path: Path, length: int, epochs: int) -> None:
    states = read_checkpoint(path)["callbacks"]
    position = next((state for state in states.values() if "steps_per_epoch" in state), None)
    if position is None or position["steps_per_epoch"] != length:
        was = "none" if position is None else position["steps_per_epoch"]
        rule = f"the {length} steps an epoch of this loader"
        raise value_fault("checkpoint", rule, f"{was} in {path}", "Give another directory, or the same data as before.")
    done = position["steps"] / length
    if done > epochs:
        raise value_fault("epochs", f"at least the {done:g} of the checkpoint", epochs, "Give another directory.")


@contextmanager
def _quiet() -> Iterator[None]:
    """Lightning talks of hardware, tips and settings that are this room's choice."""
    log = logging.getLogger("pytorch_lightning")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=PossibleUserWarning)
            warnings.filterwarnings("ignore", message=".*LeafSpec.*")  # Lightning's own use of torch
            yield
    finally:
        log.setLevel(level)

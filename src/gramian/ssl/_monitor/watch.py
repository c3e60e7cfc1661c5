"""When to look, what to read and what to say: the monitor without any training framework."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from torch import Tensor, nn

from gramian.itl._errors import type_fault, value_fault
from gramian.ssl._monitor.alarm import CollapseAlarm, CollapseCount, collapse_message, not_finite
from gramian.ssl._monitor.ranks import several_ranks
from gramian.ssl._monitor.readings import OutputHook, embeddings_of, views_of
from gramian.ssl._monitor.snapshot import SpectrumSnapshot
from gramian.ssl._monitor.tracker import SpectrumTracker, checked_orders

__all__ = ["Finder", "Look", "Settings", "Watch"]

Finder = str | nn.Module | Callable[[nn.Module], nn.Module]
# What a method of gramian keeps of a training step: vectors of the backbone, and what the loss sees.
KEPT = ("features", "embeddings")
_LOOKS = 50
_UNKNOWN_LENGTH = 100


@dataclass(frozen=True)
class Settings:
    """What a monitor was asked for; see `SpectrumMonitor`."""

    modules: tuple[Finder, ...]
    every: int | None
    batches: int
    orders: tuple[float, ...]
    views: int | None
    interleaved: bool
    read: Callable[[Any], Tensor]
    alarm: CollapseAlarm | None

    @classmethod
    def checked(
        cls,
        module: Finder | Sequence[Finder] | None,
        *,
        every: int | None,
        batches: int,
        orders: Sequence[float],
        views: int | None,
        interleaved: bool,
        read: Callable[[Any], Tensor] | None,
        alarm: CollapseAlarm | None,
    ) -> Settings:
        """The settings, or an error that names the one that is wrong."""
        modules: tuple[Finder, ...] = ()
        if isinstance(module, str | nn.Module) or callable(module):
            modules = (module,)
        elif module is not None:
            modules = tuple(module) if isinstance(module, list | tuple) else (cast(Any, module),)
        for one in modules:
            if not (isinstance(one, str | nn.Module) or callable(one)):
                remedy = "Name a submodule such as 'projection_head'."
                raise type_fault("module", "a name, a module or a function that finds one", type(one).__name__, remedy)
        for name, count, least in (("every", every, 1), ("batches", batches, 1), ("views", views, 2)):
            if count is not None and (isinstance(count, bool) or not isinstance(count, int)):
                raise type_fault(name, "an integer", type(count).__name__, "Count batches or views.")
            if count is not None and count < least:
                raise value_fault(name, f"at least {least}", count, "None leaves it to the monitor.")
        if alarm is not None and not isinstance(alarm, CollapseAlarm):
            raise type_fault("alarm", "a CollapseAlarm or None", type(alarm).__name__, "None switches it off.")
        return cls(
            modules, every, batches, checked_orders(orders), views, interleaved, read or embeddings_of, alarm
        )  # fmt: skip

    @property
    def names(self) -> tuple[str, ...]:
        """What the sources are called; empty where the method says so itself."""
        return tuple(_name_of(module) for module in self.modules)


@dataclass(frozen=True)
class Look:
    """What one look gave: a snapshot of each source, and warnings that were not given before."""

    snapshots: tuple[SpectrumSnapshot, ...]
    warnings: tuple[str, ...]


@dataclass
class Watch:
    """Follows one training: opened before every batch and closed after it, it looks when it is time.

    Batches are counted from 1. A look takes the ``batches`` batches that end with a multiple of ``every``, with the last
    batch of the training, or with batch ``batches``, which shows the untrained encoder.
    """

    settings: Settings
    seen: int = 0
    hooks: dict[str, OutputHook] = field(default_factory=dict)
    trackers: dict[str, SpectrumTracker] = field(default_factory=dict)
    counts: dict[str, CollapseCount] = field(default_factory=dict)
    period: int = 1
    window: int = 1
    total: int | None = None
    partial: bool = False

    def begin(self, root: nn.Module, *, total: int | None) -> None:
        """Attach to a model.

        Args:
            root: the model, or the trainer's module around it.
            total: batches in the whole training, those of earlier parts included; None where nobody knows.

        Raises:
            ValueError: it has no submodule of a name.
        """
        self.end()
        asked = self.settings
        self.total = total
        # No denser than windows are long, or a short training would look at every batch.
        self.period = asked.every or (_UNKNOWN_LENGTH if total is None else max(asked.batches, total // _LOOKS))
        self.window = min(asked.batches, self.period)
        self.hooks = {
            name: OutputHook(_found(root, one), asked.read)
            for name, one in zip(asked.names, asked.modules, strict=True)
        }

    def restart(self) -> None:
        """Forget what was seen: a training begins at its first batch."""
        self.seen, self.partial = 0, False
        self.trackers, self.counts = {}, {}

    def end(self) -> None:
        """Leave the model as it was."""
        for hook in self.hooks.values():
            hook.remove()
        self.hooks = {}

    @property
    def wanted(self) -> bool:
        """Whether the coming batch belongs to a look."""
        batch = self.seen + 1
        into = (batch - 1) % self.period
        first = batch <= self.window and self.period >= 2 * self.window
        last = self.total is not None and self.total - self.window < batch <= self.total
        return first or last or into >= self.period - self.window

    @property
    def _due(self) -> bool:
        first = self.seen == self.window and self.period >= 2 * self.window
        return first or self.seen % self.period == 0 or self.seen == self.total

    def open(self) -> None:
        """Before a batch goes through the model."""
        for hook in self.hooks.values():
            hook.taken()
            hook.listening = self.wanted

    def close(self, *, step: int, epoch: float, kept: Any = None) -> Look | None:
        """After a batch; what was found where it was time to look.

        Every process of `torch.distributed` must come here for every batch.

        Args:
            step: optimiser steps taken.
            epoch: passes over the data.
            kept: what the method itself kept of the step, where no module is named.

        Raises:
            ValueError: there is nothing to read.
        """
        if self.wanted:
            for name, views in self._read(kept).items():
                tracker = self.trackers.setdefault(name, SpectrumTracker(orders=self.settings.orders))
                tracker.update(*views)
        self.seen += 1
        if not self._due:
            return None
        look = self._look(step, epoch) if not (self.partial and several_ranks()) else None
        self.trackers, self.partial = {}, False
        return look

    def _look(self, step: int, epoch: float) -> Look:
        snapshots, warnings = [], []
        for name, tracker in self.trackers.items():
            merged = tracker.merged()
            count = self.counts.setdefault(name, CollapseCount(self.settings.alarm)) if self.settings.alarm else None
            if merged.samples < 2:
                if count and not count.told and merged.skipped:
                    count.told = True
                    warnings.append(collapse_message(name, step, not_finite(merged.skipped, merged.samples)))
                continue
            snapshots.append(merged.compute(source=name, step=step, epoch=epoch))
            warning = count.observe(snapshots[-1]) if count else None
            if warning is not None:
                warnings.append(warning)
        return Look(tuple(snapshots), tuple(warnings))

    def _read(self, kept: Any) -> dict[str, tuple[Tensor, ...]]:
        views, interleaved = self.settings.views, self.settings.interleaved
        if not self.settings.modules:
            return {name: _alike(found) for name, found in _kept_views(kept).items()}
        found = {}
        for name, hook in self.hooks.items():
            calls = hook.taken()
            if not calls:
                remedy = "Name a module that the loss goes through."
                raise value_fault("module", f"{name!r} to be called in every training step", "no call", remedy)
            found[name] = views_of(calls, views=views, interleaved=interleaved)
        return found

    def state(self) -> dict[str, Any]:
        """What a checkpoint must hold for a resumed training to look as an undisturbed one does."""
        return {
            "seen": self.seen,
            "told": [name for name, count in self.counts.items() if count.told],
            "in_a_row": {name: count.in_a_row for name, count in self.counts.items()},
            # One process saves the checkpoint: what the others have seen of an unfinished look would be missing.
            "trackers": {} if several_ranks() else {name: tracker.state() for name, tracker in self.trackers.items()},
            "partial": self.partial or bool(self.trackers and several_ranks()),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state` gave."""
        self.seen, self.partial = int(state["seen"]), bool(state["partial"])
        self.trackers, self.counts = {}, {}
        for name, held in state["trackers"].items():
            self.trackers[name] = SpectrumTracker(orders=self.settings.orders)
            self.trackers[name].load_state(held)
        for name, in_a_row in state["in_a_row"].items() if self.settings.alarm else ():
            self.counts[name] = CollapseCount(self.settings.alarm)  # type: ignore[arg-type]
            self.counts[name].in_a_row, self.counts[name].told = int(in_a_row), name in state["told"]


def _kept_views(kept: Any) -> dict[str, Sequence[Tensor]]:
    found = {name: getattr(kept, name) for name in KEPT if getattr(kept, name, None)}
    if not found:
        remedy = "Name the submodule whose output to watch, such as SpectrumMonitor('projection_head')."
        raise value_fault("module", "a method that keeps the embeddings of its step", "one that keeps none", remedy)
    return found


def _alike(views: Sequence[Tensor]) -> tuple[Tensor, ...]:
    return views_of([view.detach() for view in views], views=None, interleaved=False)


def _name_of(module: Finder) -> str:
    if isinstance(module, str):
        return module
    name = type(module).__name__ if isinstance(module, nn.Module) else getattr(module, "__name__", "module")
    return "module" if name == "<lambda>" else name


def _found(root: nn.Module, module: Finder) -> nn.Module:
    if isinstance(module, nn.Module):
        return module
    if not isinstance(module, str):
        found = module(root)
        if not isinstance(found, nn.Module):
            raise type_fault("module", "a function that returns a module", type(found).__name__, "Return a submodule.")
        return found
    try:
        return root.get_submodule(module)
    except AttributeError:
        names = [name for name, _ in root.named_modules() if name]
        near = difflib.get_close_matches(module, names, n=1, cutoff=0.0)
        remedy = f"Did you mean {near[0]!r}?" if near else "The model has no submodules."
        raise value_fault("module", f"a submodule of {type(root).__name__}", repr(module), remedy) from None

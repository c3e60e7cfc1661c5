"""The training loop of `gramian pretrain` against a bare PyTorch loop with the same model, batches, loss and optimiser.

`python benchmarks/bench_pretrain.py [--images 512] [--batch-size 64] [--width 16] [--repeats 7] [--out FILE]`

One timed repetition is one epoch, and takes turns with the other loop's, step by step: each loop runs in a thread of its own and
hands over after every step, so that a busy moment of the machine hits both alike. Ours has everything a run has by default:
history every 10 steps, the check of the loss, the online probe. Checkpoints, of which there is one an epoch, are timed apart, since
what they add depends on how long an epoch is; so is the spectrum monitor (`--monitor-every`), which looks some 50 times in a run
however long it is.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from _harness import environment, write
from gramian.ssl import SpectrumMonitor, load_recipe
from gramian.ssl._evaluation import OnlineProbe
from gramian.ssl._methods import METHODS
from gramian.training import fit, seeded


class Turns:
    """Two threads that work by turns; the seconds between getting and giving the turn are the worker's."""

    def __init__(self, names: tuple[str, str]) -> None:
        self.seconds: dict[str, list[float]] = {name: [] for name in names}
        self.processor: dict[str, list[float]] = {name: [] for name in names}
        self._names, self._turn, self._ended = names, names[0], set[str]()
        self._condition, self._since = threading.Condition(), dict.fromkeys(names, (0.0, 0.0))

    def begin(self, name: str) -> None:
        """Wait for the first turn."""
        self._wait(name)

    def give(self, name: str) -> None:
        """A step is done."""
        since = self._since[name]
        self.seconds[name].append(time.perf_counter() - since[0])
        self.processor[name].append(time.thread_time() - since[1])
        with self._condition:
            self._turn = next(other for other in self._names if other != name)
            self._condition.notify_all()
        self._wait(name)

    def end(self, name: str) -> None:
        """No more turns."""
        with self._condition:
            self._ended.add(name)
            self._turn = next(other for other in self._names if other != name)
            self._condition.notify_all()

    def _wait(self, name: str) -> None:
        with self._condition:
            self._condition.wait_for(lambda: self._turn == name or len(self._ended) > 0)
        self._since[name] = (time.perf_counter(), time.thread_time())


class GiveTurn(pl.Callback):
    """Hands over after each step of Lightning's, its logging and checks included."""

    def __init__(self, turns: Turns) -> None:
        self.turns, self.begun = turns, False

    def on_train_batch_start(self, *_: Any) -> None:
        # At the start of the next step: then everything that follows the one before has been done.
        if not self.begun:
            self.turns.begin("gramian")
            self.begun = True
        else:
            self.turns.give("gramian")


def build(given: argparse.Namespace, steps: int) -> Any:
    """The same module for both, from the same seed."""
    recipe = load_recipe(
        "frossl", "cifar10",
        overrides=[f"batch_size={given.batch_size}", f"epochs={given.repeats}", f"backbone.width={given.width}"],
    )  # fmt: skip
    return METHODS["frossl"](recipe, steps_per_epoch=steps)


def loader(given: argparse.Namespace) -> DataLoader[Any]:
    """Batches that are there already: what is compared is the loop."""
    generator = torch.Generator().manual_seed(0)
    views = [torch.randn(given.images, 3, 32, 32, generator=generator) for _ in range(2)]
    labels = torch.arange(given.images) % 10

    class Pairs(torch.utils.data.Dataset[Any]):
        def __len__(self) -> int:
            return given.images

        def __getitems__(self, indices: list[int]) -> Any:
            return [view[indices] for view in views], labels[indices]

    return DataLoader(Pairs(), batch_size=given.batch_size, shuffle=True, collate_fn=lambda batch: batch)


def bare(module: Any, batches: DataLoader[Any], epochs: int, turns: Turns) -> None:
    """What a user would write: zero, loss, backward, step, schedule."""
    made = module.configure_optimizers()
    optimizer, schedule = made["optimizer"], made["lr_scheduler"]["scheduler"]
    module.train()
    first = True
    for _ in range(epochs):
        for views, labels in batches:
            turns.begin("bare") if first else turns.give("bare")
            first = False
            optimizer.zero_grad()
            loss, _ = module.compute_loss(views, labels)
            loss.backward()
            optimizer.step()
            schedule.step()
    turns.give("bare")
    turns.end("bare")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=7, help="epochs")
    parser.add_argument("--monitor-every", type=int, default=0, help="steps between looks of the monitor; 0 for none")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out", default="benchmarks/results/pretrain.json")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    batches = loader(given)
    steps = len(batches)
    turns = Turns(("bare", "gramian"))
    ours, theirs = build(given, steps), build(given, steps)
    with seeded(0):
        other = threading.Thread(target=bare, args=(theirs, loader(given), given.repeats, turns))
        other.start()
        with tempfile.TemporaryDirectory() as folder:
            probe = OnlineProbe(
                None, features=ours.backbone.features, classes=10, lr=0.1, batch_size=given.batch_size, views=2,
                total_steps=steps * given.repeats, every=10**6,
            )  # fmt: skip
            probe.measure = lambda *_: {}  # type: ignore[method-assign]  (evaluations are not the loop)
            saved: list[float] = []
            watching: Any = [SpectrumMonitor(every=given.monitor_every)] if given.monitor_every else []
            fit(
                ours, batches, out=folder, epochs=given.repeats, seed=0, accelerator="cpu", checkpoint_every=10**6,
                callbacks=[probe, *watching, GiveTurn(turns)],
            )  # fmt: skip
            turns.end("gramian")
            other.join()
            checkpoint = Path(folder) / "checkpoints" / "last.ckpt"
            size = checkpoint.stat().st_size
            content = torch.load(checkpoint, weights_only=True)
            from gramian.training._checkpoint_files import WholeCheckpoints

            for _ in range(5):
                start = time.perf_counter()
                WholeCheckpoints().save_checkpoint(content, checkpoint)
                saved.append(time.perf_counter() - start)
    row: dict[str, Any] = {
        "images": given.images,
        "batch": given.batch_size, "width": given.width, "threads": given.threads, "monitor_every": given.monitor_every,
        "checkpoint_ms": 1e3 * statistics.median(saved), "checkpoint_mb": size / 1e6,
    }  # fmt: skip
    # On a busy machine a step of one thread is better told by the processor's time, which waiting is no part of.
    clocks = {"wall": turns.seconds, **({"processor": turns.processor} if given.threads == 1 else {})}
    title = f"{given.batch_size} images in 2 views, width {given.width}, {given.threads} threads, load {environment()['load']:.1f}"
    print(f"{title}; a checkpoint of {row['checkpoint_mb']:.0f} MB takes {row['checkpoint_ms']:.0f} ms")
    for clock, found in clocks.items():
        row[clock] = compared(found, steps)
        print(
            f"  {clock:9s} bare {row[clock]['bare_ms']:.1f} ms, ours {row[clock]['gramian_ms']:.1f} ms a step; ours adds "
            f"{100 * row[clock]['overhead']:.2f} % ({row[clock]['steps']} pairs of steps)"
        )
    write(given.out, [row])


def compared(found: dict[str, list[float]], warm: int) -> dict[str, Any]:
    """Totals of what both did by turns, the first epoch left out; the interval is of resampled pairs of steps."""
    count = min(map(len, found.values())) - 1
    bare_s, ours = (np.array(found[name][warm:count]) for name in ("bare", "gramian"))
    generator = np.random.default_rng(0)
    drawn = generator.integers(0, len(ours), (1000, len(ours)))
    low, high = np.quantile(ours[drawn].sum(1) / bare_s[drawn].sum(1) - 1, (0.025, 0.975))
    return {
        "steps": len(ours),
        "bare_ms": 1e3 * float(bare_s.mean()),
        "gramian_ms": 1e3 * float(ours.mean()),
        "overhead": float(ours.sum() / bare_s.sum() - 1),
        "interval": [float(low), float(high)],
    }


if __name__ == "__main__":
    main()

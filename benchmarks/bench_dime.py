"""One step of DiME, value and gradient, against a loop over ``eigh`` with autograd: from embeddings by the loss, and from Grams.

Run as ``python benchmarks/bench_dime.py``. The peer is written here as the released code of the objective does it: a joint entropy by
eigenvalues for the pairs and for each permutation, autograd through all of them. Every step is taken in a process of
its own, one after the other, so that its peak memory is its own; seconds are those of the processor, which a busy machine
does not change for one thread.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import torch
from torch import Tensor

import gramian as gm
from _harness import Row, write
from gramian.multiview import DiMELoss

WIDTH, SEED = 10, 0
KINDS = ("correlated Gaussians", "ten clusters")


def embeddings(kind: str, n: int) -> tuple[Tensor, Tensor]:
    """Two views ``(n, 10)`` in single precision: correlated by 0.9, or of one cluster out of ten with noise of their own."""
    generator = torch.Generator().manual_seed(SEED)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    if kind == "correlated Gaussians":
        x = normal(n, WIDTH)
        return x, 0.9 * x + 0.19**0.5 * normal(n, WIDTH)
    centres = 3 * normal(2, 10, WIDTH)
    chosen = torch.randint(10, (n,), generator=generator)
    return centres[0, chosen] + normal(n, WIDTH), centres[1, chosen] + normal(n, WIDTH)


def ours(views: Sequence[Tensor], settings: Row) -> Tensor:
    """DiME of two views by the loss, or of two Grams."""
    told = {"alpha": settings["alpha"], "permutations": settings["permutations"]}
    small = settings["rank"] is None or settings["rank"] >= len(views[0])
    rank = None if small else settings["rank"]
    if settings["start"] == "grams":
        return gm.dime(*views, rank=rank, seed=SEED, **told)
    return -DiMELoss(bandwidth="dimension", rank=rank, seed=SEED, **told)(views)


def gram(view: Tensor) -> Tensor:
    """A Gaussian Gram as one would write it."""
    sigma = (view.shape[1] / 2) ** 0.5
    return torch.exp(-(torch.cdist(view, view) ** 2) / (2 * sigma**2))


def loop(views: Sequence[Tensor], settings: Row) -> Tensor:
    """The same quantity and the same permutations, by all eigenvalues of every product."""
    gram_x, gram_y = views if settings["start"] == "grams" else map(gram, views)
    alpha = settings["alpha"]

    def entropy(product: Tensor) -> Tensor:
        values, _ = torch.linalg.eigh(product / product.trace())
        return (values.abs() ** alpha).sum().log() / (1 - alpha)

    generator = torch.Generator().manual_seed(SEED)
    orders = [torch.randperm(len(gram_x), generator=generator) for _ in range(settings["permutations"])]
    shuffled = torch.stack([entropy(gram_x * gram_y[order][:, order]) for order in orders]).mean()
    return shuffled - entropy(gram_x * gram_y)


def step(settings: Row, file: Path) -> None:
    """In a process of its own: time and memory of steps, printed; value and gradient, to a file."""
    torch.set_num_threads(settings["threads"])

    def given(n: int) -> list[Tensor]:
        views = embeddings(settings["kind"], n)
        return [gram(view) for view in views] if settings["start"] == "grams" else list(views)

    def inputs(n: int) -> list[Tensor]:
        return [view.clone().requires_grad_() for view in given(n)]

    def once(views: Sequence[Tensor]) -> Tensor:
        value = (loop if settings["loop"] else ours)(views, settings)
        value.backward()
        return value.detach()

    once(inputs(64))  # what the first call loads is not a step
    seconds, wall, before = [], [], 0.0
    for _ in range(settings["repeats"]):
        views = inputs(settings["n"])
        before = before or peak_mb()
        start, clock = time.process_time(), time.perf_counter()
        value = once(views)
        seconds.append(time.process_time() - start)
        wall.append(time.perf_counter() - clock)
    peak = peak_mb() - before
    torch.save({"value": value, "gradient": torch.cat([view.grad.flatten() for view in views])}, file)
    print(json.dumps({"seconds": seconds, "wall_s": wall, "peak_mb": peak}))


def peak_mb() -> float:
    """Most memory of this process so far; where the system tells, without what its parent had before it."""
    status = Path("/proc/self/status")
    if status.exists():
        return float(status.read_text().split("VmHWM:")[1].split()[0]) / 1e3
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


def measured(settings: Row, folder: Path) -> tuple[Row, dict[str, Tensor]]:
    """A step in a process of its own."""
    file = folder / "step.pt"
    command = [sys.executable, __file__, "--step", json.dumps(settings), "--file", str(file)]
    row = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    return row, torch.load(file, weights_only=True)


def bench(n: int, permutations: int, rank: int, repeats: int, threads: int) -> list[Row]:
    """Both orders on both kinds of embeddings."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            for alpha, start in product((1.01, 2.0), ("embeddings", "grams")):
                leading = None if alpha == 2 else rank
                common = {
                    "start": start,
                    "kind": kind,
                    "n": n,
                    "alpha": alpha,
                    "permutations": permutations,
                    "threads": threads,
                }
                theirs, exact = measured({**common, "loop": True, "rank": None, "repeats": 1}, Path(folder))
                mine, found = measured({**common, "loop": False, "rank": leading, "repeats": repeats}, Path(folder))
                fastest = min(mine["seconds"])
                own = sorted(mine["seconds"])[len(mine["seconds"]) // 2]
                value = float(exact["value"])
                cosine = torch.cosine_similarity(found["gradient"].double(), exact["gradient"].double(), dim=0)
                name = f"order {alpha:g}, {'exact' if leading is None else f'rank {leading}'}, {kind}, from {start}"
                error = abs(float(found["value"]) / value - 1)
                rows.append(
                    {
                        "name": name,
                        **common,
                        "rank": leading,
                        "median_s": own,
                        "fastest_s": fastest,
                        "seconds": mine["seconds"],
                        "wall_s": mine["wall_s"],
                        "peak_mb": mine["peak_mb"],
                        "peer": "loop over eigh, autograd",
                        "peer_s": theirs["seconds"][0],
                        "peer_wall_s": theirs["wall_s"][0],
                        "peer_peak_mb": theirs["peak_mb"],
                        "ratio": theirs["seconds"][0] / own,
                        "value": float(found["value"]),
                        "peer_value": value,
                        "value_error": error,
                        "gradient_cosine": float(cosine),
                    }
                )
                print(
                    f"  {name:58s}{own:8.2f} s {mine['peak_mb']:7.0f} MB; loop {theirs['seconds'][0]:7.1f} s "
                    f"{theirs['peak_mb']:7.0f} MB; {rows[-1]['ratio']:6.1f}x, error {error:.2%}, cosine {float(cosine):.4f}",
                    flush=True,
                )
    return rows


def main() -> None:
    """Run and write ``results/dime.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=3000, help="pairs in a batch")
    parser.add_argument("--permutations", type=int, default=5)
    parser.add_argument("--rank", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=3, help="steps of ours; the loop takes one")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", default=str(Path(__file__).parent / "results" / "dime.json"))
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        step(json.loads(arguments.step), arguments.file)
        return
    rows = bench(arguments.n, arguments.permutations, arguments.rank, arguments.repeats, arguments.threads)
    write(arguments.out, rows)


if __name__ == "__main__":
    main()

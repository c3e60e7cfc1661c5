"""What a sweep gains from workers: one plan in process, on Ray with one worker, and on Ray with two.

    python benchmarks/bench_sweep.py [--prompts 400] [--repeats 1] [--workers 1,2] [--out results.json]

Every worker has one core, and so has the run in process: `threads: 1` in the plan and in this process, whose spectra are taken
beside the workers. With as many workers as cores that process competes with them. Times are from an empty directory to the tables,
the start of the cluster and of its workers included. The tables of all runs are compared: they must be equal.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

# Before anything that reads it: linear algebra of one thread, here and in the workers that inherit it.
os.environ["OMP_NUM_THREADS"] = "1"

import torch

from _harness import write
from gramian.layers import Condition
from gramian.runs import read_run
from gramian.sweeps import Cell, InProcess, OnRay, Plan, run_plan

CONDITIONS = (None, *(Condition(kind, p) for kind in ("repetition", "random_tokens") for p in (0.5, 1.0)))
TABLES = ("measures", "cells")


def plan_of(prompts):
    """MiniLM and its untrained copy, five conditions each: ten cells, each of several shards."""
    cells = [
        Cell("minilm-l6", model_options={"untrained": True} if untrained else {}, condition=condition)
        for untrained in (False, True)
        for condition in CONDITIONS
    ]
    settings = {"prompts": prompts, "views": 0, "max_tokens": 128}
    return Plan(tuple(cells), settings, shard_tokens=4096, threads=1)


class Timed:
    """An executor whose start is timed."""

    def __init__(self, executor):
        self.executor = executor
        self.seconds = 0.0

    def __getattr__(self, name):
        return getattr(self.executor, name)

    def start(self, *, threads):
        began = time.perf_counter()
        self.executor.start(threads=threads)
        self.seconds = time.perf_counter() - began


def run(plan, executor, folder):
    timed = Timed(executor)
    began = time.perf_counter()
    result = run_plan(plan, out=folder, executor=timed)
    seconds = time.perf_counter() - began
    facts = {
        "shards": sum(read_run(cell).manifest["parameters"]["shards"]["count"] for cell in result.cells),
        "tokens": result.manifest["tokens"],
    }
    record = read_run(result.directory)
    return seconds, timed.seconds, facts, [record.tables[name] for name in TABLES]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/sweep.json"))
    arguments = parser.parse_args()
    started = time.monotonic()
    torch.set_num_threads(1)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    plan = plan_of(arguments.prompts)
    executors = {"in process": InProcess}
    for count in map(int, arguments.workers.split(",")):
        executors[f"Ray, {count} worker{'s' if count > 1 else ''}"] = lambda count=count: OnRay("local", workers=count)
    seconds, starts = {name: [] for name in executors}, {name: [] for name in executors}
    first, facts = None, {}
    for repetition in range(arguments.repeats):
        for name in executors if repetition % 2 == 0 else reversed(executors):
            with tempfile.TemporaryDirectory() as folder:
                took, start, facts, tables = run(plan, executors[name](), Path(folder) / "run")
            seconds[name].append(took)
            starts[name].append(start)
            first = first or tables
            if not all(one.equals(other) for one, other in zip(first, tables, strict=True)):
                raise RuntimeError(f"{name}: expected the tables of the run before; got others")
    alone = statistics.median(seconds["in process"])
    rows = [
        {
            "name": name,
            "median_s": statistics.median(seconds[name]),
            "seconds": seconds[name],
            "start_s": statistics.median(starts[name]),
            "ratio": alone / statistics.median(seconds[name]),
        }
        for name in executors
    ]
    case = (
        f"minilm-l6 and its untrained copy, {len(plan.cells)} cells, {facts['shards']} shards, {facts['tokens']} tokens"
    )
    print(f"{case}; load before {load:.1f}" if load is not None else case)
    for row in rows:
        print(f"  {row['name']:18s}{row['median_s']:8.1f} s   start {row['start_s']:5.1f} s   {row['ratio']:5.2f}x")
    write(arguments.out, [{"case": case, "load_before": load, "tables": "equal", "rows": rows}])
    print(f"{arguments.out}, {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()

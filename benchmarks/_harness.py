"""What every benchmark shares: interleaved timing, peak memory, and a record of where it ran."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import resource
import statistics
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

PACKAGES = ("numpy", "torch", "scipy", "transformers")

Row = dict[str, Any]


def compare(functions: Mapping[str, Callable[[], object]], repeats: int = 5, *, peer: str | None = None) -> list[Row]:
    """Time functions against each other, their repetitions interleaved so that a busy moment hits them all.

    Args:
        functions: name to a function without arguments.
        repeats: timed calls of each, after one that is not timed.
        peer: name of the function the others are measured by; the first if None.

    Returns:
        One row a function: ``name``, ``median_s``, ``fastest_s``, ``seconds``, ``peak_mb`` (growth of resident memory
        during one call), ``peer``, and ``ratio``: the median over repetitions of the peer's time over its own, above 1
        where it is faster.
    """
    if repeats < 1 or not functions:
        raise ValueError(f"repeats: expected at least 1 and a function; got {repeats} and {len(functions)} functions.")
    names = list(functions)
    reference = names[0] if peer is None else peer
    peaks = {name: peak_mb(functions[name]) for name in names}
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for repetition in range(repeats):
        for name in names if repetition % 2 == 0 else reversed(names):
            start = time.perf_counter()
            functions[name]()
            seconds[name].append(time.perf_counter() - start)
    return [
        {
            "name": name,
            "median_s": statistics.median(seconds[name]),
            "fastest_s": min(seconds[name]),
            "seconds": seconds[name],
            "peak_mb": peaks[name],
            "peer": reference,
            "ratio": statistics.median(
                theirs / own for theirs, own in zip(seconds[reference], seconds[name], strict=True)
            ),
        }
        for name in names
    ]


def peak_mb(function: Callable[[], object]) -> float:
    """Growth of resident memory while the function runs, in megabytes, sampled every few milliseconds.

    Memory that earlier calls left with the allocator is used again unseen: compare functions of one run, not runs.
    """
    before = highest = _resident_mb()
    done = threading.Event()

    def watch() -> None:
        nonlocal highest
        while not done.wait(0.002):
            highest = max(highest, _resident_mb())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        function()
    finally:
        highest = max(highest, _resident_mb())
        done.set()
        watcher.join()
    return highest - before


def environment() -> Row:
    """Versions and hardware: what a number means nothing without."""
    record: Row = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "versions": {},
    }
    for package in ("gramian", *PACKAGES):
        try:
            record["versions"][package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            record["versions"][package] = None
    if "torch" in sys.modules:
        torch = sys.modules["torch"]
        record["threads"] = torch.get_num_threads()
        record["cuda"] = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return record


def write(path: str | Path, rows: Sequence[Row]) -> None:
    """Write rows and environment as JSON, whole or not at all."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    aside.write_text(json.dumps({"environment": environment(), "rows": list(rows)}, indent=2) + "\n")
    aside.replace(target)


def show(title: str, rows: Sequence[Row]) -> None:
    """Print rows as a small table."""
    print(title, flush=True)
    for row in rows:
        timing = f"{row['median_s'] * 1e3:10.1f} ms  {row['peak_mb']:8.1f} MB"
        print(f"  {row['name']:34s}{timing}  {row['ratio']:6.2f}x of {row['peer']}", flush=True)


def _resident_mb() -> float:
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()

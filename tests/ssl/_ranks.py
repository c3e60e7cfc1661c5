"""Two processes of one test, which start once for all its cases."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).parents[2]


def results_of_ranks(module: str, cases: list[Any], folder: Path, *arguments: str) -> list[Any]:
    """What each of two ranks running ``module`` saved, after the cases were handed to both."""
    torch.save(cases, folder / "tasks.pt")
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", module, str(rank), *arguments]
            + [str(folder / name) for name in ("meeting", "tasks.pt", f"rank-{rank}.pt")],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors[-2000:]
    return [torch.load(folder / f"rank-{rank}.pt", weights_only=True) for rank in range(2)]

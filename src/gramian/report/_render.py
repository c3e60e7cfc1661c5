"""Run directories in, one HTML file out."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path


def render(directories: Sequence[Path], *, out: Path | None = None) -> Path:
    """Write run directories as one HTML page that works offline, and give its path.

    Several directories are laid over each other: runs of layers by relative depth (other architectures, an untrained
    baseline), runs of training along it. The page appears whole or not at all, and the same runs give the same bytes.

    Args:
        directories: finished run directories, at least one, each once.
        out: the file to write; ``report.html`` in the first directory when None. Missing parents are created.

    Returns:
        The path of the page.

    Raises:
        ValueError: when a directory is no finished run, is given twice, or the runs have different formats; when runs of
            training are among runs of layers; when ``out`` is a directory; when the extra ``report`` is not installed.
        TypeError: when ``directories`` is a single path.
    """
    try:
        from gramian.report._page import page_of
        from gramian.report._sources import checked_directories, read_sources
        from gramian.report._training import read_trainings
        from gramian.report._training_page import training_page
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.partition(".")[0] not in {"plotly", "jinja2", "markupsafe", "pyarrow"}:
            raise
        raise ValueError(
            f"report: expected the packages that draw the page; got no {missing.name}."
            " Install them with `pip install gramian[report]`."
        ) from missing
    trainings = read_trainings(checked_directories(directories))
    sources = [] if trainings else read_sources(directories)
    path = Path(out) if out is not None else Path(directories[0]) / "report.html"
    if path.is_dir():
        raise ValueError(f"out: expected a file to write; got the directory {str(path)!r}. Add a file name to it.")
    _write_whole(path, training_page(trainings) if trainings else page_of(sources))
    return path


def _write_whole(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes the file private; a report is meant to be passed on.
        os.chmod(aside, 0o644)
        os.replace(aside, path)
    except OSError:
        Path(aside).unlink(missing_ok=True)
        raise

"""Small samples on disk, and `gramian compare` run in this process."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from gramian.cli._app import main


def points(n, shift=0.0, *, columns=3, seed=0):
    """Normal points, the second column moved by ``shift``; rounded, so that text holds them exactly."""
    found = np.random.default_rng(seed).normal(size=(n, columns)).round(6)
    found[:, 1] += shift
    return found


def write_csv(path: Path, found, names=("a", "b", "c"), *, delimiter=","):
    with path.open("w", newline="") as file:
        rows = csv.writer(file, delimiter=delimiter)
        rows.writerow(names)
        rows.writerows([[repr(float(value)) for value in row] for row in found])
    return path


def compare(monkeypatch, capsys, *arguments):
    """Exit code, output and errors of one command; 99 permutations where nothing else is said."""
    typed = [str(argument) for argument in arguments]
    if "--permutations" not in typed:
        typed += ["--permutations", "99"]
    monkeypatch.setattr(sys, "argv", ["gramian", "compare", *typed])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    return ended.value.code or 0, printed.out, printed.err


def document(monkeypatch, capsys, *arguments):
    code, out, err = compare(monkeypatch, capsys, *arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def write_images(folder: Path, count, *, level, mode="RGB", size=(9, 7), seed=0):
    """Noise around a level of grey; ``mode`` as Pillow names it."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(seed)
    for place in range(count):
        values = np.clip(generator.normal(level, 12, size=(size[1], size[0], 3)), 0, 255).astype(np.uint8)
        Image.fromarray(values).convert(mode).save(folder / f"{place:02d}.png")
    return folder

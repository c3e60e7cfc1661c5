"""Digits in colour, seen twice: what the views share is the digit, what each has alone is its colour.

View 1 is a digit in one of twelve colours on black, view 2 the same digit in white on one of twelve colours. The colours are drawn
independently, so nothing about them is shared. Linear readers, fitted on codes of training images, then tell the digit and the colour
of other images from the shared and from the exclusive codes.

    python examples/coloured_views.py --out coloured-views
"""

from __future__ import annotations

import argparse
import colorsys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gramian.multiview import DiMEEncoder, traversal

COLOURS = 12
CLASSES = 10
HELD_OUT = 500
# Rows a reader is fitted on.
READ = 3000
# Order 1.01: at order 2 a few coincidences pay, and colour stays in the shared codes.
SETTINGS = {"latent": 10, "exclusive": 3, "alpha": 1.01, "permutations": 1, "batch_size": 256, "epochs": 12, "lr": 1e-3}


class Coloured(NamedTuple):
    """Two views ``(n, 3, 8, 8)``, the digits and the colours of each view, ``(n,)``."""

    views: list[npt.NDArray[np.float32]]
    digits: npt.NDArray[np.int64]
    colours: list[npt.NDArray[np.int64]]


def coloured_digits(*, copies: int = 16, seed: int = 0, pairing: str = "same") -> tuple[Coloured, Coloured]:
    """Training and held-out images, each in ``copies`` pairs of colours.

    Args:
        copies: of each image.
        seed: of the split, the order and the colours.
        pairing: ``"same"`` for one image in both views, ``"class"`` for another image of its class in the second.
    """
    data = load_digits()
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(data.images))
    parts = order[HELD_OUT:], order[:HELD_OUT]
    train, test = (_coloured(data, rows, rng, count, pairing) for rows, count in zip(parts, (copies, 2), strict=True))
    return train, test


def _coloured(data: Any, rows: npt.NDArray[np.int64], rng: np.random.Generator, copies: int, pairing: str) -> Coloured:
    shades = (data.images / 16).astype(np.float32)[:, None]
    first = rng.permutation(np.repeat(rows, copies))
    digits = data.target[first]
    second = first.copy()
    if pairing == "class":
        for digit in range(CLASSES):
            second[digits == digit] = rng.choice(rows[data.target[rows] == digit], int((digits == digit).sum()))
    hues = np.array([colorsys.hsv_to_rgb(k / COLOURS, 1, 1) for k in range(COLOURS)], dtype=np.float32)
    colours = list(rng.integers(COLOURS, size=(2, len(first))))
    fore, back = (hues[colour][:, :, None, None] for colour in colours)
    return Coloured([shades[first] * fore, shades[second] + (1 - shades[second]) * back], digits, colours)


def accuracies(encoder: DiMEEncoder, train: Coloured, test: Coloured) -> dict[str, list[float]]:
    """How often readers of the codes are right on held-out images, a value for each view.

    Keys are ``digit from shared``, ... for a linear reader, and ``..., neighbours`` for one of the ten nearest.
    """
    readers = {"": LogisticRegression(C=10.0, max_iter=300), ", neighbours": KNeighborsClassifier(10)}
    read = [view[:READ] for view in train.views]
    found = {}
    for part, encode in (("shared", encoder.transform), ("exclusive", encoder.transform_exclusive)):
        fitted, judged = encode(read), encode(test.views)
        for target in ("digit", "colour"):
            for suffix, reader in readers.items():
                values = []
                for view in range(2):
                    known, sought = (one.digits if target == "digit" else one.colours[view] for one in (train, test))
                    pipeline = make_pipeline(StandardScaler(), reader).fit(fitted[view], known[:READ])
                    values.append(float(pipeline.score(judged[view], sought)))
                found[f"{target} from {part}{suffix}"] = values
    return found


def fitted_encoder(train: Coloured, *, seed: int = 0, **settings: Any) -> DiMEEncoder:
    """An encoder of the settings above, but for those given."""
    return DiMEEncoder(**{**SETTINGS, "device": "cpu", "seed": seed, **settings}).fit(train.views)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, print the accuracies, write a figure of traversals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("coloured-views"))
    parser.add_argument("--epochs", type=int, default=SETTINGS["epochs"])
    parser.add_argument("--copies", type=int, default=16)
    parser.add_argument("--independence", type=float, default=1.0)
    parser.add_argument("--pairing", choices=("same", "class"), default="same")
    parser.add_argument("--seed", type=int, default=0)
    told = parser.parse_args(arguments)
    train, test = coloured_digits(copies=told.copies, seed=told.seed, pairing=told.pairing)
    encoder = fitted_encoder(train, seed=told.seed, epochs=told.epochs, independence=told.independence)
    print(f"{'':22}view 1  view 2  chance")
    for name, values in accuracies(encoder, train, test).items():
        if "," not in name:
            chance = 1 / (CLASSES if name.startswith("digit") else COLOURS)
            print(f"{name:22}{values[0]:6.3f}  {values[1]:6.3f}  {chance:6.3f}")
    told.out.mkdir(parents=True, exist_ok=True)
    for part in ("shared", "exclusive"):
        traversal(encoder, test.views, part=part).write_html(told.out / f"traversal-{part}.html", include_plotlyjs=True)
    print(f"Traversals: {told.out}")


if __name__ == "__main__":
    main()

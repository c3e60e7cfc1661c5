"""Comparisons made by hand: the test is the library's, what carries the difference is planted."""

from __future__ import annotations

import base64

import numpy as np

from gramian.inference import k_sample_test
from gramian.report import ComparedSample, Comparison, Difference

HOSTILE = '<script>alert("x")</script></script><img src=x onerror=alert(1)>'
# One grey pixel.
PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==")


def sample(name, points, *, columns=None, **more):
    count, width = points.shape
    return ComparedSample(
        name=name,
        source=f"{name}.csv",
        points=points,
        columns=tuple(columns or [f"c{place}" for place in range(width)]),
        rows=tuple(f"row {place + 1}" for place in range(count)),
        kind=more.pop("kind", "table"),
        hash="0" * 64,
        **more,
    )


def comparison(
    *, shift=2.0, names=("before", "after"), columns=None, width=3, bandwidth="aggregate", level=0.05, **more
):
    generator = np.random.default_rng(0)
    parts = [generator.normal(size=(30 + 5 * place, width)) for place in range(len(names))]
    parts[1][:, min(1, width - 1)] += shift
    samples = tuple(sample(name, part, columns=columns, **more) for name, part in zip(names, parts, strict=True))
    shares = np.linspace(1, 2, width) / np.linspace(1, 2, width).sum()
    scores = (np.linspace(-0.2, 0.5, len(parts[0])), np.linspace(-0.6, 0.2, len(parts[1])))
    return Comparison(
        samples=samples,
        result=k_sample_test(*parts, bandwidth=bandwidth, permutations=199, seed=0),
        level=level,
        difference=Difference(0, 1, scores, shares),
        pairs=(),
        notes=(),
        account={"Run": {"command": "gramian compare before.csv after.csv"}, "Parameters": {"drop_missing": False}},
    )

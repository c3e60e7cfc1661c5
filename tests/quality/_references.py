"""Every measure again, in plain float64 NumPy from its definition, with sample data and values worked by hand.

A measure is classified by an entry in `CASES`; `test_every_measure.py` fails for one that has none.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import Any

import numpy as np


def shannon(weights):
    p = np.asarray(weights, dtype=np.float64)
    p = p[p > 1e-15 * p.max()] / p[p > 1e-15 * p.max()].sum()
    return float(-(p * np.log(p)).sum())


def prompt_entropy(tokens):
    z = tokens - tokens.mean(0)
    z = np.array([row / np.linalg.norm(row) if np.linalg.norm(row) > 1e-12 else 0 * row for row in z])
    return shannon(np.linalg.svd(z, compute_uv=False) ** 2)


def curvature(tokens):
    v = np.diff(tokens, axis=0)
    angles = [
        math.acos(max(-1.0, min(1.0, a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))))
        for a, b in pairwise(v)
        if np.linalg.norm(a) * np.linalg.norm(b) > 0
    ]
    return sum(angles) / len(angles)


def sink_share(tokens):
    return np.linalg.norm(tokens[0]) ** 2 / np.linalg.norm(tokens) ** 2


def variances(x):
    return np.sort(np.linalg.eigvalsh(np.atleast_2d(np.cov(x.T))))[::-1]


def effective_rank(x):
    return math.exp(shannon(np.linalg.svd(x, compute_uv=False)))


def alpha_req(x):
    values = variances(x)
    values = values[values > len(values) * 2.3e-16 * values[0]]
    last = len(values) // 2
    first = max(1, len(values) // 50)
    ranks = np.arange(first, last + 1)
    return -np.polyfit(np.log(ranks), np.log(values[first - 1 : last]), 1)[0]


def cosine(a, b):
    return a @ b / (np.linalg.norm(a) * np.linalg.norm(b))


def pairs(x):
    return [(x[i], x[j]) for i, j in combinations(range(len(x)), 2)]


def uniformity(x):
    u = x / np.linalg.norm(x, axis=1, keepdims=True)
    return math.log(np.mean([math.exp(-2 * np.sum((a - b) ** 2)) for a, b in pairs(u)]))


def intrinsic_dimension(x):
    ratios = []
    for i, row in enumerate(x):
        near = sorted(np.linalg.norm(row - other) for j, other in enumerate(x) if j != i)
        ratios.append(near[1] / near[0])
    ratios = np.sort(ratios)
    kept = min(int(0.9 * len(x)), len(x) - 1)
    heights = -np.log(1 - np.arange(1, kept + 1) / len(x))
    logs = np.log(ratios[:kept])
    return logs @ heights / (logs @ logs)


def lidar_entropy(views, delta=1e-4):
    count, q, d = views.shape
    means = views.mean(1)
    between, within = np.zeros((d, d)), np.zeros((d, d))
    for prompt in range(count):
        gap = means[prompt] - means.mean(0)
        between += np.outer(gap, gap) / count
        for view in range(q):
            gap = views[prompt, view] - means[prompt]
            within += np.outer(gap, gap) / (count * q)
    values, vectors = np.linalg.eigh(within + delta * np.eye(d))
    root = vectors @ np.diag(values**-0.5) @ vectors.T
    spectrum = np.linalg.eigvalsh(root @ between @ root)
    return shannon(spectrum[spectrum > 1e-12 * spectrum.max()])


def cross_entropy(logits, target):
    return math.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits[target]


def infonce_one_way(a, b, temperature=0.1):
    return np.mean([
        cross_entropy(np.array([cosine(a[i], other) for other in b]) / temperature, i) for i in range(len(a))
    ])  # fmt: skip


def infonce(a, b, temperature=0.1):
    return (infonce_one_way(a, b, temperature) + infonce_one_way(b, a, temperature)) / 2


def nt_xent(a, b, temperature=0.1):
    both, losses = np.concatenate([a, b]), []
    for i, row in enumerate(both):
        others = [j for j in range(len(both)) if j != i]
        logits = np.array([cosine(row, both[j]) for j in others]) / temperature
        losses.append(cross_entropy(logits, others.index((i + len(a)) % len(both))))
    return np.mean(losses)


def linear_cka(x, y):
    center = np.eye(len(x)) - 1 / len(x)
    k, m = center @ x @ x.T @ center, center @ y @ y.T @ center
    return np.sum(k * m) / math.sqrt(np.sum(k * k) * np.sum(m * m))


@dataclass(frozen=True)
class Case:
    """How one measure is tested.

    Attributes:
        sample: from a generator to arguments of the plain function, large enough not to warn.
        reference: an independent computation on them; None where the definition is random (the test file says how).
        closed_forms: arguments, keyword parameters and the value worked by hand.
        range: least and largest value on the arguments.
    """

    sample: Callable[[np.random.Generator], tuple[np.ndarray, ...]]
    reference: Callable[..., float] | None
    closed_forms: tuple[tuple[tuple[np.ndarray, ...], Mapping[str, Any], float], ...]
    range: Callable[..., tuple[float, float]]
    batch: tuple[Any, ...] = field(default=())


def tokens(rng):
    return (rng.normal(size=(9, 5)) + 0.7,)


def embeddings(rng):
    return (rng.normal(size=(60, 6)) @ np.diag([3, 2, 1.5, 1, 0.5, 0.3]) + 1.0,)


def views(rng):
    means = rng.normal(size=(12, 1, 5)) + 1.0
    return (means + 0.3 * rng.normal(size=(12, 11, 5)) * np.array([2, 1, 1, 0.5, 0.1]),)


def view_pair(rng):
    clean = rng.normal(size=(14, 5)) + 0.5
    return clean + 0.4 * rng.normal(size=clean.shape), clean + 0.4 * rng.normal(size=clean.shape)


def two_layers(rng):
    x = rng.normal(size=(20, 5)) + 0.5
    return x, x @ rng.normal(size=(5, 5)) + rng.normal(size=x.shape)


CROSS = np.array([[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]])  # variances 8 : 2, singular values root 8 : root 2
POWER_LAW = np.concatenate([np.diag([1, 2.0**-1.5, 3.0**-1.5]), -np.diag([1, 2.0**-1.5, 3.0**-1.5])])  # j^-3
BLUR = 0.5 * np.array([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]])  # isotropic: S_w is a multiple of I
H2080 = -(0.8 * math.log(0.8) + 0.2 * math.log(0.2))
EYE = np.eye(3)
TURNED = np.roll(EYE, 1, axis=0)
E10 = math.exp(10)


def least_most(low, high):
    return lambda *arrays: (low, high)


def up_to_dimension(x):
    return 1.0, min(x.shape)


def up_to_variances(x):
    return 1.0, min(x.shape[0] - 1, x.shape[-1])


CASES: dict[str, Case] = {
    "prompt_entropy": Case(
        tokens,
        prompt_entropy,
        (
            ((CROSS,), {}, math.log(2)),
            ((CROSS,), {"unit_norm": False}, H2080),
            ((CROSS + 5,), {"center": True, "normalization": "log_n"}, 0.5),
            ((CROSS,), {"normalization": "log_d"}, 1.0),
            ((CROSS,), {"unit_norm": False, "alpha": 2}, -math.log(0.68)),
            ((np.array([[1.0, 2.0], [3.0, 5.0]]),), {}, 0.0),
            ((np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]]),), {}, 0.0),  # the third equals the mean: no direction
        ),
        lambda x: (0.0, math.log(min(len(x) - 1, x.shape[1]))),
    ),
    "curvature": Case(
        tokens,
        curvature,
        (
            ((np.outer(np.arange(5), [1.0, 2.0, 3.0]),), {}, 0.0),
            ((np.array([[0.0], [1.0], [0.0], [1.0]]),), {}, math.pi),
            ((np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]]),), {}, math.pi / 2),
            ((np.array([[0.0, 0], [1, 0], [0.5, math.sqrt(0.75)]]),), {}, 2 * math.pi / 3),
            ((np.array([[0.0, 0], [1, 0], [1, 1], [1, 1], [1, 2]]),), {}, math.pi / 2),  # a pause leaves its angles out
        ),
        least_most(0.0, math.pi),
    ),
    "sink_share": Case(
        tokens,
        sink_share,
        (((np.ones((4, 3)),), {}, 0.25), ((np.array([[3.0, 4.0], [5.0, 0.0]]),), {}, 0.5)),
        least_most(0.0, 1.0),
    ),
    "dataset_entropy": Case(
        embeddings,
        lambda x: shannon(np.linalg.svd(x, compute_uv=False) ** 2),
        (
            ((CROSS,), {}, H2080),
            ((CROSS,), {"alpha": 2}, -math.log(0.68)),
            ((CROSS,), {"alpha": 0}, math.log(2)),
            ((CROSS,), {"alpha": math.inf}, -math.log(0.8)),
            ((CROSS + 7.0,), {"center": True}, H2080),
            ((CROSS,), {"normalization": "log_n"}, H2080 / math.log(4)),
            ((CROSS,), {"normalization": "log_d"}, H2080 / math.log(2)),
            ((CROSS,), {"normalization": "min"}, H2080 / math.log(2)),
            ((np.eye(4),), {}, math.log(4)),
        ),
        lambda x: (0.0, math.log(min(x.shape))),
    ),
    "effective_rank": Case(
        embeddings,
        effective_rank,
        (
            ((np.eye(4),), {}, 4.0),
            ((np.outer([1.0, 2, 3], [1.0, 1.0]),), {}, 1.0),
            ((CROSS,), {}, 3 / 2 ** (2 / 3)),  # singular values 2 : 1
        ),
        up_to_dimension,
    ),
    "stable_rank": Case(
        embeddings,
        lambda x: np.linalg.norm(x) ** 2 / np.linalg.norm(x, 2) ** 2,
        (((CROSS,), {}, 1.25), ((np.eye(4),), {}, 4.0)),
        up_to_dimension,
    ),
    "participation_ratio": Case(
        embeddings,
        lambda x: variances(x).sum() ** 2 / (variances(x) ** 2).sum(),
        (((CROSS + 3,), {}, 100 / 68), ((np.eye(4),), {}, 3.0)),
        up_to_variances,
    ),
    "nesum": Case(
        embeddings,
        lambda x: variances(x).sum() / variances(x)[0],
        (((CROSS + 3,), {}, 1.25), ((np.eye(4),), {}, 3.0)),
        up_to_variances,
    ),
    "alpha_req": Case(
        embeddings,
        alpha_req,
        (
            ((POWER_LAW + 2,), {"fit_range": (1, 3)}, 3.0),
            ((POWER_LAW,), {"fit_range": (2, 3)}, 3.0),
            ((np.concatenate([EYE, -EYE]),), {"fit_range": (1, 3)}, 0.0),
        ),
        least_most(0.0, math.inf),
    ),
    "intrinsic_dimension": Case(
        embeddings,
        intrinsic_dimension,
        (
            # Ratios 2, 3 and 3/2 of a line's three points; F = 1/3, 2/3 at the two smallest.
            (
                (np.array([[0.0], [1.0], [3.0]]),),
                {},
                (math.log(1.5) ** 2 + math.log(2) * math.log(3)) / (math.log(1.5) ** 2 + math.log(2) ** 2),
            ),
            # Discarding half leaves one ratio: -log(1 - 1/3) / log(3/2) = 1.
            ((np.array([[0.0], [1.0], [3.0]]),), {"discard": 0.5}, 1.0),
            # Repeated rows change nothing.
            ((np.array([[0.0], [1.0], [3.0], [1.0], [0.0]]),), {"discard": 0.5}, 1.0),
        ),
        least_most(0.0, math.inf),
    ),
    "anisotropy": Case(
        embeddings,
        lambda x: np.mean([cosine(a, b) for a, b in pairs(x)]),
        (((CROSS,), {}, -1 / 3), ((np.eye(4),), {}, 0.0), ((np.ones((4, 2)),), {}, 1.0)),
        lambda x: (-1 / (len(x) - 1), 1.0),
    ),
    "uniformity": Case(
        embeddings,
        uniformity,
        (
            ((5 * np.eye(4),), {}, -4.0),
            ((np.ones((4, 2)),), {}, 0.0),
            ((np.array([[1.0, 0.0], [-3.0, 0.0]]),), {}, -8.0),
            ((CROSS,), {}, math.log((2 * math.exp(-8) + 4 * math.exp(-4)) / 6)),
        ),
        least_most(-8.0, 0.0),
    ),
    "lidar": Case(
        views,
        lambda x: math.exp(lidar_entropy(x)),
        (
            ((CROSS[:, None] + BLUR,), {}, math.exp(H2080)),
            ((CROSS[:, None] / 2 + BLUR,), {"delta": 9.0}, math.exp(H2080)),
        ),
        lambda x: (1.0, min(x.shape[0] - 1, x.shape[2])),
    ),
    "lidar_entropy": Case(
        views,
        lidar_entropy,
        (
            ((CROSS[:, None] + BLUR,), {}, H2080),
            # S_w = diag(4, 1) / 4 where S_b is proportional to diag(4, 1): whitening makes both directions equal.
            ((CROSS[:, None] + BLUR * [2.0, 1.0],), {"delta": 1e-12}, math.log(2)),
            # With delta = 1: eigenvalues 2 / (1 + 1) and 0.5 / (0.25 + 1).
            ((CROSS[:, None] + BLUR * [2.0, 1.0],), {"delta": 1.0}, shannon([1.0, 0.4])),
        ),
        lambda x: (0.0, math.log(min(x.shape[0] - 1, x.shape[2]))),
    ),
    "infonce": Case(
        view_pair,
        infonce,
        (
            ((EYE, 2 * EYE), {}, math.log(E10 + 2) - 10),
            ((EYE, EYE), {"temperature": 1.0, "form": "one_way"}, math.log(math.e + 2) - 1),
            ((EYE, TURNED), {}, math.log(E10 + 2)),
            ((np.ones((4, 2)), np.ones((4, 2))), {}, math.log(4)),
            ((np.ones((4, 2)), np.ones((4, 2))), {"form": "nt_xent"}, math.log(7)),
            ((EYE, EYE), {"form": "nt_xent"}, math.log(E10 + 4) - 10),
            # One direction differs from the other: rows of logits (1, 1), (1, 1); columns the same only on average.
            (
                (np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 1.0]])),
                {"temperature": 1.0, "form": "one_way"},
                math.log(math.e + 1) - 0.5,
            ),
            (
                (np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 1.0]])),
                {"temperature": 1.0},
                (math.log(math.e + 1) + (math.log(2) + 1 + math.log(2)) / 2) / 2 - 0.5,
            ),
        ),
        lambda a, b: (0.0, math.log(1 + (len(a) - 1) * math.exp(20))),
    ),
    "infonce_bound": Case(
        view_pair,
        lambda a, b: math.log(len(a)) - infonce(a, b),
        (
            ((np.ones((4, 2)), np.ones((4, 2))), {}, 0.0),
            ((EYE, EYE), {}, math.log(3) + 10 - math.log(E10 + 2)),
        ),
        lambda a, b: (-math.inf, math.log(len(a))),
    ),
    "augmentation_dime": Case(
        view_pair,
        None,
        (
            ((np.ones((4, 2)), np.ones((4, 2))), {}, 0.0),  # every pairing gives the same rank-one Gram
            ((np.eye(4), np.ones((4, 4))), {"permutations": 3}, 0.0),  # the identity is not moved by a permutation
        ),
        lambda a, b: (-math.log(len(a)), math.log(len(a))),
    ),
    "alignment": Case(
        view_pair,
        lambda a, b: np.mean([2 - 2 * cosine(u, v) for u, v in zip(a, b, strict=True)]),
        (((EYE, 3 * EYE), {}, 0.0), ((EYE, TURNED), {}, 2.0), ((EYE, -EYE), {}, 4.0)),
        least_most(0.0, 4.0),
    ),
    "linear_cka": Case(
        two_layers,
        linear_cka,
        (
            ((CROSS, 2 * CROSS[:, ::-1] + 3), {}, 1.0),
            # Spectra 8 : 2 against 1 : 1 in the same directions: (8 + 2) / (root 68 root 2).
            ((CROSS, CROSS * [0.5, 1.0]), {}, 10 / math.sqrt(136)),
            ((CROSS[:, :1], CROSS[:, 1:]), {}, 0.0),
        ),
        least_most(0.0, 1.0),
    ),
    "adjacent_cosine": Case(
        two_layers,
        lambda x, y: np.mean([cosine(u, v) for u, v in zip(x, y, strict=True)]),
        (((EYE, 3 * EYE), {}, 1.0), ((EYE, TURNED), {}, 0.0), ((CROSS, -CROSS), {}, -1.0)),
        least_most(-1.0, 1.0),
    ),
}

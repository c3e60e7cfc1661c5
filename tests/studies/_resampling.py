"""The protocol of the study of samplers: what is fitted to which rows, and what is counted."""

from __future__ import annotations

import itertools
import json
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from imblearn.under_sampling import ClusterCentroids, InstanceHardnessThreshold, NearMiss, RandomUnderSampler
from scipy import stats
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from gramian.sampling import JensenRenyiPrototypes, JensenRenyiUnderSampler, coverage
from tests.studies._imbalanced_sets import load

FOLDS, INNER, SEED = 5, 3, 0
COSTS, WIDTHS = (1.0, 10.0, 100.0), (2.0**-7, 2.0**-5, 2.0**-3, 2.0**-1)
# Hyperparameters are chosen on at most so many rows of the training part.
CHOSEN_ON = 1500
STEPS = 50_000
RANDOM_SEEDS, RANDOM_SEEDS_LARGER, RANDOM_SEEDS_CHOOSING = 20, 5, 3
FACTORS, WIDE_FACTORS = (0.25, 0.5, 1.0, 2.0), (0.1, 0.3, 1.0, 3.0)
LANDMARKS = 64

Sampler = Callable[[int, int], Any]

METHODS = ("select", "prototypes", "class weights", "random", "NearMiss", "ClusterCentroids", "InstanceHardness")
SEARCHED, LEARNED_SEARCHED = "select, bandwidth searched", "prototypes, bandwidth searched"


def samplers(name: str) -> list[Sampler | None]:
    """A method's candidates, made from a seed and the minority's size; inner folds choose among them. None samples nothing."""
    if name == SEARCHED:
        return [_select(factor) for factor in FACTORS]
    if name == LEARNED_SEARCHED:
        return [_learn(factor) for factor in WIDE_FACTORS]
    return [
        {
            "select": _select(1.0),
            "prototypes": _learn(1.0),
            "class weights": None,
            "random": lambda seed, size: RandomUnderSampler(random_state=seed),
            "NearMiss": lambda seed, size: NearMiss(n_neighbors=min(3, size)),
            "ClusterCentroids": lambda seed, size: ClusterCentroids(estimator=KMeans(n_init=1, random_state=seed)),
            "InstanceHardness": lambda seed, size: InstanceHardnessThreshold(
                estimator=RandomForestClassifier(n_estimators=10, random_state=seed),
                cv=min(5, size),
                random_state=seed,
            ),
        }[name]
    ]


def _select(factor: float) -> Sampler:
    return lambda seed, size: JensenRenyiUnderSampler(bandwidth_factor=factor, random_state=seed)


def _learn(factor: float) -> Sampler:
    return lambda seed, size: JensenRenyiPrototypes(bandwidth_factor=factor, landmarks=LANDMARKS, random_state=seed)


def results_of(name: str, *, larger: bool, methods: Sequence[str], folder: Path) -> dict[str, Any]:
    """AUC and balanced accuracy of every method on one set, by fold; kept in a file, so that a stopped study goes on."""
    file = folder / f"{name}.json"
    found: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {}
    x, y = load(name)
    missing = [method for method in methods if method not in found]
    if "coverage" not in found:
        found["coverage"] = _covered(x, y)
    for method in missing:
        start = time.perf_counter()
        draws = (RANDOM_SEEDS_LARGER if larger else RANDOM_SEEDS) if method == "random" else 1
        folds = [_fold(x, y, *parts, method=method, draws=draws) for parts in _splits(x, y)]
        found[method] = {
            "auc": [fold[0] for fold in folds],
            "balanced_accuracy": [fold[1] for fold in folds],
            "seconds": time.perf_counter() - start,
        }
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"rows": len(y), "minority": int(y.sum()), **found}))
    return json.loads(file.read_text())


def _splits(x: Any, y: Any) -> Iterator[tuple[Any, Any]]:
    return StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(x, y)


def _fold(x: Any, y: Any, train: Any, test: Any, *, method: str, draws: int) -> tuple[float, float]:
    """Mean AUC and balanced accuracy over the draws on one outer fold."""
    scaler = StandardScaler().fit(x[train])
    own, other, labels = scaler.transform(x[train]), scaler.transform(x[test]), y[train]
    weight = "balanced" if method == "class weights" else None
    candidates = samplers(method)
    choosing = range(RANDOM_SEEDS_CHOOSING if draws > 1 else 1)
    sampler, cost, width = _chosen(own, labels, candidates, weight, choosing)
    scores = []
    for seed in range(draws):
        rows, classes = _resampled(sampler, seed, own, labels)
        scores.append(_scores(_fitted(rows, classes, cost, width, weight), other, y[test]))
    auc, accuracy = np.mean(scores, axis=0)
    return float(auc), float(accuracy)


def _chosen(
    x: Any, y: Any, candidates: list[Sampler | None], weight: str | None, seeds: Sequence[int]
) -> tuple[Sampler | None, float, float]:
    """The candidate, cost and width with the highest mean AUC on inner folds that are not sampled; first of equals."""
    if len(y) > CHOSEN_ON:
        x, _, y, _ = train_test_split(x, y, train_size=CHOSEN_ON, stratify=y, random_state=SEED)
    folds = list(StratifiedKFold(INNER, shuffle=True, random_state=SEED).split(x, y))
    best: tuple[float, Sampler | None, float, float] = (-1.0, None, COSTS[0], WIDTHS[0])
    for sampler in candidates:
        total = dict.fromkeys(itertools.product(COSTS, WIDTHS), 0.0)
        for (train, test), seed in itertools.product(folds, seeds):
            rows, labels = _resampled(sampler, seed, x[train], y[train])
            for cost, width in total:
                decision = _fitted(rows, labels, cost, width, weight).decision_function(x[test])
                total[cost, width] += roc_auc_score(y[test], decision)
        (cost, width), value = max(total.items(), key=lambda pair: pair[1])
        if value > best[0] + 1e-12:
            best = (value, sampler, cost, width)
    return best[1:]


def _resampled(sampler: Sampler | None, seed: int, x: Any, y: Any) -> tuple[Any, Any]:
    return (x, y) if sampler is None else sampler(seed, int(y.sum())).fit_resample(x, y)


def _fitted(x: Any, y: Any, cost: float, width: float, weight: str | None) -> SVC:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a fit that the number of steps ended
        return SVC(C=cost, gamma=width, class_weight=weight, max_iter=STEPS).fit(x, y)


def _scores(model: SVC, x: Any, y: Any) -> tuple[float, float]:
    decision = model.decision_function(x)
    return float(roc_auc_score(y, decision)), float(balanced_accuracy_score(y, decision > 0))


def _covered(x: Any, y: Any) -> dict[str, float]:
    """Divergence of what is selected from the whole majority, beside a hundred random subsets of that size."""
    kept, labels = JensenRenyiUnderSampler(random_state=SEED).fit_resample(x, y)
    found = coverage(x[y == 0], kept[labels == 0], scale=x, random_subsets=100, random_state=SEED)
    return {
        "divergence": found.divergence,
        "random_best": found.random_best,
        "random_mean": found.random_mean,
        "random_subsets": found.random_subsets,
    }


def compared(results: dict[str, dict[str, Any]], methods: Sequence[str], score: str = "auc") -> dict[str, Any]:
    """Means, average ranks, Friedman's test, Nemenyi's critical difference, Holm's p against the best rank."""
    table = np.array([[np.mean(found[method][score]) for method in methods] for found in results.values()])
    ranks = np.array([stats.rankdata(-row) for row in table]).mean(0)
    sets, number = table.shape
    statistic, pvalue = stats.friedmanchisquare(*table.T)
    unit = np.sqrt(number * (number + 1) / (6 * sets))
    best = int(ranks.argmin())
    raw = {m: 2 * stats.norm.sf((ranks[i] - ranks[best]) / unit) for i, m in enumerate(methods) if i != best}
    holm, running = {}, 0.0
    for place, (method, p) in enumerate(sorted(raw.items(), key=lambda pair: pair[1])):
        running = max(running, min(1.0, p * (number - 1 - place)))
        holm[method] = running
    return {
        "sets": sets,
        "mean": dict(zip(methods, table.mean(0).tolist(), strict=True)),
        "rank": dict(zip(methods, ranks.tolist(), strict=True)),
        "best": methods[best],
        "friedman": {"statistic": float(statistic), "pvalue": float(pvalue)},
        "nemenyi_difference": float(stats.studentized_range.ppf(0.95, number, np.inf) / np.sqrt(2) * unit),
        "holm": holm,
    }

"""Downstream runs and what is concluded from them, in the formats of docs/design, with hostile task names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from gramian.runs import RunDirectory, write_document

HOSTILE_TASK = "<b onmouseover=alert(3)>Task</b> & </script>"
TYPES = ("Classification", "STS", "Clustering", "Reranking", "PairClassification")
RAW = "pooling=mean;normalize=raw"
NO_FIRST = "pooling=mean_no_first;normalize=raw"
NORMED = "pooling=mean;normalize=final_norm"
LEAST_DIME = "augmentation_dime"


@dataclass(frozen=True)
class ScoreSpec:
    """A synthetic downstream run; its scores peak at ``peak`` of the depth, and the raw mean falls where the sink is heavy."""

    model: str = "SmolLM2-135M-Instruct (Q4_1)"
    revision: str = "main"
    depth: int = 32
    tasks: Sequence[str] = ("STS15", "Banking77Classification", HOSTILE_TASK)
    readings: Sequence[str] = (RAW, NO_FIRST, NORMED)
    subsets: int = 1
    peak: float = 0.55
    intervals: bool = True
    final_norm: bool = True
    sink: bool = True
    half: float = 0.012
    seed: int = 0

    @classmethod
    def many(cls, count: int, **more: Any) -> ScoreSpec:
        """As many tasks as are asked for, of five types in turn."""
        return cls(tasks=[f"Task{number:02d}{TYPES[number % 5]}" for number in range(count)], **more)


def type_of(task: str) -> str:
    """The type a synthetic task belongs to."""
    return max((kind for kind in TYPES if task.endswith(kind)), key=len, default="STS")


def score_curve(spec: ScoreSpec, task: int, reading: str) -> np.ndarray:
    """The exact main scores by layer: a hump whose place moves a little from task to task."""
    x = np.linspace(0, 1, spec.depth + 1)
    peak = spec.peak + 0.03 * ((task % 5) - 2)
    values = 0.42 + 0.05 * (task % 3) + 0.3 * np.exp(-0.5 * ((x - peak) / 0.28) ** 2)
    if reading == RAW and spec.sink:
        values = values - 0.16 / (1 + np.exp(-(x - 0.4) * 40))
    return values - (0.02 if reading == NORMED else 0.0)


def write_scores(path: Path, spec: ScoreSpec | None = None, *, command: str = "downstream") -> Path:
    """Write a downstream run and give its path."""
    spec = spec or ScoreSpec()
    parameters = {"model": spec.model, "tasks": list(spec.tasks), "seed": spec.seed}
    with RunDirectory.open(path, command=command, parameters=parameters) as run:
        run.write_table("scores", [score_table(spec)])
        if spec.sink:
            run.write_table("measures", [_sink(spec)])
        run.update_manifest(
            model={"name": spec.model, "depth": spec.depth}, seconds=12.5, warnings=["sink_share: heavy first token"]
        )
        run.finish()
    return path


def score_table(spec: ScoreSpec) -> pa.Table:
    """The table ``scores``, with a second metric beside the main one."""
    rng = np.random.default_rng(spec.seed)
    rows: list[dict[str, object]] = []
    for number, task in enumerate(spec.tasks):
        for reading in spec.readings:
            values = score_curve(spec, number, reading) + 0.2 * spec.half * rng.standard_normal(spec.depth + 1)
            streams = [(layer, "residual", value) for layer, value in enumerate(values)]
            streams += [(spec.depth, "final_norm", values[-1] - 0.01)] if spec.final_norm else []
            for subset in range(spec.subsets):
                for layer, stream, value in streams:
                    shared = {
                        "model": spec.model, "revision": spec.revision, "task": task, "type": type_of(task), "split": "test",
                        "subset": f"s{subset}", "layer": layer, "stream": stream, "variant": reading, "n": 3000,
                    }  # fmt: skip
                    half = spec.half if spec.intervals else float("nan")
                    main = value + 0.1 * subset
                    rows.append(
                        {
                            **shared,
                            "metric": "main",
                            "main": True,
                            "value": main,
                            "low": main - half,
                            "high": main + half,
                        }
                    )
                    rows.append({**shared, "metric": "other", "main": False, "value": 9.0, "low": None, "high": None})
    names = [*rows[0]]
    kinds = {"layer": pa.int32(), "main": pa.bool_(), "n": pa.int64()} | dict.fromkeys(
        ("value", "low", "high"), pa.float64()
    )
    return pa.Table.from_pylist(rows, schema=pa.schema([(name, kinds.get(name, pa.string())) for name in names]))


def _sink(spec: ScoreSpec) -> pa.Table:
    """The first token's share on the texts of every task, a little less heavy from task to task."""
    x = np.linspace(0, 1, spec.depth + 1)
    share = 0.02 + 0.977 / (1 + np.exp(-(x - 0.35) * 60))
    rows = [
        {
            "model": spec.model, "revision": spec.revision, "corpus": task, "condition": "natural", "layer": layer,
            "stream": "residual", "measure": "sink_share", "variant": "", "value": value - 0.001 * number, "stderr": 0.0005,
            "low": value - 0.001 * number - 0.001, "high": value - 0.001 * number + 0.001, "n": 2000 * (number + 1),
        }
        for number, task in enumerate(spec.tasks)
        for layer, value in enumerate(share)
    ]  # fmt: skip
    kinds = {"layer": pa.int32(), "n": pa.int64()} | dict.fromkeys(("value", "stderr", "low", "high"), pa.float64())
    return pa.Table.from_pylist(rows, schema=pa.schema([(name, kinds.get(name, pa.string())) for name in rows[0]]))


def write_recommendation(
    path: Path, spec: ScoreSpec | None = None, *, layer: int = 17, checked: bool = True
) -> dict[str, Any]:
    """Write ``recommendation.json`` beside a run's tables and give the document."""
    spec = spec or ScoreSpec()
    rules = [
        ("best_on_tasks", "Best on the other tasks", "supervised", layer),
        ("least_dime", "Least DiME between two augmented views", "label_free", max(0, layer - 5)),
        ("least_dataset_entropy", "Least dataset entropy", "label_free", min(spec.depth, layer + 6)),
        ("last", "The last layer", "baseline", spec.depth),
        ("random", "A layer at random", "baseline", None),
    ]
    document = {
        "format": "gramian-recommendation", "version": 1, "model": spec.model, "revision": spec.revision,
        "runs": [{"name": path.name, "command": "downstream", "completed": None}],
        "reading": NO_FIRST, "checked": checked,
        "recommended": {"layer": layer, "stream": "residual", "rule": rules[0][0] if checked else rules[1][0], "reading": NO_FIRST},
        "sentences": [f"Use layer {layer} of {spec.depth}.", "It was chosen <i>without</i> the task it is judged by."],
        "warnings": ["augmentation_dime: its sign differs between tasks"],
        "tasks": [_best_and_last(spec, number) for number in range(len(spec.tasks))] if checked else [],
        "rules": [_rule(spec, *rule, checked=checked) for rule in rules],
        "agreement": [_agreement(task) for task in spec.tasks] if checked else [],
    }  # fmt: skip
    write_document(path / "recommendation.json", document)
    return document


def _best_and_last(spec: ScoreSpec, task: int) -> dict[str, Any]:
    values = score_curve(spec, task, NO_FIRST)
    best = int(values.argmax())
    ends = {"best": (best, "residual", values[best]), "last": (spec.depth, "final_norm", values[-1])}
    shown = {
        end: {
            "layer": layer,
            "stream": stream,
            "score": float(value),
            "low": value - spec.half,
            "high": value + spec.half,
        }
        for end, (layer, stream, value) in ends.items()
    }
    return {"task": spec.tasks[task], "metric": "main", **shown, "random": float(values.mean()), "scores": []}


def _rule(spec: ScoreSpec, rule: str, title: str, kind: str, layer: int | None, *, checked: bool) -> dict[str, Any]:
    label_free = kind == "label_free"
    tasks = []
    for number, task in enumerate(spec.tasks if checked else ()):
        values = score_curve(spec, number, NO_FIRST)
        here = float(values.mean() if layer is None else values[layer])
        numbers = {
            "score": here, "regret_best": float(values.max()) - here, "gain_last": here - float(values[-1]),
            "gain_random": here - float(values.mean()),
        }  # fmt: skip
        around = {
            f"{name}_{end}": value + sign * spec.half
            for name, value in numbers.items()
            for end, sign in (("low", -1), ("high", 1))
        }
        tasks.append({"task": task, "layer": layer, "stream": "residual", "held_out": True, **numbers, **around})
    names = [name for name in tasks[0] if name not in ("task", "layer", "stream", "held_out")] if tasks else []
    mean = {name: float(np.mean([task[name] for task in tasks])) for name in names}
    return {
        "rule": rule, "title": title, "kind": kind, "measure": LEAST_DIME if label_free else None,
        "direction": "least" if label_free else None, "variant": "tokens=no_first" if label_free else None,
        "corpus": "python-docs" if label_free else None, "source": "skean2025" if label_free else None,
        "matched": True, "note": "measured with & without <views>" if label_free else None, "layer": layer,
        "stream": None if layer is None else "residual", "tasks": tasks,
        "mean": {"tasks": len(tasks), "held_out": True, "interval": "scores", **mean} if tasks else None,
    }  # fmt: skip


def _agreement(task: str) -> dict[str, Any]:
    return {
        "measure": LEAST_DIME, "variant": "tokens=no_first", "corpus": "python-docs", "task": task, "reading": NO_FIRST,
        "matched": True, "layers": 33, "spearman": -0.61, "spearman_low": -0.83, "spearman_high": -0.20,
        "kendall": -0.44, "kendall_low": -0.66, "kendall_high": -0.15, "distance_correlation": 0.66,
        "distance_correlation_low": 0.45, "distance_correlation_high": 0.86, "note": None,
    }  # fmt: skip


def write_modes(
    path: Path, *, depth: int = 32, flagged: Sequence[int] = (18, 19, 20), measure: str = "prompt_entropy"
) -> None:
    """Write ``bimodality.json`` beside a run's tables."""
    variant = "alpha=1;norm=raw;tokens=all"
    layers = []
    for layer in range(depth + 1):
        two = layer in flagged
        separators = [
            {"feature": "length", "meaning": "length in tokens", "effect": 0.91, "effect_name": "cliffs_delta", "low_mode": 31.0,
             "high_mode": 88.0, "p": 1e-9, "p_corrected": 4e-9, "n": 120},
            {"feature": "source", "meaning": "source", "effect": 0.4, "effect_name": "cramers_v", "low_mode": "<u>A</u>",
             "high_mode": "B", "p": 0.002, "p_corrected": 0.01, "n": 120},
        ]  # fmt: skip
        layers.append({
            "layer": layer, "stream": "residual", "measure": measure, "variant": variant, "n": 120, "dip": 0.09 if two else 0.02,
            "p": 1e-4 if two else 0.7, "p_corrected": 0.0032 if two else 1.0, "bimodal": two, "bic_gain": 40.0,
            "modes": [{"mean": 1.4, "sd": 0.2, "weight": 0.65}, {"mean": 2.2, "sd": 0.2, "weight": 0.35}],
            "separators": separators if two else [],
        })  # fmt: skip
    document = {
        "format": "gramian-bimodality", "version": 1, "measure": measure, "variant": variant, "level": 0.05,
        "sentences": [f"{len(flagged)} of {depth + 1} streams have more than one mode of prompt entropy."],
        "notes": [], "layers": layers,
    }  # fmt: skip
    write_document(path / "bimodality.json", document)

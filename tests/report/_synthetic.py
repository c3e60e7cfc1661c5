"""Runs with realistic numbers and hostile names, written through the runs room as a real command would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from gramian.runs import RunDirectory

HOSTILE_MODEL = "<img src=x onerror=alert(1)>"
HOSTILE_PROMPT = "Ignore this <script>alert(1)</script> </script><!-- and go on: the prompt is text & nothing else."

_PROSE = (
    "the of a layer sum class value object method returns when name defined list expression statement module each"
    " import string may argument function called with one it is and to in for sequence new by iterator default"
)

# Level at the input, in the valley and at the end; the half width of the interval; the counted sample.
_SHAPES = {
    "prompt_entropy": (4.1, 1.2, 2.9, 0.09),
    "curvature": (1.9, 1.55, 1.72, 0.03),
    "sink_share": (0.02, 0.96, 0.3, 0.012),
    "dataset_entropy": (4.4, 3.1, 3.8, 0.12),
    "effective_rank": (180.0, 95.0, 150.0, 9.0),
    "alpha_req": (0.7, 1.25, 0.95, 0.07),
    "nesum": (12.0, 3.0, 8.0, 0.8),
    "stable_rank": (3.0, 1.1, 2.2, 0.1),
    "participation_ratio": (40.0, 9.0, 28.0, 3.0),
    "anisotropy": (0.35, 0.85, 0.55, 0.02),
    "uniformity": (-1.8, -0.5, -1.4, 0.08),
    "intrinsic_dimension": (14.0, 22.0, 12.0, 1.2),
    "lidar_entropy": (3.4, 4.5, 4.1, 0.06),
    "lidar": (32.0, 88.0, 62.0, 4.0),
    "infonce": (2.1, 0.5, 0.9, 0.05),
    "infonce_bound": (3.2, 4.8, 4.4, 0.05),
    "augmentation_dime": (0.3, 0.9, 0.7, 0.03),
    "alignment": (0.6, 0.2, 0.35, 0.02),
    "adjacent_cosine": (0.7, 0.98, 0.85, 0.01),
    "linear_cka": (0.8, 0.99, 0.9, 0.01),
}
MEASURES = tuple(_SHAPES)
_PER_PROMPT = ("prompt_entropy", "curvature", "sink_share")
_VARIANTS = {
    "prompt_entropy": [
        f"alpha=1;norm={norm};tokens={tokens}" for norm in ("raw", "log_n") for tokens in ("all", "no_first")
    ]
    + ["alpha=2;norm=raw;tokens=all"],
    "dataset_entropy": ["alpha=1;norm=raw;tokens=all", "alpha=1;norm=raw;tokens=no_first"],
    "curvature": ["tokens=all", "tokens=no_first"],
    "sink_share": [""],
    "infonce": ["tokens=all;form=loss"],
    "infonce_bound": ["tokens=all;form=bound"],
}


@dataclass(frozen=True)
class RunSpec:
    """What a synthetic run holds; the defaults are one decoder of 32 blocks with everything measured."""

    model: str = "SmolLM2-135M-Instruct (Q4_1)"
    depth: int = 32
    prompts: int = 120
    width: int = 576
    measures: Sequence[str] = MEASURES
    seed: int = 0
    valley: float = 0.45
    strength: float = 1.0
    intervals: bool = True
    texts: bool = True
    spectra: bool = True
    final_norm: bool = True
    condition: str = "text"
    revision: str = "main"
    finish: bool = True


def write_run(path: Path, spec: RunSpec | None = None, *, half_width: float | None = None) -> Path:
    """Write a run directory and give its path; ``half_width`` makes every interval that wide on each side."""
    spec = spec or RunSpec()
    rng = np.random.default_rng(spec.seed)
    with RunDirectory.open(path, command="measure", parameters={"model": spec.model, "seed": spec.seed}) as run:
        run.write_table("measures", [_measures(spec, rng, half_width)])
        if spec.spectra:
            run.write_table("spectra", [_spectra(spec)])
        if spec.texts:
            run.write_table("prompts", [_prompts(spec, rng)])
            run.write_table("texts", [_texts(spec, rng)])
        run.update_manifest(
            model={"name": spec.model, "depth": spec.depth, "width": spec.width, "weights_hash": "3f9a1c5e" * 8},
            corpus={"name": "python-docs", "hash": "77aa02bd" * 8, "prompts": spec.prompts, "notes": []},
            seconds=51.3,
            warnings=[],
        )
        if spec.finish:
            run.finish()
    return path


def curve(spec: RunSpec, measure: str, variant: str) -> np.ndarray:
    """The exact values of a measure by layer, before noise: level, valley at ``spec.valley`` of the depth, recovery."""
    start, middle, end, _ = _SHAPES[measure]
    x = np.linspace(0, 1, spec.depth + 1) if spec.depth else np.array([0.0])
    base = start + (end - start) * x
    bell = np.exp(-0.5 * ((x - spec.valley) / 0.17) ** 2)
    values = base + spec.strength * bell * (middle - (start + (end - start) * spec.valley))
    if "no_first" in variant:
        values = base + 0.35 * (values - base)
    if "log_n" in variant:
        values = values / np.log(90.0)
    return values * (0.8 if "alpha=2" in variant else 1.0)


def _identity(spec: RunSpec, count: int) -> dict[str, pa.Array]:
    values = {"model": spec.model, "revision": spec.revision, "corpus": "python-docs", "condition": spec.condition}
    return {name: pa.array([value] * count, pa.string()) for name, value in values.items()}


def _variants(measure: str) -> list[str]:
    return _VARIANTS.get(measure, ["tokens=all", "tokens=no_first"])


def _measures(spec: RunSpec, rng: np.random.Generator, half_width: float | None) -> pa.Table:
    rows: list[tuple[object, ...]] = []
    for measure in spec.measures:
        half = _SHAPES[measure][3]
        for variant in _variants(measure):
            half_here = half / np.log(90.0) if "log_n" in variant else half
            values = curve(spec, measure, variant) + 0.25 * half_here * rng.standard_normal(spec.depth + 1)
            for layer, value in enumerate(values):
                if measure in ("adjacent_cosine", "linear_cka") and layer == 0:
                    continue
                rows.append((layer, "residual", measure, variant, value, half_here))
            if spec.final_norm:
                rows.append((spec.depth, "final_norm", measure, variant, values[-1] + 2 * half_here, half_here))
    layer, stream, measure_name, variant_name, value, widths = (list(column) for column in zip(*rows, strict=True))
    value, half_width = np.array(value, float), np.array(widths if half_width is None else [half_width] * len(rows))
    blank = np.full(len(rows), np.nan)
    return pa.table(
        _identity(spec, len(rows))
        | {
            "layer": pa.array(layer, pa.int32()),
            "stream": pa.array(stream),
            "measure": pa.array(measure_name),
            "variant": pa.array(variant_name),
            "value": value,
            "stderr": half_width / 1.96 if spec.intervals else blank,
            "low": value - half_width if spec.intervals else blank,
            "high": value + half_width if spec.intervals else blank,
            "n": pa.array([spec.prompts] * len(rows), pa.int64()),
        }
    )


def _spectra(spec: RunSpec) -> pa.Table:
    count = min(spec.prompts, spec.width)
    exponents = curve(spec, "alpha_req", "")
    columns: dict[str, list[np.ndarray]] = {"layer": [], "index": [], "eigenvalue": []}
    for layer, exponent in enumerate(exponents):
        eigenvalues = np.arange(1, count + 1) ** -exponent * np.exp(-np.arange(count) / count)
        columns["layer"].append(np.full(count, layer, np.int32))
        columns["index"].append(np.arange(1, count + 1, dtype=np.int32))
        columns["eigenvalue"].append(eigenvalues / eigenvalues.sum())
    joined = {name: np.concatenate(parts) for name, parts in columns.items()}
    size = len(joined["layer"])
    return pa.table(
        {
            "layer": joined["layer"],
            "stream": pa.array(["residual"] * size),
            "spectrum": pa.array(["embeddings"] * size),
            "variant": pa.array(["tokens=all"] * size),
            "index": joined["index"],
            "eigenvalue": joined["eigenvalue"],
        }
    )


def _prompts(spec: RunSpec, rng: np.random.Generator) -> pa.Table:
    tables = []
    offsets = rng.standard_normal(spec.prompts)
    # The hostile prompt is the most extreme one everywhere, so the page has to show it.
    offsets[0] = 4.0
    for measure in (name for name in spec.measures if name in _PER_PROMPT):
        spread = 4 * _SHAPES[measure][3]
        for variant in _variants(measure)[:2]:
            for layer, value in enumerate(curve(spec, measure, variant)):
                two_humps = (
                    2
                    * spread
                    * (np.arange(spec.prompts) % 3 == 1)
                    * np.exp(-((layer / max(spec.depth, 1) - 0.6) ** 2) / 0.02)
                )
                values = value + spread * (offsets + 0.3 * rng.standard_normal(spec.prompts)) + two_humps
                values[0] = value + 6 * spread
                tables.append(
                    pa.table(
                        _identity(spec, spec.prompts)
                        | {
                            "prompt": np.arange(spec.prompts, dtype=np.int32),
                            "layer": np.full(spec.prompts, layer, np.int32),
                            "stream": pa.array(["residual"] * spec.prompts),
                            "measure": pa.array([measure] * spec.prompts),
                            "variant": pa.array([variant] * spec.prompts),
                            "value": values,
                        }
                    )
                )
    return pa.concat_tables(tables)


def _texts(spec: RunSpec, rng: np.random.Generator) -> pa.Table:
    texts = [" ".join(rng.choice(_PROSE.split(), 60)).capitalize()[:400] for _ in range(spec.prompts)]
    texts[0] = HOSTILE_PROMPT
    return pa.table(
        {
            "prompt": np.arange(spec.prompts, dtype=np.int32),
            "id": pa.array([f"{number:016x}" for number in range(spec.prompts)]),
            "text": pa.array(texts),
            "tokens": pa.array(rng.integers(20, 200, spec.prompts), pa.int32()),
            "label": pa.array(["ASSERTION" if number % 2 else None for number in range(spec.prompts)]),
        }
    )

"""A run's per-prompt values, layer by layer: one mode or two, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gramian.bimodality._dip import FEWEST, dip_test, holm
from gramian.bimodality._features import PromptFeature, prompt_features
from gramian.bimodality._mixture import Mixture, fit_mixture
from gramian.bimodality._separation import Separation, separation
from gramian.bimodality._values import RunValues, read_values

# Of states in single precision; the batches of a corpus of copies differ by as much, and look like modes.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class LayerModes:
    """One stream.

    Attributes:
        layer: Its layer.
        stream: ``"residual"`` or ``"final_norm"``.
        n: Prompts with a value.
        dip: The dip of their values.
        pvalue: Of the dip test.
        corrected: The same after Holm's correction over the streams of the run.
        bimodal: Whether ``corrected`` is at most the level.
        mixture: Two normal components, fitted whether or not the layer is flagged.
        separations: What separates the modes, strongest first; only where ``bimodal``.
    """

    layer: int
    stream: str
    n: int
    dip: float
    pvalue: float
    corrected: float
    bimodal: bool
    mixture: Mixture
    separations: tuple[tuple[Separation, float], ...]


@dataclass(frozen=True)
class Bimodality:
    """The layers of a run.

    Attributes:
        measure: Whose values.
        variant: Of the measure.
        level: Of the family of tests over layers.
        layers: One entry a stream, in order of depth.
        notes: What was left out, and why.
    """

    measure: str
    variant: str
    level: float
    layers: tuple[LayerModes, ...]
    notes: tuple[str, ...]

    @property
    def flagged(self) -> tuple[LayerModes, ...]:
        """The layers with more than one mode."""
        return tuple(layer for layer in self.layers if layer.bimodal)


def find_modes(
    run: str | Path,
    *,
    measure: str = "prompt_entropy",
    variant: str | None = None,
    level: float = 0.05,
    texts: Mapping[str, str] | None = None,
    training: Iterable[str] | None = None,
    ngram: int = 8,
    seed: int = 0,
) -> Bimodality:
    """Test the per-prompt values of every layer of a run for two modes, and look for what separates them.

    The dip test decides; Holm's correction makes the chance of any false flag in the run at most ``level``, however
    the layers depend on each other. A mixture of two normal components then describes the modes and assigns prompts to
    them, and each property of the prompts is compared between the two, corrected over properties and flagged layers.

    Source: the distributions of [skean2024]; its code has no test.

    Args:
        run: Run directory of `gramian measure`.
        measure: One with a value for each prompt: ``prompt_entropy``, ``curvature`` or ``sink_share``.
        variant: Of the measure; by default without the first token and unnormalised, where there is such a one.
        level: Within ``(0, 1)``.
        texts: The full texts by their id (the column ``id`` of table ``texts``); without them repetition and overlap
            are those of the first 400 characters, which the run keeps, and a note says so.
        training: Texts of the model's training corpus, for n-gram overlap.
        ngram: Words of an n-gram.
        seed: Of the null distributions, the mixture's starts and the permutations.

    Returns:
        `Bimodality`.

    Raises:
        ValueError: No such run, measure or variant, values of several models or conditions, or too few prompts.
        ImportError: The extra ``downstream`` is not installed.

    Cost: about a second for the null distribution at 1,000 prompts, then milliseconds a layer.
    """
    if not 0 < level < 1:
        raise ValueError(f"level: expected a number within (0, 1); got {level}. 0.05 is usual.")
    values = read_values(run, measure=measure, variant=variant)
    notes: list[str] = []
    testable = _testable(values, notes)
    tests = dip_test([values.streams[key][1] for key in testable], seed=seed)
    corrected = holm(tests.pvalues)
    features = _features(values, texts, training, ngram, notes)
    found: list[LayerModes] = []
    for index, key in enumerate(testable):
        prompts, of_layer = values.streams[key]
        bimodal = bool(corrected[index] <= level)
        mixture = fit_mixture(of_layer, seed=seed)
        compared = _separations(features, prompts, mixture, seed) if bimodal else []
        found.append(
            LayerModes(
                *key,
                len(of_layer),
                float(tests.dips[index]),
                float(tests.pvalues[index]),
                float(corrected[index]),
                bimodal,
                mixture,
                tuple((one, one.pvalue) for one in compared),
            )
        )
    return Bimodality(values.measure, values.variant, level, tuple(_correct_separations(found)), tuple(notes))


def _testable(values: RunValues, notes: list[str]) -> list[tuple[int, str]]:
    kept: list[tuple[int, str]] = []
    for key, (_, of_layer) in values.streams.items():
        name = f"layer {key[0]}" if key[1] == "residual" else key[1].replace("_", " ")
        if len(of_layer) < FEWEST:
            notes.append(f"{name}: {len(of_layer)} prompts have a value; at least {FEWEST} are needed. Left out.")
        elif np.ptp(of_layer) <= _ROUNDING * np.abs(of_layer).max():
            notes.append(f"{name}: all {len(of_layer)} values are equal, but for rounding. Left out.")
        else:
            kept.append(key)
    if not kept:
        raise ValueError(
            f"{values.path}: expected a layer with at least {FEWEST} prompts whose values differ; got none. "
            f"{notes[-1]} Measure more prompts."
        )
    return kept


def _features(
    values: RunValues,
    texts: Mapping[str, str] | None,
    training: Iterable[str] | None,
    ngram: int,
    notes: list[str],
) -> list[PromptFeature]:
    whole = [(texts or {}).get(identity) for identity in values.ids]
    missing = sum(text is None for text in whole)
    if texts is not None and missing:
        raise ValueError(
            f"corpus: expected the text of every prompt of {values.path}; got none for {missing} of {len(whole)}. "
            "Give the corpus that the run was made from."
        )
    cut = sum(values.cut)
    if texts is None and cut:
        notes.append(
            f"repetition and overlap are those of the first characters that the run keeps, for {cut} of {len(whole)} "
            "longer prompts; give the corpus for all of their text."
        )
    chosen = [full if full is not None else kept for full, kept in zip(whole, values.texts, strict=True)]
    return prompt_features(chosen, tokens=values.tokens, sources=values.labels, training=training, ngram=ngram)


def _separations(
    features: Sequence[PromptFeature], prompts: NDArray[np.int64], mixture: Mixture, seed: int
) -> list[Separation]:
    found = [
        separation(PromptFeature(one.name, one.meaning, one.values[prompts]), mixture.upper, seed=seed)
        for one in features
    ]
    return sorted((one for one in found if one is not None), key=lambda one: -one.effect)


def _correct_separations(layers: Sequence[LayerModes]) -> list[LayerModes]:
    """Holm over every property of every flagged layer."""
    flat = [one.pvalue for layer in layers for one, _ in layer.separations]
    corrected = iter(holm(flat).tolist() if flat else [])
    return [
        LayerModes(
            **{
                **{name: getattr(layer, name) for name in layer.__dataclass_fields__},
                "separations": tuple((one, next(corrected)) for one, _ in layer.separations),
            }
        )
        for layer in layers
    ]


def to_document(result: Bimodality, sentences: Sequence[str]) -> dict[str, Any]:
    """What ``bimodality.json`` holds."""
    return {
        "format": "gramian-bimodality",
        "version": 1,
        "measure": result.measure,
        "variant": result.variant,
        "level": result.level,
        "sentences": list(sentences),
        "notes": list(result.notes),
        "layers": [_layer_document(layer, result) for layer in result.layers],
    }


def _layer_document(layer: LayerModes, result: Bimodality) -> dict[str, Any]:
    mixture = layer.mixture
    return {
        "layer": layer.layer,
        "stream": layer.stream,
        "measure": result.measure,
        "variant": result.variant,
        "n": layer.n,
        "dip": layer.dip,
        "p": layer.pvalue,
        "p_corrected": layer.corrected,
        "bimodal": layer.bimodal,
        "bic_gain": mixture.bic_gain,
        "modes": [
            {"mean": mean, "sd": deviation, "weight": weight}
            for mean, deviation, weight in zip(mixture.means, mixture.deviations, mixture.weights, strict=True)
        ],
        "separators": [
            {
                "feature": one.feature,
                "meaning": one.meaning,
                "effect": one.effect,
                "effect_name": one.effect_name,
                "low_mode": one.low,
                "high_mode": one.high,
                "p": one.pvalue,
                "p_corrected": corrected,
                "n": one.n,
            }
            for one, corrected in layer.separations
        ],
    }

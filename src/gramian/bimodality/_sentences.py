"""What was found, in words."""

from __future__ import annotations

from collections.abc import Sequence

from gramian.bimodality._analysis import Bimodality, LayerModes
from gramian.bimodality._separation import Separation

_SIGNIFICANT = 0.05


def sentences(result: Bimodality) -> list[str]:
    """One to three sentences: how many layers have two modes, the clearest of them, and what separates its modes."""
    name = result.measure.replace("_", " ")
    flagged = result.flagged
    tested = len(result.layers)
    if not flagged:
        least = min(result.layers, key=lambda layer: layer.pvalue)
        prompts = _range([layer.n for layer in result.layers])
        none = (
            f"No layer has two modes of {name}: of {tested} streams with {prompts} prompts, the least p-value of the dip "
            f"test is {_p(least.pvalue)} ({_name(least)}), {_p(least.corrected)} after correction."
        )
        return [none]
    clearest = min(flagged, key=lambda layer: (layer.corrected, -layer.dip))
    mixture = clearest.mixture
    shares = [f"{100 * weight:.0f} %" for weight in mixture.weights]
    which = (
        f"{len(flagged)} of {tested} streams have more than one mode of {name} (dip test, Holm over streams, level "
        f"{result.level:g}): {_layers(flagged)}."
    )
    where = (
        f"Clearest at {_name(clearest)} (dip {clearest.dip:.3f}, corrected p {_p(clearest.corrected)}): {shares[0]} of "
        f"{clearest.n} prompts about {mixture.means[0]:.2f} and {shares[1]} about {mixture.means[1]:.2f}."
    )
    found = [which, where]
    causes = [one for one, corrected in clearest.separations if corrected <= _SIGNIFICANT]
    if causes:
        found.append(f"What separates the two modes there most: {_cause(causes[0])}.")
        if len(causes) > 1:
            found[-1] = found[-1][:-1] + f"; then {', '.join(one.meaning for one in causes[1:])}."
    else:
        compared = ", ".join(one.meaning for one, _ in clearest.separations) or "none"
        found.append(f"None of the properties looked at separates the modes there ({compared}).")
    return found


def _cause(one: Separation) -> str:
    if isinstance(one.low, str):
        return f"{one.meaning} (Cramer's V {one.effect:.2f}; most often {one.low!r} in the lower mode, {one.high!r} in the upper)"
    return f"{one.meaning} (median {one.low:.3g} in the lower mode, {one.high:.3g} in the upper; Cliff's delta {one.effect:.2f})"


def _name(layer: LayerModes) -> str:
    return f"layer {layer.layer}" if layer.stream == "residual" else f"the {layer.stream.replace('_', '-')} state"


def _layers(layers: Sequence[LayerModes]) -> str:
    """Runs of layers as ranges: ``layers 3-7 and 12``."""
    numbers = sorted(layer.layer for layer in layers if layer.stream == "residual")
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][-1] + 1:
            ranges[-1].append(number)
        else:
            ranges.append([number])
    words = [str(r[0]) if len(r) == 1 else f"{r[0]}-{r[-1]}" for r in ranges]
    named = [f"layer{'s' if len(numbers) > 1 else ''} {', '.join(words)}"] if words else []
    named += [_name(layer) for layer in layers if layer.stream != "residual"]
    return " and ".join(named)


def _range(counts: Sequence[int]) -> str:
    return str(counts[0]) if len(set(counts)) == 1 else f"{min(counts)} to {max(counts)}"


def _p(value: float) -> str:
    return f"{value:.2g}"

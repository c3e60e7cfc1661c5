"""Sentences made of parts that can be links, and the words that several of them share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gramian.report._facts import unit_of
from gramian.report._numbers import layer_ranges, with_uncertainty
from gramian.report._series import Point, Series
from gramian.report._variants import parse_variant


@dataclass(frozen=True)
class Part:
    """A piece of a sentence; with a panel it is a link there, with a layer following it also pins that layer."""

    text: str
    panel: str = ""
    layer: int | None = None
    source: int = 0


@dataclass(frozen=True)
class Sentence:
    """One statement; ``kind`` is ``warning`` (about the sample, said first) or ``finding``."""

    kind: str
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The statement without its links."""
        return "".join(part.text for part in self.parts)


def show(point: Point) -> str:
    """A value with half of its interval."""
    return with_uncertainty(point.value, point.half_width)


def percent(point: Point) -> str:
    """A share in percent with half of its interval."""
    half = point.half_width
    return f"{with_uncertainty(100 * point.value, None if half is None else 100 * half)} %"


def lower(point: Point) -> float:
    """The lower end of the interval, or the value where there is none."""
    return point.low if np.isfinite(point.low) else point.value


def upper(point: Point) -> float:
    """The upper end of the interval, or the value where there is none."""
    return point.high if np.isfinite(point.high) else point.value


def unit_words(series: Series) -> str:
    """The unit after a blank; empty for a measure without one or a normalised entropy."""
    unit = unit_of(series.measure)
    normalised = parse_variant(series.variant).get("norm", "raw") != "raw"
    return f" {unit}" if unit and not normalised else ""


def layer_words(layers: list[int]) -> str:
    """``layer 3`` or ``layers 3–7``."""
    return f"{'layers' if len(layers) > 1 else 'layer'} {layer_ranges(layers)}"

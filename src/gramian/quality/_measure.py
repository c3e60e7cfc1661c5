"""The declaration of a measure, and the registry that lists them."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from ._bibliography import reference
from ._small_samples import warn_if_small
from ._statistic import Statistic

NEEDS = ("tokens", "embeddings", "views", "view_pair", "adjacent_layers")
INVARIANCES = ("scale", "rotation", "translation", "permutation", "row_scale")

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def _always_enough(statistic: Any) -> str | None:
    return None


@dataclass(frozen=True)
class Measure:
    """What is declared of a measure; the docs table, the shared property tests and the report's columns use it.

    Attributes:
        name: name of the public function.
        function: the plain function on arrays.
        needs: `tokens`, `embeddings`, `views`, `view_pair` or `adjacent_layers`.
        unit: `nats`, `radians`, `dimensions` or `none`.
        bounds: the range, as text.
        invariances: of `scale` (all data times one positive number), `rotation` (all vectors by one orthogonal matrix),
            `translation` (one vector added to all), `permutation` (of prompts; of tokens for token measures) and
            `row_scale` (each vector times its own positive number). What is not declared does not hold.
        source: key in the bibliography.
        summary: one plain sentence: what a high value means.
        statistic: the mergeable statistic the measure is finished from.
        finish: `finish(statistic, **parameters) -> float`.
        minimum: `minimum(statistic) -> str | None`: why the sample is too small to mean anything.
    """

    name: str
    function: Callable[..., Any]
    needs: str
    unit: str
    bounds: str
    invariances: tuple[str, ...]
    source: str
    summary: str
    statistic: type[Statistic]
    finish: Callable[..., float]
    minimum: Callable[[Any], str | None] = _always_enough

    @property
    def parameters(self) -> dict[str, Any]:
        """Keyword parameters of the measure and their defaults."""
        signature = inspect.signature(self.function)
        return {p.name: p.default for p in signature.parameters.values() if p.kind is inspect.Parameter.KEYWORD_ONLY}

    def accumulator(self, **parameters: Any) -> Accumulator:
        """An accumulator of this measure with the given parameters.

        Raises:
            ValueError: a parameter the measure does not have.
        """
        return Accumulator(self, parameters)


class Accumulator:
    """One measure over data that arrives in batches or in shards."""

    def __init__(self, measure: Measure, parameters: dict[str, Any]) -> None:
        unknown = sorted(set(parameters) - set(measure.parameters))
        if unknown:
            known = ", ".join(measure.parameters) or "none"
            raise ValueError(
                f"{measure.name}: expected parameters among ({known}); got {', '.join(unknown)}. Check the spelling."
            )
        self.measure = measure
        self.parameters = measure.parameters | parameters
        self.statistic = measure.statistic.begin(measure.function, self.parameters)

    @property
    def count(self) -> int:
        """Prompts seen."""
        return self.statistic.count

    def update(self, *arrays: Any) -> None:
        """Add a batch; the arrays the measure's statistic takes."""
        self.statistic.update(*arrays)

    def merge(self, other: Accumulator) -> None:
        """Add what another accumulator of the same measure and parameters has seen.

        Raises:
            ValueError: another measure or other parameters.
        """
        if (other.measure.name, other.parameters) != (self.measure.name, self.parameters):
            raise ValueError(
                f"other: expected an accumulator of {self.measure.name} with {self.parameters}; "
                f"got {other.measure.name} with {other.parameters}. Merge like with like."
            )
        self.statistic.merge(other.statistic)

    def compute(self) -> float:
        """The measure of everything seen; warns with `SmallSampleWarning` when that is too little to mean anything."""
        value = self.measure.finish(self.statistic, **self.parameters)
        warn_if_small(self.measure.name, self.measure.minimum(self.statistic))
        return value


_registry: dict[str, Measure] = {}


def measure(
    *,
    needs: str,
    unit: str,
    bounds: str,
    invariances: tuple[str, ...],
    source: str,
    summary: str,
    statistic: type[Statistic],
    finish: Callable[..., float],
    minimum: Callable[[Any], str | None] = _always_enough,
) -> Callable[[FunctionT], FunctionT]:
    """Declare the decorated function as a measure; the function itself is returned unchanged."""
    if needs not in NEEDS:
        raise ValueError(f"needs: expected one of {NEEDS}; got {needs!r}. Choose what the function takes.")
    if not set(invariances) <= set(INVARIANCES):
        raise ValueError(f"invariances: expected some of {INVARIANCES}; got {invariances}. Use the known words.")
    reference(source)

    def register(function: FunctionT) -> FunctionT:
        name = function.__name__
        _registry[name] = Measure(
            name, function, needs, unit, bounds, invariances, source, summary, statistic, finish, minimum
        )
        return function

    return register


def available() -> tuple[Measure, ...]:
    """Every measure, those of tokens first, then of embeddings, views and adjacent layers.

    >>> [m.name for m in available() if m.needs == "tokens"]
    ['prompt_entropy', 'curvature', 'sink_share']
    """
    return tuple(sorted(_registry.values(), key=lambda m: NEEDS.index(m.needs)))


def get(name: str) -> Measure:
    """The measure of that name.

    Raises:
        ValueError: unknown; the message names the nearest.

    >>> get("effective_rank").unit
    'dimensions'
    """
    if name in _registry:
        return _registry[name]
    near = difflib.get_close_matches(str(name), _registry, n=1, cutoff=0.0)
    raise ValueError(
        f"measure: expected one of {', '.join(m.name for m in available())}; got {name!r}. Did you mean {near[0]!r}?"
    )

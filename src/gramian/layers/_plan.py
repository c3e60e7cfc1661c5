"""Which measures a run takes, given what its input can support."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gramian.quality import Measure, available, get

_VIEW_NEEDS = ("views", "view_pair")


@dataclass(frozen=True)
class MeasurePlan:
    """The measures of a run, in the registry's order."""

    measures: tuple[Measure, ...]

    @classmethod
    def of(cls, names: Sequence[str] | None, *, orders: Sequence[float], views: int, tokens: bool) -> MeasurePlan:
        """Choose the measures.

        Args:
            names: the measures asked for; None for every one that the input allows.
            orders: orders of the entropies.
            views: how many views of each prompt there are.
            tokens: whether token vectors are there, or only one vector a prompt.

        Raises:
            ValueError: for an unknown or repeated name, one that the input cannot support, or an order below 0.
        """
        if not orders:
            raise ValueError(
                "orders: expected at least one order; got none. Order 1 is the Shannon entropy of the spectrum"
            )
        for order in orders:
            if math.isnan(order) or order < 0:
                raise ValueError(f"orders: expected numbers of at least 0; got {order}")
        if len({f"{order:g}" for order in orders}) < len(orders):
            raise ValueError(f"orders: expected each order once, to six digits; got {list(orders)}. Leave one out")
        if names is None:
            return cls(tuple(m for m in available() if _missing(m, views=views, tokens=tokens) is None))
        if not names:
            raise ValueError("measures: expected at least one name; got none. `gramian metrics` lists them")
        asked = [get(name) for name in names]
        if len(set(names)) < len(names):
            raise ValueError(f"measures: expected each name once; got {', '.join(names)}")
        for measure in asked:
            lacking = _missing(measure, views=views, tokens=tokens)
            if lacking:
                raise ValueError(
                    f"measures: expected {lacking} for {measure.name}; got none. Leave it out, or give them"
                )
        return cls(tuple(m for m in available() if m in asked))

    def wants(self, name: str) -> bool:
        return any(measure.name == name for measure in self.measures)

    def needing(self, *needs: str) -> list[Measure]:
        return [measure for measure in self.measures if measure.needs in needs]

    @property
    def reads_pooled(self) -> bool:
        return any(measure.needs != "tokens" for measure in self.measures)

    @property
    def reads_views(self) -> bool:
        return bool(self.needing(*_VIEW_NEEDS))


def _missing(measure: Measure, *, views: int, tokens: bool) -> str | None:
    if measure.needs in _VIEW_NEEDS and views < 2:
        return "at least 2 views of each prompt"
    if measure.needs == "tokens" and not tokens:
        return "token vectors (a model, not saved activations)"
    return None

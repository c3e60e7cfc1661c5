"""What a run measures and how: every number that a user may choose, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gramian.layers._conditions import NATURAL, Condition
from gramian.layers._image_views import ImageRates
from gramian.layers._plan import MeasurePlan
from gramian.layers._views import Rates

# Below this, curvature without the first token has no angle.
SHORTEST_PROMPT = 4


@dataclass(frozen=True)
class MeasureSettings:
    """The parameters of a run beside its model and its corpus; the attributes are arguments of `measure`.

    Raises:
        ValueError: for a number out of range, a name that is not known, or settings that exclude each other.
    """

    prompts: int | None = 200
    views: int = 4
    measures: Sequence[str] | None = None
    orders: Sequence[float] = (1.0, 2.0)
    max_tokens: int = 256
    min_tokens: int = 8
    normalize: str | None = None
    rates: Rates | ImageRates | None = None
    condition: Condition = NATURAL
    groups: int = 5
    token_budget: int = 2048
    seed: int = 0

    def __post_init__(self) -> None:
        # Frozen, so that settings can be shared; written once here, in the form that a manifest and a worker get.
        object.__setattr__(self, "orders", tuple(float(order) + 0.0 for order in self.orders))
        object.__setattr__(self, "measures", None if self.measures is None else tuple(self.measures))
        self._check_numbers()
        if self.normalize not in (None, "final_norm"):
            raise ValueError(
                f"normalize: expected None or 'final_norm'; got {self.normalize!r}. None leaves the residual stream as it is"
            )
        if self.condition.kind != NATURAL.kind and self.views:
            raise ValueError(
                f"views: expected 0 with the condition {self.condition.name}; got {self.views}. "
                "Views perturb the text themselves, and the two would mix"
            )

    def plan(self) -> MeasurePlan:
        """The measures that are taken of a model's prompts.

        Raises:
            ValueError: for measures or orders that make no sense.
        """
        return MeasurePlan.of(self.measures, orders=self.orders, views=self.views, tokens=True)

    def _check_numbers(self) -> None:
        if self.prompts is not None and self.prompts < 1:
            raise ValueError(f"prompts: expected at least 1; got {self.prompts}. Leave it out for the default")
        if self.views < 0 or self.views == 1:
            raise ValueError(
                f"views: expected 0 or at least 2; got {self.views}. Measures over views compare two of them"
            )
        if self.token_budget < 1:
            raise ValueError(
                f"token_budget: expected at least 1; got {self.token_budget}. A longer prompt makes a batch of its own"
            )
        if self.groups < 2:
            raise ValueError(f"groups: expected at least 2 for a jackknife; got {self.groups}. Five is the default")
        if self.min_tokens < SHORTEST_PROMPT:
            raise ValueError(
                f"min_tokens: expected at least {SHORTEST_PROMPT}; got {self.min_tokens}. "
                "Shorter prompts have no curvature without the first token"
            )
        if self.max_tokens < self.min_tokens:
            raise ValueError(
                f"max_tokens: expected at least min_tokens ({self.min_tokens}); got {self.max_tokens}. Raise it"
            )
        if self.seed < 0:
            raise ValueError(f"seed: expected at least 0; got {self.seed}. Any whole number from 0 will do")

"""A plan: the cells to be measured, and the settings they share."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from gramian.layers import Condition, is_activations, load_model
from gramian.layers._shards import FORMS
from gramian.runs._manifest import plain

# Arguments of `measure` that are the same for every cell; the others name the cell, the place or the manner of working.
SETTINGS = (
    "prompts",
    "views",
    "measures",
    "orders",
    "max_tokens",
    "min_tokens",
    "normalize",
    "rates",
    "groups",
    "token_budget",
    "seed",
)
OF_CORPUS = ("field", "label_field", "split", "revision", "paragraphs", "min_characters", "keep", "drop")
OF_MODEL = tuple(name for name in inspect.signature(load_model).parameters if name != "name")


@dataclass(frozen=True)
class Cell:
    """One model, revision, corpus and condition.

    Attributes:
        model: a name for `layers.load_model`: a hub id, a folder, a GGUF file, a short name.
        model_options: other arguments of `load_model`, such as `revision`, `untrained`, `dtype`.
        corpus: what `layers.load_corpus` takes.
        corpus_options: other arguments of `load_corpus`, such as `field`, `split`, `keep`.
        condition: a `layers.Condition`, or None for prompts as they are.
        axis: `strength` or `step`, what the cell's plan varies, or None.
        perturbation: the kind of perturbation, for grouping cells along the axis `strength`.
        strength: the cell's place on the axis `strength`.
        step: the cell's place on the axis `step`: the step of training.
    """

    model: str
    model_options: Mapping[str, Any] = field(default_factory=dict)
    corpus: str = "python-docs"
    corpus_options: Mapping[str, Any] = field(default_factory=dict)
    condition: Condition | None = None
    axis: str | None = None
    perturbation: str | None = None
    strength: float | None = None
    step: float | None = None

    def __post_init__(self) -> None:
        if is_activations(self.model):
            raise ValueError(
                f"model: expected a model; got saved activations, {self.model}. Measure them with `gramian measure`"
            )
        if self.axis not in (None, "strength", "step"):
            raise ValueError(f"axis: expected None, 'strength' or 'step'; got {self.axis!r}. Choose one of them")
        if self.axis is not None and getattr(self, self.axis) is None:
            raise ValueError(f"{self.axis}: expected a number with axis={self.axis!r}; got None. Give one")
        check_names("model_options", self.model_options, OF_MODEL)
        check_names("corpus_options", self.corpus_options, OF_CORPUS)

    @property
    def untrained(self) -> bool:
        """Whether the model's weights are random."""
        return bool(self.model_options.get("untrained"))

    def parameters(self) -> dict[str, Any]:
        """What the manifest says of the cell; what was not given is left out."""
        facts = {
            "model": self.model,
            "model_options": given(self.model_options),
            "corpus": self.corpus,
            "corpus_options": given(self.corpus_options),
            "condition": None if self.condition is None else asdict(self.condition),
            "axis": self.axis,
            "perturbation": self.perturbation,
            "strength": self.strength,
            "step": self.step,
        }
        # As the manifest holds it, so that a cell of an earlier session is known again.
        found: dict[str, Any] = plain({name: value for name, value in facts.items() if value not in (None, {})})
        return found


@dataclass(frozen=True)
class Plan:
    """Cells and what is the same for all of them: everything that the numbers depend on, and nothing else.

    Attributes:
        cells: in the order of the tables; at least one, each different.
        settings: arguments of `layers.measure` by name, among `prompts`, `views`, `measures`, `orders`, `max_tokens`, `min_tokens`,
            `normalize`, `rates`, `groups`, `token_budget` and `seed`; those left out have that function's defaults.
        shard_tokens: most tokens of a shard, views included: what a kill costs, and what is dealt out to workers.
        threads: of linear algebra for each shard. The last bits of the numbers depend on it, so it belongs to the plan and not
            to the place where it is run; None takes what the place gives, for numbers that are equal to rounding only.
        accumulators: `rows`, `moments` or `auto`: how the measures of a whole set are carried, see `docs/design/accumulators.md`.
        command: what the run directory says made it: `sweep`, `stress` or `evolve`.
    """

    cells: tuple[Cell, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    command: str = "sweep"
    shard_tokens: int = 16384
    threads: int | None = 1
    accumulators: str = "auto"

    def __post_init__(self) -> None:
        if not self.cells:
            raise ValueError("cells: expected at least one; got none. Name a model")
        if self.shard_tokens < 1:
            raise ValueError(f"shard_tokens: expected at least 1; got {self.shard_tokens}. 16384 is the default")
        if self.threads is not None and self.threads < 1:
            raise ValueError(f"threads: expected at least 1; got {self.threads}. 1 is the default")
        if self.accumulators not in FORMS:
            raise ValueError(
                f"accumulators: expected one of {', '.join(FORMS)}; got {self.accumulators!r}. Choose one of them"
            )
        check_names("settings", self.settings, SETTINGS)
        seen: list[dict[str, Any]] = []
        named: list[tuple[Any, ...]] = []
        for number, cell in enumerate(self.cells):
            facts = cell.parameters()
            if facts in seen:
                raise ValueError(
                    f"cells: expected each cell once; got number {seen.index(facts)} again as {number}, "
                    f"{cell.model} on {cell.corpus}. Leave one out"
                )
            seen.append(facts)
            condition = None if cell.condition is None else cell.condition.name
            name = (cell.model, cell.model_options.get("revision"), cell.untrained, cell.corpus, condition)
            if name in named:
                raise ValueError(told_apart(f"number {named.index(name)}", f"number {number}", name))
            named.append(name)

    def parameters(self) -> dict[str, Any]:
        """What two sessions must agree on to work on one run, but for the cells."""
        rates = self.settings.get("rates")
        settings = dict(self.settings) | ({"rates": asdict(rates)} if rates is not None else {})
        return {
            "settings": settings,
            "shard_tokens": self.shard_tokens,
            "threads": self.threads,
            "accumulators": self.accumulators,
        }


def told_apart(one: str, other: str, columns: Sequence[Any]) -> str:
    """What is said of two cells that no column of the tables tells apart."""
    alike = ", ".join(str(part) for part in columns if part)
    return (
        f"cells: expected cells that differ in model, revision, corpus or condition; got {one} and {other}, both {alike}. "
        "Put them into plans of their own"
    )


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options that say something: None is what every one of them is when left out."""
    return {name: value for name, value in options.items() if value is not None}


def check_names(name: str, values: Mapping[str, Any], known: tuple[str, ...]) -> None:
    """Raise for a key that is not known, naming the nearest that is."""
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.0)[0]
            raise ValueError(f"{name}: expected keys among {', '.join(known)}; got {key!r}. Did you mean {near!r}?")

"""A plan: the cells to be measured, and the settings they share."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from typing import Any

from gramian.layers import is_activations, load_corpus, load_model, measure

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
_OF_CORPUS = ("field", "label_field", "split", "revision", "paragraphs", "min_characters", "keep", "drop")
_OF_MODEL = tuple(name for name in inspect.signature(load_model).parameters if name != "name")


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
    condition: Any | None = None
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
        check_names("model_options", self.model_options, _OF_MODEL)
        check_names("corpus_options", self.corpus_options, _OF_CORPUS)

    @property
    def untrained(self) -> bool:
        """Whether the model's weights are random."""
        return bool(self.model_options.get("untrained"))

    def parameters(self) -> dict[str, Any]:
        """What the manifest says of the cell; what was not given is left out."""
        condition = asdict(self.condition) if is_dataclass(self.condition) else self.condition  # type: ignore[arg-type]
        facts = {
            "model": self.model,
            "model_options": given(self.model_options),
            "corpus": self.corpus,
            "corpus_options": given(self.corpus_options),
            "condition": condition,
            "axis": self.axis,
            "perturbation": self.perturbation,
            "strength": self.strength,
            "step": self.step,
        }
        return {name: value for name, value in facts.items() if value not in (None, {})}


@dataclass(frozen=True)
class Plan:
    """Cells and what is the same for all of them: everything that the numbers depend on, and nothing else.

    Attributes:
        cells: in the order of the tables; at least one, each different.
        settings: arguments of `layers.measure` by name, among `prompts`, `views`, `measures`, `orders`, `max_tokens`, `min_tokens`,
            `normalize`, `rates`, `groups`, `token_budget` and `seed`; those left out have that function's defaults.
        command: what the run directory says made it: `sweep`, `stress` or `evolve`.
    """

    cells: tuple[Cell, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    command: str = "sweep"

    def __post_init__(self) -> None:
        if not self.cells:
            raise ValueError("cells: expected at least one; got none. Name a model")
        check_names("settings", self.settings, SETTINGS)
        seen: list[dict[str, Any]] = []
        for number, cell in enumerate(self.cells):
            facts = cell.parameters()
            if facts in seen:
                raise ValueError(
                    f"cells: expected each cell once; got number {seen.index(facts)} again as {number}, "
                    f"{cell.model} on {cell.corpus}. Leave one out"
                )
            seen.append(facts)

    def parameters(self) -> dict[str, Any]:
        """What two sessions must agree on to work on one run, but for the cells."""
        rates = self.settings.get("rates")
        settings = dict(self.settings) | ({"rates": asdict(rates)} if rates is not None else {})
        return {"settings": settings}


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options that say something: None is what every one of them is when left out."""
    return {name: value for name, value in options.items() if value is not None}


def check_names(name: str, values: Mapping[str, Any], known: tuple[str, ...]) -> None:
    """Raise for a key that is not known, naming the nearest that is."""
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.0)[0]
            raise ValueError(f"{name}: expected keys among {', '.join(known)}; got {key!r}. Did you mean {near!r}?")


def _still_there() -> None:
    # The lists above are of names that these functions have: a renamed argument must not be found out by a user.
    missing = [n for n in SETTINGS if n not in inspect.signature(measure).parameters]
    missing += [n for n in _OF_CORPUS if n not in inspect.signature(load_corpus).parameters]
    if missing:
        raise ImportError(f"sweeps: expected arguments {', '.join(missing)} of measure and load_corpus; got none")


_still_there()

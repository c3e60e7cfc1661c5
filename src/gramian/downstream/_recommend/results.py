"""What a recommendation holds, and its form in `recommendation.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gramian.downstream._agreement.pairs import PairAgreement
from gramian.downstream._recommend.regret import MeanOutcome, Quantity, TaskOutcome
from gramian.downstream._recommend.scores import ScoreBoard

__all__ = ["FORMAT", "Recommendation", "RuleResult"]

FORMAT = "gramian-recommendation"
_VERSION = 1


@dataclass(frozen=True)
class RuleResult:
    """One rule, the layer it names, and how that does on the tasks.

    Attributes:
        rule: Its name.
        title: In words.
        kind: ``label_free``, ``supervised`` or ``baseline``.
        layer: What it names for a new task; None for a random layer.
        stream: Its stream.
        tasks: How it does on each task; empty without scores.
        mean: On average over the tasks; None without scores.
        measure: Of a label-free rule, as are those that follow; None otherwise.
        direction: ``least`` or ``greatest``.
        variant: Variant of the measure.
        corpus: What it was measured on.
        source: Key in the bibliography.
        matched: Whether the measure is of the vectors that were scored; None where the scores do not say how they were read.
        note: What differs or is missing; None where there is nothing to say.
    """

    rule: str
    title: str
    kind: str
    layer: int | None
    stream: str | None
    tasks: tuple[TaskOutcome, ...] = ()
    mean: MeanOutcome | None = None
    measure: str | None = None
    direction: str | None = None
    variant: str | None = None
    corpus: str | None = None
    source: str | None = None
    matched: bool | None = None
    note: str | None = None


@dataclass(frozen=True)
class Recommendation:
    """Which layer to use, and why.

    Attributes:
        model: The model's name, empty where the tables do not say.
        revision: Its revision.
        reading: How vectors are read.
        layer: The layer recommended.
        stream: Its stream.
        rule: The rule that chose it.
        checked: Whether rules were compared with task scores.
        sentences: The recommendation in plain words.
        warnings: What a reader must know of the numbers.
        rules: Every rule, the recommended one first, baselines last.
        board: The scores behind them; None without scores.
        agreement: Of every measure with every task.
        missing: Names of rules whose measure is not there.
    """

    model: str
    revision: str
    reading: str
    layer: int
    stream: str
    rule: str
    checked: bool
    sentences: tuple[str, ...]
    warnings: tuple[str, ...]
    rules: tuple[RuleResult, ...]
    board: ScoreBoard | None
    agreement: tuple[PairAgreement, ...]
    missing: tuple[str, ...]

    def document(
        self, runs: Sequence[Mapping[str, Any]] = (), *, labels: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The recommendation as `recommendation.json` holds it; numbers that are not defined are NaN here and null there.

        Args:
            runs: Name, command and time of completion of the runs behind it.
            labels: Of a choice on a labelled file, from `LabelledTexts.document`.
        """
        return {
            "format": FORMAT,
            "version": _VERSION,
            "model": self.model,
            "revision": self.revision,
            "runs": list(runs),
            "reading": self.reading,
            "checked": self.checked,
            "recommended": {
                "layer": self.layer,
                "stream": self.stream,
                "rule": self.rule,
                "reading": self.reading,
            },
            "sentences": list(self.sentences),
            "warnings": list(self.warnings),
            "missing": list(self.missing),
            "labels": None if labels is None else dict(labels),
            "tasks": [] if self.board is None else [_task(self.board, row) for row in range(len(self.board.tasks))],
            "rules": [_rule(rule) for rule in self.rules],
            "agreement": [_pair(pair) for pair in self.agreement],
        }


def _task(board: ScoreBoard, row: int) -> dict[str, Any]:
    values = board.values[row]

    def at(place: int) -> dict[str, Any]:
        layer, stream = board.streams[place]
        numbers = {"score": values[place], "low": board.low[row, place], "high": board.high[row, place]}
        return {"layer": layer, "stream": stream} | {name: float(number) for name, number in numbers.items()}

    return {
        "task": board.tasks[row],
        "metric": board.metrics[row],
        "best": at(int(values.argmax())),
        "last": at(board.last),
        "random": float(values.mean()),
        "scores": [at(place) for place in range(len(board.streams))],
    }


def _rule(rule: RuleResult) -> dict[str, Any]:
    plain = {name: value for name, value in vars(rule).items() if name not in ("tasks", "mean")}
    return plain | {
        "tasks": [_flat(outcome) for outcome in rule.tasks],
        "mean": None if rule.mean is None else _flat(rule.mean),
    }


def _flat(outcome: TaskOutcome | MeanOutcome) -> dict[str, Any]:
    """Each quantity as three entries: ``score``, ``score_low``, ``score_high``."""
    entries: dict[str, Any] = {}
    for name, value in vars(outcome).items():
        if isinstance(value, Quantity):
            entries |= {name: value.value, f"{name}_low": value.low, f"{name}_high": value.high}
        else:
            entries[name] = value
    return entries


def _pair(pair: PairAgreement) -> dict[str, Any]:
    return {name: value for name, value in asdict(pair).items() if name != "group"}

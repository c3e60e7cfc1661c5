"""What every rule names, and how it does on the tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gramian.downstream._recommend.choices import RuleChoice, choose
from gramian.downstream._recommend.inputs import RecommendInputs
from gramian.downstream._recommend.probe import LabelledChoice
from gramian.downstream._recommend.regret import Quantity, mean_outcome, task_outcomes
from gramian.downstream._recommend.results import RuleResult
from gramian.downstream._recommend.rules import Rule
from gramian.downstream._recommend.scores import Stream

__all__ = ["SUPERVISED", "Judge"]

# Rules that read scores or labels; the last two are what the others are compared with.
SUPERVISED = {
    "best_on_tasks": "best on other tasks",
    "best_on_labels": "best by a probe on the labelled texts",
    "last": "the last layer",
    "random": "a layer at random",
}


@dataclass(frozen=True)
class Judge:
    """What every rule names, and how it does."""

    inputs: RecommendInputs
    corpus: str | None
    seed: int

    def label_free(self, rule: Rule) -> RuleResult | None:
        """The result of a label-free rule, None where its measure is not there."""
        tasks = self.inputs.board.tasks if self.inputs.board is not None else ()
        overall = self._choice(rule, None)
        each = [self._choice(rule, task) for task in tasks]
        # With measures of the tasks' own texts alone, a new task would get the layer that most of them name.
        general = overall or _most_frequent(each)
        if general is None:
            return None
        result = RuleResult(
            rule=rule.name,
            title=rule.title,
            kind="label_free",
            layer=general.layer,
            stream=general.stream,
            measure=rule.measure,
            direction=rule.direction,
            variant=general.variant,
            corpus=general.corpus or None,
            source=rule.source or None,
            matched=general.matched,
            note=general.note,
        )
        if self.inputs.board is None:
            return result
        places = self.inputs.board.streams
        choice = [places.index((one.layer, one.stream)) for one in (one or general for one in each)]
        return self._judged(result, choice, [True] * len(choice))

    def supervised(self, labelled: LabelledChoice | None) -> list[RuleResult]:
        """The rules that read scores or labels."""
        board = self.inputs.board
        if board is None:
            return []
        results = []
        if labelled is not None:
            name, place = labelled.board.tasks[0], board.streams.index(labelled.board.streams[labelled.place])
            results.append(
                self._judged(
                    _named("best_on_labels", "supervised", board.streams[place]),
                    [place] * len(board.tasks),
                    [True] * len(board.tasks),
                    checked={name: labelled.held_out},
                )
            )
        choice, overall, held_out = self.inputs.best_on_tasks()
        result = _named("best_on_tasks", "supervised", board.streams[overall])
        results.append(self._judged(result, choice, [held_out] * len(choice)))
        return results

    def baselines(self) -> list[RuleResult]:
        """The last layer and a random one, beside which the others stand."""
        board = self.inputs.board
        if board is None:
            return []
        count = len(board.tasks)
        last = _named("last", "baseline", board.streams[board.last])
        chance = RuleResult("random", SUPERVISED["random"], "baseline", None, None)
        return [
            self._judged(last, [board.last] * count, [True] * count),
            self._judged(chance, [None] * count, [True] * count),
        ]

    def _judged(
        self,
        result: RuleResult,
        choice: Sequence[int | None],
        held_out: Sequence[bool],
        checked: Mapping[str, Quantity] | None = None,
    ) -> RuleResult:
        board = self.inputs.board
        if board is None:
            return result
        return replace(
            result,
            tasks=task_outcomes(board, choice, held_out=held_out, checked=checked),
            mean=mean_outcome(board, choice, held_out=held_out, checked=checked, seed=self.seed),
        )

    def _choice(self, rule: Rule, task: str | None) -> RuleChoice | None:
        board = self.inputs.board
        return choose(
            rule,
            self.inputs.curves,
            reading=self.inputs.reading,
            streams=self.inputs.candidates,
            corpus=self.corpus,
            task=task,
            tasks=board.tasks if board is not None else (),
        )


def _named(rule: str, kind: str, stream: Stream) -> RuleResult:
    return RuleResult(rule, SUPERVISED[rule], kind, *stream)


def _most_frequent(choices: Sequence[RuleChoice | None]) -> RuleChoice | None:
    known = [choice for choice in choices if choice is not None]
    places = [(choice.layer, choice.stream) for choice in known]
    return max(known, key=lambda one: places.count((one.layer, one.stream)), default=None)

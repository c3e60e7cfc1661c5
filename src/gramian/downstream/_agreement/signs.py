"""Where a measure goes with the scores of one task and against those of another."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from gramian.downstream._agreement.pairs import PairAgreement

__all__ = ["CLEAR", "sign_warnings"]

# A coefficient nearer to zero than this has no sign worth a warning.
CLEAR = 0.3


def sign_warnings(pairs: Sequence[PairAgreement]) -> list[str]:
    """One sentence for every measure whose Spearman coefficients differ in sign between tasks, or between groups (models)."""
    between_tasks = _grouped(pairs, lambda pair: (pair.group, _measured(pair), pair.reading))
    sentences = [_sentence(group, "tasks", lambda pair: pair.task, suffix=True) for group in between_tasks]
    if len({pair.group for pair in pairs}) > 1:
        between_groups = _grouped(pairs, lambda pair: (pair.quantity, pair.task, pair.reading))
        sentences += [_sentence(group, "models", lambda pair: pair.whose, suffix=False) for group in between_groups]
    return list(dict.fromkeys(sentence for sentence in sentences if sentence))


def _measured(pair: PairAgreement) -> tuple[str, str, str, str]:
    """What was measured; of each task's own texts it is one measure, though they are as many corpora."""
    return pair.measure, pair.variant, "" if pair.corpus == pair.task else pair.corpus, pair.condition


def _grouped(
    pairs: Iterable[PairAgreement], key: Callable[[PairAgreement], tuple[object, ...]]
) -> list[list[PairAgreement]]:
    found: dict[tuple[object, ...], list[PairAgreement]] = {}
    for pair in pairs:
        if math.isfinite(pair.spearman) and abs(pair.spearman) >= CLEAR:
            found.setdefault(key(pair), []).append(pair)
    return list(found.values())


def _sentence(
    pairs: Sequence[PairAgreement], between: str, called: Callable[[PairAgreement], str], *, suffix: bool
) -> str | None:
    rising = max(pairs, key=lambda pair: pair.spearman)
    falling = min(pairs, key=lambda pair: pair.spearman)
    if not (falling.spearman < 0 < rising.spearman):
        return None
    sure = rising.spearman_low > 0 and falling.spearman_high < 0
    whose = f" of {rising.whose}" if suffix and rising.whose else ""
    task = "" if suffix else f" on {rising.task}"
    end = "Neither interval holds zero." if sure else "At least one of the two has no interval that excludes zero."
    same = rising.quantity == falling.quantity
    told = ", ".join(part for part in (rising.variant, "each on its own texts", rising.condition) if part)
    what = rising.quantity if same else f"{rising.measure} ({told})"
    return (
        f"{what}: its sign differs between {between}{whose or task}: Spearman {rising.spearman:+.2f} with "
        f"{called(rising)}, {falling.spearman:+.2f} with {called(falling)}. {end}"
    )

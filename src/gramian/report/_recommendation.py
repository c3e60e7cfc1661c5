"""A recommendation as the page holds it: the layer, the sentences, the table of rules, and the agreement behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gramian.report._documents import outdated
from gramian.report._source import Source

_RULE = ("rule", "title", "kind", "measure", "direction", "variant", "corpus", "matched", "note", "layer", "stream")
_AGREEMENT = ("measure", "variant", "task", "reading", "spearman", "spearman_low", "spearman_high", "layers", "note")
_NUMBERS = 5


def recommendation_payload(source: Source) -> dict[str, Any] | None:
    """What the page needs of a source's recommendation; scores by layer are left out, because the page has them."""
    document = source.recommendation
    if document is None:
        return None
    chosen = document.get("recommended") or {}
    return {
        "reading": str(document.get("reading") or ""),
        "checked": bool(document.get("checked")),
        "recommended": {key: chosen.get(key) for key in ("layer", "stream", "rule")},
        "sentences": [str(sentence) for sentence in document.get("sentences", [])],
        "warnings": [str(warning) for warning in document.get("warnings", [])],
        "tasks": [
            {"task": task.get("task"), "random": _short(task.get("random"))}
            | {end: _shortened(task.get(end) or {}) for end in ("best", "last")}
            for task in document.get("tasks", [])
        ],
        "rules": [_rule(rule) for rule in document.get("rules", [])],
        "agreement": [{key: _short(one.get(key)) for key in _AGREEMENT} for one in document.get("agreement", [])],
        "outdated": outdated(source),
    }


def _rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{key: rule.get(key) for key in _RULE},
        "tasks": [_shortened(task) for task in rule.get("tasks", [])],
        "mean": _shortened(rule["mean"]) if rule.get("mean") else None,
    }


def _shortened(numbers: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _short(value) for key, value in numbers.items()}


def _short(value: Any) -> Any:
    return float(f"{value:.{_NUMBERS}g}") if isinstance(value, float) else value

"""What an exported folder says of itself: a model card for people, a record for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["RECORD", "LayerScore", "model_card"]

RECORD = "gramian_export.json"

_POOLINGS = {
    "mean": "the mean of all tokens",
    "mean_no_first": "the mean of all tokens but the first",
    "last": "the last token",
    "first": "the first token",
    "weighted_mean": "the mean of all tokens, the i-th weighted by i",
}


@dataclass(frozen=True)
class LayerScore:
    """What a run found of the exported layer on a task.

    Attributes:
        task: The task, with split and subset where it has several.
        metric: Its main score.
        value: Of this layer.
        low: Lower end of its 95 % interval; None where there is none.
        high: Upper end.
        last: Of the model's last state by the same reading; None where it was not scored.
    """

    task: str
    metric: str
    value: float
    low: float | None
    high: float | None
    last: float | None


def model_card(record: Mapping[str, Any], scores: Sequence[LayerScore], sentences: Sequence[str]) -> str:
    """The README of an exported folder.

    Args:
        record: What is written to `RECORD`.
        scores: Of the layer, where a run had them.
        sentences: Why this layer, where a recommendation said so.
    """
    name, layer, depth = record["model"], record["layer"], record["depth"]
    blocks, kept = record["blocks"], record["blocks"] + record["placeholder"]
    lines = [
        "---",
        "library_name: sentence-transformers",
        "pipeline_tag: feature-extraction",
        "tags: [sentence-transformers, feature-extraction, gramian]",
        *([f"base_model: {name}"] if record["revision"] else []),
        "---",
        "",
        f"# {name}, layer {layer} of {depth}",
        "",
        _what(record),
        "",
        "```python",
        "from sentence_transformers import SentenceTransformer",
        "",
        'model = SentenceTransformer("path/to/this/folder")',
        'vectors = model.encode(["a text", "another text"])',
        "```",
        "",
        "| | |",
        "|---|---|",
        f"| model | {name}{', random weights' if record['untrained'] else ''} |",
        f"| revision | {record['revision'] or 'local files'}{_commit(record)} |",
        f"| sha256 of its weights | `{record['weights_hash']}` |",
        f"| layer | {layer} of {depth} |",
        f"| pooling | `{record['pooling']}` |",
        f"| normalize | `{record['normalize']}` |",
        f"| longest text | {record['max_tokens'] or 'no limit'}{' tokens' if record['max_tokens'] else ''} |",
        f"| weights | {record['dtype']} |",
        *([f"| instruction | `{record['instruction']!r}`, read and not pooled |"] if record["instruction"] else []),
        "",
        f"Only the first {blocks} blocks are in this folder"
        + (
            f", and one of zeros that hands its input on: {kept} in all. With it transformers reports the state before the final norm."
            if record["placeholder"]
            else "."
        ),
        "",
        f"Made by `gramian export` {record['gramian']} from {name}; its vectors agree with those of the whole model to "
        f"{record['largest_distance']:.1g} of the distance between texts. Written and checked with "
        + ", ".join(f"{package} {version}" for package, version in record["versions"].items())
        + "; it needs sentence-transformers 6.2 or later.",
        "",
        f"**Licence**: the weights are those of {name}, and so is their licence"
        + (f": see <https://huggingface.co/{name}>." if record["revision"] else "; see where the model came from."),
        "",
    ]
    if sentences:
        lines += ["## Why this layer", "", *[f"{sentence}" for sentence in sentences], ""]
    if scores:
        lines += ["## Scores", "", "| task | score | this layer | last layer |", "|---|---|---|---|"]
        lines += [f"| {one.task} | {one.metric} | {_interval(one)} | {_number(one.last)} |" for one in scores]
        lines += ["", "Intervals cover 95 %.", ""]
    return "\n".join(lines)


def _what(record: Mapping[str, Any]) -> str:
    normed = ", normed by the model's final norm" if record["normalize"] == "final_norm" else ", before any final norm"
    return (
        f"The state of {record['model']} after {record['layer']} of its {record['depth']} blocks{normed}, pooled to one vector a text: "
        f"{_POOLINGS[record['pooling']]}. {record['width']} features."
    )


def _commit(record: Mapping[str, Any]) -> str:
    return f" ({record['commit']})" if record["commit"] else ""


def _number(value: float | None) -> str:
    return "not scored" if value is None else f"{value:.4f}"


def _interval(score: LayerScore) -> str:
    if score.low is None or score.high is None:
        return f"{score.value:.4f}"
    return f"{score.value:.4f} [{score.low:.4f}, {score.high:.4f}]"

"""Tasks from texts with labels: a probe on the vectors of a layer, cross-validated."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from gramian.downstream._tasks.protocol import Embed, Score
from gramian.layers import Corpus, load_corpus
from gramian.layers._corpus import PYTHON_DOCS
from gramian.layers._sampling_keys import prompt_keys
from gramian.probes import ProbeResult, knn_probe, linear_probe, ridge_probe

__all__ = ["LabelledTask", "Probe", "labelled_task"]

Probe = Literal["logistic", "knn", "ridge"]
PROBES: tuple[str, ...] = get_args(Probe)
# The probe holds out part of a fold's training texts again, to choose its regularisation.
_LEAST = 4
# Texts of the hub read for each one taken: enough to know which labels are frequent.
_READ = 20
_SPLIT = "cross-validation"
_TYPES = {"logistic": "Classification", "knn": "Classification", "ridge": "Regression"}


@dataclass(frozen=True, eq=False)
class LabelledTask:
    """A probe on labelled texts; a `LayerTask`.

    Attributes:
        name: Its name in tables.
        type: ``Classification`` or ``Regression``.
        hash: Of texts, labels and parameters.
        notes: What was left out of the source.
        texts: The texts.
        labels: One a text: text for classification, a number for regression.
        probe: ``logistic``, ``knn`` or ``ridge``.
        folds: Of the cross-validation.
        seed: Of the folds.
    """

    name: str
    type: str
    hash: str
    notes: tuple[str, ...]
    texts: tuple[str, ...]
    labels: tuple[Any, ...]
    probe: Probe
    folds: int
    seed: int

    def score(self, embed: Embed) -> list[Score]:
        """The probe's cross-validated score; NaN where all vectors are equal, which no probe can read."""
        x = embed(self.texts)
        if bool((x == x[0]).all()):
            return [Score("r2" if self.probe == "ridge" else "accuracy", math.nan, split=_SPLIT)]
        numbers = {text: number for number, text in enumerate(dict.fromkeys(self.texts))}
        groups = np.array([numbers[text] for text in self.texts])
        found = self._probed(x, np.array(self.labels), groups)
        return [Score(found.metric, found.score, low=found.low, high=found.high, n=found.n, split=_SPLIT)]

    def _probed(self, x: NDArray[np.float32], y: NDArray[Any], groups: NDArray[np.int64]) -> ProbeResult:
        if self.probe == "logistic":
            return linear_probe(x, y, groups=groups, folds=self.folds, seed=self.seed)
        if self.probe == "knn":
            return knn_probe(x, y, groups=groups, folds=self.folds, seed=self.seed)
        return ridge_probe(x, y, groups=groups, folds=self.folds, seed=self.seed)


def labelled_task(
    source: str | Path | Corpus = "python-docs",
    *,
    field: str | None = None,
    label_field: str | None = None,
    probe: Probe | None = None,
    name: str | None = None,
    folds: int = 5,
    prompts: int | None = None,
    seed: int = 0,
) -> LabelledTask:
    """A task from a file with labels, or from the built-in corpus and its topics; needs no MTEB.

    A layer's score is that of a probe on texts it was not fitted to, over all folds. Copies of a text never lie on both sides.
    Labels with fewer distinct texts than folds (and than four) are left out, and `LabelledTask.notes` says how many.

    Args:
        source: ``python-docs``, or a ``.csv``, ``.tsv``, ``.jsonl`` or ``.parquet`` file, or a data set of the hub, as for
            `gramian.layers.load_corpus`; or a corpus with labels.
        field: The field of the text; may be left out where only one can be meant.
        label_field: The field of the labels; ``python-docs`` has its topics.
        probe: ``logistic`` (accuracy), ``knn`` (accuracy) or ``ridge`` (R^2). None takes ridge for labels that are numbers with
            a fraction and logistic for text; whole numbers can be either, so there it has to be said.
        name: In tables; None for the source's name and the probe.
        folds: Of the cross-validation.
        prompts: How many texts to take; None for all. Of classes, texts of as many of the most frequent labels as leave each
            with twice the texts it needs, in their own proportions.
        seed: Of the sample and of the folds.

    Returns:
        A `LayerTask`.

    Raises:
        ValueError: No labels, labels that the probe cannot read, fewer than two labels with enough texts, an argument out of
            range, a source that cannot be read.
    """
    if probe is not None and probe not in PROBES:
        raise ValueError(f"probe: expected one of {', '.join(PROBES)}; got {probe!r}. Correct it.")
    if folds < 2:
        raise ValueError(f"folds: expected at least 2; got {folds}. Five is the default.")
    if prompts is not None and prompts < 1:
        raise ValueError(f"prompts: expected at least 1; got {prompts}. Leave it out for all texts.")
    if isinstance(source, Corpus):
        if field is not None or label_field is not None or prompts is not None:
            raise ValueError("source: expected no field, label_field or prompts with a corpus; got one. Leave it out.")
        corpus = source
    else:
        if label_field is None and str(source) != PYTHON_DOCS:
            raise ValueError(f"label_field: expected the field of the labels of {source}; got None. Name it.")
        local = str(source) == PYTHON_DOCS or Path(source).exists()
        read = None if prompts is None or local else _READ * prompts
        corpus = load_corpus(source, field=field, label_field=label_field, prompts=read, seed=seed)
    if corpus.labels is None:
        raise ValueError(f"labels: expected a label for every text of {corpus.name}; got none. Name label_field.")
    _refuse_undefined(corpus.labels, corpus.name)
    chosen = probe or _probe_for(corpus.labels)
    numeric = chosen == "ridge"
    least = None if numeric else max(folds, _LEAST)
    kept, notes = (list(range(len(corpus))), []) if least is None else _with_enough(corpus, least)
    if prompts is not None and prompts < len(kept):
        kept, notes = _sampled(corpus, kept, prompts, least=least, seed=seed)
    texts = tuple(corpus.texts[i] for i in kept)
    labels = tuple(_number(corpus.labels[i]) if numeric else corpus.labels[i] for i in kept)
    identity = json.dumps([1, [corpus.ids[i] for i in kept], labels, chosen, folds, seed])
    return LabelledTask(
        name=name or f"{corpus.name} {chosen}",
        type=_TYPES[chosen],
        hash=sha256(identity.encode()).hexdigest(),
        notes=(*corpus.notes, *notes),
        texts=texts,
        labels=labels,
        probe=chosen,
        folds=folds,
        seed=seed,
    )


def _refuse_undefined(labels: Sequence[str], name: str) -> None:
    """Raise for numbers of which some are NaN or infinite: as text these would be a class of their own."""
    undefined = [label for label in labels if _is_number(label) and _parsed(label) is None]
    if undefined and all(_is_number(label) for label in labels):
        raise ValueError(
            f"labels: expected finite numbers in {name}, whose other labels are numbers; got {undefined[0]!r} for "
            f"{len(undefined)} of {len(labels)} texts. Remove those rows."
        )


def _is_number(label: str) -> bool:
    try:
        float(label)
    except ValueError:
        return False
    return True


def _probe_for(labels: Sequence[str]) -> Probe:
    numbers = [_parsed(label) for label in labels]
    if any(number is None for number in numbers):
        return "logistic"
    if all(number is not None and number.is_integer() for number in numbers):
        raise ValueError(
            f"probe: expected a choice where labels are whole numbers, classes or quantities ({labels[0]}, ...); got None. "
            "Give probe='logistic' or probe='ridge' (--probe)."
        )
    return "ridge"


def _parsed(label: str) -> float | None:
    try:
        number = float(label)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _number(label: str) -> float:
    number = _parsed(label)
    if number is None:
        raise ValueError(f"labels: expected numbers for probe='ridge'; got {label!r}. Choose probe='logistic'.")
    return number


def _with_enough(corpus: Corpus, least: int) -> tuple[list[int], list[str]]:
    """Which texts have a label that occurs in enough distinct texts."""
    labels = corpus.labels or ()
    counts = Counter(label for _, label in set(zip(corpus.ids, labels, strict=True)))
    kept = [i for i, label in enumerate(labels) if counts[label] >= least]
    rare = sum(count < least for count in counts.values())
    if len(counts) - rare < 2:
        raise ValueError(
            f"labels: expected at least 2 with {least} or more distinct texts each; got {len(counts) - rare} of "
            f"{len(counts)} in {corpus.name}. Give more texts, lower folds, or choose another label field."
        )
    if not rare:
        return kept, []
    note = (
        f"{rare} of {len(counts)} labels have fewer than {least} distinct texts and were left out, "
        f"with their {len(labels) - len(kept)} of {len(labels)} texts"
    )
    return kept, [note]


def _sampled(
    corpus: Corpus, kept: list[int], prompts: int, *, least: int | None, seed: int
) -> tuple[list[int], list[str]]:
    """That many texts, those with the smallest keys, of labels frequent enough to be met again in so small a sample."""
    labels, notes = corpus.labels or (), []
    if least is not None:
        counts = Counter(labels[i] for i in kept).most_common()
        texts = np.cumsum([count for _, count in counts])
        enough = [prompts * count >= 2 * least * total for (_, count), total in zip(counts, texts, strict=True)]
        number = max(2, sum(enough))
        frequent = {label for label, _ in counts[:number]}
        kept = [i for i in kept if labels[i] in frequent]
        notes = [f"a sample of {min(prompts, len(kept))} texts of the {number} most frequent labels"]
    keys = prompt_keys([corpus.texts[i] for i in kept], seed=seed)
    chosen = sorted(kept[at] for at in np.argsort(keys)[:prompts])
    if least is None:
        return chosen, notes
    distinct = Counter(label for _, label in {(corpus.ids[i], labels[i]) for i in chosen})
    chosen = [i for i in chosen if distinct[labels[i]] >= least]
    if len({labels[i] for i in chosen}) < 2:
        raise ValueError(
            f"prompts: expected enough for 2 labels with {least} texts each; got {prompts} of {corpus.name}. Take more."
        )
    return chosen, notes

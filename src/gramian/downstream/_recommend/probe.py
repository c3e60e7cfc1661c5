"""A layer chosen by a probe on a small labelled set, and checked on texts that had no part in the choice."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from gramian.downstream._recommend.regret import Quantity
from gramian.downstream._recommend.scores import ScoreBoard, Stream, stream_order
from gramian.probes import ProbeResult, knn_probe, linear_probe

__all__ = ["ChoosingProbe", "LabelledChoice", "choose_by_probe"]

ChoosingProbe = Literal["logistic", "knn"]
_PROBES: dict[str, Callable[..., ProbeResult]] = {"logistic": linear_probe, "knn": knn_probe}


@dataclass(frozen=True)
class LabelledChoice:
    """A layer chosen on labelled texts.

    Attributes:
        board: Cross-validated accuracy of every stream on the labelled texts, as one task.
        place: The stream chosen on all of them.
        held_out: Accuracy of the whole procedure, choice included, on texts that had no part in it.
        chosen: The stream each outer fold chose without its held-out texts.
    """

    board: ScoreBoard
    place: int
    held_out: Quantity
    chosen: tuple[Stream, ...]


def choose_by_probe(
    vectors: Callable[[int, str], NDArray[Any]],
    labels: Sequence[Any],
    *,
    streams: Sequence[Stream],
    reading: str = "",
    name: str = "labels",
    probe: ChoosingProbe = "logistic",
    groups: Sequence[Any] | None = None,
    folds: int = 5,
    inner_folds: int = 3,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> LabelledChoice:
    """Choose the stream that a probe reads best, with a nested check.

    For each outer fold the stream is chosen by cross-validation among the other folds' texts alone, and its probe is scored on the
    fold held out. The mean of those scores is what a layer chosen this way gives on new texts; the best of the plain scores
    would be too high, as the largest of many noisy numbers is.

    Args:
        vectors: ``vectors(layer, stream)`` gives ``(n, d)``, a row a text.
        labels: ``n`` classes.
        streams: The candidates, two or more.
        reading: How the vectors are read, for the tables.
        name: Of the labelled set, for the tables.
        probe: ``logistic`` or ``knn``.
        groups: ``n`` names of what must not be split, such as the texts themselves.
        folds: Outer folds.
        inner_folds: Folds of the choice.
        seed: Of the folds.
        progress: Called with streams done and streams to do.

    Returns:
        The choice and its check.

    Raises:
        ValueError: An unknown probe, fewer than two streams, or labels that the probe refuses.

    Cost: ``streams x folds x (inner_folds + 1)`` probes.
    """
    if probe not in get_args(ChoosingProbe):
        raise ValueError(f"probe: expected logistic or knn; got {probe!r}. A layer is chosen by accuracy.")
    if len(streams) < 2:
        raise ValueError(f"streams: expected at least 2 to choose from; got {len(streams)}. Read more layers.")
    report = progress or (lambda done, total: None)
    fit = _PROBES[probe]
    ordered: list[Stream] = []
    y = np.asarray(labels)
    of_groups = np.arange(len(y)) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    splits = _outer_folds(y, of_groups, folds, seed)
    shares = np.array([len(held_out) for _, held_out in splits]) / len(y)
    rows: list[list[tuple[float, float, float]]] = []
    for done, (layer, stream) in enumerate(sorted(streams, key=stream_order)):
        report(done, len(streams))
        x = np.asarray(vectors(layer, stream))
        # Pooled over the first token, say, the input of many models is one vector for every text: no probe reads that.
        if (x == x[0]).all():
            continue
        ordered.append((layer, stream))
        rows.append([])
        for rest, held_out in splits:
            test = (x[held_out], y[held_out], of_groups[held_out])
            checked = fit(x[rest], y[rest], groups=of_groups[rest], test=test, seed=seed)
            inside = fit(x[rest], y[rest], groups=of_groups[rest], folds=inner_folds, seed=seed)
            rows[-1].append((checked.score, checked.stderr, inside.score))
    report(len(streams), len(streams))
    if len(ordered) < 2:
        raise ValueError(
            f"vectors: expected texts that differ in 2 streams or more; got {len(ordered)}. Read other layers."
        )
    outer, errors, inner = np.moveaxis(np.array(rows), 2, 0)
    chosen, each = inner.argmax(0), np.arange(folds)

    def over_folds(places: NDArray[np.intp]) -> Quantity:
        error = math.sqrt(float(((errors[places, each] * shares) ** 2).sum()))
        return Quantity.of(float(outer[places, each] @ shares), error)

    by_stream = [over_folds(np.full(folds, place)) for place in range(len(ordered))]
    board = ScoreBoard(
        reading=reading,
        tasks=(name,),
        metrics=("accuracy",),
        streams=tuple(ordered),
        values=np.array([[score.value for score in by_stream]]),
        low=np.array([[score.low for score in by_stream]]),
        high=np.array([[score.high for score in by_stream]]),
    )
    return LabelledChoice(
        board=board,
        place=int(board.values[0].argmax()),
        held_out=over_folds(chosen),
        chosen=tuple(ordered[place] for place in chosen),
    )


def _outer_folds(
    y: NDArray[Any], groups: NDArray[np.int64], folds: int, seed: int
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    from sklearn.model_selection import StratifiedGroupKFold

    if len(y) != len(groups):
        raise ValueError(f"groups: expected {len(y)}, one a label; got {len(groups)}. Name the text of each.")
    classes, codes = np.unique(y, return_inverse=True)
    sizes = np.bincount(np.unique(np.stack([codes, groups]), axis=1)[0])
    if len(classes) < 2 or folds < 2 or sizes.min() < folds:
        raise ValueError(
            f"labels: expected 2 classes or more with at least {max(folds, 2)} distinct texts each; got {len(classes)}, the rarest "
            f"with {sizes.min()}. Leave rare labels out, or lower folds."
        )
    return list(StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(y, codes, groups))

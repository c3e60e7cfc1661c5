"""How much a plan will read, before any model is loaded."""

from __future__ import annotations

import json
from collections.abc import Sequence

from gramian.layers import load_corpus
from gramian.layers._settings import MeasureSettings
from gramian.sweeps._plan import Cell, Plan
from gramian.sweeps._tasks import settings_of

# English text has four or five characters a token; bytes count other scripts a little better.
_BYTES_PER_TOKEN = 4


def estimate_tokens(plan: Plan) -> list[int | None]:
    """Tokens that each cell will read, its views included; None for images, whose number is a fact of the model.

    Of texts one token is taken for four bytes, which is within a third for English text and a usual tokenizer.

    Args:
        plan: whose corpora are read.

    Returns:
        One number a cell.

    Raises:
        ValueError: a corpus that cannot be read, or settings that make no sense.

    Cost: one pass over each corpus.
    """
    known: dict[str, list[int] | None] = {}
    estimates = []
    for cell in plan.cells:
        settings = settings_of(plan, cell)
        key = json.dumps([cell.corpus, cell.corpus_options], sort_keys=True, default=str)
        if key not in known:
            known[key] = _lengths(cell, settings)
        lengths = known[key]
        views = settings.views if settings.plan().reads_views else 0
        estimates.append(None if lengths is None else (1 + views) * sum(lengths))
    return estimates


def _lengths(cell: Cell, settings: MeasureSettings) -> list[int] | None:
    corpus = load_corpus(
        cell.corpus,
        prompts=settings.prompts,
        seed=settings.seed,
        min_tokens=settings.min_tokens,
        count_tokens=_counted,
        **cell.corpus_options,
    )
    return None if corpus.images is not None else [min(n, settings.max_tokens) for n in _counted(corpus.texts)]


def _counted(texts: Sequence[str]) -> list[int]:
    return [-(-len(text.encode()) // _BYTES_PER_TOKEN) for text in texts]

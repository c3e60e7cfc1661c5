"""Where a model cut after some layer shows the state of that layer."""

from __future__ import annotations

from dataclasses import dataclass

from gramian.layers import LanguageModel
from gramian.layers._stream_agreement import BLOCK_FIRST, EMBEDDING_FIRST

__all__ = ["StatePlace", "place_of_state"]

_LAST: tuple[str | int, ...] = ("last_hidden_state",)


@dataclass(frozen=True)
class StatePlace:
    """What is kept of a model and where its output holds the state.

    Attributes:
        blocks: How many of the model's blocks are kept.
        placeholder: Whether one more block of zeros follows them. It hands its input on unchanged, and with it the
            state before the final norm becomes an entry of ``hidden_states`` in every version of transformers.
        output: The path to the state in the model's output.
    """

    blocks: int
    placeholder: bool
    output: tuple[str | int, ...]


def place_of_state(model: LanguageModel, layer: int, *, normalize: str) -> StatePlace:
    """The shortest model that shows a layer, and where.

    A model cut after k blocks returns the normed state of layer k, or the raw one where it has no final norm. The raw
    state under a final norm is read from ``hidden_states``, whose last entry is normed: hence the placeholder, except in
    families that list each block's output (Mamba), where entry k - 1 is layer k.

    Args:
        model: The model.
        layer: From 0 to depth.
        normalize: ``raw`` or ``final_norm``.

    Raises:
        ValueError: A raw state that the model does not report.
    """
    if normalize == "final_norm":
        # Without any block many models return nothing.
        return StatePlace(layer, layer == 0, _LAST)
    projected = any(getattr(module, "project_out", None) is not None for module in model.model.modules())
    if model.final_norm is None and not projected and layer > 0:
        return StatePlace(layer, False, _LAST)
    if model.convention == BLOCK_FIRST:
        return StatePlace(layer, layer == 0, ("hidden_states", max(layer - 1, 0)))
    if model.convention == EMBEDDING_FIRST:
        return StatePlace(layer, True, ("hidden_states", layer))
    raise ValueError(
        f"normalize: expected 'final_norm' for {model.name}, which does not report hidden states (family "
        f"{model.family!r}); got 'raw'. Export the normed reading."
    )

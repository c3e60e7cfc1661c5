"""A model cut after a layer, made of the whole one's own tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from gramian.downstream._export.places import StatePlace
from gramian.layers import LanguageModel
from gramian.layers._blocks import declared_depth
from gramian.layers._loading import quiet_loading

__all__ = ["cut_model"]

_DEPTH_FIELDS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers", "encoder_layers")


def cut_model(model: LanguageModel, place: StatePlace) -> nn.Module:
    """The first blocks of a model as a transformers model of its own, of the class that a saved folder is loaded as.

    Its tensors are those of `model`, so it costs no memory; blocks after the cut are not part of it.

    Args:
        model: The whole model.
        place: How many blocks, and whether a placeholder follows.

    Raises:
        ValueError: Weights that are not in memory, code of a repository's own, or an architecture whose part cannot be
            loaded alone or is not cut by its number of layers.
    """
    backbone = model.model
    if type(backbone).__module__.startswith("transformers_modules"):
        raise ValueError(
            f"model: expected an architecture of transformers; got {type(backbone).__name__}, code of the model's own repository. "
            "Sentence-transformers would load it with trust_remote_code alone; save the model by its own means."
        )
    if any(tensor.device.type == "meta" for tensor in backbone.state_dict().values()):
        raise ValueError("model: expected weights in memory; got offloaded ones. Load it with device='cpu'.")
    config = _cut_config(model, place.blocks + place.placeholder)
    saved_class = _saved_class(model)
    with quiet_loading(), torch.device("meta"):
        try:
            whole: nn.Module = saved_class(config)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, ZeroDivisionError) as error:
            raise _not_cut(model, error) from error
    part = next(module for module in whole.modules() if type(module) is type(backbone))
    tensors = _kept_tensors(model, part.state_dict(), place)
    try:
        part.load_state_dict(tensors, strict=True, assign=True)
    except RuntimeError as error:
        raise _not_cut(model, error) from error
    if part is not whole:
        # T5's encoder comes in a shell that shares the embeddings.
        cast(Any, whole).set_input_embeddings(cast(Any, part).get_input_embeddings())
    return whole.eval()


def _saved_class(model: LanguageModel) -> Any:
    """What transformers and sentence-transformers make of a folder with this model's configuration."""
    from transformers import MODEL_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_FOR_TEXT_ENCODING_MAPPING

    backbone = type(model.model)
    for mapping in (MODEL_MAPPING, MODEL_FOR_TEXT_ENCODING_MAPPING):
        found = mapping.get(type(model.model.config), None)
        for candidate in found if isinstance(found, tuple) else (found,):
            if candidate is backbone or (candidate is not None and _is_encoder(candidate, model)):
                return candidate
    raise ValueError(
        f"model: expected a family whose {model.kind if model.kind != 'encoder-decoder' else 'encoder'} sentence-transformers "
        f"can load alone (T5's kind of encoder-decoder, encoders, decoders, state space models); got {model.family!r}. "
        "Choose another model."
    )


def _is_encoder(candidate: Any, model: LanguageModel) -> bool:
    return str(candidate.__name__).endswith("EncoderModel") and candidate.__module__ == type(model.model).__module__


def _cut_config(model: LanguageModel, blocks: int) -> Any:
    config = model.model.config
    facts = config.to_dict()
    nested = facts.get("text_config")
    text = nested if isinstance(nested, dict) else facts
    field = next((name for name in _DEPTH_FIELDS if text.get(name) == model.depth), None)
    if field is None or declared_depth(config) != model.depth:
        raise _not_cut(model, ValueError(f"its configuration does not declare {model.depth} blocks"))
    text[field] = blocks
    for name, value in text.items():
        # One entry a layer: its type, its attention, its experts.
        if "layer" in name and isinstance(value, list) and len(value) == model.depth:
            text[name] = (value + value[-1:])[:blocks]
    for name in ("_name_or_path", "transformers_version"):
        facts.pop(name, None)
    try:
        return type(config).from_dict(facts)
    except (ValueError, TypeError, KeyError) as error:
        raise _not_cut(model, error) from error


def _kept_tensors(model: LanguageModel, wanted: Mapping[str, Tensor], place: StatePlace) -> dict[str, Tensor]:
    path = next(name for name, module in model.model.named_modules() if module is model.blocks)
    tensors = {
        name: tensor
        for name, tensor in model.model.state_dict().items()
        if not name.startswith(f"{path}.") or int(name[len(path) + 1 :].partition(".")[0]) < place.blocks
    }
    if place.placeholder:
        dtype = next(model.model.parameters()).dtype
        for name, shape in wanted.items():
            if name.startswith(f"{path}.{place.blocks}."):
                tensors[name] = torch.zeros(shape.shape, dtype=dtype if shape.is_floating_point() else shape.dtype)
    return tensors


def _not_cut(model: LanguageModel, error: Exception) -> ValueError:
    reason = " ".join(str(error).split())[:200]
    return ValueError(
        f"model: expected an architecture that its number of layers cuts; got family {model.family!r}: {reason}. "
        "Choose another layer or model."
    )

"""What identifies a model in a run: everything that its hidden states depend on."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from gramian.layers._layered_model import LanguageModel, VisionModel
from gramian.layers._weights import config_hash


def describe(model: LanguageModel | VisionModel) -> dict[str, Any]:
    """The facts that must be equal for two sessions to work on one run."""
    if isinstance(model, VisionModel):
        reader = {"processor_hash": processor_hash(model.processor), "tokens": model.tokens}
    else:
        reader = {"tokenizer_hash": tokenizer_hash(model.tokenizer)}
    facts = {
        "name": model.name,
        "revision": model.revision,
        "commit": model.commit,
        "family": model.family,
        "kind": model.kind,
        "depth": model.depth,
        "width": model.width,
        "weights_hash": model.weights_hash,
        # The same weights under another configuration, of positions or of a norm's epsilon, are another model.
        "config_hash": config_hash(model.model.config.to_dict(), seed=0),
        **reader,
        "blocks": next(name for name, module in model.model.named_modules() if module is model.blocks),
        "untrained": model.untrained,
        "weights_seed": model.seed,
        "dtype": str(next(model.model.parameters()).dtype).removeprefix("torch."),
    }
    if isinstance(model, LanguageModel):
        facts["chat_template"] = _hash(str(model.tokenizer.chat_template)) if model.chat_template else None
        facts["instruction"] = model.instruction
    return facts


def processor_hash(processor: Any) -> str:
    """Of what an image processor does to an image: its class and its settings."""
    return _hash(json.dumps([type(processor).__name__, processor.to_dict()], sort_keys=True, default=str))


def tokenizer_hash(tokenizer: Any) -> str:
    """Of how a tokenizer splits text, not of what it was last used for: padding and truncation are left out."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        state = json.loads(backend.to_str())
        state["padding"] = state["truncation"] = None
    else:
        state = {"class": type(tokenizer).__name__, "vocabulary": sorted(tokenizer.get_vocab().items())}
    state["special"] = sorted((name, str(token)) for name, token in tokenizer.special_tokens_map.items())
    return _hash(json.dumps(state, sort_keys=True, default=str))


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()

"""The files of a sentence-transformers model: weights, tokenizer, and the modules that read one layer from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from gramian.downstream._export.places import StatePlace
from gramian.downstream._export.texts import CHECKED_TEXTS
from gramian.layers import LanguageModel, encode
from gramian.layers._loading import quiet_loading

__all__ = ["modules_of", "write_folder"]

Modules = list[tuple[str, str, dict[str, Any]]]
"""Folder, class and configuration of each module after the first."""

_TRANSFORMER = "sentence_transformers.base.modules.transformer.Transformer"
_POOLING = "sentence_transformers.sentence_transformer.modules.pooling.Pooling"
_TOKEN_POOLING = "sentence_transformers.multi_vector_encoder.modules.token_pooling.HierarchicalTokenPooling"
_MODES = {
    "mean": "mean",
    "mean_no_first": "lasttoken",
    "last": "lasttoken",
    "first": "cls",
    "weighted_mean": "weightedmean",
}
# More tokens than any text has: they all fall into one cluster.
_EVERYTHING = 1e12


def modules_of(width: int, pooling: str, *, before: int) -> Modules:
    """The modules that make one vector of token states.

    Args:
        width: Features of a state.
        pooling: Name of a `Pooling`.
        before: Tokens of an instruction, which are read and not pooled.
    """
    pooled = {"embedding_dimension": width, "pooling_mode": _MODES[pooling], "include_prompt": not before}
    if pooling != "mean_no_first":
        return [("1_Pooling", _POOLING, pooled)]
    # No pooling mode leaves the first token out. Hierarchical pooling with one cluster returns the protected tokens and the
    # mean of the others; the last of these is what we want, also of a text of one token.
    clusters = {
        "pool_factor": _EVERYTHING,
        "num_protected_tokens": before + 1,
        "normalize_embeddings": False,
        "tasks": ["query", "document"],
    }
    return [("1_TokenPooling", _TOKEN_POOLING, clusters), ("2_Pooling", _POOLING, {**pooled, "include_prompt": True})]


def write_folder(
    folder: Path, cut: Any, model: LanguageModel, *, place: StatePlace, pooling: str, max_tokens: int | None
) -> None:
    """Write everything but the model card.

    Args:
        folder: An empty folder.
        cut: From `cut_model`.
        model: The whole model, for its tokenizer and instruction.
        place: Where the cut model shows the state.
        pooling: Name of a `Pooling`.
        max_tokens: Where texts are cut; None for no limit.

    Raises:
        ValueError: An instruction with a pooling that cannot leave it out.
        OSError: The weights cannot be written.
    """
    from safetensors import SafetensorError

    try:
        with quiet_loading():
            cut.save_pretrained(folder)
    except SafetensorError as error:
        reason = " ".join(str(error).split())
        raise OSError(
            f"out: expected to be able to write the weights; got {reason}. Free some space, or choose another disk."
        ) from error
    for weights in folder.glob("*.safetensors"):
        # Written for its owner alone, unlike the files beside it.
        weights.chmod((folder / "config.json").stat().st_mode)
    _write_tokenizer(folder, model, max_tokens)
    before = _tokens_before(model, pooling)
    modules = modules_of(model.width, pooling, before=before)
    output: str | list[str | int] = str(place.output[0]) if len(place.output) == 1 else list(place.output)
    _write(
        folder / "sentence_bert_config.json",
        {
            "transformer_task": "feature-extraction",
            "modality_config": {"text": {"method": "forward", "method_output_name": output}},
            "module_output_name": "token_embeddings",
        },
    )
    listed = [{"idx": 0, "name": "0", "path": "", "type": _TRANSFORMER}]
    for number, (name, kind, settings) in enumerate(modules, start=1):
        (folder / name).mkdir()
        _write(folder / name / "config.json", settings)
        listed.append({"idx": number, "name": str(number), "path": name, "type": kind})
    _write(folder / "modules.json", listed)
    prompts = {"query": model.instruction, "document": model.instruction}
    _write(
        folder / "config_sentence_transformers.json",
        {
            "model_type": "SentenceTransformer",
            "__version__": _versions(),
            "prompts": prompts,
            "default_prompt_name": "document" if model.instruction else None,
            "similarity_fn_name": "cosine",
        },
    )


def _write_tokenizer(folder: Path, model: LanguageModel, max_tokens: int | None) -> None:
    tokenizer = model.tokenizer
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        # What the last call cut and padded to is saved too.
        backend.no_truncation()
        backend.no_padding()
    tokenizer.save_pretrained(folder)
    file = folder / "tokenizer_config.json"
    settings = json.loads(file.read_text(encoding="utf-8"))
    settings["padding_side"] = settings["truncation_side"] = "right"
    # Token types, which some tokenizers hand out, are embedded by GPT-2 like tokens.
    settings["model_input_names"] = ["input_ids", "attention_mask"]
    if max_tokens is not None:
        settings["model_max_length"] = max_tokens
    if tokenizer.pad_token_id is None:
        settings["pad_token"] = tokenizer.convert_ids_to_tokens(model.pad_id)
    _write(file, settings)


def _tokens_before(model: LanguageModel, pooling: str) -> int:
    """Tokens of the instruction, those special ones before it included."""
    if not model.instruction:
        return 0
    if pooling == "weighted_mean":
        raise ValueError(
            "pooling: expected mean, mean_no_first, last or first with an instruction; got weighted_mean, whose weights would "
            "count the instruction. Choose another pooling, or put the instruction into the texts."
        )
    counts = {int(mask.to(torch.int8).argmax()) for text in CHECKED_TEXTS for mask in encode(model, [text]).mask}
    if len(counts) > 1:
        raise ValueError(
            f"instruction: expected one whose tokens end where the text begins, whatever the text; got {min(counts)} to "
            f"{max(counts)} tokens before it. End it with a line break, or put it into the texts."
        )
    return counts.pop()


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {
        "sentence_transformers": version("sentence-transformers"),
        "transformers": version("transformers"),
        "pytorch": version("torch"),
    }


def _write(file: Path, content: object) -> None:
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

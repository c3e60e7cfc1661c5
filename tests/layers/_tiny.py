"""Tiny models of many architectures, and folders of them, built from configurations without any download."""

from __future__ import annotations

import hashlib
import json
import pydoc_data.topics
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from gramian.layers._models import LanguageModel, wrap_model

VOCABULARY = 320
WIDTH = 32
DEPTH = 3
CHAT_TEMPLATE = "{% for message in messages %}<s>{{ message['role'] }}: {{ message['content'] | trim }}</s>{% endfor %}"

_COMMON: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": WIDTH,
    "num_hidden_layers": DEPTH,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 128,
    "pad_token_id": 1,
    "bos_token_id": 2,
    "eos_token_id": 3,
}
_GROUPED = {**_COMMON, "num_key_value_heads": 2, "head_dim": 8}
_MAMBA = {**_COMMON, "state_size": 8, "expand": 2, "conv_kernel": 4}

# Class and arguments of each family's configuration.
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("LlamaConfig", _GROUPED),
    "gpt_neox": ("GPTNeoXConfig", _COMMON),
    "gpt2": ("GPT2Config", {**_COMMON, "n_inner": 48}),
    "opt": ("OPTConfig", {**_COMMON, "ffn_dim": 48, "word_embed_proj_dim": WIDTH}),
    "opt_projected": (
        "OPTConfig",
        {**_COMMON, "ffn_dim": 48, "word_embed_proj_dim": 16, "do_layer_norm_before": False},
    ),
    "qwen2": ("Qwen2Config", _GROUPED),
    "qwen3": ("Qwen3Config", _GROUPED),
    "gemma": ("GemmaConfig", _GROUPED),
    "gemma2": ("Gemma2Config", _GROUPED),
    "gemma3": ("Gemma3TextConfig", _GROUPED),
    "falcon": ("FalconConfig", _COMMON),
    "bloom": ("BloomConfig", _COMMON),
    "bert": ("BertConfig", _COMMON),
    "roberta": ("RobertaConfig", _COMMON),
    "distilbert": (
        "DistilBertConfig",
        {"vocab_size": VOCABULARY, "dim": WIDTH, "n_layers": DEPTH, "n_heads": 4, "hidden_dim": 48},
    ),
    "deberta_v2": ("DebertaV2Config", {**_COMMON, "relative_attention": True}),
    "modernbert": (
        "ModernBertConfig",
        {**_COMMON, "cls_token_id": 2, "sep_token_id": 3, "global_attn_every_n_layers": 2},
    ),
    "t5": (
        "T5Config",
        {
            "vocab_size": VOCABULARY,
            "d_model": WIDTH,
            "d_kv": 8,
            "d_ff": 48,
            "num_layers": DEPTH,
            "num_heads": 4,
            "pad_token_id": 1,
            "eos_token_id": 3,
            "decoder_start_token_id": 1,
        },
    ),
    "bart": (
        "BartConfig",
        {
            "vocab_size": VOCABULARY,
            "d_model": WIDTH,
            "encoder_layers": DEPTH,
            "decoder_layers": 2,
            "encoder_attention_heads": 4,
            "decoder_attention_heads": 4,
            "encoder_ffn_dim": 48,
            "decoder_ffn_dim": 48,
            "max_position_embeddings": 128,
        },
    ),
    "mamba": ("MambaConfig", _MAMBA),
    "mamba2": ("Mamba2Config", {**_MAMBA, "num_heads": 8, "head_dim": 8, "n_groups": 1, "chunk_size": 8}),
    "falcon_mamba": ("FalconMambaConfig", _MAMBA),
    "rwkv": ("RwkvConfig", {**_COMMON, "attention_hidden_size": WIDTH, "rescale_every": 2, "context_length": 128}),
    "jamba": (
        "JambaConfig",
        {
            **_GROUPED,
            "num_hidden_layers": 4,
            "attn_layer_period": 2,
            "attn_layer_offset": 1,
            "num_experts": 2,
            "expert_layer_period": 2,
            "mamba_d_state": 8,
            "mamba_dt_rank": 4,
            "use_mamba_kernels": False,
        },
    ),
}
# Families whose own hidden states start at the first block's output.
BLOCK_FIRST = ("mamba", "mamba2", "falcon_mamba", "rwkv")


@lru_cache(maxsize=1)
def _trained_tokenizer() -> str:
    """A byte-level BPE over 320 tokens, trained on CPython's own documentation; covers every text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<unk>", "<pad>", "<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    prose = [topic for _, topic in sorted(pydoc_data.topics.topics.items())][:20]
    tokenizer.train_from_iterator(prose, trainer)
    return str(tokenizer.to_str())


def tiny_tokenizer(*, bos: bool = False, chat: bool = False, pad: bool = True, eos: bool = True) -> Any:
    """A fast tokenizer over ``VOCABULARY`` tokens: <unk> 0, <pad> 1, <s> 2, </s> 3.

    Args:
        bos: Whether every text starts with <s> and ends with </s>.
        chat: Whether it has a chat template.
        pad: Whether it has a pad token.
        eos: Whether it has an end token.
    """
    tokenizer = Tokenizer.from_str(_trained_tokenizer())
    if bos:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", special_tokens=[("<s>", 2), ("</s>", 3)]
        )
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<unk>",
        pad_token="<pad>" if pad else None,
        bos_token="<s>",
        eos_token="</s>" if eos else None,
        model_max_length=128,
        # Left on purpose: the library must not depend on what a tokenizer was saved with.
        padding_side="left",
    )
    if chat:
        fast.chat_template = CHAT_TEMPLATE
    return fast


def tiny_config(family: str, **changes: Any) -> Any:
    """The configuration of a tiny model."""
    class_name, arguments = FAMILIES[family]
    return getattr(transformers, class_name)(**{**arguments, **changes})


def tiny_backbone(family: str, *, seed: int = 0, spread: float = 0.3, **changes: Any) -> Any:
    """A tiny model without head whose weights are large enough that layers differ visibly."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        model = transformers.AutoModel.from_config(tiny_config(family, **changes))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim >= 2:
                parameter.normal_(0.0, spread, generator=generator)
            else:
                # Norms with unequal weights: else a forgotten final norm could pass for a scale.
                parameter.add_(torch.rand(parameter.shape, generator=generator) * 0.2)
    return model.eval()


def tiny_model(family: str = "llama", *, seed: int = 0, tokenizer: Any = None, **options: Any) -> LanguageModel:
    """A tiny `LanguageModel` in memory."""
    return wrap_model(tiny_backbone(family, seed=seed), tokenizer or tiny_tokenizer(), name=f"tiny-{family}", **options)


def save_tiny(folder: Path, family: str = "llama", *, seed: int = 0, tokenizer: Any = None, **changes: Any) -> Path:
    """Save a tiny model and its tokenizer in the transformers layout; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tiny_backbone(family, seed=seed, **changes).save_pretrained(folder)
    (tokenizer or tiny_tokenizer()).save_pretrained(folder)
    return folder


def tiny_llama_folder(tmp_path_factory: Any, *, seed: int = 0) -> Path:
    """A fresh folder with a tiny Llama: 3 blocks, width 32, 320 tokens, at most 128 tokens a text."""
    return save_tiny(tmp_path_factory.mktemp("models") / "tiny-llama", "llama", seed=seed)


def save_in_hub_cache(cache: Path, model_id: str, revisions: dict[str, int]) -> Path:
    """Lay out revisions of a tiny Llama as the hub's cache does: refs, snapshots, blobs named by sha256.

    Args:
        cache: The folder that ``HF_HUB_CACHE`` names.
        model_id: Such as ``org/name``.
        revisions: For each revision the seed of its weights; its commit is one letter forty times.

    Returns:
        The repository's folder in the cache.
    """
    repository = cache / f"models--{model_id.replace('/', '--')}"
    for letter, (revision, seed) in zip("abcdef", revisions.items(), strict=False):
        snapshot = repository / "snapshots" / (letter * 40)
        save_tiny(snapshot, seed=seed)
        (repository / "blobs").mkdir(exist_ok=True)
        for file in list(snapshot.iterdir()):
            blob = repository / "blobs" / hashlib.sha256(file.read_bytes()).hexdigest()
            file.replace(blob)
            file.symlink_to(Path("../../blobs") / blob.name)
        (repository / "refs").mkdir(exist_ok=True)
        (repository / "refs" / revision).write_text(snapshot.name, encoding="utf-8")
    return repository


def write_tiny_gguf(file: Path, *, seed: int = 0) -> Path:
    """Write a tiny Llama with random float32 weights as a GGUF file; returns the file."""
    from gguf import GGUFWriter

    vocabulary = json.loads(_trained_tokenizer())["model"]
    tokens = sorted(vocabulary["vocab"], key=vocabulary["vocab"].__getitem__)
    writer = GGUFWriter(file, "llama")
    writer.add_block_count(DEPTH)
    writer.add_context_length(128)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(48)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(8)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token.startswith("<") and len(token) > 1 else 1 for token in tokens])
    writer.add_token_merges([pair if isinstance(pair, str) else " ".join(pair) for pair in vocabulary["merges"]])
    writer.add_bos_token_id(2)
    writer.add_eos_token_id(3)
    generator = np.random.default_rng(seed)
    shapes = {"token_embd": (len(tokens), WIDTH), "output_norm": (WIDTH,)}
    for block in range(DEPTH):
        shapes |= {
            f"blk.{block}.{part}": shape
            for part, shape in {
                "attn_norm": (WIDTH,),
                "attn_q": (WIDTH, WIDTH),
                "attn_k": (16, WIDTH),
                "attn_v": (16, WIDTH),
                "attn_output": (WIDTH, WIDTH),
                "ffn_norm": (WIDTH,),
                "ffn_gate": (48, WIDTH),
                "ffn_up": (48, WIDTH),
                "ffn_down": (WIDTH, 48),
            }.items()
        }
    for name, shape in shapes.items():
        values = generator.normal(1.0 if len(shape) == 1 else 0.0, 0.3, shape)
        writer.add_tensor(f"{name}.weight", values.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file

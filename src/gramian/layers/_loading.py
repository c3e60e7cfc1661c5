"""Building a model without head, a tokenizer and a configuration from a folder, quietly and without side effects."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

__all__ = [
    "draw_backbone",
    "load_backbone",
    "load_config",
    "load_tokenizer",
    "loading_error",
    "measured_part",
    "pad_token_id",
    "quiet_loading",
    "require_layers_extra",
]


def require_layers_extra() -> None:
    """Raise ImportError, with the command that helps, where the extra ``layers`` is not installed."""
    for package in ("transformers", "accelerate", "safetensors", "gguf"):
        if find_spec(package) is None:
            raise ImportError(
                f"gramian.layers: expected the package {package}; got none. Run `pip install 'gramian[layers]'`."
            )


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Keep transformers from printing and from moving the global random state.

    Loading draws random numbers for weights that the checkpoint lacks; those drawn here are either asked for
    (``untrained``) or discarded (a missing head), so the caller's sequence of random numbers must not notice.
    """
    from transformers.utils import logging

    bars, verbosity = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def load_config(folder: Path, *, trust_remote_code: bool) -> Any:
    """The configuration in a model folder.

    Raises:
        ValueError: It cannot be read, names an unknown architecture, or needs code from the model's repository.
    """
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(folder, trust_remote_code=trust_remote_code)
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise loading_error("configuration", folder, error) from error


def load_tokenizer(folder: Path, *, trust_remote_code: bool) -> Any:
    """The tokenizer in a model folder, set to pad and cut on the right.

    Raises:
        ValueError: There is none, or it cannot be read.
    """
    from transformers import AutoTokenizer

    # Without one of these transformers may build an empty tokenizer from the configuration alone.
    patterns = ("tokenizer*", "vocab*", "*.model", "merges.txt", "*.tiktoken", "spiece*", "*.py")
    if not any(any(folder.glob(pattern)) for pattern in patterns):
        raise ValueError(
            f"name: expected a tokenizer in {folder}; got no tokenizer.json, vocabulary or sentencepiece file. "
            "Copy the tokenizer's files beside config.json."
        )
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust_remote_code)
    except (ValueError, OSError, KeyError, TypeError, AttributeError, ImportError) as error:
        raise loading_error("tokenizer", folder, error) from error
    if not callable(tokenizer):
        raise ValueError(f"name: expected a tokenizer in {folder}; got {type(tokenizer).__name__}.")
    tokenizer.padding_side = "right"
    tokenizer.truncation_side = "right"
    return tokenizer


def pad_token_id(tokenizer: Any) -> int:
    """Id to pad with: the tokenizer's pad token, else its end token, else 0. The attention mask hides it either way."""
    for value in (tokenizer.pad_token_id, tokenizer.eos_token_id):
        if isinstance(value, int):
            return value
    return 0


def load_backbone(
    folder: Path,
    config: Any,
    *,
    dtype: torch.dtype | str,
    device_map: Any,
    trust_remote_code: bool,
    tower: str | None = None,
) -> nn.Module:
    """The trained model without head; of an encoder-decoder, the encoder; of two towers, one.

    Args:
        folder: Configuration and weights.
        config: From `load_config`.
        dtype: Of the weights, or ``"auto"`` for the checkpoint's.
        device_map: As in accelerate, None to load on the CPU.
        trust_remote_code: Whether code in the folder may run.
        tower: ``"vision"`` or ``"text"`` for a model with both.

    Raises:
        ValueError: The weights cannot be read or do not cover the model.
    """
    from safetensors import SafetensorError
    from transformers import AutoModel

    options: dict[str, Any] = {"config": config, "dtype": dtype, "trust_remote_code": trust_remote_code}
    if device_map is not None:
        options["device_map"] = device_map
    # Pickled weights are read by transformers with weights_only=True; a refusal surfaces as UnpicklingError.
    from pickle import UnpicklingError

    try:
        model, report = AutoModel.from_pretrained(folder, output_loading_info=True, **options)
    except (
        ValueError,
        OSError,
        KeyError,
        TypeError,
        ImportError,
        RuntimeError,
        SafetensorError,
        UnpicklingError,
    ) as error:
        raise loading_error("weights", folder, error) from error
    backbone = measured_part(model, tower=tower)
    # A pooler, a decoder, the other tower or a mask for training that the checkpoint lacks does not touch the hidden states.
    kept = {name for name, _ in backbone.named_parameters()}
    lost = sorted(
        key
        for key in report["missing_keys"]
        if "pooler" not in key and "mask_token" not in key and any(key.endswith(name) for name in kept)
    )
    if tower is not None:
        lost = [key for key in lost if key.startswith(f"{tower}_model.")]
    elif backbone is not model:
        lost = [key for key in lost if not key.startswith("decoder.")]
    if lost:
        raise ValueError(
            f"name: expected weights for the whole model in {folder}; got none for {len(lost)}, "
            f"first {lost[0]}. Use the folder of this architecture, or pass untrained=True for random weights."
        )
    return backbone


def draw_backbone(config: Any, *, seed: int, trust_remote_code: bool, tower: str | None = None) -> nn.Module:
    """A model of the same architecture with random float32 weights, the same for the same seed.

    Call inside `quiet_loading`, which restores the global random state afterwards.
    """
    from transformers import AutoModel

    torch.default_generator.manual_seed(seed)
    try:
        model = AutoModel.from_config(config, dtype=torch.float32, trust_remote_code=trust_remote_code)
    except (ValueError, OSError, KeyError, TypeError, ImportError) as error:
        raise loading_error("architecture", Path(config.name_or_path or "."), error) from error
    return measured_part(cast(nn.Module, model), tower=tower)


def measured_part(model: nn.Module, *, tower: str | None = None) -> nn.Module:
    """The part whose hidden states are measured: the model without head; of an encoder-decoder the encoder; of two towers, one."""
    if tower is not None:
        return cast(nn.Module, getattr(model, f"{tower}_model"))
    if getattr(model, "main_input_name", None) == "pixel_values":
        # The base of some models of images (DINOv3) is what lies below their embeddings and final norm.
        return model
    base: Any = getattr(model, "base_model", model)
    if getattr(base.config, "is_encoder_decoder", False) and hasattr(base, "get_encoder"):
        base = base.get_encoder()
    return cast(nn.Module, base)


def loading_error(part: str, folder: Path, error: Exception) -> ValueError:
    reason = " ".join(str(error).split())
    if "trust_remote_code" in reason:
        return ValueError(
            f"trust_remote_code: expected True for {folder.name}, whose {part} is code in its own repository; "
            "got False. Read that code, then pass trust_remote_code=True."
        )
    shown = reason if len(reason) <= 240 else reason[:240] + "..."
    return ValueError(f"name: expected a readable {part} in {folder}; got {type(error).__name__}: {shown}")

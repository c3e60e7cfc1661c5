"""A model whose layers can be read, with everything that measuring them needs to know: of text, and of images."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
from torch import nn

__all__ = ["LanguageModel", "LayeredModel", "VisionModel"]


@dataclass(frozen=True, eq=False)
class LayeredModel:
    """A model without head and the facts that name and explain its layers, whatever it reads.

    Attributes:
        modality: What it reads: ``"text"`` or ``"image"``.
        name: For tables: hub id, folder name, or the title of a model that comes in a wheel.
        revision: What was asked of the hub, None for local files.
        commit: The hub's commit, None for local files.
        family: The architecture, transformers' ``model_type``.
        kind: Of a `LanguageModel` ``"decoder"``, ``"state space"``, ``"encoder"`` or ``"encoder-decoder"`` (its encoder is measured);
            ``"vision encoder"`` of a `VisionModel`.
        depth: Number of blocks; layers run from 0 to depth.
        width: Number of features of a state.
        weights_hash: sha256 of the weight file; over all shards' hashes where there are several; over configuration
            and seed for an untrained model; over the tensors for a model in memory.
        untrained: Whether the weights are random.
        seed: The seed of random weights, None for trained ones.
        convention: How the model's own ``output_hidden_states`` counts, see `check_streams`.
        pads: Whether padding leaves real tokens alone; probed. Images are never padded: True.
        model: The model, in evaluation mode, without gradients.
        blocks: The list of blocks.
        final_norm: The norm after the last block, None where there is none.
    """

    modality: ClassVar[Literal["text", "image"]]
    name: str
    revision: str | None
    commit: str | None
    family: str
    kind: str
    depth: int
    width: int
    weights_hash: str
    untrained: bool
    seed: int | None
    convention: str
    pads: bool
    model: Any = field(repr=False)
    blocks: nn.ModuleList = field(repr=False)
    final_norm: nn.Module | None = field(repr=False)

    @property
    def device(self) -> torch.device:
        """Where inputs go: the device of the input embeddings, or the CPU while they are offloaded."""
        device = next(self.model.get_input_embeddings().parameters()).device
        return torch.device("cpu") if device.type == "meta" else device


@dataclass(frozen=True, eq=False)
class LanguageModel(LayeredModel):
    """A `LayeredModel` that reads text, and its tokenizer.

    Attributes:
        max_tokens: Most tokens a text may have, special tokens included; None where the model sets no limit.
        is_causal: Whether no state depends on later tokens; probed, not read from the configuration.
        pad_id: What rows are padded with.
        chat_template: Whether texts are put into the tokenizer's chat template, as a user's message.
        instruction: Text put before every text, read but not measured.
        tokenizer: The tokenizer.
    """

    modality: ClassVar[Literal["text"]] = "text"
    max_tokens: int | None
    is_causal: bool
    pad_id: int
    chat_template: bool
    instruction: str
    tokenizer: Any = field(repr=False)


@dataclass(frozen=True, eq=False)
class VisionModel(LayeredModel):
    """A `LayeredModel` that reads images, and its image processor.

    Attributes:
        image_shape: Channels, height and width of an image as the processor hands it to the model.
        tokens: Tokens of an image, the same for all: class and register tokens where there are any, then the patches row by row.
        processor: The image processor: resizing, cropping and scaling as in training.
    """

    modality: ClassVar[Literal["image"]] = "image"
    image_shape: tuple[int, int, int]
    tokens: int
    processor: Any = field(repr=False)

    @property
    def device(self) -> torch.device:
        """Where inputs go: the device of the first parameter, or the CPU while it is offloaded."""
        device = next(self.model.parameters()).device
        return torch.device("cpu") if device.type == "meta" else device

    @property
    def dtype(self) -> torch.dtype:
        """The number format that pixels are brought to."""
        dtype: torch.dtype = next(self.model.parameters()).dtype
        return dtype

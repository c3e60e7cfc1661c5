"""Prompts as a model reads them: how many of their tokens are measured, and corpora cut to what a model can take."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gramian.layers._conditions import NATURAL, Condition
from gramian.layers._corpus import PYTHON_DOCS, Corpus, load_corpus
from gramian.layers._encoding import Encoded, encode, token_lengths
from gramian.layers._image_encoding import EncodedImages, encode_images
from gramian.layers._image_views import DEFAULT_IMAGE_RATES, AugmentedImage, ImageRates
from gramian.layers._images import ImageFile, is_image_source, no_images, open_image_source
from gramian.layers._layered_model import LanguageModel, VisionModel
from gramian.layers._views import DEFAULT_RATES, Rates, augment

# What a model reads: a text, or an image that is opened when its batch is made.
Prompt = str | ImageFile | AugmentedImage

_TEXTS_AT_ONCE = 256


def encode_prompts(
    model: LanguageModel | VisionModel, prompts: Sequence[Any], *, max_tokens: int, condition: Condition = NATURAL
) -> Encoded | EncodedImages:
    """Prompts as one batch; images have no tokens to cut or to perturb."""
    if isinstance(model, VisionModel):
        return encode_images(model, prompts)
    return encode(model, prompts, max_tokens=max_tokens, condition=condition)


def read_tokens(model: LanguageModel | VisionModel, prompts: Sequence[Any]) -> list[int]:
    """Tokens that the model would read of each prompt, before truncation."""
    return [model.tokens] * len(prompts) if isinstance(model, VisionModel) else token_lengths(model, prompts)


def view_of(prompt: Any, *, view: int, seed: int, rates: Rates | ImageRates) -> Prompt:
    """A perturbed view of a prompt; of an image it is made when it is opened."""
    if isinstance(rates, ImageRates):
        return AugmentedImage(prompt, view=view, seed=seed, rates=rates)
    return augment(prompt, view=view, seed=seed, rates=rates)


def rates_for(model: LanguageModel | VisionModel, rates: Rates | ImageRates | None) -> Rates | ImageRates:
    """The rates asked for, or the defaults for what the model reads.

    Raises:
        TypeError: rates of the other kind of prompt.
    """
    wanted = ImageRates if isinstance(model, VisionModel) else Rates
    if rates is None:
        return DEFAULT_IMAGE_RATES if isinstance(model, VisionModel) else DEFAULT_RATES
    if not isinstance(rates, wanted):
        raise TypeError(
            f"rates: expected {wanted.__name__} for {model.name}, which reads {model.modality}s; got {type(rates).__name__}"
        )
    return rates


def check_modality(model: LanguageModel | VisionModel, name: str, modality: str) -> None:
    """Raise ValueError where a model does not read what a corpus holds."""
    if modality == model.modality:
        return
    remedy = (
        "Give a folder of images or a .zip of one"
        if modality == "text"
        else "Give text, or a model of images such as ViT, DINOv2 or the vision tower of CLIP"
    )
    raise ValueError(
        f"corpus: expected {model.modality}s for {model.name}, which reads {model.modality}s; got {modality}s, {name}. {remedy}"
    )


def context_tokens(model: LanguageModel | VisionModel) -> int:
    """Tokens read but not measured around each prompt: the instruction and the chat template; 0 without them."""
    if isinstance(model, VisionModel) or (not model.instruction and not model.chat_template):
        return 0
    encoded = encode(model, ["the quick brown fox"])
    return int(encoded.attention_mask.sum() - encoded.mask.sum())


def measured_lengths(
    model: LanguageModel | VisionModel, prompts: Sequence[Any], *, max_tokens: int | None = None
) -> list[int]:
    """How many tokens of each prompt are measured, of prompts cut to `max_tokens` read tokens."""
    context = context_tokens(model)
    # In parts: the tokenizer keeps offsets and strings of everything it is given at once.
    parts = (read_tokens(model, prompts[i : i + _TEXTS_AT_ONCE]) for i in range(0, len(prompts), _TEXTS_AT_ONCE))
    return [min(n, max_tokens or n) - context for part in parts for n in part]


def usable_tokens(model: LanguageModel | VisionModel, max_tokens: int) -> int:
    """`max_tokens`, or the model's own limit where that is lower; of images the tokens they all have, since none is cut."""
    if isinstance(model, VisionModel):
        return model.tokens
    return max_tokens if model.max_tokens is None else min(max_tokens, model.max_tokens)


def load_corpus_for(
    model: LanguageModel | VisionModel, source: str | Path, *, min_tokens: int, max_tokens: int, **options: Any
) -> Corpus:
    """`load_corpus` of what the model reads, with lengths of texts counted by its tokenizer.

    Args:
        model: what reads the prompts.
        source: as for `load_corpus`.
        min_tokens: texts with fewer measured tokens are left out.
        max_tokens: where longer texts are cut; images all have equally many tokens, and neither number applies to them.
        options: the other arguments of `load_corpus`.

    Raises:
        ValueError: as `load_corpus`, or for texts where the model reads images, and images where it reads texts.
    """
    of_images = is_image_source(source)
    if isinstance(model, VisionModel) and not of_images:
        if Path(source).is_dir():
            raise no_images(source)
        if str(source) != PYTHON_DOCS and not Path(source).exists():
            open_image_source(source)  # says that there is nothing of that name
    check_modality(model, str(source), "image" if of_images else "text")
    if of_images:
        return load_corpus(source, **options)
    context = context_tokens(model)
    room = usable_tokens(model, max_tokens) - context
    if room < min_tokens:
        raise ValueError(
            f"max_tokens: expected room for min_tokens ({min_tokens}) beside the {context} tokens of instruction or template; "
            f"got {usable_tokens(model, max_tokens)}. Raise it, or lower min_tokens"
        )
    return load_corpus(
        source,
        min_tokens=min_tokens,
        max_tokens=room,
        count_tokens=lambda texts: measured_lengths(model, texts),
        **options,
    )

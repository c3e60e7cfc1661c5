"""What a model reads, text or images, and which of two towers is meant; facts of its class, so that no table of architectures is needed."""

from __future__ import annotations

from typing import Any, Literal

__all__ = ["TOWERS", "chosen_tower", "modality_of"]

TOWERS = ("vision", "text")


def chosen_tower(config: Any, tower: str | None, *, title: str) -> str | None:
    """Which tower of a model with two (CLIP, SigLIP) is measured: the vision tower unless the other is asked for.

    Args:
        config: The model's configuration.
        tower: What was asked for: ``"vision"``, ``"text"`` or None.
        title: The model's name, for messages.

    Returns:
        ``"vision"`` or ``"text"`` for a model with two towers, None for one that is a tower itself.

    Raises:
        ValueError: Another name, or a tower that the model does not have.
    """
    if tower is not None and tower not in TOWERS:
        raise ValueError(f"tower: expected vision or text; got {tower!r}. Models with one tower need none.")
    if _has_two_towers(config):
        return tower or "vision"
    only = "vision" if _reads_images(config) else "text"
    if tower is not None and tower != only:
        raise ValueError(
            f"tower: expected {only} or None for {title} (family {config.model_type!r}), which has one tower; "
            f"got {tower!r}. Leave it out."
        )
    return None


def _reads_images(config: Any) -> bool:
    """Whether the model of a configuration takes pixels as its main input."""
    return getattr(_model_class(config), "main_input_name", "input_ids") == "pixel_values"


def modality_of(config: Any, tower: str | None) -> Literal["text", "image"]:
    """What is read by the part of a model that is measured, given the answer of `chosen_tower`."""
    return "image" if tower == "vision" or (tower is None and _reads_images(config)) else "text"


def _has_two_towers(config: Any) -> bool:
    """Whether texts and images are embedded side by side; a language model with an image encoder in front embeds images only."""
    found = _model_class(config)
    return all(hasattr(found, name) for name in ("get_text_features", "get_image_features"))


def _model_class(config: Any) -> Any:
    """The class that ``AutoModel`` builds; None for one that comes with the model's own code."""
    from transformers import MODEL_MAPPING

    return MODEL_MAPPING.get(type(config), None)

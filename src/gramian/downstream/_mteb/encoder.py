"""One layer of a model, by one reading, as an encoder of MTEB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from mteb.models.abs_encoder import AbsEncoder
from mteb.models.model_meta import ModelMeta, ScoringFunction
from numpy.typing import NDArray

if TYPE_CHECKING:
    from mteb.abstasks.task_metadata import TaskMetadata
    from mteb.types import PromptType

    from gramian.downstream._tasks.protocol import Embed

__all__ = ["LayerEncoder", "model_meta"]


class LayerEncoder(AbsEncoder):  # type: ignore[misc]
    """A view of one stream: MTEB asks it for vectors of texts, and it looks them up.

    It reads what MTEB's own encoders read: the text that MTEB has put together, with a document's title before its text and
    a query's instruction after it. An instruction of the model's own stands before every text, as `load_model` was told.
    Similarity is the cosine.

    Args:
        embed: The stream and reading.
        unit_length: Whether vectors are scaled to length one, as encoders made for the cosine do; the zero vector stays.
    """

    def __init__(self, embed: Embed, *, unit_length: bool) -> None:
        self.embed = embed
        self.unit_length = unit_length
        self.mteb_model_meta = model_meta(embed, unit_length=unit_length)

    def encode(
        self,
        inputs: Any,
        *,
        task_metadata: TaskMetadata,
        hf_split: str,
        hf_subset: str,
        prompt_type: PromptType | None = None,
        **kwargs: Any,
    ) -> NDArray[np.float32]:
        """Vectors ``(n, d)`` of the texts of a data loader, in its order."""
        del task_metadata, hf_split, hf_subset, prompt_type, kwargs
        vectors = self.embed([text for batch in inputs for text in batch["text"]])
        if not self.unit_length:
            return vectors
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        lengths[lengths == 0] = 1
        scaled: NDArray[np.float32] = np.divide(vectors, lengths, dtype=np.float32)
        return scaled


def model_meta(embed: Embed, *, unit_length: bool) -> ModelMeta:
    """What MTEB files results under: the model, its revision, and which layer was read how."""
    name = embed.model if "/" in embed.model else f"local/{embed.model}"
    return ModelMeta.create_empty(
        {
            "name": name,
            "revision": embed.revision or embed.weights[:12] or None,
            "similarity_fn_name": ScoringFunction.COSINE,
            "experiment_kwargs": {
                "layer": embed.layer,
                "stream": embed.stream,
                "pooling": embed.reading.pooling,
                "normalize": embed.reading.normalize,
                "unit_length": unit_length,
            },
        }
    )

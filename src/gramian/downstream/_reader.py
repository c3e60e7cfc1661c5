"""From texts to the vectors of every stream, with one forward pass over each text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gramian.downstream._pooling import pooling_weights
from gramian.downstream._readings import Reading, as_readings
from gramian.layers import LanguageModel, encode, plan_batches, stream_states, token_lengths
from gramian.layers._measuring import stream_names

__all__ = ["LayerReader"]

Vectors = NDArray[np.float32]


class LayerReader:
    """Texts to vectors of all streams by all readings; each text goes through the model once.

    Args:
        model: From `gramian.layers.load_model`.
        readings: One or several.
        layers: The layers to keep, None for all; ``final_norm`` belongs to the last layer.
        max_tokens: Longer texts are cut to this many tokens; None for the model's own limit.
        token_budget: Padded tokens of a batch.
        progress: Called with texts done and texts to do.

    Attributes:
        streams: What there is to read, ``(layer, stream)``.
        passes: Forward passes over texts so far.
    """

    def __init__(
        self,
        model: LanguageModel,
        *,
        readings: Reading | Sequence[Reading] = (Reading(),),
        layers: Sequence[int] | None = None,
        max_tokens: int | None = None,
        token_budget: int = 2048,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self.model = model
        self.readings = as_readings(readings)
        if model.final_norm is None and any(one.normalize == "final_norm" for one in self.readings):
            raise ValueError(
                f"normalize: expected 'raw' for {model.name}, which has no final norm; got 'final_norm'. Leave it out."
            )
        self.streams = tuple(one for one in stream_names(model) if layers is None or one[0] in set(layers))
        self.passes = 0
        self._max_tokens = max_tokens
        self._token_budget = token_budget
        self._progress = progress or (lambda done, total: None)
        self._held: dict[bytes, Vectors] = {}

    def vectors(self, texts: Sequence[str], layer: int, stream: str, reading: Reading) -> Vectors:
        """Vectors of texts, ``(n, d)`` float32, in their order."""
        self.fill(texts)
        place = self.readings.index(reading), self.streams.index((layer, stream))
        return np.stack([self._held[text_key(text)][place] for text in texts])

    def fill(self, texts: Sequence[str]) -> None:
        """Run the model over those texts that are not there yet."""
        missing = {text_key(text): text for text in texts if text_key(text) not in self._held}
        keys, unseen = list(missing), list(missing.values())
        lengths = token_lengths(self.model, unseen)
        for batch in plan_batches(lengths, token_budget=self._token_budget if self.model.pads else 1):
            vectors = self._forward([unseen[i] for i in batch])
            for row, index in enumerate(batch):
                self._held[keys[index]] = vectors[:, :, row]
            self.passes += len(batch)
            self._progress(len(batch), len(unseen))

    def _forward(self, texts: Sequence[str]) -> Vectors:
        encoded = encode(self.model, texts, max_tokens=self._max_tokens)
        pooled: dict[tuple[int, str], Tensor] = {}
        norm = self.model.final_norm
        weights = pooling_weights(encoded.mask, [one.pooling for one in self.readings])

        def visit(layer: int, stream: str, states: Tensor, mask: Tensor) -> None:
            del mask
            by = weights.to(states.device)
            raw = by @ torch.nan_to_num(states.float())
            if stream == "residual" and norm is not None and any(r.normalize == "final_norm" for r in self.readings):
                normed = by @ norm.forward(states).float()
                chosen = torch.tensor([one.normalize == "final_norm" for one in self.readings], device=raw.device)
                raw = torch.where(chosen[:, None], normed, raw)
            pooled[layer, stream] = raw.float().cpu()

        stream_states(self.model, encoded, visit)
        # (streams, batch, readings, d) to readings first.
        return torch.stack([pooled[name] for name in self.streams]).permute(2, 0, 1, 3).contiguous().numpy()


def text_key(text: str) -> bytes:
    """What a text is stored by: 16 bytes of BLAKE2b over its UTF-8."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()

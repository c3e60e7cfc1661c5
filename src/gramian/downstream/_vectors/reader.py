"""From texts to the vectors of every stream, with one forward pass over each text that the store does not hold."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from gramian.downstream._vectors.batch_vectors import read_batch
from gramian.downstream._vectors.encoder import encoder_identity
from gramian.downstream._vectors.layer_choice import Layers, choose_streams
from gramian.downstream._vectors.reading_plan import ReadingPlan
from gramian.downstream._vectors.readings import Reading, as_readings
from gramian.downstream._vectors.segments import Keys, SegmentLost
from gramian.downstream._vectors.shelf import row_bytes
from gramian.downstream._vectors.sink_shares import SinkShare
from gramian.downstream._vectors.store import VectorStore
from gramian.downstream._vectors.waiting import Waiting
from gramian.layers import LanguageModel, encode, plan_batches
from gramian.layers._prompts import usable_tokens
from gramian.layers._text_sizes import text_sizes

__all__ = ["LayerReader", "text_keys"]

Vectors = NDArray[np.float32]
Stream = tuple[int, str]

_ATTEMPTS = 3


class LayerReader:
    """Texts to vectors of all streams by all readings; each text that the store does not hold goes through the model once.

    Args:
        model: From `gramian.layers.load_model`.
        readings: One or several; None for the plain mean.
        store: Where vectors are kept; None keeps them in a temporary folder for as long as the reader lives.
        layers: The layers to keep, see `choose_streams`; None for all.
        max_tokens: Longer texts are cut to this many tokens, or to what the model can take where that is less; None for the
            model's own limit.
        token_budget: Padded tokens of a batch.
        empty: What becomes of texts without a token of their own: ``refuse`` raises, ``zero`` gives them the zero vector.
        progress: Called with texts done and texts to do, after every batch.

    Attributes:
        streams: What is read now, ``(layer, stream)``.
        passes: Forward passes over texts so far.

    Raises:
        ValueError: ``normalize="final_norm"`` of a model without a final norm, or an argument out of range.
        TypeError: A model that does not read text.
    """

    def __init__(
        self,
        model: LanguageModel,
        *,
        readings: Reading | Sequence[Reading] | None = None,
        store: VectorStore | None = None,
        layers: Layers = None,
        max_tokens: int | None = None,
        token_budget: int = 2048,
        empty: str = "refuse",
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        if not isinstance(model, LanguageModel):
            raise TypeError(f"model: expected a LanguageModel; got {type(model).__name__}. Load it with load_model.")
        self.model = model
        self.readings = as_readings(Reading() if readings is None else readings)
        if model.final_norm is None and any(one.normalize == "final_norm" for one in self.readings):
            raise ValueError(
                f"normalize: expected 'raw' for {model.name}, which has no final norm; got 'final_norm'. Leave it out."
            )
        if empty not in ("refuse", "zero"):
            raise ValueError(f"empty: expected 'refuse' or 'zero'; got {empty!r}. Correct it.")
        if token_budget < 1:
            raise ValueError(f"token_budget: expected at least 1; got {token_budget}. 2048 is the default.")
        if max_tokens is not None and max_tokens < 1:
            raise ValueError(f"max_tokens: expected at least 1; got {max_tokens}. Leave it out for the model's limit.")
        self.streams = choose_streams(model, layers)
        self.max_tokens = model.max_tokens if max_tokens is None else usable_tokens(model, max_tokens)
        self.passes = 0
        if store is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="gramian-vectors-")
            store = VectorStore(self._temporary.name)
        self.store = store
        self._encoder = encoder_identity(model, max_tokens=self.max_tokens)
        self._shelves = {reading: store.shelf(self._encoder, reading) for reading in self.readings}
        self._token_budget = token_budget
        self._empty = empty
        self._empties = _no_keys()
        self._seen = _no_keys()
        self._progress = progress or (lambda done, total: None)

    def vectors(self, texts: Sequence[str], layer: int, stream: str, reading: Reading) -> Vectors:
        """Vectors of texts in one stream by one reading, ``(n, d)`` float32 in the order of the texts.

        Args:
            texts: Any number; copies share a vector.
            layer: The layer.
            stream: ``residual`` or ``final_norm``.
            reading: One of the reader's.

        Raises:
            ValueError: A stream or reading that is not read, a text without tokens, vectors beyond the store's limit.
            TypeError: ``texts`` is not a sequence of strings.
        """
        if reading not in self._shelves or (layer, stream) not in self.streams:
            raise ValueError(
                f"vectors: expected one of {len(self.streams)} streams and {len(self.readings)} readings of this reader; got "
                f"layer {layer}, {stream}, {reading.variant}. Ask for it when the reader is made."
            )
        keys = text_keys(texts)
        for _ in range(_ATTEMPTS):
            self._fill(texts, keys)
            there = ~_among(keys, self._empties)
            out = np.zeros((len(keys), self.model.width), dtype=np.float32)
            with suppress(SegmentLost):
                out[there] = self._shelves[reading].vectors(keys[there], (layer, stream), self.model.width)
                self._note(keys)
                return out
        raise ValueError(
            f"store: expected vectors to stay until they are read; got them removed {_ATTEMPTS} times by other processes. "
            f"Raise the limit of {self.store.folder}, or give this run a store of its own."
        )

    def fill(self, texts: Sequence[str]) -> None:
        """Run the model over those texts that the store does not hold for every stream and reading.

        Raises:
            ValueError: As `vectors`.
        """
        self._fill(texts, text_keys(texts))

    def focus(self, streams: Sequence[Stream]) -> None:
        """Read these streams from now on; files that only others need are the first to go when room is needed."""
        self.streams = tuple(streams)
        for shelf in self._shelves.values():
            shelf.release(first_to_go=True)

    def release(self) -> None:
        """What was read may be evicted from now on, as what was used last."""
        for shelf in self._shelves.values():
            shelf.release(first_to_go=False)

    def sink_shares(self, streams: Sequence[Stream] | None = None) -> dict[Stream, SinkShare]:
        """The first token's share of a text's squared norm, over the distinct texts of two or more tokens read so far.

        Args:
            streams: Some of the streams; None for all.
        """
        return {name: SinkShare.of(self._facts(name)[0]) for name in streams or self.streams}

    def texts_read(self) -> TextCounts:
        """How many distinct texts were read so far, and how many of them were cut or had no token."""
        empty = int(_among(self._seen, self._empties).sum())
        return TextCounts(len(self._seen), int(self._facts(self.streams[0])[1].sum()), empty)

    def forget_texts(self) -> None:
        """Begin a new count of the texts read; vectors stay."""
        self._seen = _no_keys()

    def _facts(self, stream: Stream) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Sink shares and whether texts were cut, of those read so far that are still there."""
        shelf = self._shelves[self.readings[0]]
        with suppress(SegmentLost):
            keys = self._seen[~_among(self._seen, self._empties)]
            keys = keys[~shelf.missing(keys, [stream])]
            return shelf.first_token_shares(keys, stream), shelf.truncated(keys, stream)
        return np.empty(0, dtype=np.float32), np.empty(0, dtype=bool)

    def _note(self, keys: Keys) -> None:
        new = keys[~_among(keys, self._seen)]
        if len(new):
            self._seen = np.union1d(self._seen, new)

    def _missing(self, keys: Keys) -> NDArray[np.bool_]:
        """``(readings, n)``: what has to be computed."""
        empty = _among(keys, self._empties)
        return np.stack([shelf.missing(keys, self.streams) & ~empty for shelf in self._shelves.values()])

    def _fill(self, texts: Sequence[str], keys: Keys) -> None:
        if not len(keys) or not self._missing(keys).any():
            return
        for shelf in self._shelves.values():
            shelf.refresh()
        distinct, first = np.unique(keys, return_index=True)
        order = np.argsort(first)
        keys, unique = distinct[order], [texts[i] for i in first[order]]
        missing = self._missing(keys)
        if not missing.any():
            return
        plan = ReadingPlan.of(
            self.store.encoder_folder(self._encoder),
            keys,
            np.any(missing, axis=0),
            parameters=f"{self.streams} {self.readings} {self._token_budget}",
        )
        self._read_texts(keys, unique, plan.planned)
        plan.finish()

    def _read_texts(self, keys: Keys, texts: list[str], planned: NDArray[np.bool_]) -> None:
        chosen = np.flatnonzero(planned)
        read, measured = text_sizes(self.model, [texts[i] for i in chosen])
        empty = np.array(measured) == 0
        self._accept_empties(keys[chosen[empty]], [texts[i] for i in chosen[empty]])
        chosen, lengths = chosen[~empty], np.array(read)[~empty]
        missing = self._missing(keys)
        for shelf, lacking in zip(self._shelves.values(), missing, strict=True):
            shelf.use(keys[~lacking], self.streams)
        self._refuse_too_much(missing)
        self.store.describe_encoder(self._encoder)
        limit = self.max_tokens or int(lengths.max(initial=1))
        batches = plan_batches(
            lengths.clip(max=limit).tolist(), token_budget=self._token_budget if self.model.pads else 1
        )
        waiting = Waiting(self._shelves, self.streams, width=self.model.width)
        done = 0
        self._progress(0, len(chosen))
        for batch in batches:
            rows = chosen[batch]
            if missing[:, rows].any():
                encoded = encode(self.model, [texts[i] for i in rows], max_tokens=self.max_tokens)
                vectors = read_batch(self.model, encoded, readings=self.readings, streams=self.streams)
                self.passes += len(batch)
                waiting.add(keys[rows], vectors, missing[:, rows])
            done += len(batch)
            self._progress(done, len(chosen))
        waiting.write()

    def _accept_empties(self, keys: Keys, texts: list[str]) -> None:
        if len(keys) and self._empty == "refuse":
            raise ValueError(
                f"texts: expected at least one token in every text; got {len(texts)} without, the first of them {texts[0][:40]!r}. "
                "Leave them out, or give them the zero vector with empty='zero'."
            )
        self._empties = np.union1d(self._empties, keys)

    def _refuse_too_much(self, missing: NDArray[np.bool_]) -> None:
        of_one = row_bytes(len(self.streams), self.model.width, self.store.precision)
        self.store.refuse_too_much(
            int(missing.sum()) * of_one,
            what=f"{int(missing.any(0).sum()):,} texts x {len(self.streams)} streams x {len(self.readings)} readings x "
            f"{self.model.width} features in {self.store.precision}",
            remedies="Raise the limit (--store-limit), keep fewer layers (--layers 'every 4th'), or read them in groups (--passes 4): "
            "one group is stored at a time",
        )


@dataclass(frozen=True)
class TextCounts:
    """Distinct texts: how many were read, how many of them were cut, how many had no token."""

    texts: int
    truncated: int
    empty: int


def text_keys(texts: Sequence[str]) -> Keys:
    """What texts are stored by: 16 bytes of BLAKE2b over the UTF-8 of each, ``(n,)`` of ``S16``.

    Raises:
        TypeError: Something else than a sequence of strings.
    """
    if isinstance(texts, str) or not isinstance(texts, Sequence):
        raise TypeError(f"texts: expected a list of strings; got {type(texts).__name__}. Wrap one text in a list.")
    wrong = next((index for index, text in enumerate(texts) if not isinstance(text, str)), None)
    if wrong is not None:
        raise TypeError(f"texts: expected strings; got {type(texts[wrong]).__name__} at index {wrong}. Convert it.")
    digests = [blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest() for text in texts]
    return np.frombuffer(b"".join(digests), dtype="S16") if digests else _no_keys()


def _no_keys() -> Keys:
    return np.empty(0, dtype="S16")


def _among(keys: Keys, others: Keys) -> NDArray[np.bool_]:
    return np.isin(keys, others) if len(others) else np.zeros(len(keys), dtype=bool)

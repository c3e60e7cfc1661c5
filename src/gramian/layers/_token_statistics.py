"""Everything a run needs from the tokens of one batch, from a single Gram matrix per layer and prompt.

The plain functions in `gramian.quality` centre and normalise the tokens once for each measure and each choice of tokens. Here one
Gram of the tokens, centred on the mean of all but the first, serves them all: prompt entropy and curvature, with the first token
and without. `docs/design/one-gram-per-layer.md` derives it; tests compare every value with the plain functions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from gramian.itl import batched_eigenvalues, spectral_entropy

# Grams wait for their spectra until this many bytes are held: enough for the solver to run long batches on every core,
# little beside a model.
_QUEUE_BYTES = 32 * 2**20
# Units of rounding below which what centring leaves of a token is rounding; the same as in `quality.prompt_entropy`.
_ROUNDING = 32
# Squared differences this small beside the tokens' squared lengths have lost half their digits in float32.
_CANCELLED = 1e-3
TOKEN_VARIANTS = ("all", "no_first")


@dataclass(frozen=True)
class BatchStatistics:
    """What one batch of prompts contributes; streams lead, prompts come last but for the width of `pooled`."""

    entropy: Tensor | None  # (streams, orders, 2, prompts), nats; 2: all tokens, without the first
    curvature: Tensor | None  # (streams, 2, prompts), radians
    sink_share: Tensor | None  # (streams, prompts)
    pooled: Tensor  # (streams, 2, prompts, d)


@dataclass
class TokenPass:
    """Collects one forward pass; `visit` is what the model's hooks call.

    Args:
        names: the streams, in the order of the results.
        orders: orders of the prompt entropy.
        entropy, curvature, sink_share: which token measures are wanted; none of them for views, of which only the mean is kept.
    """

    names: Sequence[tuple[int, str]]
    orders: Sequence[float]
    entropy: bool
    curvature: bool
    sink_share: bool
    _parts: dict[tuple[int, str], dict[str, Tensor]] = field(default_factory=dict)
    _waiting: list[tuple[tuple[int, str], Tensor]] = field(default_factory=list)
    _waiting_bytes: int = 0
    _precision: float = 0.0
    _cutoff: Tensor = field(default_factory=lambda: torch.zeros(()))

    def visit(self, layer: int, stream: str, states: Tensor, mask: Tensor) -> None:
        if (layer, stream) not in self.names:
            return
        tokens, lengths = left_aligned(states, mask)
        self._precision = torch.finfo(tokens.dtype).eps
        if self.entropy and min(self.orders) < 1:
            # Orders below 1 amplify rounding noise. Apple's devices have no float64.
            tokens = (tokens.cpu() if tokens.device.type == "mps" else tokens).double()
            lengths = lengths.to(tokens.device)
        part = self._parts[layer, stream] = {}
        rest = tokens[:, 1:].sum(1)
        # One number that is not finite reaches the sums, which are much smaller than the states.
        if not bool((torch.isfinite(rest) & torch.isfinite(tokens[:, 0])).all()):
            raise _not_finite(layer, stream, states.dtype)
        mean = rest / (lengths[:, None] - 1)
        part["pooled"] = torch.stack([(rest + tokens[:, 0]) / lengths[:, None], mean]).float().cpu()
        if not (self.sink_share or self.entropy or self.curvature):
            return
        squares = torch.linalg.vecdot(tokens, tokens)
        if self.sink_share:
            part["sink_share"] = (squares[:, 0] / squares.sum(1)).float().cpu()
        if self.entropy or self.curvature:
            centred = tokens - mean[:, None]
            gram = centred @ centred.mT
            if self.curvature:
                part["curvature"] = curvature_of(tokens, gram, lengths).float().cpu().mT
            if self.entropy:
                # Residuals of centring this small are rounding: the token equals the mean and has no direction.
                noise = (_ROUNDING * self._precision) ** 2 * (squares + mean.square().sum(1, keepdim=True))
                self._enqueue((layer, stream), unit_grams(centred, gram, lengths, noise), lengths)

    def _enqueue(self, name: tuple[int, str], grams: Tensor, lengths: Tensor) -> None:
        self._waiting.append((name, grams.cpu()))
        # Rank of the Gram at most, with the first token and without: padding must not move the rank tolerance.
        sizes = torch.stack([lengths, lengths - 1], 1).clamp_max(grams.shape[-1]).cpu()
        self._cutoff = sizes[..., None] * self._precision
        self._waiting_bytes += grams.numel() * grams.element_size()
        if self._waiting_bytes >= _QUEUE_BYTES:
            self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        eigenvalues = batched_eigenvalues(torch.stack([grams for _, grams in self._waiting]))
        for (name, _), values in zip(self._waiting, eigenvalues, strict=True):
            spectrum = values.clamp_min(0)
            total = spectrum.sum(-1, keepdim=True)
            # Where no token has a direction there is no spectrum: any will do until the entropy is made NaN.
            spectrum = torch.where(total > 0, spectrum / total, 1 / spectrum.shape[-1])
            entropies = torch.stack([self._entropy_of(spectrum, order) for order in self.orders])
            self._parts[name]["entropy"] = torch.where(total[..., 0] > 0, entropies, math.nan).float().mT
        self._waiting, self._waiting_bytes = [], 0

    def _entropy_of(self, spectrum: Tensor, order: float) -> Tensor:
        if order < 1:
            spectrum = torch.where(spectrum > self._cutoff * spectrum.amax(-1, keepdim=True), spectrum, 0)
            spectrum = spectrum / spectrum.sum(-1, keepdim=True)
        return spectral_entropy(spectrum, alpha=order, rank_tolerance=0.0)

    def results(self) -> BatchStatistics:
        self._flush()

        def gather(key: str) -> Tensor:
            return torch.stack([self._parts[name][key] for name in self.names])

        return BatchStatistics(
            entropy=gather("entropy") if self.entropy else None,
            curvature=gather("curvature") if self.curvature else None,
            sink_share=gather("sink_share") if self.sink_share else None,
            pooled=gather("pooled"),
        )


def left_aligned(states: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Measured tokens moved to the front, the others zero, in float32 or better; and how many each prompt has.

    The mask is one run of tokens a prompt (padding on the right; an instruction or template before it may be left out).
    """
    lengths = mask.sum(1)
    if bool((lengths < 2).any()):
        raise ValueError(
            "tokens: expected at least 2 measured tokens a prompt; got fewer. Drop shorter prompts with min_tokens"
        )
    start = mask.to(torch.int8).argmax(1)
    longest = int(lengths.max())
    position = torch.arange(longest, device=mask.device)
    if bool((start == 0).all()):
        tokens = states[:, :longest]
    else:
        index = (start[:, None] + position).clamp_max(states.shape[1] - 1)
        tokens = states.gather(1, index[..., None].expand(-1, -1, states.shape[2]))
    tokens = tokens.to(torch.promote_types(tokens.dtype, torch.float32))
    if int(lengths.min()) < longest:
        tokens = torch.where((position < lengths[:, None])[..., None], tokens, 0)
    return tokens, lengths


def unit_grams(centred: Tensor, gram: Tensor, lengths: Tensor, noise: Tensor) -> Tensor:
    """Grams of the centred, unit-norm tokens, with the first token and without: `(batch, 2, m, m)`, m = min(n, d).

    `centred` is centred on the mean of all tokens but the first, so the Gram without the first is a block of `gram`,
    and re-centring with the first shifts it by that token's share: c_i - c_0 / n. What lies on padding is left out, and so are
    tokens whose squared length after centring is at most `noise`, `(batch, tokens)`.
    """
    count = lengths[:, None].to(gram.dtype)
    valid = torch.arange(gram.shape[-1], device=gram.device) < lengths[:, None]
    later = valid.clone()
    later[:, 0] = False
    kept = torch.stack([valid, later], 1)
    if centred.shape[1] <= centred.shape[2]:
        # (c_i - c_0/n) . (c_j - c_0/n) = G_ij - u_i - u_j with u_i = G_i0 / n - G_00 / 2n^2: one pass less than term by term.
        shift = gram[:, 0] / count - gram[:, :1, 0] / (2 * count**2)
        both = torch.empty(len(gram), 2, *gram.shape[1:], dtype=gram.dtype, device=gram.device)
        torch.sub(gram, shift[:, None], out=both[:, 0])
        both[:, 0] -= shift[..., None]
        both[:, 1] = gram
        scale = _inverse_root(both.diagonal(dim1=-2, dim2=-1), noise[:, None]) * kept
        both *= scale[..., :, None]
        both *= scale[..., None, :]
        return both
    both = torch.stack([centred - centred[:, :1] / count[..., None], centred], 1)
    scale = _inverse_root(torch.linalg.vecdot(both, both), noise[:, None]) * kept
    unit = both * scale[..., None]
    return unit.mT @ unit


def _inverse_root(squares: Tensor, noise: Tensor) -> Tensor:
    directed = squares > noise
    return torch.where(directed, torch.where(directed, squares, 1).rsqrt(), 0)


def curvature_of(tokens: Tensor, gram: Tensor, lengths: Tensor) -> Tensor:
    """Mean angle between successive differences, with the first token and without: `(batch, 2)`, radians; NaN where undefined.

    With G the Gram of tokens shifted by any constant, the differences v_k = x_{k+1} - x_k have
    v_k . v_l = G[k+1, l+1] - G[k+1, l] - G[k, l+1] + G[k, l]. Where neighbouring tokens nearly agree that cancels, and the
    differences are taken themselves: equal tokens then have a difference of exactly zero, which makes no angle.
    """
    same = gram.diagonal(dim1=-2, dim2=-1)
    next_one = gram.diagonal(1, dim1=-2, dim2=-1)
    next_two = gram.diagonal(2, dim1=-2, dim2=-1)
    squares = same[:, 1:] - 2 * next_one + same[:, :-1]
    products = next_one[:, 1:] - same[:, 1:-1] - next_two + next_one[:, :-1]
    index = torch.arange(squares.shape[1], device=gram.device)
    cancelled = (squares <= _CANCELLED * (same[:, 1:] + same[:, :-1])) & (index + 1 < lengths[:, None])
    if bool(cancelled.any()):
        differences = tokens[:, 1:] - tokens[:, :-1]
        squares = torch.linalg.vecdot(differences, differences)
        products = torch.linalg.vecdot(differences[:, 1:], differences[:, :-1])
    norms = (squares[:, 1:].clamp_min(0) * squares[:, :-1].clamp_min(0)).sqrt()
    defined = (norms > 0) & (index[:-1] + 2 < lengths[:, None])
    angles = torch.arccos((products / torch.where(defined, norms, 1)).clamp(-1, 1))
    both = torch.stack([defined, defined & (index[:-1] > 0)], 1)
    return torch.where(both, angles[:, None], 0).sum(-1) / both.sum(-1)


def _not_finite(layer: int, stream: str, dtype: torch.dtype) -> ValueError:
    remedy = (
        "Half precision overflows in some models: load with dtype='float32' or 'bfloat16'"
        if dtype == torch.float16
        else "Its weights or what it computes of this text are out of range"
    )
    return ValueError(
        f"hidden states: expected finite values; got NaN or infinity in layer {layer} ({stream}), {dtype}. {remedy}"
    )

"""DiME as an objective for two or more views."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Literal

import torch
from torch import Tensor, nn

from gramian.itl import as_generator
from gramian.itl._counts import checked_count
from gramian.itl._dime import dime_of_points, unchecked_dime
from gramian.itl._errors import type_fault, value_fault
from gramian.itl._gaussian_collisions import points_serve
from gramian.itl._order import checked_order
from gramian.multiview._codes import KERNELS, Rule, checked_codes, code_gram, code_points

__all__ = ["DiMELoss"]

# Batches from this size on take the leading eigenvalues alone.
_EXACT, _RANK = 512, 256
# Seeds of successive calls lie far apart.
_STRIDE = 0x9E3779B97F4A7C15


class DiMELoss(nn.Module):
    r"""Minus the mean of DiME over all pairs of views: minimise it to learn what the views share, in nats.

    .. math:: -\binom{V}{2}^{-1} \sum_{v < w} \operatorname{DiME}_\alpha(K_v, K_w)

    DiME needs no critic, and constant codes and codes that are all far apart both have none of it: neither is a way out.
    Every call in training draws new permutations, which follow from ``seed`` and the number of calls so far; that number is in the
    state dict, so a resumed training draws as an undisturbed one. In evaluation the permutations stay the same.

    Source: [skean2023]: ``alpha=1.01``, bandwidth :math:`\sqrt{d/2}`, five permutations.

    Args:
        alpha: order, from 0 to ``math.inf``. Order 2 needs no eigenvalues and is the fastest by far.
        kernel: ``"gaussian"`` or ``"laplacian"``.
        bandwidth: ``"dimension"`` for :math:`\sqrt{d / 2}`; ``"median"`` of each batch, held constant for the gradient; a positive
            number; or ``"learned"``: a factor on :math:`\sqrt{d / 2}`, one for all views, which is a parameter of this module and
            rises where DiME rises. Give it to the optimizer with the encoders' parameters.
        permutations: sampled permutations a call, at least 1.
        rank: leading eigenvalues to compute, as in :func:`gramian.dime`; ``"auto"`` for 256 from batches of 512 on where the
            order allows it, None for all.
        seed: of the permutations.

    Raises:
        TypeError: arguments of another kind.
        ValueError: arguments out of range; ``rank`` with an order that takes none.

    Cost:
        ``permutations + 1`` joint entropies a pair of views; see :func:`gramian.dime`. At order 2, with the Gaussian kernel and 256
        samples or more on a CPU, no Gram is made: ``n^2 (d + e)`` each, and memory for a strip of rows.

    Example:
        >>> import torch
        >>> loss = DiMELoss(alpha=2, seed=0)
        >>> codes = torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
        >>> bool(loss([codes, 2 * codes]) < loss([codes, codes.flip(0)]))
        True
    """

    calls: Tensor

    def __init__(
        self,
        *,
        alpha: float = 1.01,
        kernel: str = "gaussian",
        bandwidth: Rule | Literal["learned"] | float = "dimension",
        permutations: int = 5,
        rank: int | Literal["auto"] | None = "auto",
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.alpha = checked_order(alpha)
        if kernel not in KERNELS:
            raise value_fault("kernel", f"one of {', '.join(KERNELS)}", repr(kernel), "The default is gaussian.")
        self.kernel = kernel
        self.permutations = checked_count("permutations", permutations, 1, "Five are the usual number.")
        self.rank = _checked_rank(rank, self.alpha)
        self.seed = checked_count("seed", seed, 0, "Any whole number will do.")
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))
        learned = bandwidth == "learned"
        self.log_factor = nn.Parameter(torch.zeros(())) if learned else None
        self.bandwidth: Rule | float = "dimension" if bandwidth == "learned" else _checked_bandwidth(bandwidth)

    def forward(self, views: Sequence[Tensor]) -> Tensor:
        """The loss of a batch.

        Args:
            views: two or more codes ``(n, d)``, widths may differ; row i of all describes the same sample. Computed in float32 or
                wider, inside autocast too.

        Returns:
            A scalar.

        Raises:
            TypeError: not tensors of a floating dtype.
            ValueError: fewer than two views or two samples, numbers of samples that differ, a view whose rows are all equal,
                NaN or infinite values.
        """
        codes = checked_codes(views)
        draw = self.draw()
        if self.training:
            self.calls += 1
        with torch.autocast(codes[0].device.type, enabled=False):
            values = self._by_points(codes, draw) or self._by_grams(codes, draw)
        return -torch.stack(values).mean().to(codes[0].dtype)

    def _by_points(self, codes: list[Tensor], draw: int) -> list[Tensor]:
        """DiME of each pair of views without a Gram; nothing where the order, the kernel or the codes ask for Grams."""
        if self.alpha != 2 or self.kernel != "gaussian":
            return []
        pairs = list(combinations([code_points(code, self.bandwidth, self.log_factor) for code in codes], 2))
        if not all(points_serve(left, right) for left, right in pairs):
            return []
        return [
            dime_of_points(left, right, permutations=self.permutations, generator=as_generator(draw))
            for left, right in pairs
        ]

    def _by_grams(self, codes: list[Tensor], draw: int) -> list[Tensor]:
        grams = [code_gram(code, self.kernel, self.bandwidth, self.log_factor) for code in codes]
        return [
            unchecked_dime(
                left, right, order=self.alpha, permutations=self.permutations, rank=self.leading(len(left)),
                generator=as_generator(draw), eps=torch.finfo(left.dtype).eps,
            )
            for left, right in combinations(grams, 2)
        ]  # fmt: skip

    def leading(self, size: int) -> int | None:
        """How many eigenvalues a batch of ``size`` is judged by, None for all."""
        if self.alpha == 2 or self.alpha < 1:
            return None
        return (_RANK if size >= _EXACT else None) if self.rank == "auto" else self.rank

    def draw(self) -> int:
        """The seed of the permutations of the next call."""
        return (self.seed + _STRIDE * int(self.calls)) % 2**63 if self.training else self.seed

    def extra_repr(self) -> str:
        """What `print` shows of it."""
        bandwidth = "learned" if self.log_factor is not None else self.bandwidth
        return f"alpha={self.alpha:g}, kernel={self.kernel}, bandwidth={bandwidth}, permutations={self.permutations}"


def _checked_bandwidth(bandwidth: Rule | float) -> Rule | float:
    rule = "dimension, median, learned or a positive number"
    if isinstance(bandwidth, str):
        if bandwidth not in ("dimension", "median"):
            raise value_fault("bandwidth", rule, repr(bandwidth), "The default is dimension.")
        return bandwidth
    if isinstance(bandwidth, bool) or not isinstance(bandwidth, int | float):
        raise type_fault("bandwidth", rule, type(bandwidth).__name__, "The default is dimension.")
    if not 0 < bandwidth < float("inf"):
        raise value_fault("bandwidth", rule, bandwidth, "The default is dimension.")
    return float(bandwidth)


def _checked_rank(rank: int | Literal["auto"] | None, order: float) -> int | Literal["auto"] | None:
    if rank is None or (isinstance(rank, str) and rank == "auto"):
        return rank
    if isinstance(rank, str):
        raise value_fault("rank", "auto, a number or None", repr(rank), "The default is auto.")
    if order < 1 or order == 2:
        raise value_fault("rank", f"auto or None at order {order:g}", rank, "Only orders from 1 on but 2 take a rank.")
    return checked_count("rank", rank, 1, "256 serves batches of thousands.")

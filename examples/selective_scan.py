"""Mamba's selective scan for training on a CPU: the numbers of transformers' reference, without its cost.

Without a GPU kernel transformers unrolls the recurrence token by token and lets autograd record every step. The backward
pass of each of the slices it takes is as large as the whole sequence, so the cost grows with the square of the length.
Here the recurrence is one differentiable operation with its own backward pass, which costs as much as the forward pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


class LinearRecurrence(torch.autograd.Function):
    r"""States of :math:`s_t = a_t s_{t-1} + b_t` with :math:`s_0 = b_0`, time leading: ``(time, ...)``.

    With g the gradient by the states, h_t = g_t + a_{t+1} h_{t+1} is the gradient by b_t, and h_t s_{t-1} that by a_t.
    """

    @staticmethod
    def forward(ctx: Any, decay: Tensor, drive: Tensor) -> Tensor:
        states = torch.empty_like(drive)
        states[0] = drive[0]
        for t in range(1, len(drive)):
            torch.addcmul(drive[t], decay[t], states[t - 1], out=states[t])
        ctx.save_for_backward(decay, states)
        return states

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        decay, states = ctx.saved_tensors
        of_drive = gradients[0].clone()
        for t in range(len(states) - 2, -1, -1):
            of_drive[t].addcmul_(decay[t + 1], of_drive[t + 1])
        of_decay = torch.zeros_like(decay)
        torch.mul(of_drive[1:], states[:-1], out=of_decay[1:])
        return of_decay, of_drive


def selective_scan(
    hidden_states: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor,
    z: Tensor,
    delta_bias: Tensor,
) -> Tensor:
    """The scan of one Mamba block; names and shapes as in transformers, batch and channels leading: ``(b, d, time)``."""
    step = F.softplus(dt + delta_bias[..., None]).permute(2, 0, 1)
    decay = torch.exp(step[..., None] * A)
    drive = (step * hidden_states.permute(2, 0, 1))[..., None] * B.permute(2, 0, 1)[:, :, None, :]
    states = LinearRecurrence.apply(decay, drive)
    read = torch.matmul(states, C.permute(2, 0, 1)[..., None])[..., 0].permute(1, 2, 0)
    return (read + hidden_states * D[None, :, None]) * F.silu(z)


@contextmanager
def fast_selective_scan() -> Iterator[None]:
    """Let transformers' Mamba use `selective_scan` for whole sequences without a cache, as in training."""
    from transformers.models.mamba import modeling_mamba

    reference = modeling_mamba.mamba_selective_scan

    def scan(*tensors: Tensor, **options: Any) -> Any:
        if options.get("return_last_state") or not options.get("delta_softplus"):
            return reference(*tensors, **options)
        return selective_scan(*tensors, D=options["D"], z=options["z"], delta_bias=options["delta_bias"])

    modeling_mamba.mamba_selective_scan = scan
    try:
        yield
    finally:
        modeling_mamba.mamba_selective_scan = reference

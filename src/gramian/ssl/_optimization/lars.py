"""SGD whose step at each weight is in proportion to the weight's length."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from gramian.itl._errors import type_fault, value_fault

__all__ = ["LARS"]

_RATES = {
    "lr": "0.3 is the rate of the FroSSL recipes.",
    "momentum": "0.9 is usual.",
    "weight_decay": "1e-4 is usual.",
    "eta": "The FroSSL recipes take 0.02.",
    "eps": "1e-8 is usual.",
}


class LARS(Optimizer):
    r"""Layer-wise adaptive rate scaling: SGD with momentum on gradients scaled by :math:`\eta \|w\| / \|g\|`.

    .. math:: d = \lambda (g + \beta w), \quad \lambda = \frac{\eta \|w\|}{\|g\| + \beta \|w\| + \epsilon},
        \quad m \to \mu m + d, \quad w \to w - \gamma m

    for each weight ``w`` with gradient ``g``, weight decay :math:`\beta`, momentum :math:`\mu` and rate :math:`\gamma`.
    ``clip_lr`` takes :math:`\min(\lambda / \gamma, 1)` for :math:`\lambda`, so that a weight never moves faster than SGD
    would move it. Where the weight or its gradient is zero, it is SGD without decay.

    Source: [you2017], in the form of solo-learn's recipes, which FroSSL's are; with both flags off it is
    ``lightly.utils.lars.LARS`` for weights that decay.

    Args:
        params: parameters or groups of them; each group may have its own options.
        lr: :math:`\gamma`.
        momentum: :math:`\mu`, within ``[0, 1)``.
        weight_decay: :math:`\beta`.
        nesterov: step by :math:`d + \mu m`.
        eta: :math:`\eta`; 0.02 in FroSSL's recipes.
        eps: :math:`\epsilon`.
        clip_lr: see above; on in FroSSL's recipes.
        exclude_bias_n_norm: parameters of fewer than two axes, biases and those of norms, are neither scaled nor decayed;
            on in FroSSL's recipes.

    Raises:
        TypeError: an option that is not a number.
        ValueError: a negative option, a momentum of 1 or more, Nesterov without momentum.

    Cost:
        Norms of all weights and gradients in two calls a group; never waits for the device.

    Example:
        >>> weight = torch.nn.Parameter(torch.tensor([[3.0, 4.0]]))
        >>> weight.grad = torch.tensor([[0.0, 1.0]])
        >>> LARS([weight], lr=1.0, momentum=0.0, eta=0.1, eps=0.0).step()  # |w| = 5, |g| = 1
        >>> weight.tolist()
        [[3.0, 3.5]]
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        *,
        lr: float,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        eta: float = 1e-3,
        eps: float = 1e-8,
        clip_lr: bool = False,
        exclude_bias_n_norm: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "eta": eta,
            "eps": eps,
            "clip_lr": clip_lr,
            "exclude_bias_n_norm": exclude_bias_n_norm,
        }
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """As of any optimiser; the group's options are checked."""
        _check({**self.defaults, **param_group})
        super().add_param_group(param_group)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step along the gradients that are there."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            held = [p for p in group["params"] if p.grad is not None]
            adaptive = [p for p in held if p.ndim > 1 or not group["exclude_bias_n_norm"]]
            directions = {p: p.grad for p in held}
            if adaptive:
                for p, scale, decay in zip(adaptive, *_scales(adaptive, group), strict=True):
                    directions[p] = torch.addcmul(p.grad, p, decay).mul_(scale)
            for p in held:
                self._move(p, directions[p], group)
        return loss

    def _move(self, p: Tensor, direction: Tensor, group: dict[str, Any]) -> None:
        if group["momentum"] != 0:
            state = self.state[p]
            if "momentum_buffer" not in state:
                state["momentum_buffer"] = direction.clone()
            else:
                state["momentum_buffer"].mul_(group["momentum"]).add_(direction)
            buffer = state["momentum_buffer"]
            direction = direction.add(buffer, alpha=group["momentum"]) if group["nesterov"] else buffer
        p.add_(direction, alpha=-group["lr"])


def _scales(weights: list[Tensor], group: dict[str, Any]) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Factor and decay of every weight, as tensors without axes: nothing is read back from the device."""
    lengths = torch.stack(torch._foreach_norm(weights))
    slopes = torch.stack(torch._foreach_norm([weight.grad for weight in weights if weight.grad is not None]))
    moving = (lengths > 0) & (slopes > 0)
    scales = group["eta"] * lengths / (slopes + group["weight_decay"] * lengths + group["eps"])
    if group["clip_lr"]:
        scales = (scales / group["lr"]).clamp(max=1) if group["lr"] > 0 else torch.ones_like(scales)
    scales = torch.where(moving, scales, 1.0)
    decays = group["weight_decay"] * moving.to(scales.dtype)
    return scales.unbind(), decays.unbind()


def _check(options: dict[str, Any]) -> None:
    for name, remedy in _RATES.items():
        value = options[name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise type_fault(name, "a number", type(value).__name__, remedy)
        if not (0 <= value < math.inf):
            raise value_fault(name, "a non-negative number", value, remedy)
    if options["momentum"] >= 1:
        raise value_fault("momentum", "a number within [0, 1)", options["momentum"], _RATES["momentum"])
    if options["nesterov"] and options["momentum"] == 0:
        raise value_fault("nesterov", "a positive momentum", 0, "Set momentum=0.9, or nesterov=False.")

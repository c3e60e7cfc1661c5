"""One encoder a view, decoders where views have codes of their own, and what all of them are trained for."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gramian.itl._errors import value_fault
from gramian.multiview._codes import Rule
from gramian.multiview._encoders import mlp_decoder
from gramian.multiview._exclusive_loss import conditional_entropy_loss, independence_loss
from gramian.multiview._loss import DiMELoss

__all__ = ["Codes", "MultiViewNetwork"]

Codes = list[Tensor]


class Standardization(nn.Module):
    """Columns, or channels of images, to mean 0 and standard deviation 1, as they were in training."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, view: Tensor, *, on: bool) -> None:
        super().__init__()
        axes = [0, *range(2, view.ndim)]
        mean, deviation = view.double().mean(axes, keepdim=True), view.double().std(axes, correction=0, keepdim=True)
        # A column of one value has only rounding for a deviation.
        deviation[deviation <= 1e-6 * mean.abs()] = 1.0
        self.register_buffer("mean", mean[0].float() if on else torch.zeros_like(mean[0]).float())
        self.register_buffer("deviation", deviation[0].float() if on else torch.ones_like(deviation[0]).float())

    def forward(self, view: Tensor) -> Tensor:
        """There."""
        return (view - self.mean) / self.deviation

    def back(self, view: Tensor) -> Tensor:
        """And back."""
        return view * self.deviation + self.mean


class MultiViewNetwork(nn.Module):
    r"""Encoders, decoders and the loss.

    .. math:: -\operatorname{DiME}(Z_1, \dots, Z_V) + \frac{1}{V} \sum_v \left[ r \, \overline{(x_v - \hat{x}_v)^2}
        - s \, S_\alpha(E_v \mid Z_v) + i \max\{0, \operatorname{DiME}(E_v, Z_v)\} \right]

    The first ``latent`` coordinates of a code are the shared ones ``Z_v``, the rest ``E_v``; without the rest the sum is left out.
    Errors of reconstruction are those of standardised samples. ``Z_v`` is held constant in the last two terms.

    Args:
        views: what is learned from; the standardization is theirs.
        encoders: one a view, to ``latent + exclusive`` coordinates.
        loss: of the shared codes.
        latent: shared coordinates.
        exclusive: those of a view alone.
        reconstruction: ``r``.
        separation: ``s``.
        independence: ``i``; 0 leaves its term uncomputed.
        standardize: whether to.
    """

    def __init__(
        self,
        views: Sequence[Tensor],
        encoders: Sequence[nn.Module],
        loss: DiMELoss,
        *,
        latent: int,
        exclusive: int,
        reconstruction: float,
        separation: float,
        independence: float,
        standardize: bool,
    ) -> None:
        super().__init__()
        self.latent, self.exclusive = latent, exclusive
        self.reconstruction, self.separation, self.independence = reconstruction, separation, independence
        self.loss = loss
        self.scales = nn.ModuleList(Standardization(view, on=standardize) for view in views)
        self.encoders = nn.ModuleList(encoders)
        shapes = [tuple(view.shape[1:]) for view in views] if exclusive else []
        self.decoders = nn.ModuleList(mlp_decoder(latent + exclusive, shape) for shape in shapes)

    def encode(self, place: int, view: Tensor) -> tuple[Tensor, Tensor]:
        """Shared and exclusive codes of one view.

        Raises:
            ValueError: the encoder returns another shape than ``(n, latent + exclusive)``.
        """
        code = self.encoders[place](self.scales[place](view))
        width = self.latent + self.exclusive
        if not isinstance(code, Tensor) or tuple(code.shape) != (len(view), width):
            got = tuple(code.shape) if isinstance(code, Tensor) else type(code).__name__
            rule = f"codes of shape ({len(view)}, {width}), latent and exclusive ones together"
            raise value_fault(f"encoders[{place}]", rule, got, "Change its last layer or latent.")
        return code[:, : self.latent], code[:, self.latent :]

    def decode(self, place: int, shared: Tensor, exclusive: Tensor) -> Tensor:
        """Samples of one view, in its own units."""
        scale = self.scales[place]
        made: Tensor = scale.back(self.decoders[place](torch.cat([shared, exclusive], 1)))  # type: ignore[operator]
        return made

    def forward(self, views: Sequence[Tensor]) -> dict[str, Tensor]:
        """The loss of a batch, and what it is the sum of."""
        codes = [self.encode(place, view) for place, view in enumerate(views)]
        negative = self.loss([shared for shared, _ in codes])
        terms = {"loss": negative, "dime": -negative.detach()}
        if not self.exclusive:
            return terms
        errors, gains, repeats = [], [], []
        for place, (view, (shared, own)) in enumerate(zip(views, codes, strict=True)):
            made = self.decoders[place](torch.cat([shared, own], 1))
            errors.append((made - self.scales[place](view)).square().mean())
            gains.append(conditional_entropy_loss(own, shared.detach(), alpha=self.loss.alpha, kernel=self.loss.kernel))
            if self.independence:
                repeats.append(self._repeated(own, shared.detach()))
        error, gain = torch.stack(errors).mean(), torch.stack(gains).mean()
        terms["loss"] = negative + self.reconstruction * error + self.separation * gain
        found = {**terms, "reconstruction": error.detach(), "exclusive_entropy": -gain.detach()}
        if repeats:
            repeated = torch.stack(repeats).mean()
            found["loss"] = found["loss"] + self.independence * repeated
            found["repeated"] = repeated.detach()
        return found

    def _repeated(self, own: Tensor, shared: Tensor) -> Tensor:
        loss = self.loss
        width: Rule | float = loss.bandwidth
        if loss.log_factor is not None:
            width = float(loss.log_factor.detach().exp()) * (self.latent / 2) ** 0.5
        return independence_loss(
            own, shared, alpha=loss.alpha, kernel=loss.kernel, bandwidth=width, permutations=loss.permutations,
            rank=loss.leading(len(own)), seed=loss.draw(),
        )  # fmt: skip

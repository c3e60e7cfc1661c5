"""Ready encoders and the decoder that goes back."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, prod

from torch import nn

from gramian.itl._counts import checked_count
from gramian.itl._errors import type_fault, value_fault

__all__ = ["conv_encoder", "linear_encoder", "mlp_decoder", "mlp_encoder"]

_SMALLEST_SIDE = 4


def linear_encoder(shape: Sequence[int], latent: int) -> nn.Module:
    """One linear map of a flattened sample.

    Args:
        shape: of one sample: ``(d,)`` or ``(channels, height, width)``.
        latent: width of the code.

    Returns:
        A module from ``(n, *shape)`` to ``(n, latent)``.

    Raises:
        TypeError, ValueError: arguments of another kind or out of range.

    Example:
        >>> import torch
        >>> linear_encoder((1, 8, 8), 3)(torch.zeros(5, 1, 8, 8)).shape
        torch.Size([5, 3])
    """
    inputs = prod(_checked_shape(shape))
    return nn.Sequential(nn.Flatten(), nn.Linear(inputs, _checked_width("latent", latent)))


def mlp_encoder(shape: Sequence[int], latent: int, *, hidden: Sequence[int] = (256, 256)) -> nn.Module:
    """Hidden layers with batch norm and ReLU, then a linear one.

    Args:
        shape: of one sample: ``(d,)`` or ``(channels, height, width)``.
        latent: width of the code.
        hidden: widths of the hidden layers.

    Returns:
        A module from ``(n, *shape)`` to ``(n, latent)``. In training mode it takes at least two samples.

    Raises:
        TypeError, ValueError: arguments of another kind or out of range.
    """
    inputs = prod(_checked_shape(shape))
    return nn.Sequential(nn.Flatten(), *_hidden_layers(inputs, hidden, _checked_width("latent", latent)))


def conv_encoder(shape: Sequence[int], latent: int, *, channels: int = 32) -> nn.Module:
    """Three 3 x 3 convolutions with batch norm and ReLU, two of them halving the image, then a linear layer.

    Made for images of 8 x 8 to 32 x 32 pixels.

    Args:
        shape: of one sample: ``(channels, height, width)``, sides from 4.
        latent: width of the code.
        channels: of the first convolution; the others have twice as many.

    Returns:
        A module from ``(n, *shape)`` to ``(n, latent)``. In training mode it takes at least two samples.

    Raises:
        TypeError, ValueError: arguments of another kind or out of range.
    """
    sizes = _checked_shape(shape)
    if len(sizes) != 3 or min(sizes[1:]) < _SMALLEST_SIDE:
        rule = f"(channels, height, width) with sides from {_SMALLEST_SIDE}"
        raise value_fault("shape", rule, sizes, "Convolutions read images; use mlp for others.")
    width = _checked_width("channels", channels)
    layers: list[nn.Module] = []
    for inputs, outputs, stride in ((sizes[0], width, 1), (width, 2 * width, 2), (2 * width, 2 * width, 2)):
        layers += [nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(outputs)]
        layers.append(nn.ReLU())
    cells = ceil(ceil(sizes[1] / 2) / 2) * ceil(ceil(sizes[2] / 2) / 2)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(2 * width * cells, _checked_width("latent", latent)))


def mlp_decoder(latent: int, shape: Sequence[int], *, hidden: Sequence[int] = (256, 256)) -> nn.Module:
    """From codes back to samples: hidden layers with batch norm and ReLU, then a linear one.

    Args:
        latent: width of the code.
        shape: of one sample.
        hidden: widths of the hidden layers.

    Returns:
        A module from ``(n, latent)`` to ``(n, *shape)``.

    Raises:
        TypeError, ValueError: arguments of another kind or out of range.
    """
    sizes = _checked_shape(shape)
    inputs = _checked_width("latent", latent)
    return nn.Sequential(*_hidden_layers(inputs, hidden, prod(sizes)), nn.Unflatten(1, sizes))


def _hidden_layers(inputs: int, hidden: Sequence[int], outputs: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for place, width in enumerate(hidden):
        checked = _checked_width(f"hidden[{place}]", width)
        layers += [nn.Linear(inputs, checked, bias=False), nn.BatchNorm1d(checked), nn.ReLU()]
        inputs = checked
    return [*layers, nn.Linear(inputs, outputs)]


def _checked_shape(shape: Sequence[int]) -> tuple[int, ...]:
    if isinstance(shape, str) or not isinstance(shape, Sequence):
        raise type_fault("shape", "the shape of one sample", type(shape).__name__, "Pass (d,) for d columns.")
    if not shape:
        raise value_fault("shape", "at least one axis", tuple(shape), "Pass (d,) for d columns.")
    return tuple(_checked_width(f"shape[{place}]", size) for place, size in enumerate(shape))


def _checked_width(name: str, number: int) -> int:
    return checked_count(name, number, 1, "Ten is a usual width of codes.")

"""Numbers as the page writes them: rounded for the data block, and with their uncertainty for sentences."""

from __future__ import annotations

import math

import numpy as np

_MINUS = "−"
_MOST_DECIMALS = 6


def compact(values: np.ndarray, *, digits: int = 5) -> list[float | None]:
    """Values rounded to ``digits`` significant digits, with None for what is not finite (JSON has no NaN).

    >>> compact(np.array([0.123456789, float("nan"), 12345678.0]), digits=4)
    [0.1235, None, 12350000.0]
    """
    return [float(f"{value:.{digits}g}") if math.isfinite(value) else None for value in np.asarray(values, np.float64)]


def plain(value: float, *, digits: int = 3) -> str:
    """A number without its uncertainty, to ``digits`` significant digits and never in scientific notation.

    >>> plain(0.012345), plain(1234.5), plain(-2.0)
    ('0.0123', '1234', '−2.00')
    """
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "not finite"
    decimals = max(0, min(_MOST_DECIMALS, digits - 1 - math.floor(math.log10(abs(value)))))
    return f"{value:.{decimals}f}".replace("-", _MINUS)


def with_uncertainty(value: float, half_width: float | None) -> str:
    """A value and half the width of its interval, both cut at the digit the uncertainty reaches.

    One digit of uncertainty is kept, two when the first is a 1, so that rounding never changes it by more than a fifth.

    >>> with_uncertainty(4.0712, 0.0932), with_uncertainty(85.31, 14.2), with_uncertainty(2.5, None)
    ('4.07 ± 0.09', '85 ± 14', '2.50')
    """
    if half_width is None or not math.isfinite(half_width) or half_width < 0:
        return plain(value)
    if half_width == 0:
        return f"{plain(value)} ± 0"
    exponent = math.floor(math.log10(half_width))
    first_digit = int(half_width / 10.0**exponent)
    decimals = max(0, min(_MOST_DECIMALS, (1 if first_digit == 1 else 0) - exponent))
    return f"{value:.{decimals}f} ± {half_width:.{decimals}f}".replace("-", _MINUS)


def layer_ranges(layers: list[int]) -> str:
    """Layer numbers with neighbours joined.

    >>> layer_ranges([3, 4, 5, 9])
    '3–5 and 9'
    """
    runs: list[list[int]] = []
    for layer in sorted(layers):
        if runs and layer == runs[-1][-1] + 1:
            runs[-1].append(layer)
        else:
            runs.append([layer])
    pieces = [f"{run[0]}–{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs]
    return pieces[0] if len(pieces) == 1 else f"{', '.join(pieces[:-1])} and {pieces[-1]}"

"""The `variant` column: which order, normalisation, tokens and form a value has, as `key=value` pairs."""

from __future__ import annotations

import math

NORMALIZATIONS = ("raw", "log_n", "log_d", "min")


def variant(
    *, alpha: float | None = None, norm: str | None = None, tokens: str | None = None, form: str | None = None
) -> str:
    """`alpha=1;norm=raw;tokens=all`: in this order, without what does not apply.

    >>> variant(alpha=2.0, tokens="no_first")
    'alpha=2;tokens=no_first'
    """
    pairs = {"alpha": None if alpha is None else f"{alpha:g}", "norm": norm, "tokens": tokens, "form": form}
    return ";".join(f"{key}={value}" for key, value in pairs.items() if value is not None)


def log_bound(norm: str, count: float, width: int) -> float:
    """What an entropy is divided by under a normalisation, for `count` vectors of `width` dimensions."""
    bounds = {
        "raw": 1.0,
        "log_n": math.log(count),
        "log_d": math.log(width),
        "min": math.log(min(count, width)),
    }
    return bounds[norm]

"""Readings: the ways to make one vector of a text from one stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self, cast, get_args

__all__ = ["NORMALIZATIONS", "POOLINGS", "Normalization", "Pooling", "Reading", "as_readings", "readings"]

Pooling = Literal["mean", "mean_no_first", "last", "first", "weighted_mean"]
Normalization = Literal["raw", "final_norm"]
POOLINGS: tuple[str, ...] = get_args(Pooling)
NORMALIZATIONS: tuple[str, ...] = get_args(Normalization)


@dataclass(frozen=True)
class Reading:
    """One way to make a vector of a text from one stream: how its tokens are pooled, and whether they are normed before.

    Attributes:
        pooling: ``mean`` over all measured tokens; ``mean_no_first`` over all but the first, whose norm can be thousands of
            times that of the others (a text of one token keeps it); ``last`` and ``first``, one token; ``weighted_mean``,
            token i of n weighted by i / (1 + ... + n), for models that read from left to right.
            Source of the weights: [muennighoff2022].
        normalize: ``raw`` leaves the residual stream as it is; ``final_norm`` applies the model's final norm to every
            token before pooling, as the published scores per layer do. The stream ``final_norm`` is normed already and
            is the same under both.
    """

    pooling: Pooling = "mean"
    normalize: Normalization = "raw"

    def __post_init__(self) -> None:
        if self.pooling not in POOLINGS:
            raise ValueError(f"pooling: expected one of {', '.join(POOLINGS)}; got {self.pooling!r}. Correct it.")
        if self.normalize not in NORMALIZATIONS:
            raise ValueError(
                f"normalize: expected one of {', '.join(NORMALIZATIONS)}; got {self.normalize!r}. Correct it."
            )

    @property
    def variant(self) -> str:
        """Its name in tables: ``pooling=mean;normalize=raw``."""
        return f"pooling={self.pooling};normalize={self.normalize}"

    @classmethod
    def of_variant(cls, variant: str) -> Self:
        """The reading that a table names.

        Args:
            variant: As `variant` gives it; other pairs than these two are refused.

        Raises:
            ValueError: Another form, or an unknown pooling or normalisation.

        >>> Reading.of_variant("pooling=last;normalize=final_norm")
        Reading(pooling='last', normalize='final_norm')
        """
        pairs = dict(pair.partition("=")[::2] for pair in variant.split(";"))
        if set(pairs) != {"pooling", "normalize"}:
            raise ValueError(f"variant: expected pooling=...;normalize=...; got {variant!r}. Take it from a table.")
        return cls(cast(Pooling, pairs["pooling"]), cast(Normalization, pairs["normalize"]))


def readings(poolings: Sequence[str] | str, normalizations: Sequence[str] | str = ("raw",)) -> tuple[Reading, ...]:
    """Every combination of poolings and normalisations, as the command line gives them.

    Args:
        poolings: Names, or one text with commas between them.
        normalizations: Likewise.

    Returns:
        The readings, poolings outermost; repetitions left out.

    Raises:
        ValueError: No name, or an unknown one.

    >>> [reading.variant for reading in readings("mean,last")]
    ['pooling=mean;normalize=raw', 'pooling=last;normalize=raw']
    """
    pairs = [(p, n) for p in _names("pooling", poolings) for n in _names("normalize", normalizations)]
    return tuple(Reading(cast(Pooling, p), cast(Normalization, n)) for p, n in pairs)


def as_readings(value: Reading | Sequence[Reading]) -> tuple[Reading, ...]:
    """One or several readings as a tuple, each once.

    Raises:
        ValueError: None.
        TypeError: Something else than readings.
    """
    given = (value,) if isinstance(value, Reading) else tuple(value)
    wrong = next((one for one in given if not isinstance(one, Reading)), None)
    if wrong is not None:
        raise TypeError(
            f"readings: expected Reading objects; got {type(wrong).__name__}. Make them with readings(...)."
        )
    if not given:
        raise ValueError("readings: expected at least one; got none. Reading() is the plain mean.")
    return tuple(dict.fromkeys(given))


def _names(what: str, value: Sequence[str] | str) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    names = tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))
    if not names:
        raise ValueError(f"{what}: expected at least one name; got none. Leave it out for the default.")
    return names

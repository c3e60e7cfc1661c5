"""The ``key=value`` pairs that tell two computations of one measure apart."""

from __future__ import annotations

_NORMALISATIONS = {
    "raw": "not normalised",
    "log_n": "divided by log of the tokens",
    "log_d": "divided by log of the width",
    "min": "divided by its maximum",
}
_TOKENS = {"all": "all tokens", "no_first": "without the first token"}
_POOLINGS = {
    "mean": "mean over tokens",
    "mean_no_first": "mean without the first token",
    "last": "last token",
    "first": "first token",
    "weighted_mean": "weighted mean",
}


def parse_variant(variant: str) -> dict[str, str]:
    """The pairs of a variant, in order; a piece without ``=`` maps to itself.

    >>> parse_variant("alpha=1;norm=raw;tokens=all")
    {'alpha': '1', 'norm': 'raw', 'tokens': 'all'}
    """
    pairs = (piece.partition("=") for piece in variant.split(";") if piece)
    return {key: value if mark else key for key, mark, value in pairs}


def describe_variant(variant: str) -> str:
    """A variant in words, for a reader who has not met the keys.

    >>> describe_variant("alpha=1;norm=raw;tokens=no_first")
    'α = 1, not normalised, without the first token'
    >>> describe_variant("pooling=mean_no_first;normalize=raw")
    'mean without the first token'
    """
    words = []
    for key, value in parse_variant(variant).items():
        if key == "alpha":
            words.append(f"α = {value}")
        elif key == "norm":
            words.append(_NORMALISATIONS.get(value, value))
        elif key == "tokens":
            words.append(_TOKENS.get(value, value))
        elif key == "pooling":
            words.append(_POOLINGS.get(value, value))
        elif key == "normalize":
            words += [] if value == "raw" else ["final-normed" if value == "final_norm" else value]
        else:
            words.append(value if key == value else f"{key} = {value}")
    return ", ".join(words)


def sibling(variant: str, **changes: str) -> str:
    """The variant with some of its values changed, its order kept.

    >>> sibling("alpha=1;tokens=all", tokens="no_first")
    'alpha=1;tokens=no_first'
    """
    pairs = parse_variant(variant)
    return ";".join(f"{key}={changes.get(key, value)}" for key, value in pairs.items())

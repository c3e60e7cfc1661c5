"""Whether a measure was taken of the vectors that a task scored."""

from __future__ import annotations

from gramian.downstream._vectors.readings import Reading

__all__ = ["FINAL_NORMED", "is_reading", "mismatch", "pairs_of"]

# How `gramian measure --normalize final_norm` ends the name of its condition.
FINAL_NORMED = "every layer final-normed"
_TOKENS = {"mean": "all", "mean_no_first": "no_first"}


def pairs_of(variant: str) -> dict[str, str]:
    """The pairs of a variant.

    >>> pairs_of("alpha=1;tokens=no_first")
    {'alpha': '1', 'tokens': 'no_first'}
    """
    return dict(pair.partition("=")[::2] for pair in variant.split(";") if "=" in pair)


def is_reading(variant: str) -> bool:
    """Whether a variant of scores says how vectors were read, in our form.

    >>> is_reading("pooling=last;normalize=raw"), is_reading("")
    (True, False)
    """
    try:
        Reading.of_variant(variant)
    except ValueError:
        return False
    return True


def mismatch(variant: str, condition: str, reading: str) -> str | None:
    """What differs between the vectors a measure was taken of and those a task scored; None where nothing does.

    Args:
        variant: Of the measure, as the table `measures` has it.
        condition: Of the measure.
        reading: The `variant` of the scores.

    Returns:
        A clause for a reader, or None. A reading in another form than ours differs in nothing that can be told.

    >>> mismatch("tokens=all", "natural", "pooling=last;normalize=raw")
    'the measure is of means over all tokens, the score of pooling last'
    """
    try:
        read = Reading.of_variant(reading)
    except ValueError:
        return None
    clauses = []
    tokens = pairs_of(variant).get("tokens")
    if tokens is not None and _TOKENS.get(read.pooling) != tokens:
        of = "all tokens" if tokens == "all" else "all tokens but the first"
        clauses.append(f"the measure is of means over {of}, the score of pooling {read.pooling}")
    normed = condition.endswith(FINAL_NORMED)
    if normed != (read.normalize == "final_norm"):
        clauses.append(
            "the measure is of final-normed layers, the score of raw ones"
            if normed
            else "the measure is of raw layers, the score of final-normed ones"
        )
    return "; ".join(clauses) or None

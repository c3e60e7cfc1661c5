"""Label-free rules: which measure points at a layer, in which direction, and who says so."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

__all__ = ["DEFAULT_RULES", "DIRECTIONS", "RULES", "Rule", "rule_named"]

DIRECTIONS = ("least", "greatest")


@dataclass(frozen=True)
class Rule:
    """Take the layer where a measure is least, or greatest.

    Attributes:
        name: Its name on the command line and in files.
        title: In words.
        measure: The measure, as the table `measures` names it.
        direction: ``least`` or ``greatest``.
        source: Key in the bibliography, empty for a rule of the user's.
        published: Whether the source chooses layers (or models) by it. Where false, the source reports only that the
            measure moves with task scores in that direction, on its models.
    """

    name: str
    title: str
    measure: str
    direction: str
    source: str
    published: bool = True


RULES: tuple[Rule, ...] = (
    Rule("least_dime", "least DiME between augmented views", "augmentation_dime", "least", "skean2025"),
    Rule("least_infonce", "least InfoNCE loss between augmented views", "infonce", "least", "skean2025"),
    Rule("least_dataset_entropy", "least data set entropy", "dataset_entropy", "least", "skean2025"),
    Rule("least_prompt_entropy", "least prompt entropy", "prompt_entropy", "least", "skean2025", published=False),
    Rule("least_curvature", "least curvature", "curvature", "least", "skean2025", published=False),
    Rule("greatest_lidar", "greatest LiDAR", "lidar", "greatest", "thilak2024"),
    Rule("greatest_effective_rank", "greatest effective rank", "effective_rank", "greatest", "garrido2023"),
    Rule(
        "greatest_intrinsic_dimension",
        "greatest intrinsic dimension",
        "intrinsic_dimension",
        "greatest",
        "cheng2025",
        published=False,
    ),
)
# Without scores the first of these that was measured decides: the order of their mean scores for Pythia-410M in Table 2 of [skean2025].
DEFAULT_RULES = ("least_dime", "least_dataset_entropy", "least_infonce")


def rule_named(name: str) -> Rule:
    """The rule of that name, or one made of a direction and any measure: ``least:anisotropy``.

    Raises:
        ValueError: An unknown name; the message gives the nearest.

    >>> rule_named("greatest:alpha_req").direction
    'greatest'
    """
    known = {rule.name: rule for rule in RULES}
    if name in known:
        return known[name]
    direction, mark, measure = name.partition(":")
    if mark and direction in DIRECTIONS and measure:
        return Rule(name, f"{direction} {measure}", measure, direction, "", published=False)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
    raise ValueError(
        f"rule: expected one of {', '.join(known)}, or a direction and a measure such as least:anisotropy; got {name!r}. "
        f"Did you mean {near!r}?"
    )

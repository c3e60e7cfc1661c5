"""Checkpoints by name: the step of training that a revision's or a folder's name states."""

from __future__ import annotations

import re

__all__ = ["is_checkpoint_name", "training_step"]

# Between the word and the number any of these: step1000, checkpoint-500, global_step_250, iter=7.
_GAP = r"[-_=]?"
_STEP = re.compile(rf"step{_GAP}(\d+)", re.IGNORECASE)
_OTHER = re.compile(rf"(?:checkpoint|ckpt|iter(?:ation)?|epoch){_GAP}(\d+)", re.IGNORECASE)
_NUMBER = re.compile(r"\A(\d+)\Z")
_WHOLE_NAME = re.compile(rf"(?:global{_GAP})?(?:step|checkpoint|ckpt|iter(?:ation)?|epoch){_GAP}\d+", re.IGNORECASE)


def training_step(name: str) -> int | None:
    """The step that a name states; None where it states none, or several without saying which.

    A number after ``step`` counts first, then one after ``checkpoint``, ``ckpt``, ``iter`` or ``epoch``, then a name that is a number.

    Args:
        name: Of a revision or a checkpoint folder.

    Returns:
        The step, at least 0, or None.

    >>> [training_step(name) for name in ("step1000", "step-000064", "checkpoint-500", "stage1-step1000-tokens5B", "128")]
    [1000, 64, 500, 1000, 128]
    >>> [training_step(name) for name in ("main", "v1.1", "gpt2")]
    [None, None, None]
    """
    for pattern in (_STEP, _OTHER, _NUMBER):
        found = pattern.findall(name)
        if found:
            return int(found[0]) if len(found) == 1 else None
    return None


def is_checkpoint_name(name: str) -> bool:
    """Whether a name says which checkpoint it is but not of what: ``step-000064``, ``checkpoint-500``.

    >>> is_checkpoint_name("checkpoint-500"), is_checkpoint_name("pythia-step1000")
    (True, False)
    """
    return _WHOLE_NAME.fullmatch(name) is not None

"""The warning for samples that define a measure but are too small for it to mean much, and its wording."""

from __future__ import annotations

import warnings


class SmallSampleWarning(UserWarning):
    """The value is defined, but so few prompts or views went in that it describes the sample more than the model."""


def warn_if_small(measure: str, why: str | None) -> None:
    """Warn when `why` says the sample is too small; the caller of the public function is named as the place."""
    if why is not None:
        warnings.warn(f"{measure}: {why}", SmallSampleWarning, stacklevel=3)


def fewer_prompts_than_dimensions(count: int, width: int) -> str | None:
    if count >= width:
        return None
    return (
        f"{count} prompts in {width} dimensions: the spectrum has at most {count} eigenvalues whatever the model does. "
        f"Compare only runs with the same number of prompts, or use {width} or more."
    )


def few(count: int, enough: int, what: str) -> str | None:
    if count >= enough:
        return None
    return f"{count} {what}, and fewer than {enough} leave mostly sampling noise. Add {what}."

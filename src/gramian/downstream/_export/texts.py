"""Texts that an exported folder is checked with: one token and many, several scripts, beginnings of every kind."""

__all__ = ["CHECKED_TEXTS"]

CHECKED_TEXTS = (
    "a",
    "Two words",
    "The cat sat on the mat.",
    "1234 apples, 5 pears; 0.75 of the rest!",
    "In 1905 the physicist wrote four papers\nthat changed what we think of space, time, mass and energy.",
    "Ça coûte cent euros — «vraiment»? 東京 ✓",
    "def f(x):\n    return x ** 2  # the square",
    "A sentence that goes on for a while, so that the texts of this batch differ in length, ends here after these words.",
)

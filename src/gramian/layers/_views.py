"""Augmented views of a prompt: split words, edited characters, keyboard typos, at declared rates."""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from dataclasses import dataclass, fields
from hashlib import blake2b
from random import Random

_POOL = string.ascii_letters + string.digits
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_SPACES = re.compile(r"(\s+)")
_SHORTEST_SPLIT = 4

Draw = Callable[[], float]


def _neighbours() -> dict[str, str]:
    """Keys that touch: each row of a keyboard is shifted by half a key, so a key touches two in the row below."""
    near: dict[str, set[str]] = {key: set() for row in _ROWS for key in row}
    for number, row in enumerate(_ROWS):
        below = _ROWS[number + 1] if number + 1 < len(_ROWS) else ""
        for place, key in enumerate(row):
            touching = row[place + 1 : place + 2] + below[max(place - 1, 0) : place + 1]
            for other in touching:
                near[key].add(other)
                near[other].add(key)
    lower = {key: "".join(sorted(keys)) for key, keys in near.items()}
    return lower | {key.upper(): keys.upper() for key, keys in lower.items()}


NEIGHBOURS = _neighbours()


@dataclass(frozen=True)
class Rates:
    """How strongly a view is perturbed, each a probability within ``[0, 1]``.

    The defaults are what the published pipeline does to a paragraph of about a hundred words. It chains three
    augmenters of nlpaug with that library's defaults: 30 % of the words of four or more characters, but never more
    than ten words a text, and 30 % of the characters in each chosen word. A hundred words thus have a tenth of their
    words split, and three characters in a hundred changed by either character step. A fixed cap would make long
    prompts nearly invariant, so the rates here hold at every length; ``Rates(splits=0.3, characters=0.09,
    typos=0.09)`` is the pipeline without its cap.

    Source: [skean2025, App. D].

    Attributes:
        splits: Probability that a word of four or more characters is split in two.
        characters: Probability that a character is edited (insert, substitute, delete or swap, in equal shares).
        typos: Probability that a letter is replaced by one beside it on a QWERTY keyboard.
    """

    splits: float = 0.1
    characters: float = 0.03
    typos: float = 0.03

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise TypeError(f"{entry.name}: expected a number in [0, 1]; got {type(value).__name__}. Give a share.")
            if not 0 <= value <= 1:
                raise ValueError(
                    f"{entry.name}: expected a rate in [0, 1]; got {value}. Give a share, not a percentage."
                )


DEFAULT_RATES = Rates()


def augment(text: str, *, view: int, seed: int, rates: Rates = DEFAULT_RATES) -> str:
    """One perturbed view of a prompt: words split, then characters edited, then letters mistyped.

    The result depends on the text, the view, the seed and the rates only: in any batch, order or process a prompt has
    the same views. White space is kept except for the spaces that splits add; no word vanishes, so a view is never
    empty. With small rates a short prompt can come back unchanged.

    Source: [skean2025, App. D], SplitAug, RandomCharAug and KeyboardAug in sequence. The published code calls the
        augmenter with
    library defaults and turns the list that it returns into text, so its views are wrapped in ``['`` and ``']``; see
    `Rates`.

    Args:
        text: The prompt, with at least one character that is no white space.
        view: Number of the view, from 0 on; every view is perturbed.
        seed: Whole number. No generator: views must not depend on what was drawn before.
        rates: How strongly to perturb.

    Returns:
        The view.

    Raises:
        ValueError: a blank text, or a negative view.
        TypeError: an argument of the wrong type.

    Cost: linear in the length of the text.

    >>> augment("the same prompt", view=0, seed=1, rates=Rates(splits=0, characters=0, typos=0))
    'the same prompt'
    >>> augment("abcd", view=0, seed=1, rates=Rates(splits=1, characters=0, typos=0)).replace(" ", "")
    'abcd'
    """
    if not isinstance(text, str):
        raise TypeError(f"text: expected text; got {type(text).__name__}. Give one prompt at a time.")
    for name, value in (("view", view), ("seed", seed)):
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"{name}: expected a whole number; got {type(value).__name__}. Give for example {name}=0.")
    if view < 0:
        raise ValueError(f"view: expected a number from 0 on; got {view}. Number the views 0, 1, 2, ...")
    if not text.strip():
        raise ValueError(f"text: expected something other than white space; got {text!r}. Drop empty prompts.")
    digest = blake2b(f"{seed}\0{view}\0".encode(), digest_size=16)
    digest.update(text.encode("utf-8", "surrogatepass"))
    # Of Random only random() is promised to stay the same across versions of Python, so everything is made from it.
    draw = Random(int.from_bytes(digest.digest(), "big")).random
    for step in (_split_words(rates.splits), _edit_characters(rates.characters), _mistype(rates.typos)):
        text = "".join(piece if not piece.strip() else step(piece, draw) for piece in _SPACES.split(text))
    return text


Step = Callable[[str, Draw], str]


def _split_words(rate: float) -> Step:
    def step(word: str, draw: Draw) -> str:
        if len(word) < _SHORTEST_SPLIT or draw() >= rate:
            return word
        at = 1 + int(draw() * (len(word) - 1))
        return f"{word[:at]} {word[at:]}"

    return step


def _edit_characters(rate: float) -> Step:
    def step(word: str, draw: Draw) -> str:
        done: list[str] = []
        rest = list(reversed(word))
        while rest:
            character = rest.pop()
            if draw() >= rate:
                done.append(character)
                continue
            act = int(draw() * 4)
            if act == 0:
                done += [_other(character, draw), character]
            elif act == 1 and (done or rest):
                continue  # a word never loses its last character
            elif act == 2 and rest:
                done += [rest.pop(), character]
            elif act == 2 and done:
                done.insert(len(done) - 1, character)
            else:
                done.append(_other(character, draw))
        return "".join(done)

    return step


def _mistype(rate: float) -> Step:
    def mistyped(character: str, draw: Draw) -> str:
        near = NEIGHBOURS.get(character)
        if near is None or draw() >= rate:
            return character
        return near[int(draw() * len(near))]

    return lambda word, draw: "".join(mistyped(character, draw) for character in word)


def _other(character: str, draw: Draw) -> str:
    """A letter or digit that differs from ``character``: a substitution by itself would be none."""
    pool = _POOL.replace(character, "")
    return pool[int(draw() * len(pool))]

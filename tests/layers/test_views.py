"""Views are perturbed at the declared rates, reproducibly, and are never empty."""

from __future__ import annotations

import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gramian.layers._views import NEIGHBOURS, Rates, augment

NONE = {"splits": 0.0, "characters": 0.0, "typos": 0.0}
PROSE = " ".join(["several", "ordinary", "words", "in", "a", "row"] * 400)
RATE = st.floats(0, 1)


def within(count: int, trials: int, rate: float) -> bool:
    """Whether a count is within four standard deviations of a binomial's mean."""
    return abs(count - trials * rate) <= 4 * (trials * rate * (1 - rate)) ** 0.5


def test_at_rate_zero_a_view_is_the_text() -> None:
    text = "  Any\ttext, with\n\nits white space. "
    assert augment(text, view=3, seed=0, rates=Rates(**NONE)) == text


@pytest.mark.parametrize("rate", [0.05, 0.3, 1.0])
def test_words_of_four_characters_are_split_at_the_declared_rate(rate: float) -> None:
    view = augment(PROSE, view=0, seed=0, rates=Rates(**{**NONE, "splits": rate}))
    assert view.replace(" ", "") == PROSE.replace(" ", "")
    long_words = sum(len(word) >= 4 for word in PROSE.split())
    assert within(len(view.split()) - len(PROSE.split()), long_words, rate)


def test_every_inner_place_of_a_word_is_split_and_short_words_are_not() -> None:
    rates = Rates(**{**NONE, "splits": 1.0})
    halves = {augment("abcde", view=view, seed=0, rates=rates) for view in range(60)}
    assert halves == {"a bcde", "ab cde", "abc de", "abcd e"}
    assert augment("abc de f", view=0, seed=0, rates=rates) == "abc de f"


@pytest.mark.parametrize("rate", [0.05, 0.3, 1.0])
def test_letters_are_mistyped_at_the_declared_rate_as_their_neighbours(rate: float) -> None:
    view = augment(PROSE, view=0, seed=0, rates=Rates(**{**NONE, "typos": rate}))
    assert len(view) == len(PROSE)
    changed = [(old, new) for old, new in zip(PROSE, view, strict=True) if old != new]
    assert within(len(changed), sum(c.isalpha() for c in PROSE), rate)
    assert all(new in NEIGHBOURS[old] for old, new in changed)


def test_mistyping_keeps_case_and_leaves_other_characters() -> None:
    rates = Rates(**{**NONE, "typos": 1.0})
    assert augment("Q", view=0, seed=0, rates=rates) in "AW"
    assert augment("7 é 漢 ?!", view=0, seed=0, rates=rates) == "7 é 漢 ?!"


def test_keys_are_neighbours_of_each_other_and_touch() -> None:
    assert set(NEIGHBOURS) == set(string.ascii_letters)
    assert set(NEIGHBOURS["s"]) == set("adwezx")
    assert set(NEIGHBOURS["p"]) == set("ol")
    for key, near in NEIGHBOURS.items():
        assert key not in near
        assert all(key in NEIGHBOURS[other] for other in near)


@pytest.mark.parametrize("rate", [0.05, 0.3, 1.0])
def test_characters_are_edited_at_the_declared_rate(rate: float) -> None:
    # In words of one character neither deletion nor a swap is possible: an edit substitutes, or inserts before.
    text = " ".join("xyz"[i % 3] for i in range(4000))
    view = augment(text, view=0, seed=0, rates=Rates(**{**NONE, "characters": rate}))
    edited = sum(old != new for old, new in zip(text.split(), view.split(), strict=True))
    assert within(edited, 4000, rate)
    inserted = sum(len(new) == 2 for new in view.split())
    assert within(inserted, 4000, rate / 4)


def test_the_four_edits_have_equal_shares() -> None:
    # Words of two different characters; only the first can be edited once. Count what happens to single-edit words.
    text = " ".join(["ab"] * 20000)
    view = augment(text, view=0, seed=0, rates=Rates(**{**NONE, "characters": 0.02})).split()
    swapped = sum(word == "ba" for word in view)
    deleted = sum(word in ("a", "b") for word in view)
    inserted = sum(len(word) == 3 and word.replace("a", "", 1).replace("b", "", 1) != "" for word in view)
    substituted = sum(len(word) == 2 and word not in ("ab", "ba") for word in view)
    for count in (swapped, deleted, inserted, substituted):
        assert within(count, 40000, 0.02 / 4)


@settings(max_examples=200, deadline=None)
@given(
    text=st.text(min_size=1, max_size=60).filter(str.strip),
    splits=RATE, characters=RATE, typos=RATE, view=st.integers(0, 9), seed=st.integers(),
)  # fmt: skip
def test_a_view_is_never_empty_loses_no_word_and_is_the_same_again(text, splits, characters, typos, view, seed) -> None:
    rates = Rates(splits, characters, typos)
    result = augment(text, view=view, seed=seed, rates=rates)
    assert result == augment(text, view=view, seed=seed, rates=rates)
    assert result.strip()
    assert len(result.split()) >= len(text.split())


def test_a_view_is_not_the_printed_list_of_the_published_code() -> None:
    def published(text: str) -> str:
        return str([augment(text, view=0, seed=0)])

    text = "The augmenter returns a list of one text."
    assert published(text).startswith("['")
    assert not augment(text, view=0, seed=0).startswith("['")
    assert augment("['kept']", view=0, seed=0, rates=Rates(**NONE)) == "['kept']"


def test_views_differ_between_numbers_seeds_and_texts_but_not_between_orders() -> None:
    texts = [f"{PROSE[:200]} {number}" for number in range(5)]
    first = [[augment(text, view=view, seed=0) for view in range(4)] for text in texts]
    assert len({view for row in first for view in row}) == 20
    assert augment(texts[0], view=0, seed=1) != first[0][0]
    again = {(t, v): augment(texts[t], view=v, seed=0) for v in reversed(range(4)) for t in reversed(range(5))}
    assert all(again[t, v] == first[t][v] for t in range(5) for v in range(4))


def test_augmenting_leaves_the_global_random_state_alone() -> None:
    before = random.getstate()
    augment(PROSE, view=0, seed=0)
    assert random.getstate() == before


@pytest.mark.parametrize("name", ["splits", "characters", "typos"])
@pytest.mark.parametrize("value", [-0.01, 1.01, 30, float("nan"), float("inf")])
def test_rates_outside_zero_to_one_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"{name}: expected a rate in \[0, 1\]"):
        Rates(**{name: value})


def test_a_rate_that_is_no_number_is_refused() -> None:
    with pytest.raises(TypeError, match=r"typos: expected a number in \[0, 1\]; got str"):
        Rates(typos="0.1")
    with pytest.raises(TypeError, match="splits: expected a number"):
        Rates(splits=True)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"view": -1}, ValueError, "view: expected a number from 0 on; got -1"),
        ({"view": 0.5}, TypeError, "view: expected a whole number; got float"),
        ({"seed": None}, TypeError, "seed: expected a whole number; got NoneType"),
        ({"text": ["a"]}, TypeError, "text: expected text; got list"),
        ({"text": " \n"}, ValueError, "text: expected something other than white space"),
    ],
)
def test_bad_arguments_are_refused(arguments, error, match) -> None:
    given = {"text": "some text", "view": 0, "seed": 0} | arguments
    with pytest.raises(error, match=match):
        augment(given.pop("text"), **given)

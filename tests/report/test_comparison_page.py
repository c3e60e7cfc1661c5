"""The page of a comparison: what it says holds without scripts, what it draws comes from the numbers, nothing foreign runs."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from gramian.report import ComparedPair, comparison_sentences, render_comparison, telling_columns, telling_points
from tests.report._synthetic_comparison import HOSTILE, PIXEL, comparison, sample


def data_of(page):
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text(), re.DOTALL)
    return json.loads(found.group(1))


def text_of(page):
    return html.unescape(re.sub(r"<[^>]*>", " ", page.read_text().split("<script")[0]))


def test_the_same_comparison_gives_the_same_bytes(tmp_path):
    one, other = (render_comparison(comparison(), out=tmp_path / name) for name in ("a.html", "b.html"))
    assert one.read_bytes() == other.read_bytes()


def test_the_page_says_what_the_terminal_says(tmp_path):
    found = comparison()
    text = text_of(render_comparison(found, out=tmp_path / "new" / "page.html"))
    sentences = comparison_sentences(found)
    assert sentences[0].startswith("A difference between before and after was found: p = 0.005")
    for sentence in sentences:
        assert sentence in text


def test_counts_of_the_null_distribution_add_to_its_permutations(tmp_path):
    found = comparison()
    drawn = data_of(render_comparison(found, out=tmp_path / "page.html"))
    assert sum(drawn["null"]["counts"]) == 199
    assert drawn["null"]["statistic"] == found.result.statistic
    assert [one["divergence"] for one in drawn["scales"]] == [one.divergence for one in found.result.scales]
    assert [one["chosen"] for one in drawn["scales"]].count(True) == 1


@pytest.mark.parametrize("level", [0.05, 0.2, 0.5])
def test_the_threshold_is_where_the_p_value_passes_the_level(level, tmp_path):
    """p = (b + 1) / (B + 1) of a statistic just above the threshold is at most the level, of one at it is not."""
    found = comparison(level=level)
    threshold = data_of(render_comparison(found, out=tmp_path / "page.html"))["null"]["threshold"]
    null = np.asarray(found.result.null_distribution)
    assert ((null >= np.nextafter(threshold, np.inf)).sum() + 1) / 200 <= level
    assert ((null >= threshold).sum() + 1) / 200 > level


def test_a_level_that_cannot_be_reached_has_no_threshold(tmp_path):
    assert data_of(render_comparison(comparison(level=0.001), out=tmp_path / "page.html"))["null"]["threshold"] is None


def test_what_chance_gives_is_marked_as_no_finding(tmp_path):
    found = comparison(shift=0.0)
    assert not found.found
    text = text_of(render_comparison(found, out=tmp_path / "page.html"))
    assert "What follows is what chance alone can give, and no finding." in text
    assert "No difference between before and after was found" in text
    assert "carries" not in text


def test_telling_points_and_columns_are_the_ends_of_the_witness():
    found = comparison()
    assert telling_columns(found, 2) == [2, 1]
    assert telling_points(found, 2) == ([29, 28], [0, 1])


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([0.1, 0.85, 0.05], "Of 3 coordinates, c1 carries 85 % of the difference."),
        ([0.5, 0.1, 0.4], "Of 3 coordinates, c0 carries 50 % of the difference and c2 40 %."),
        ([1 / 3, 1 / 3, 1 / 3], "No coordinate carries more than 33 % of the difference: it is spread over 3."),
    ],
)
def test_as_few_coordinates_are_named_as_carry_most(shares, expected):
    found = comparison()
    difference = replace(found.difference, shares=np.array(shares))
    assert comparison_sentences(replace(found, difference=difference))[-1] == expected


def test_pairs_are_a_table_and_a_sentence(tmp_path):
    found = replace(
        comparison(names=("one", "two", "three")),
        pairs=(
            ComparedPair(0, 1, 0.5, 0.005, 0.015),
            ComparedPair(0, 2, 0.0, 0.4, 0.8),
            ComparedPair(1, 2, 0.4, 0.01, 0.02),
        ),
    )
    text = text_of(render_comparison(found, out=tmp_path / "page.html"))
    assert "2 of 3 pairs differ by Holm’s method, most of all one and two (effect 0.500)." in text
    assert "one and three" in text
    assert "of the difference between one and two" in text
    assert "3 samples side by side" in text


def test_pictures_are_in_the_page(tmp_path):
    found = comparison(width=12, kind="images", side=2, picture=lambda place: PIXEL)
    page = render_comparison(found, out=tmp_path / "page.html")
    assert page.read_text().count("data:image/png;base64,") == 24
    picture = data_of(page)["difference"]["picture"]
    # Coordinates run over rows, columns, channels: those of a pixel are neighbours.
    expected = found.difference.shares.reshape(4, 3).sum(1).reshape(2, 2)
    assert np.array(picture) == pytest.approx(expected, rel=0.01)


def test_large_samples_are_drawn_in_part_and_it_is_said(tmp_path):
    points = np.random.default_rng(0).normal(size=(4000, 2))
    small = comparison(width=2)
    found = replace(
        small,
        samples=(sample("before", points), small.samples[1]),
        difference=replace(small.difference, scores=(points[:, 0], small.difference.scores[1])),
    )
    clouds = data_of(render_comparison(found, out=tmp_path / "page.html"))["difference"]["scatter"]["clouds"]
    assert [len(cloud["x"]) for cloud in clouds] == [1500, 35]
    assert [cloud["of"] for cloud in clouds] == [4000, 35]


def test_a_directory_is_no_page(tmp_path):
    with pytest.raises(ValueError, match="out: expected a file to write; got the directory"):
        render_comparison(comparison(), out=tmp_path)


def test_names_from_outside_stay_text(tmp_path):
    page = render_comparison(
        comparison(names=(HOSTILE, "after"), columns=[HOSTILE, "b", "c"]), out=tmp_path / "page.html"
    )
    assert HOSTILE not in page.read_text()
    assert data_of(page)["names"][0] == HOSTILE

"""The sentences at the top of the page say what the numbers carry, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from gramian.report._headline import headline
from gramian.report._numbers import layer_ranges, plain, with_uncertainty
from gramian.report._series import Point, Series
from gramian.report._sources import Source
from gramian.report._variants import describe_variant, parse_variant, sibling

RAW = "alpha=1;norm=raw;tokens=all"


def _series(measure: str, values: list[float], *, half: float = 0.1, n: int = 200, variant: str = RAW) -> Series:
    points = tuple(Point(layer, v, v - half, v + half, half / 1.96, n) for layer, v in enumerate(values))
    return Series(measure, variant, points, None)


def _source(tmp_path, *series: Series, label: str = "model", **manifest: object) -> Source:
    found: dict[str, list[Series]] = {}
    for each in series:
        found.setdefault(each.measure, []).append(each)
    identity = {"model": label, "revision": "", "corpus": "c", "condition": ""}
    return Source(tmp_path / label, identity, manifest, found, label=label)


def _texts(*sources: Source) -> list[str]:
    return [sentence.text for sentence in headline(list(sources))]


def test_valley_names_its_layer_depth_and_recovery(tmp_path):
    source = _source(tmp_path, _series("prompt_entropy", [4.0, 3.0, 1.0, 2.0, 3.0]))
    (text,) = _texts(source)
    assert text == (
        "Prompt entropy falls from 4.00 ± 0.10 nats at the input to 1.00 ± 0.10 at layer 2 and recovers to 3.00 ± 0.10"
        " at the last: the deepest compression is at 50 % of the depth."
    )


def test_layers_that_overlap_the_lowest_are_named(tmp_path):
    source = _source(tmp_path, _series("prompt_entropy", [4.0, 1.15, 1.0, 1.1, 3.0]))
    assert "(layers 1–3 share its interval)" in _texts(source)[0]


def test_fall_to_the_last_layer_is_not_called_a_recovery(tmp_path):
    (text,) = _texts(_source(tmp_path, _series("prompt_entropy", [4.0, 3.0, 2.0])))
    assert "does not recover" in text
    (text,) = _texts(_source(tmp_path, _series("prompt_entropy", [4.0, 1.0, 1.1])))
    assert "cannot be told from the lowest" in text


def test_rise_is_called_a_rise(tmp_path):
    (text,) = _texts(_source(tmp_path, _series("prompt_entropy", [1.0, 2.0, 3.0])))
    assert "rises from 1.00" in text
    assert "no layer compresses below the input" in text


def test_overlapping_intervals_support_no_sentence(tmp_path):
    wide = [_series(name, [2.0, 1.9, 2.1, 2.0], half=1.0) for name in ("prompt_entropy", "lidar", "effective_rank")]
    assert _texts(_source(tmp_path, *wide)) == []


def test_heavy_first_token_is_reported_with_and_without(tmp_path):
    source = _source(
        tmp_path,
        _series("sink_share", [0.1, 0.95, 0.96, 0.2], half=0.01, variant=""),
        _series("prompt_entropy", [4.0, 1.0, 1.0, 3.0]),
        _series("prompt_entropy", [4.0, 3.5, 3.4, 3.2], variant=sibling(RAW, tokens="no_first")),
    )
    text = _texts(source)[1]
    assert text.startswith("At layers 1–2, the first token carries up to 96.0 ± 1.0 % of the squared norm (layer 2)")
    assert "1.00 ± 0.10 with it and 3.40 ± 0.10 nats without" in text


def test_light_first_token_is_reported_as_light_and_an_unclear_one_not_at_all(tmp_path):
    (text,) = _texts(_source(tmp_path, _series("sink_share", [0.1, 0.2], half=0.01)))
    assert "never carries more than 20.0 ± 1.0 %" in text
    assert _texts(_source(tmp_path, _series("sink_share", [0.1, 0.5], half=0.2))) == []


def test_a_mean_is_called_mostly_one_token_only_when_it_is(tmp_path):
    assert "mostly that token" not in _texts(_source(tmp_path, _series("sink_share", [0.1, 0.7], half=0.01)))[0]
    assert "mostly that token" in _texts(_source(tmp_path, _series("sink_share", [0.1, 0.97], half=0.01)))[0]


def test_best_layers_state_the_overlap_of_lidar_and_infonce(tmp_path):
    lidar = _series("lidar", [10.0, 20.0, 50.0, 49.0, 30.0, 20.0], half=2.0, variant="tokens=all")
    bound = _series("infonce_bound", [1.0, 2.0, 3.0, 4.0, 2.0, 1.0], variant="form=bound")
    (text,) = _texts(_source(tmp_path, lidar, bound))
    assert "LiDAR peaks at layer 2 (40 % of the depth) with 50 ± 2 dimensions, level with layer 3" in text
    assert "the InfoNCE bound peaks at layer 3 (60 % of the depth)" in text
    assert text.endswith("both allow layer 3.")
    apart = _series("infonce_bound", [4.0, 2.0, 1.0, 1.0, 1.0, 1.0], variant="form=bound")
    assert _texts(_source(tmp_path, lidar, apart))[0].endswith("their intervals share no layer.")


def test_infonce_loss_is_best_where_it_is_lowest(tmp_path):
    (text,) = _texts(_source(tmp_path, _series("infonce", [3.0, 2.0, 0.5, 2.0, 3.0], variant="form=loss")))
    assert text.startswith("The InfoNCE loss is lowest at layer 2")


def test_warnings_about_the_sample_come_first(tmp_path):
    source = _source(
        tmp_path,
        _series("prompt_entropy", [4.0, 1.0, 3.0], n=12),
        warnings=["lidar: 12 prompts, fewer than the width 576", "nesum: 12 prompts, fewer than the width 576"],
    )
    found = headline([source])
    assert [sentence.kind for sentence in found] == ["warning", "warning", "finding"]
    assert "Only 12 prompts were measured" in found[0].text
    assert found[1].text == "Small sample for LiDAR, NESum: 12 prompts, fewer than the width 576"


def test_sentences_link_to_a_panel_and_the_layer_they_name(tmp_path):
    (sentence,) = headline([_source(tmp_path, _series("prompt_entropy", [4.0, 1.0, 3.0]))])
    links = [(part.panel, part.layer) for part in sentence.parts if part.panel]
    assert links == [("m-prompt_entropy", None), ("m-prompt_entropy", 1)]


def test_several_runs_are_compared_by_relative_depth(tmp_path):
    one = _source(tmp_path, _series("prompt_entropy", [4.0, 1.0, 3.0]), label="one")
    other = _source(tmp_path, _series("prompt_entropy", [4.0, 3.9, 3.8, 2.0]), label="other")
    (text,) = _texts(one, other)
    assert text == (
        "Prompt entropy is lowest at 50 % of the depth in one (1.00 ± 0.10 nats) and at the last layer in other"
        " (2.00 ± 0.10 nats)."
    )


def test_normalised_values_carry_no_unit(tmp_path):
    (text,) = _texts(_source(tmp_path, _series("prompt_entropy", [0.9, 0.2, 0.5], half=0.01, variant="norm=log_n")))
    assert "nats" not in text


def test_values_without_an_interval_are_written_without_one(tmp_path):
    points = tuple(Point(layer, value, np.nan, np.nan, np.nan, 200) for layer, value in enumerate([4.0, 1.0, 3.0]))
    (text,) = _texts(_source(tmp_path, Series("prompt_entropy", RAW, points, None)))
    assert "falls from 4.00 nats at the input to 1.00 at layer 1" in text
    assert "±" not in text


@pytest.mark.parametrize(
    ("value", "half", "shown"),
    [
        (4.071, 0.0932, "4.07 ± 0.09"),
        (1234.0, 56.0, "1234 ± 56"),
        (-1.5, 0.013, "−1.500 ± 0.013"),
        (2.0, 0.0, "2.00 ± 0"),
    ],
)
def test_number_is_cut_where_its_uncertainty_begins(value, half, shown):
    assert with_uncertainty(value, half) == shown


def test_small_words():
    assert layer_ranges([7]) == "7"
    assert layer_ranges([2, 1, 5, 9, 8]) == "1–2, 5 and 8–9"
    assert plain(float("nan")) == "not finite"
    assert parse_variant("") == {}
    assert describe_variant("form=bound") == "form = bound"

"""Readings: their names, and what cannot be read."""

import pytest

from gramian.downstream import POOLINGS, LayerReader, Reading, readings
from gramian.downstream._vectors.readings import as_readings
from tests.layers._tiny import tiny_model


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("normalize", ["raw", "final_norm"])
def test_a_variant_names_its_reading(pooling, normalize):
    reading = Reading(pooling, normalize)
    assert reading.variant == f"pooling={pooling};normalize={normalize}"
    assert Reading.of_variant(reading.variant) == reading


def test_readings_are_every_combination_once():
    assert readings("mean, last,mean", "raw,final_norm") == (
        Reading("mean", "raw"),
        Reading("mean", "final_norm"),
        Reading("last", "raw"),
        Reading("last", "final_norm"),
    )
    assert as_readings([Reading(), Reading("last"), Reading()]) == (Reading(), Reading("last"))


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: readings("median"), r"pooling: expected one of mean, .*; got 'median'"),
        (lambda: readings("mean", "layer_norm"), r"normalize: expected one of raw, final_norm; got 'layer_norm'"),
        (lambda: readings(" , "), r"pooling: expected at least one name; got none"),
        (lambda: Reading.of_variant("pooling=mean"), r"variant: expected pooling=\.\.\.;normalize=\.\.\.; got"),
        (lambda: Reading.of_variant("pooling=mean;normalize=raw;k=1"), r"variant: expected"),
        (lambda: as_readings(()), r"readings: expected at least one; got none"),
    ],
)
def test_a_reading_that_does_not_exist_is_refused(make, match):
    with pytest.raises(ValueError, match=match):
        make()


def test_readings_of_another_kind_are_refused():
    with pytest.raises(TypeError, match=r"readings: expected Reading objects; got str"):
        as_readings(["mean"])


def test_a_final_norm_is_refused_for_a_model_without_one():
    with pytest.raises(ValueError, match=r"normalize: expected 'raw' for tiny-bert, which has no final norm"):
        LayerReader(tiny_model("bert"), readings=readings("mean", "raw,final_norm"))

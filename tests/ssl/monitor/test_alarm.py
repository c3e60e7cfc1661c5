"""The alarm goes off for a point, a line and numbers that are none, whatever the scale, and only then."""

import pytest
import torch

from gramian.ssl._monitor import CollapseAlarm, SpectrumTracker
from gramian.ssl._monitor.alarm import CollapseCount


def snapshot(spread, *, mean=0.0, scale=1.0, broken=0):
    generator = torch.Generator().manual_seed(0)
    rows = (
        torch.randn(400, len(spread), generator=generator, dtype=torch.float64) * torch.tensor(spread).double().sqrt()
    )
    rows = scale * (rows + mean)
    rows[:broken] = torch.nan
    tracker = SpectrumTracker()
    tracker.update(rows)
    return tracker.compute(source="projector", step=12)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_only_a_point_or_a_line_is_a_collapse(scale):
    alarm = CollapseAlarm()
    assert alarm.reason(snapshot([1.0] * 8, scale=scale)) is None
    assert alarm.reason(snapshot([1.0, 0.2, 1e-6, 1e-6], scale=scale)) is None  # low rank is no collapse
    assert "one direction of 4 has" in alarm.reason(snapshot([1.0, 0.01, 0.01, 0.01], scale=scale))
    assert "the mean embedding has 96.5" in alarm.reason(snapshot([0.15] * 4, mean=2.0, scale=scale))


def test_all_rows_equal_are_a_point():
    tracker = SpectrumTracker()
    tracker.update(torch.full((5, 3), 0.7))
    assert "the mean embedding has 100.00 %" in CollapseAlarm().reason(tracker.compute())


def test_it_takes_looks_in_a_row_and_is_said_once():
    line, healthy = snapshot([1.0, 1e-3]), snapshot([1.0, 1.0])
    count = CollapseCount(CollapseAlarm(patience=2))
    said = [count.observe(each) for each in (line, healthy, line, line, line, healthy, line, line)]
    assert [message is not None for message in said] == [False, False, False, True, False, False, False, False]
    assert said[3].startswith(
        "projector: expected embeddings that spread; got one direction of 2 has 99.9 % of the variance"
    )
    assert "2 looks in a row, up to step 12" in said[3]


def test_numbers_that_are_none_are_said_at_once():
    count = CollapseCount(CollapseAlarm(patience=5))
    assert count.observe(snapshot([1.0, 1.0], broken=150)) is None
    assert "300 of 400 samples with entries that are not finite" in count.observe(snapshot([1.0, 1.0], broken=300))


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"top_share": 0.0}, ValueError, "top_share: expected a share above 0"),
        ({"mean_share": 1.5}, ValueError, "mean_share: expected a share"),
        ({"mean_share": "1"}, TypeError, "mean_share: expected a number"),
        ({"patience": 0}, ValueError, "patience: expected at least 1 look"),
        ({"patience": 1.5}, TypeError, "patience: expected an integer"),
    ],
)
def test_bad_options_are_named(options, kind, message):
    with pytest.raises(kind, match=message):
        CollapseAlarm(**options)

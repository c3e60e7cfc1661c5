"""Arguments of the monitor that are wrong are named before anything trains."""

import pytest

pytest.importorskip("pytorch_lightning", reason="needs pytorch-lightning, from the extra `ssl`")
from gramian.ssl._monitor import SpectrumMonitor


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"module": 3}, TypeError, "module: expected a name, a module or a function"),
        ({"module": ["a", 3]}, TypeError, "module: expected a name, a module or a function"),
        ({"every": 0}, ValueError, "every: expected at least 1; got 0"),
        ({"every": 2.5}, TypeError, "every: expected an integer; got float"),
        ({"batches": 0}, ValueError, "batches: expected at least 1"),
        ({"views": 1}, ValueError, "views: expected at least 2"),
        ({"orders": ()}, ValueError, "orders: expected at least one"),
        ({"alarm": True}, TypeError, "alarm: expected a CollapseAlarm or None; got bool"),
    ],
)
def test_bad_arguments_are_named(options, kind, message):
    with pytest.raises(kind, match=message):
        SpectrumMonitor(**options)

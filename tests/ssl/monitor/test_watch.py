"""When a monitor looks: windows of whole batches, at the beginning, regularly, and at the end."""

import pytest
import torch
from torch import nn

from gramian.ssl._monitor.watch import Settings, Watch


def looks(total, *, every=None, batches=4, known=True):
    """For each look, the batch it came after and how many batches went in."""
    model = nn.Linear(3, 2)
    settings = Settings.checked(
        model, every=every, batches=batches, orders=(1.0,), views=None, interleaved=False, read=None, alarm=None
    )
    watch = Watch(settings)
    watch.begin(model, total=total if known else None)
    found = []
    for batch in range(1, total + 1):
        watch.open()
        model(torch.randn(5, 3, generator=torch.Generator().manual_seed(batch)))
        look = watch.close(step=batch, epoch=0.0)
        if look is not None:
            found.append((look.snapshots[0].step, look.snapshots[0].samples // 5))
    return found


def test_looks_are_at_the_beginning_regularly_and_at_the_end():
    assert looks(23, every=10, batches=3) == [(3, 3), (10, 3), (20, 3), (23, 3)]
    assert looks(23, every=10, batches=3, known=False) == [(3, 3), (10, 3), (20, 3)]


def test_windows_are_no_longer_than_the_period():
    assert looks(6, every=2, batches=5) == [(2, 2), (4, 2), (6, 2)]
    assert looks(3, every=1, batches=4) == [(1, 1), (2, 1), (3, 1)]


@pytest.mark.parametrize(("total", "count"), [(2, 1), (12, 3), (240, 60), (1000, 51), (7777, 52)])
def test_by_default_about_fifty_looks_or_as_many_as_fit(total, count):
    found = looks(total)
    assert len(found) == count
    assert found[-1][0] == total
    assert {size for _, size in found} == {min(4, total)}


def test_an_unknown_length_is_looked_at_every_hundred_batches():
    assert [step for step, _ in looks(250, known=False)] == [4, 100, 200]

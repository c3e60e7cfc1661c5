"""Two real processes over gloo: every objective that gathers is that of one process with both batches."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.ssl.methods._two_processes import objective

ROOT = Path(__file__).parents[3]
# W-MSE whitens each process's own samples, Barlow Twins (lightly's) normalises them; both are other objectives there.
GATHERED = ["frossl", "simclr", "moco", "byol", "simsiam", "swav", "dino", "vicreg", "mmcr"]
ALL = [*GATHERED, "wmse", "barlow"]


def tasks():
    generator = torch.Generator().manual_seed(0)
    draw = lambda width: [torch.randn(32, width, generator=generator, dtype=torch.float64) for _ in range(2)]  # noqa: E731
    return {
        method: {"given": draw(width), "slow": draw(width)}
        for method in ALL
        for width in [24 if method == "dino" else 8]
    }


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gloo")
    torch.save(tasks(), folder / "tasks.pt")
    command = [sys.executable, "-m", "tests.ssl.methods._two_processes"]
    files = [folder / "meeting", folder / "tasks.pt"]
    running = [
        subprocess.Popen([*command, str(rank), "2", *map(str, files), str(folder / f"{rank}.pt")], cwd=ROOT)
        for rank in range(2)
    ]
    assert [process.wait(timeout=240) for process in running] == [0, 0]
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.mark.slow
@pytest.mark.parametrize("method", ALL)
def test_mean_loss_and_gradients_are_those_of_one_process(method, ranks):
    task = tasks()[method]
    whole = objective(method, task["given"], task["slow"])
    parts = [rank[method] for rank in ranks]
    mean = sum(part["loss"] for part in parts) / 2
    # DistributedDataParallel takes the mean of the ranks' gradients, each by its own samples.
    gradients = [torch.cat(both) / 2 for both in zip(*(part["gradients"] for part in parts), strict=True)]
    if method not in GATHERED:
        assert mean.isfinite()
        assert all(gradient.isfinite().all() for gradient in gradients)
        return
    torch.testing.assert_close(mean, whole["loss"], rtol=1e-8, atol=1e-10)
    for ours, expected in zip(gradients, whole["gradients"], strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-7, atol=1e-10)
    for name, value in whole["kept"].items():
        for part in parts:
            torch.testing.assert_close(part["kept"][name], value, rtol=1e-7, atol=1e-10)

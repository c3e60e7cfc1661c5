"""Two real processes through Lightning's DDP: training steps of FroSSL are those of one process with the whole batch."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.ssl.pretrain._images import write_images
from tests.ssl.pretrain._two_processes import CASES, STEPS

ROOT = Path(__file__).parents[3]


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ddp")
    images = write_images(folder / "images")
    for processes in (1, 2):
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "NODE_RANK": "0"}
        running = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.ssl.pretrain._two_processes", str(processes), str(images), str(folder)],
                cwd=ROOT,
                env={**os.environ, **({**meeting, "LOCAL_RANK": str(rank)} if processes > 1 else {})},
            )
            for rank in range(processes)
        ]
        assert [process.wait(timeout=240) for process in running] == [0] * processes
    return [torch.load(folder / f"{processes}.pt", weights_only=True) for processes in (1, 2)]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_steps_of_two_processes_are_those_of_one(case, results):
    one, two = (found[case] for found in results)
    assert len(one["losses"]) == len(two["losses"]) == STEPS
    torch.testing.assert_close(two["losses"], one["losses"], rtol=1e-10, atol=1e-10)
    for name, value in one["weights"].items():
        torch.testing.assert_close(two["weights"][name], value, rtol=1e-10, atol=1e-10, msg=name)
    moved = max(float((one["weights"][name] - one["first"][name]).abs().max()) for name in one["weights"])
    assert moved > 1e-3, "weights that do not move would be equal for nothing"

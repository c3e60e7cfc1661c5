"""A run killed with SIGKILL at any moment goes on with the same command and ends in the same tables."""

import random
import signal
import subprocess
import time

import pytest

from gramian.runs import read_run
from tests.cli._program import command, environment
from tests.layers._tiny import tiny_llama_folder

TABLES = ("measures", "prompts", "spectra", "texts")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def arguments(tmp_path_factory):
    model = tiny_llama_folder(tmp_path_factory)
    return ["measure", model, "--prompts", 400, "--views", 2, "--max-tokens", 64, "--no-report", "--json"]


@pytest.fixture(scope="module")
def undisturbed(home, arguments):
    started = time.monotonic()
    subprocess.run(
        command(*arguments, "--out", home / "undisturbed"), env=environment(home), check=True, capture_output=True
    )
    return home / "undisturbed", time.monotonic() - started


def kill_after(seconds, directory, home, arguments):
    """True if the kill came before the run's end."""
    process = subprocess.Popen(
        command(*arguments, "--out", directory),
        env=environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        _, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return True
    assert process.returncode == 0, errors.decode()
    return False


def kill_and_compare(kills, seed, undisturbed, home, arguments, tmp_path):
    expected, seconds = undisturbed
    draw = random.Random(seed)
    killed = partial = number = 0
    while killed < kills:
        directory = tmp_path / f"run-{number}"
        number += 1
        # The first third is the interpreter's start, where there is nothing to lose.
        while killed < kills and kill_after(draw.uniform(seconds / 3, seconds), directory, home, arguments):
            killed += 1
            partial += any((directory / "progress").glob("*.safetensors")) if (directory / "progress").is_dir() else 0
        subprocess.run(command(*arguments, "--out", directory), env=environment(home), check=True, capture_output=True)
        for table in TABLES:
            assert read_run(directory).tables[table].equals(read_run(expected).tables[table]), table
        assert not (directory / "progress").exists()
    return partial


def test_killed_twice_ends_in_the_same_tables(undisturbed, home, arguments, tmp_path):
    kill_and_compare(2, 1, undisturbed, home, arguments, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_killed_at_ten_random_moments_ends_in_the_same_tables(undisturbed, home, arguments, tmp_path):
    partial = kill_and_compare(10, 2, undisturbed, home, arguments, tmp_path)
    assert partial >= 3, "kills that never leave work behind would show nothing"

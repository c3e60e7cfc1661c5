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


def begin(directory, home, arguments):
    return subprocess.Popen(
        command(*arguments, "--out", directory),
        env=environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def wait_until(condition, process):
    """True when the condition holds; False if the program ended before."""
    while not condition():
        if process.poll() is not None:
            return condition()
        time.sleep(0.002)
    return True


def chunks_of(directory):
    return len(list((directory / "progress").glob("*.safetensors")))


@pytest.fixture(scope="module")
def undisturbed(home, arguments):
    """The run, and its seconds of work: those of the interpreter's start have nothing to lose."""
    directory = home / "undisturbed"
    process = begin(directory, home, arguments)
    assert wait_until((directory / "manifest.json").exists, process)
    started = time.monotonic()
    _, errors = process.communicate()
    assert process.returncode == 0, errors.decode()
    return directory, time.monotonic() - started


def killed_at(moment, directory, home, arguments):
    """True if the kill came before the run's end; ``moment`` waits for the time to kill, False if there is none."""
    process = begin(directory, home, arguments)
    if moment(process) and process.poll() is None:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return True
    _, errors = process.communicate()
    assert process.returncode == 0, errors.decode()
    return False


def kill_and_compare(kills, seed, undisturbed, home, arguments, tmp_path):
    expected, seconds = undisturbed
    draw = random.Random(seed)
    killed = partial = number = 0

    def at_any_time(process):
        begun = wait_until((directory / "manifest.json").exists, process)
        time.sleep(draw.uniform(0, seconds))
        return begun

    def soon_after_a_chunk(process):
        known = chunks_of(directory)
        found = wait_until(lambda: chunks_of(directory) > known, process)
        time.sleep(draw.uniform(0, seconds / 20))
        return found

    while killed < kills:
        directory = tmp_path / f"run-{number}"
        number += 1
        # By turns, so that whatever the machine's speed some kills leave work behind.
        while killed < kills and killed_at((at_any_time, soon_after_a_chunk)[killed % 2], directory, home, arguments):
            killed += 1
            partial += chunks_of(directory) > 0
        subprocess.run(command(*arguments, "--out", directory), env=environment(home), check=True, capture_output=True)
        for table in TABLES:
            assert read_run(directory).tables[table].equals(read_run(expected).tables[table]), table
        assert not (directory / "progress").exists()
    return partial


def test_killed_twice_ends_in_the_same_tables(undisturbed, home, arguments, tmp_path):
    assert kill_and_compare(2, 1, undisturbed, home, arguments, tmp_path) >= 1


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_killed_at_ten_random_moments_ends_in_the_same_tables(undisturbed, home, arguments, tmp_path):
    partial = kill_and_compare(10, 2, undisturbed, home, arguments, tmp_path)
    assert partial >= 3, "kills that never leave work behind would show nothing"

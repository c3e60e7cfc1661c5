"""On Ray: the tables of a run in process, bit for bit, with any number of workers and when one is killed on the way."""

import logging
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from gramian.runs import read_run
from gramian.sweeps import Cell, OnRay, Plan, run_plan
from gramian.sweeps._executors import Task
from tests.layers._tiny import save_tiny

pytest.importorskip("ray")
TABLES = ("measures", "prompts", "spectra", "texts")


@pytest.fixture(scope="module")
def cluster():
    """One cluster for all tests: beginning it is what takes longest. `OnRay` uses a cluster that the process is part of."""
    from gramian.sweeps._ray import _LOOPBACK, _environment, _import_ray

    ray = _import_ray(local=True)
    with _environment(_LOOPBACK):
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    yield ray
    ray.shutdown()


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    model = str(save_tiny(tmp_path_factory.mktemp("models") / "tiny"))
    cells = (Cell(model), Cell(model, model_options={"untrained": True}))
    return Plan(cells, {"prompts": 40, "views": 2, "max_tokens": 24, "orders": (1.0,)}, shard_tokens=1000)


@pytest.fixture(scope="module")
def in_process(plan, tmp_path_factory):
    return run_plan(plan, out=tmp_path_factory.mktemp("sweeps") / "here")


def assert_same_tables(one, other):
    for name in ("measures", "cells"):
        assert read_run(one.directory).tables[name].equals(read_run(other.directory).tables[name]), name
    for a, b in zip(one.cells, other.cells, strict=True):
        for name in TABLES:
            assert read_run(a).tables[name].equals(read_run(b).tables[name]), name


def dying(function, marker: Path):
    """A function that kills its process the first time, as a machine's memory guard would; later it does its work."""

    def once(request):
        if not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return function(request)

    return once


class Murderous(OnRay):
    """Kills the worker of the second shard that begins."""

    def __init__(self, marker, **options):
        super().__init__(**options)
        self.marker = marker
        self.shards = 0

    def begin(self, waiting):
        self.shards += waiting[0].key[1] is not None
        if self.shards == 2:
            waiting = [replace(task, function=dying(task.function, self.marker)) for task in waiting]
        return super().begin(waiting)


def test_a_killed_worker_changes_no_bit_of_the_tables(cluster, plan, in_process, tmp_path, caplog):
    marker = tmp_path / "killed"
    with caplog.at_level(logging.WARNING, logger="gramian.sweeps"):
        result = run_plan(plan, out=tmp_path / "there", executor=Murderous(marker, workers=2))
    assert marker.exists()
    assert sum("worker lost" in record.getMessage() for record in caplog.records) == 1
    assert_same_tables(result, in_process)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_any_number_of_workers_gives_the_tables_of_one_process(cluster, plan, in_process, tmp_path, workers):
    assert_same_tables(run_plan(plan, out=tmp_path / "there", executor=OnRay(workers=workers)), in_process)


@pytest.fixture
def executor(cluster):
    executor = OnRay(workers=1, retries=1)
    executor.start(threads=1)
    yield executor
    executor.stop()


def task(function, request=None, *, model="a", key=(0, 0)):
    return Task(key, function, lambda: request, model)


def test_what_a_worker_refuses_comes_back_as_its_own_line_and_what_keeps_dying_ends(executor):
    def refuse(request):
        raise ValueError(f"prompts: expected at least 1; got {request}. Leave it out")

    def die(request):
        os.kill(os.getpid(), signal.SIGKILL)

    executor.begin([task(lambda request: request + 1, 41)])
    assert not executor.room
    assert executor.next()[1] == 42
    executor.begin([task(refuse, 0)])
    with pytest.raises(ValueError, match=r"^prompts: expected at least 1; got 0. Leave it out$"):
        executor.next()
    executor.begin([task(die)])
    with pytest.raises(
        ValueError, match="expected a worker that lives through one piece of the plan; got 2 that did not"
    ):
        executor.next()


@pytest.mark.slow
def test_workers_with_other_versions_are_refused(executor, monkeypatch):
    monkeypatch.setattr("gramian.sweeps._ray.versions", lambda: {"torch": "1.0"})
    executor.begin([task(abs, -1)])
    with pytest.raises(
        ValueError, match=r"expected the driver's versions on every worker; got .*torch .* there, 1.0 here"
    ):
        executor.next()


@pytest.mark.slow
def test_a_model_that_is_not_on_a_worker_is_named_with_the_machine(cluster, plan, tmp_path, monkeypatch):
    from gramian.sweeps import _tasks

    monkeypatch.setattr(_tasks, "_absolute", lambda name: ("/no/such/place", True))
    with pytest.raises(ValueError, match="expected /no/such/place on every machine; got nothing there on"):
        run_plan(plan, out=tmp_path / "there", executor=OnRay(workers=1))


def test_a_task_goes_to_the_worker_that_has_its_model(monkeypatch):
    """Without Ray: who gets what."""
    executor = OnRay(workers=2)
    executor._places = 2
    given = []

    def hire():
        hand = type("Hand", (), {"model": None})()
        executor._hands.append(hand)
        return hand

    def give(one, hand):
        hand.model = one.model
        executor._at_work[len(given)] = one, hand
        given.append(hand)

    monkeypatch.setattr(executor, "_hire", hire)
    monkeypatch.setattr(executor, "_give", give)
    assert executor.begin([task(abs, model="a"), task(abs, model="b")]).model == "a"
    assert executor.begin([task(abs, model="b")]).model == "b"
    assert not executor.room
    executor._at_work.clear()
    assert executor.begin([task(abs, model="c"), task(abs, model="b")]).model == "b"
    assert given[2] is given[1], "the worker that has b"
    assert executor.begin([task(abs, model="c")]).model == "c"
    assert given[3] is given[0], "an idle worker, since there is no room for a third"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "workers: expected at least 1; got 0"),
        ({"gpus": -1}, "gpus: expected at least 0; got -1"),
        ({"retries": -1}, "retries: expected at least 0; got -1"),
        ({"address": ""}, "address: expected 'local', 'auto' or host:port; got nothing"),
    ],
)
def test_numbers_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        OnRay(**options)


def test_a_cluster_too_small_for_one_worker_is_refused():
    executor = OnRay(gpus=1)
    executor._threads = 4
    with pytest.raises(ValueError, match="a worker of 4 cores and 1 graphics processors; got a cluster of 2 and 0"):
        executor._check_resources({"CPU": 2.0})


def test_the_environment_of_a_local_cluster_does_not_stay(monkeypatch):
    from gramian.sweeps._ray import _environment

    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "1")
    with _environment({"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}):
        assert os.environ["RAY_AUTH_MODE"] == "disabled"
        assert os.environ["RAY_USAGE_STATS_ENABLED"] == "1", "what the user set stays"
    assert "RAY_AUTH_MODE" not in os.environ

"""In both Lightning namespaces: the spectrum of what the module gave, training untouched, and a kill that leaves no trace."""

import csv
import pickle
import warnings
from pathlib import Path

import pytest
import torch

from gramian.ssl._monitor import CollapseAlarm, CollapseWarning, SpectrumMonitor, SpectrumTracker
from tests.ssl.monitor._trainings import BATCHES, NAMESPACES, WIDTH, fitted, namespace, siamese

PL = "pytorch_lightning"


@pytest.fixture(params=NAMESPACES)
def pl(request):
    return namespace(request.param)


def by_hand(steps):
    tracker = SpectrumTracker()
    for views in steps:
        tracker.update(*views)
    return tracker.compute().measures()


def test_every_look_is_the_spectrum_of_its_batches(pl, tmp_path):
    module = siamese(pl)
    monitor = SpectrumMonitor("net.projector", every=5, batches=2)
    assert isinstance(monitor, pl.Callback)
    fitted(pl, module, monitor, root=tmp_path)
    assert [snapshot.step for snapshot in monitor.snapshots] == [2, 5, 10, 12]  # the first, every fifth, the last
    for snapshot in monitor.snapshots:
        assert snapshot.measures() == by_hand(module.diary.steps[snapshot.step - 2 : snapshot.step])
        assert (snapshot.source, snapshot.views, snapshot.width, snapshot.samples) == ("net.projector", 2, WIDTH, 16)
        assert snapshot.epoch == pytest.approx(snapshot.step / BATCHES)


def test_training_is_the_same_to_the_last_bit(pl, tmp_path):
    plain, watched = siamese(pl), siamese(pl)
    torch.manual_seed(5)
    fitted(pl, plain, root=tmp_path)
    before = torch.get_rng_state()
    torch.manual_seed(5)
    fitted(pl, watched, SpectrumMonitor(["net.projector", "net.backbone"], every=2), root=tmp_path)
    assert torch.equal(before, torch.get_rng_state())
    for one, other in zip(plain.parameters(), watched.parameters(), strict=True):
        assert torch.equal(one, other)
    assert not any(part._forward_hooks for part in watched.modules())


def test_scalars_reach_every_logger_at_their_step_and_other_callbacks(pl, tmp_path):
    logger = pl.loggers.CSVLogger(tmp_path, flush_logs_every_n_steps=1)
    monitor = SpectrumMonitor("net.projector", every=4, batches=1, name="rank")
    trainer = fitted(pl, siamese(pl), monitor, root=tmp_path, logger=logger)
    with (Path(logger.log_dir) / "metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["rank/net.projector/effective_rank"]]
    assert [int(row["step"]) for row in rows] == [1, 4, 8, 12]
    last = monitor.snapshots[-1]
    assert float(rows[-1]["rank/net.projector/lidar"]) == pytest.approx(last.lidar, rel=1e-6)
    assert float(trainer.callback_metrics["rank/net.projector/entropy_2"]) == pytest.approx(
        last.entropies[2.0], rel=1e-5
    )


def test_without_a_name_it_reads_what_the_method_keeps(pl, tmp_path):
    module = siamese(pl, keeps=True)
    monitor = SpectrumMonitor(every=6, batches=1)
    fitted(pl, module, monitor, root=tmp_path)
    assert [(s.source, s.width) for s in monitor.snapshots[:2]] == [("features", 16), ("embeddings", WIDTH)]
    assert monitor.snapshots[-1].measures() == by_hand(module.diary.steps[-1:])


@pytest.mark.parametrize("form", ["joined", "recomputed"])
def test_views_in_one_call_and_recomputed_views_are_told_apart(form, tmp_path):
    pl = namespace(PL)
    module = siamese(pl, **{form: True})
    # Recomputing stops before the last module, so it is the backbone that is called again.
    sources = ["net.backbone", "net.projector"]
    monitor = SpectrumMonitor(sources, every=6, batches=1, views=2 if form == "joined" else None)
    fitted(pl, module, monitor, root=tmp_path)
    assert [snapshot.views for snapshot in monitor.snapshots[-2:]] == [2, 2]
    assert monitor.snapshots[-1].measures() == by_hand(module.diary.steps[-1:])


@pytest.mark.parametrize("find", ["module", "function"])
def test_a_module_or_a_function_names_the_module_as_well(find, tmp_path):
    pl = namespace(PL)
    module = siamese(pl)
    target = module.net["projector"] if find == "module" else (lambda root: root.net["projector"])
    monitor = SpectrumMonitor(target, every=12, batches=1)
    fitted(pl, module, monitor, root=tmp_path)
    assert monitor.snapshots[-1].measures() == by_hand(module.diary.steps[-1:])
    assert monitor.snapshots[-1].source == ("Linear" if find == "module" else "module")


def test_accumulated_gradients_are_counted_in_batches_and_recorded_in_steps(tmp_path):
    pl = namespace(PL)
    monitor = SpectrumMonitor("net.projector", every=4, batches=4)
    fitted(pl, siamese(pl), monitor, root=tmp_path, accumulate_grad_batches=2)
    assert [(snapshot.step, snapshot.samples) for snapshot in monitor.snapshots] == [(2, 32), (4, 32), (6, 32)]


class Kill(RuntimeError):
    pass


@pytest.mark.parametrize("killed_at", [7, 9])
def test_a_killed_training_that_goes_on_leaves_the_tables_of_an_undisturbed_one(killed_at, tmp_path):
    pl = namespace(PL)
    reader = pytest.importorskip("gramian.runs")

    def monitor(name):
        return SpectrumMonitor("net.projector", every=4, batches=3, out=tmp_path / name)

    class Killer(pl.Callback):
        def on_train_batch_end(self, trainer, *rest):
            if trainer.global_step == killed_at:
                trainer.save_checkpoint(tmp_path / "last.ckpt")
            if trainer.global_step == killed_at + 2:
                raise Kill

    fitted(pl, siamese(pl), monitor("whole"), root=tmp_path)
    # Lightning calls callbacks in order: the monitor has seen the batch when the checkpoint is written.
    with pytest.raises(Kill):
        fitted(pl, siamese(pl), monitor("resumed"), Killer(), root=tmp_path)
    with pytest.raises(reader.RunIncomplete):
        reader.read_run(tmp_path / "resumed")
    fitted(pl, siamese(pl), monitor("resumed"), root=tmp_path, resume=tmp_path / "last.ckpt")
    whole, resumed = (reader.read_run(tmp_path / name).tables for name in ("whole", "resumed"))
    assert list(whole) == ["training_spectra", "training_measures"]
    for name in whole:
        assert whole[name].equals(resumed[name]), name
    assert sorted(set(whole["training_measures"]["step"].to_pylist())) == [4, 8, 12]


def test_a_collapse_warns_once_and_stops_where_asked(pl, tmp_path):
    module = siamese(pl, repel=0.0)
    with torch.no_grad():
        for parameter in module.net["projector"].parameters():
            parameter.zero_()
    alarm = CollapseAlarm(patience=2, stop=True)
    monitor = SpectrumMonitor("net.projector", every=2, batches=1, alarm=alarm)
    with pytest.warns(CollapseWarning, match=r"net.projector: expected embeddings that spread; got the mean") as caught:
        trainer = fitted(pl, module, monitor, root=tmp_path, max_epochs=5)
    assert len([warning for warning in caught if warning.category is CollapseWarning]) == 1
    assert trainer.global_step == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error", CollapseWarning)
        fitted(pl, module, SpectrumMonitor("net.projector", every=2, alarm=None), root=tmp_path)


def test_a_second_training_with_the_same_monitor_starts_anew(tmp_path):
    pl = namespace(PL)
    monitor = SpectrumMonitor("net.projector", every=6, batches=1)
    for _ in range(2):
        fitted(pl, siamese(pl), monitor, root=tmp_path)
    assert [snapshot.step for snapshot in monitor.snapshots] == [1, 6, 12]


def test_a_monitor_survives_pickling(tmp_path):
    pl = namespace(PL)
    monitor = pickle.loads(pickle.dumps(SpectrumMonitor("net.projector", every=6, batches=1)))
    assert isinstance(monitor, pl.Callback)
    fitted(pl, siamese(pl), monitor, root=tmp_path)
    assert len(monitor.snapshots) == 3


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("projektor", "module: expected a submodule of Siamese; got 'projektor'. Did you mean 'net.projector'?"),
        (
            None,
            "module: expected a method that keeps the embeddings of its step; got one that keeps none. Name the sub",
        ),
        ("net", "module: expected 'net' to be called in every training step; got no call. Name a module that"),
    ],
)
def test_a_module_that_cannot_be_watched_is_named(module, message, tmp_path):
    pl = namespace(PL)
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        fitted(pl, siamese(pl), SpectrumMonitor(module, every=1), root=tmp_path)


def test_a_finished_record_is_not_written_over(tmp_path):
    pl = namespace(PL)
    fitted(pl, siamese(pl), SpectrumMonitor("net.projector", every=6, out=tmp_path / "run"), root=tmp_path)
    with pytest.raises(ValueError, match="out: expected a new folder or a record that goes on; got the finished"):
        fitted(pl, siamese(pl), SpectrumMonitor("net.projector", every=6, out=tmp_path / "run"), root=tmp_path)
    again = SpectrumMonitor("net.projector", every=12, out=tmp_path / "run", overwrite=True)
    fitted(pl, siamese(pl), again, root=tmp_path)

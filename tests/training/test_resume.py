"""A fit that stops anywhere and is called again ends as if nothing had happened."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader

from gramian.training import fit, read_checkpoint
from tests.training._module import EPOCHS, STEPS, StopAt, Stopped, fitted, loader, regression, values, weights


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return fitted(tmp_path_factory.mktemp("undisturbed"), checkpoint_steps=2)


@pytest.mark.parametrize("step", [1, 2, 4, 5, 6, 7, 10, 13, 14])
def test_stopped_at_a_step_ends_in_the_same_weights_and_history(undisturbed, step, tmp_path):
    with pytest.raises(Stopped):
        fitted(tmp_path, checkpoint_steps=2, callbacks=[StopAt(step)])
    module, result = fitted(tmp_path, checkpoint_steps=2)
    assert torch.equal(weights(module), weights(undisturbed[0]))
    assert values(result) == values(undisturbed[1])
    assert result.resumed == (step > 2), "the step's checkpoint comes after its other hooks"
    assert result.steps == STEPS * EPOCHS


def test_stopped_again_and_again_ends_in_the_same_weights(undisturbed, tmp_path):
    for step in (3, 4, 8, 9, 12):
        with pytest.raises(Stopped):
            fitted(tmp_path, checkpoint_steps=2, callbacks=[StopAt(step)])
    module, result = fitted(tmp_path, checkpoint_steps=2)
    assert torch.equal(weights(module), weights(undisturbed[0]))
    assert values(result) == values(undisturbed[1])


def test_goes_on_from_the_last_epoch_without_checkpoints_in_between(undisturbed, tmp_path):
    with pytest.raises(Stopped):
        fitted(tmp_path, callbacks=[StopAt(2 * STEPS - 1)])
    module, result = fitted(tmp_path)
    assert torch.equal(weights(module), weights(undisturbed[0]))
    assert values(result) == values(undisturbed[1])


def test_the_history_has_every_step_once(undisturbed):
    assert [row[0] for row in values(undisturbed[1])] == list(range(1, STEPS * EPOCHS + 1))
    assert [row.epoch for row in undisturbed[1].history] == [step / STEPS for step in range(1, STEPS * EPOCHS + 1)]
    seconds = [row.seconds for row in undisturbed[1].history]
    assert seconds == sorted(seconds)
    assert undisturbed[1].seconds >= seconds[-1] > 0


def test_the_csv_file_of_a_run_that_went_on_is_its_history(tmp_path):
    with pytest.raises(Stopped):
        fitted(tmp_path, callbacks=[StopAt(STEPS + 3)])
    _, result = fitted(tmp_path)
    lines = (tmp_path / "logs" / "metrics.csv").read_text().splitlines()
    assert lines[0] == "step,epoch,metric,value,seconds"
    steps = [int(line.split(",")[0]) for line in lines[1:]]
    assert steps == [row.step for row in result.history]


def test_a_finished_fit_called_again_trains_nothing(undisturbed, tmp_path):
    _, first = fitted(tmp_path)
    before = first.checkpoint.stat().st_mtime_ns
    module, again = fitted(tmp_path)
    assert again.resumed
    assert torch.equal(weights(module), weights(undisturbed[0]))
    assert values(again) == values(first)
    assert first.checkpoint.stat().st_mtime_ns == before


def test_more_epochs_go_on_from_fewer(tmp_path):
    fitted(tmp_path, epochs=1)
    _, result = fitted(tmp_path, epochs=2)
    assert result.resumed
    assert result.steps == 2 * STEPS


def test_without_resume_it_starts_anew(undisturbed, tmp_path):
    with pytest.raises(Stopped):
        fitted(tmp_path, callbacks=[StopAt(STEPS + 3)])
    module, result = fitted(tmp_path, resume=False)
    assert not result.resumed
    assert torch.equal(weights(module), weights(undisturbed[0]))


class Draws(torch.utils.data.Dataset):
    """Samples drawn when read, in the process or in a worker."""

    def __len__(self):
        return 20

    def __getitem__(self, index):
        sample = torch.rand(4)
        return sample, sample.sum(0, keepdim=True)


@pytest.mark.parametrize("workers", [0, 1])
def test_draws_of_the_data_are_those_of_the_step(workers, tmp_path):
    def batches():
        return DataLoader(Draws(), batch_size=4, num_workers=workers)

    expected, _ = fitted(tmp_path / "a", batches=batches(), epochs=2)
    with pytest.raises(Stopped):
        fitted(tmp_path / "b", batches=batches(), epochs=2, checkpoint_steps=1, callbacks=[StopAt(8)])
    module, _ = fitted(tmp_path / "b", batches=batches(), epochs=2)
    assert torch.equal(weights(module), weights(expected))


class Epochs:
    """A batch sampler that can begin an epoch anywhere; says what it was asked."""

    def __init__(self):
        self.start_step, self.epoch, self.asked = 0, 0, []

    def __len__(self):
        return STEPS - self.start_step

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __iter__(self):
        self.asked.append((self.epoch, self.start_step))
        order = torch.randperm(8 * STEPS, generator=torch.Generator().manual_seed(self.epoch)).tolist()
        yield from [order[8 * step : 8 * step + 8] for step in range(self.start_step, STEPS)]


def test_a_sampler_that_can_begin_anywhere_skips_without_reading(tmp_path):
    def batches():
        return DataLoader(loader().dataset, batch_sampler=Epochs())

    expected, _ = fitted(tmp_path / "a", batches=batches())
    with pytest.raises(Stopped):
        fitted(tmp_path / "b", batches=batches(), checkpoint_steps=2, callbacks=[StopAt(STEPS + 3)])
    rest = batches()
    module, _ = fitted(tmp_path / "b", batches=rest)
    assert rest.batch_sampler.asked == [(1, 1), (2, 0)]
    assert torch.equal(weights(module), weights(expected))


def test_kept_checkpoints_stay_and_the_last_is_replaced(tmp_path):
    fitted(tmp_path, keep_every=2, checkpoint_every=3)
    names = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert names == ["epoch-0002.ckpt", "last.ckpt"]
    assert read_checkpoint(tmp_path / "checkpoints" / "epoch-0002.ckpt")["global_step"] == 2 * STEPS
    assert read_checkpoint(tmp_path)["global_step"] == EPOCHS * STEPS


def test_other_data_are_refused_on_going_on(tmp_path):
    fitted(tmp_path, epochs=1)
    with pytest.raises(ValueError, match="checkpoint: expected the 10 steps an epoch of this loader; got 5"):
        fit(regression(), loader(batch=4), out=tmp_path, epochs=2, seed=3, accelerator="cpu")


def test_fewer_epochs_than_done_are_refused(tmp_path):
    fitted(tmp_path, epochs=2)
    with pytest.raises(ValueError, match="epochs: expected at least the 2 of the checkpoint; got 1"):
        fitted(tmp_path, epochs=1)


def test_an_interrupt_is_an_interrupt_and_the_next_one_too(undisturbed, tmp_path):
    class Interrupt(StopAt):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            if trainer.global_step == self.step:
                raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        fitted(tmp_path, callbacks=[Interrupt(STEPS + 2)])
    assert signal.getsignal(signal.SIGINT) is before
    module, _ = fitted(tmp_path)
    assert torch.equal(weights(module), weights(undisturbed[0]))


@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals reach the main thread")
def test_asked_to_end_it_saves_the_step_and_ends(undisturbed, tmp_path):
    class Terminate(StopAt):
        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
            if trainer.global_step == self.step:
                os.kill(os.getpid(), signal.SIGTERM)

        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            pass

    with pytest.raises(SystemExit) as ended:
        fitted(tmp_path, callbacks=[Terminate(STEPS + 1)])
    assert ended.value.code == 143
    assert read_checkpoint(tmp_path)["global_step"] == STEPS + 2
    module, _ = fitted(tmp_path)
    assert torch.equal(weights(module), weights(undisturbed[0]))


PROGRAM = """
import sys, time, torch, pytorch_lightning as pl
torch.set_num_threads(1)
from tests.training._module import fitted
class Slow(pl.Callback):
    def on_train_batch_end(self, *_): time.sleep(0.02)
fitted(sys.argv[1], epochs=12, checkpoint_steps=2, callbacks=[Slow()])
"""


@pytest.mark.slow
def test_killed_at_random_moments_ends_in_the_same_weights(tmp_path):
    expected, straight = fitted(tmp_path / "a", epochs=12, checkpoint_steps=2)
    out, killed = tmp_path / "b", []
    for pause in (0.13, 0.31, 0.57, 0.22):
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(out)], cwd=Path(__file__).parents[2])
        last = out / "checkpoints" / "last.ckpt"
        before = last.stat().st_mtime_ns if last.exists() else 0
        while process.poll() is None and (not last.exists() or last.stat().st_mtime_ns == before):
            time.sleep(0.002)
        time.sleep(pause)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            killed.append(process.wait())
    assert len(killed) >= 3
    module, result = fitted(out, epochs=12, checkpoint_steps=2)
    assert torch.equal(weights(module), weights(expected))
    assert values(result) == values(straight)

"""Full disks, losses that diverge, files that are no checkpoints: one clear line, and the last whole checkpoint stays."""

import pickle
import resource
import signal

import pytest
import pytorch_lightning as pl
import torch

from gramian.runs import RunWriteError
from gramian.training import CheckpointFault, NonFiniteTraining, fit, read_checkpoint
from tests.training._module import STEPS, StopAt, Stopped, fitted, loader, regression, weights


class Diverge(pl.Callback):
    """Spoils a weight, or the loss, at a step."""

    def __init__(self, step, *, what, value=float("nan")):
        self.step, self.what, self.value = step, what, value

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if self.what == "loss" and trainer.global_step == self.step - 1:
            batch[1].fill_(self.value)

    def on_before_zero_grad(self, trainer, pl_module, optimizer):
        if self.what == "weights" and trainer.global_step == self.step - 1:
            with torch.no_grad():
                pl_module.net[0].weight[0, 0] = self.value


@pytest.mark.parametrize(("value", "said"), [(float("nan"), "nan"), (float("inf"), "inf")])
@pytest.mark.parametrize("step", [STEPS + 2, 2 * STEPS])
def test_a_loss_that_is_no_number_stops_and_keeps_the_checkpoint_before(value, said, step, tmp_path):
    message = rf"loss: expected finite numbers; got {said} at step {step} \(epoch {step / STEPS:.2f}\)\. The checkpoint of step 5 is kept"
    with pytest.raises(NonFiniteTraining, match=message):
        fitted(tmp_path, callbacks=[Diverge(step, what="loss", value=value)])
    content = read_checkpoint(tmp_path)
    assert content["global_step"] == STEPS
    assert all(torch.isfinite(value).all() for value in content["state_dict"].values())


def test_a_weight_that_is_no_number_is_never_written(tmp_path):
    """The loss of the epoch's last step is finite; the step spoils a weight."""

    class Spoil(pl.Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            if trainer.global_step == 2 * STEPS:
                pl_module.net[0].weight.data[0, 0] = float("inf")

    with pytest.raises(
        NonFiniteTraining, match=r"weights: expected finite numbers; .* The checkpoint of step 5 is kept"
    ):
        fitted(tmp_path, callbacks=[Spoil()])
    assert read_checkpoint(tmp_path)["global_step"] == STEPS


def test_without_a_checkpoint_it_says_so(tmp_path):
    with pytest.raises(NonFiniteTraining, match="There is no checkpoint yet"):
        fitted(tmp_path, callbacks=[Diverge(2, what="loss")])


@pytest.fixture
def small_files():
    """Files of this process may not grow beyond a limit: as on a full disk, the write fails half-way."""
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda limit: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_leaves_the_last_whole_checkpoint_and_the_run_goes_on(small_files, tmp_path):
    class Fill(pl.Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            if trainer.global_step == STEPS + 1:
                small_files(2048)

    with pytest.raises(RunWriteError, match=r"last\.ckpt: expected to be able to write it; got File too large"):
        fitted(tmp_path, callbacks=[Fill()])
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["last.ckpt"]
    assert read_checkpoint(tmp_path)["global_step"] == STEPS


def test_after_a_full_disk_the_same_call_ends_in_the_same_weights(tmp_path):
    expected, _ = fitted(tmp_path / "a")
    with pytest.raises(Stopped):
        fitted(tmp_path / "b", callbacks=[StopAt(STEPS + 2)])
    (tmp_path / "b" / "checkpoints" / ".last.ckpt.aside").write_bytes(b"half a file")
    module, _ = fitted(tmp_path / "b")
    assert torch.equal(weights(module), weights(expected))


def test_a_folder_that_cannot_be_made_is_a_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises((RunWriteError, OSError)):
        fitted(tmp_path / "file" / "run")


class Ran(Exception):
    pass


class Bomb:
    def __reduce__(self):
        return (exec, ("raise __import__('tests.training.test_faults', fromlist=['Ran']).Ran",))


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path):
    file = tmp_path / "bad.ckpt"
    torch.save({"state_dict": Bomb()}, file)
    with pytest.raises(CheckpointFault, match="cannot be read"):
        read_checkpoint(file)
    file.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(CheckpointFault, match="cannot be read"):
        read_checkpoint(file)


def test_files_that_are_no_checkpoints_are_told_apart(tmp_path):
    with pytest.raises(CheckpointFault, match="where none is"):
        read_checkpoint(tmp_path)
    other = tmp_path / "other.ckpt"
    torch.save({"state_dict": {"weight": torch.zeros(2)}}, other)
    with pytest.raises(CheckpointFault, match="of another program"):
        read_checkpoint(other)
    torch.save({"gramian": {"format": "gramian-checkpoint", "version": 9}}, other)
    with pytest.raises(CheckpointFault, match="format version 1; got 9"):
        read_checkpoint(other)
    other.write_text("text")
    with pytest.raises(CheckpointFault, match="cannot be read"):
        read_checkpoint(other)


def test_a_truncated_checkpoint_is_refused_on_going_on(tmp_path):
    _, result = fitted(tmp_path, epochs=1)
    content = result.checkpoint.read_bytes()
    result.checkpoint.write_bytes(content[: len(content) // 2])
    with pytest.raises(CheckpointFault, match="cannot be read"):
        fitted(tmp_path, epochs=2)


def test_a_description_is_read_back(tmp_path):
    fitted(tmp_path, epochs=1, description={"kind": "regression", "sizes": [4, 8, 1]})
    note = read_checkpoint(tmp_path)["gramian"]
    assert (note["kind"], note["sizes"]) == ("regression", [4, 8, 1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs: expected a whole number from 1; got 0"),
        ({"epochs": 1.5}, "epochs: expected a whole number from 1; got 1.5"),
        ({"checkpoint_every": 0}, "checkpoint_every: expected a whole number from 1"),
        ({"checkpoint_steps": 0}, "checkpoint_steps: expected a whole number from 1"),
        ({"keep_every": -1}, "keep_every: expected a whole number from 1"),
        ({"log_every": 0}, "log_every: expected a whole number from 1"),
        ({"seed": -1}, "seed: expected 0 to 2\\*\\*32 - 1; got -1"),
        ({"logger": "wandb"}, "logger: expected csv or tensorboard; got 'wandb'"),
        ({"strategy": "ddp_spawn", "devices": 2}, "strategy: expected one that starts processes by the command line"),
    ],
)
def test_arguments_out_of_range_are_refused(options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        fitted(tmp_path, **options)


def test_things_of_another_kind_are_refused(tmp_path):
    with pytest.raises(TypeError, match="module: expected a LightningModule of the package pytorch_lightning"):
        fit(torch.nn.Linear(2, 2), loader(), out=tmp_path, epochs=1, seed=0)
    with pytest.raises(TypeError, match="loader: expected a DataLoader; got list"):
        fit(regression(), [1, 2], out=tmp_path, epochs=1, seed=0, accelerator="cpu")
    with pytest.raises(TypeError, match="seed: expected a whole number; got NoneType"):
        fitted(tmp_path, seed=None)

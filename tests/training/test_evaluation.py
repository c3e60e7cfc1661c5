"""Evaluations on the way: when they run, and that training does not notice them."""

import random
import time
from contextlib import suppress

import numpy as np
import pytest
import torch

from gramian.training import PeriodicEvaluation, TrainingProgress, seeded
from tests.training._module import EPOCHS, STEPS, StopAt, Stopped, fitted, values, weights


class Draw(PeriodicEvaluation):
    """Draws from every global generator, and looks at what it was given."""

    def __init__(self, pause=0.0, **options):
        super().__init__(**options)
        self.pause, self.modes, self.graded = pause, [], []

    def measure(self, trainer, module):
        self.modes.append(module.training or module.net[2].training)
        self.graded.append(torch.is_grad_enabled())
        time.sleep(self.pause)
        torch.rand(7), np.random.rand(3), random.random()
        return {"score": float(trainer.global_step)}


def test_training_is_the_same_with_and_without_evaluations(tmp_path):
    expected, _ = fitted(tmp_path / "a")
    module, _ = fitted(tmp_path / "b", callbacks=[Draw()])
    assert torch.equal(weights(module), weights(expected))


@pytest.mark.parametrize(
    ("options", "steps"),
    [({}, [0, 5, 10, 15]), ({"every": 2}, [0, 10, 15]), ({"every": 9, "at_start": False}, [15])],
)
def test_measured_at_the_start_every_so_many_epochs_and_at_the_end(options, steps, tmp_path):
    draw = Draw(**options)
    _, result = fitted(tmp_path, callbacks=[draw])
    scores = [(step, value) for step, metric, value in values(result) if metric == "score"]
    assert scores == [(step, step) for step in steps]
    assert draw.modes == draw.graded == [False] * len(steps)


def test_parts_that_were_frozen_in_evaluation_mode_stay_so(tmp_path):
    class Frozen(StopAt):
        def on_train_start(self, trainer, pl_module):
            pl_module.net[2].eval()

        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
            seen.append((pl_module.net[1].training, pl_module.net[2].training))

    seen = []
    fitted(tmp_path, epochs=2, callbacks=[Frozen(-1), Draw()])
    assert set(seen) == {(True, False)}


def test_time_of_evaluations_is_not_training(tmp_path):
    _, result = fitted(tmp_path, epochs=2, callbacks=[Draw(pause=0.6)])
    assert result.seconds < 0.6


def test_values_of_an_epoch_are_in_its_checkpoint(tmp_path):
    expected = values(fitted(tmp_path / "a", callbacks=[Draw()])[1])
    with pytest.raises(Stopped):
        fitted(tmp_path / "b", callbacks=[Draw(), StopAt(STEPS + 1)])
    _, result = fitted(tmp_path / "b", callbacks=[Draw()])
    assert values(result) == expected


def test_every_is_checked():
    with pytest.raises(ValueError, match="every: expected a whole number of epochs from 1; got 0"):
        Draw(every=0)


def test_global_generators_are_the_callers_again(tmp_path):
    torch.manual_seed(5)
    np.random.seed(5)
    random.seed(5)
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    fitted(tmp_path, epochs=1, callbacks=[Draw()])
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]
    assert random.getstate() == before[2]


def test_seeded_is_restored_after_an_error():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    with suppress(Stopped), seeded(1):
        torch.rand(3)
        raise Stopped
    assert torch.equal(torch.get_rng_state(), before)


def test_steps_differ_in_what_they_draw_and_seeds_in_their_order(tmp_path):
    same, other = fitted(tmp_path / "a", epochs=1)[0], fitted(tmp_path / "b", epochs=1, seed=4)[0]
    assert not torch.equal(weights(same), weights(other))


def test_progress_counts_every_step_and_goes_on_where_it_stopped(tmp_path):
    seen = []
    with pytest.raises(Stopped):
        fitted(tmp_path, callbacks=[StopAt(STEPS + 2)])
    fitted(tmp_path, progress=seen.append)
    total = STEPS * EPOCHS
    assert seen == [TrainingProgress("Training", done, total, "steps") for done in range(STEPS, total + 1)]


def test_tensorboard_has_the_scalars_of_the_history(tmp_path):
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with pytest.raises(Stopped):
        fitted(tmp_path, logger="tensorboard", callbacks=[StopAt(STEPS + 2)])
    _, result = fitted(tmp_path, logger="tensorboard")
    events = EventAccumulator(str(tmp_path / "logs"))
    events.Reload()
    found = {event.step: event.value for event in events.Scalars("loss")}
    assert found == pytest.approx({row.step: row.value for row in result.history}, rel=1e-6)
    assert len(events.Scalars("loss")) == len(found), "values written after the checkpoint are hidden"


def test_precision_of_training_is_that_of_evaluations(tmp_path):
    class Dtype(PeriodicEvaluation):
        def measure(self, trainer, module):
            return {"half": float((module.net[0](torch.zeros(1, 4))).dtype == torch.bfloat16)}

    _, result = fitted(tmp_path, epochs=1, precision="bf16-mixed", callbacks=[Dtype()])
    assert [value for _, metric, value in values(result) if metric == "half"] == [1.0, 1.0]

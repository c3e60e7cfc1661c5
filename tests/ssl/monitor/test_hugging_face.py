"""In the Hugging Face Trainer: the spectrum of what the model gave, in its log, with weights that are the same."""

import pytest
import torch
from torch import nn

transformers = pytest.importorskip("transformers", reason="needs transformers, from the extra `layers`")
pytest.importorskip("accelerate", reason="needs accelerate, from the extra `layers`")
from transformers import Trainer, TrainingArguments  # noqa: E402

from gramian.ssl._monitor import CollapseAlarm, CollapseWarning, SpectrumMonitor, SpectrumTracker  # noqa: E402


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body, self.head = nn.Linear(6, 5), nn.Linear(5, 1)
        self.diary = []

    def forward(self, inputs, labels=None):
        hidden = self.body(inputs)
        if self.training:
            self.diary.append(hidden.detach().clone())
        logits = self.head(hidden)[:, 0]
        return {"loss": (logits - labels).square().mean(), "logits": logits}


def rows(n=32):
    generator = torch.Generator().manual_seed(1)
    return [{"inputs": torch.randn(6, generator=generator), "labels": torch.tensor(float(i % 2))} for i in range(n)]


def trained(folder, *callbacks, attach=None, model=None, **options):
    settings = {
        "per_device_train_batch_size": 4,
        "num_train_epochs": 2,
        "report_to": [],
        "logging_steps": 100,
    } | options
    arguments = TrainingArguments(
        output_dir=str(folder), use_cpu=True, save_strategy="no", disable_tqdm=True, seed=3, **settings
    )
    trainer = Trainer(model=model or Model(), args=arguments, train_dataset=rows(), callbacks=list(callbacks))
    if attach is not None:
        attach.attach(trainer)
    trainer.train()
    return trainer


def by_hand(steps):
    tracker = SpectrumTracker()
    for step in steps:
        tracker.update(step)
    return tracker.compute().measures()


@pytest.mark.parametrize("attached", [False, True])
def test_every_look_is_the_spectrum_of_its_batches_and_is_logged(attached, tmp_path):
    monitor = SpectrumMonitor("body", every=6, batches=2, views=None)
    trainer = trained(tmp_path, monitor, attach=monitor if attached else None)
    assert [snapshot.step for snapshot in monitor.snapshots] == [2, 6, 12, 16]
    diary = trainer.model.diary
    for snapshot in monitor.snapshots:
        assert repr(snapshot.measures()) == repr(by_hand(diary[snapshot.step - 2 : snapshot.step]))
        assert snapshot.epoch == pytest.approx(snapshot.step / 8)
    logged = [entry for entry in trainer.state.log_history if "spectrum/body/effective_rank" in entry]
    assert [entry["step"] for entry in logged] == [2, 6, 12, 16]
    assert logged[-1]["spectrum/body/variance"] == pytest.approx(monitor.snapshots[-1].variance)


def test_training_is_the_same_to_the_last_bit(tmp_path):
    plain = trained(tmp_path).model
    watched = trained(tmp_path, SpectrumMonitor("body", every=3)).model
    for one, other in zip(plain.parameters(), watched.parameters(), strict=True):
        assert torch.equal(one, other)
    assert not watched.body._forward_hooks


def test_accumulated_gradients_are_counted_in_batches(tmp_path):
    monitor = SpectrumMonitor("body", every=8, batches=3)
    trainer = trained(tmp_path, monitor, gradient_accumulation_steps=2)
    assert [snapshot.step for snapshot in monitor.snapshots] == [1, 4, 8]
    assert repr(monitor.snapshots[-1].measures()) == repr(by_hand(trainer.model.diary[-3:]))


def test_a_collapse_stops_where_asked(tmp_path):
    model = Model()
    nn.init.zeros_(model.body.weight)
    monitor = SpectrumMonitor("body", every=1, batches=1, alarm=CollapseAlarm(patience=2, stop=True))
    with pytest.warns(CollapseWarning, match="body: expected embeddings that spread"):
        trainer = trained(tmp_path, monitor, model=model, learning_rate=0.0)
    assert trainer.state.global_step == 2


def test_one_object_is_a_callback_of_every_framework_that_is_imported():
    monitor = SpectrumMonitor("body")
    assert isinstance(monitor, transformers.TrainerCallback)
    pl = pytest.importorskip("pytorch_lightning")
    assert isinstance(SpectrumMonitor("body"), transformers.TrainerCallback)
    assert isinstance(SpectrumMonitor("body"), pl.Callback)

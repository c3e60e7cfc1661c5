"""Methods under Lightning's trainer: steps, logged terms, checkpoints that load without pickles, resumption."""

import warnings

import pytest
import pytorch_lightning as pl
import torch

from gramian.ssl._data import data_facts
from gramian.ssl._methods import METHODS
from gramian.ssl._recipes import parse_recipe
from tests.ssl.methods._problem import small_recipe, views_of

STEPS = 3


def module_of(method):
    recipe = small_recipe(method, "epochs=2", "batch_size=16")
    return METHODS[method](recipe, facts=data_facts("cifar10"), steps_per_epoch=STEPS)


def batches(module):
    return [views_of(module, seed=seed, samples=16) for seed in range(STEPS)]


def fit(module, folder, *, epochs=2, precision="32-true", resume=None):
    trainer = pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        precision=precision,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        default_root_dir=folder,
        num_sanity_val_steps=0,
    )
    loader = torch.utils.data.DataLoader(batches(module), batch_size=None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.fit(module, loader, ckpt_path=resume)
    return trainer


@pytest.mark.slow
@pytest.mark.parametrize("method", sorted(METHODS))
def test_a_run_stopped_after_one_epoch_and_resumed_ends_with_the_weights_of_one_that_was_not(method, tmp_path):
    whole = module_of(method)
    fit(whole, tmp_path)
    first = module_of(method)
    fit(first, tmp_path, epochs=1).save_checkpoint(tmp_path / "first.ckpt")
    second = module_of(method)
    fit(second, tmp_path, resume=tmp_path / "first.ckpt")
    assert whole.state_dict().keys() == second.state_dict().keys()
    for name, value in whole.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name


def test_a_run_logs_its_terms_takes_every_step_and_keeps_its_recipe(tmp_path):
    module = module_of("frossl")
    trainer = fit(module, tmp_path)
    assert module.global_step == 2 * STEPS == module.total_steps
    assert {"loss", "invariance", "entropy"} <= set(trainer.logged_metrics)
    assert float(trainer.logged_metrics["loss"]) == pytest.approx(
        float(module.outputs.terms["invariance"] - 2 * module.outputs.terms["entropy"]), rel=1e-5
    )
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.0, abs=1e-12)
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    kept = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert parse_recipe(kept["recipe"]) == module.recipe
    assert kept["facts"]["classes"] == 10


@pytest.mark.parametrize("precision", ["bf16-mixed", "64-true"])
def test_a_run_in_other_precisions(precision, tmp_path):
    module = module_of("byol")
    if precision == "64-true":
        module.double()
    trainer = fit(module, tmp_path, epochs=1, precision=precision)
    assert trainer.logged_metrics["loss"].isfinite()

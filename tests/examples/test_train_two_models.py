"""The training example: its scan is transformers', its baseline is the unigram's, its text is held out, and it goes on after a stop."""

from __future__ import annotations

import importlib
import json
import math
import pydoc_data.topics
import sys
from pathlib import Path

import pytest
import torch

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def example():
    """The script as a module; it imports its neighbour by name, as it does when it is run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXAMPLES))
        yield importlib.import_module("train_two_models")


@pytest.mark.parametrize("seed", [0, 1])
def test_the_scan_has_the_values_and_gradients_of_transformers(example, seed):
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        model = example.build_mamba(64, 32)
    rows = torch.randint(0, 64, (2, 13), generator=torch.Generator().manual_seed(seed))

    def losses_and_gradients():
        model.zero_grad()
        loss = example.next_token_loss(model, rows)
        loss.backward()
        return loss.item(), {name: p.grad.clone() for name, p in model.named_parameters()}

    expected_loss, expected = losses_and_gradients()
    with example.fast_selective_scan():
        loss, found = losses_and_gradients()
    assert loss == pytest.approx(expected_loss, rel=1e-6)
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-5 * float(gradient.abs().max()) + 1e-9)


def test_the_reference_scan_is_there_again_afterwards(example):
    from transformers.models.mamba import modeling_mamba

    before = modeling_mamba.mamba_selective_scan
    with example.fast_selective_scan():
        assert modeling_mamba.mamba_selective_scan is not before
    assert modeling_mamba.mamba_selective_scan is before


def test_the_recurrence_has_the_gradient_of_finite_differences(example):
    scan = importlib.import_module("selective_scan")
    generator = torch.Generator().manual_seed(0)
    decay, drive = (torch.rand(5, 2, 3, generator=generator, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(scan.LinearRecurrence.apply, (decay, drive))


def test_unigram_perplexity_by_hand(example):
    """Counts 3 and 1, plus one each, of three words: probabilities 4/7, 2/7, 1/7; the first held-out token does not count."""
    training, heldout = torch.tensor([0, 0, 0, 1]), torch.tensor([2, 0, 1, 2])
    expected = (4 / 7 * 2 / 7 * 1 / 7) ** (-1 / 3)
    assert example.unigram_perplexity(training, heldout, vocabulary=3) == pytest.approx(expected)


def test_held_out_text_begins_with_an_article_and_is_no_training_text(example):
    articles = [f" = Title {i} = \n \n = = Section = = \n \n Text number {i} . \n \n" for i in range(20)]
    training, heldout = example.split_text("".join(articles), 0.2)
    assert training + heldout == "".join(articles)
    assert heldout.startswith(" = Title")
    assert len(heldout) <= 0.2 * len(training + heldout)


def test_checkpoints_are_powers_of_two_between_the_first_and_the_last_step(example):
    assert example.checkpoint_steps(10) == [0, 1, 2, 4, 8, 10]
    assert example.checkpoint_steps(8) == [0, 1, 2, 4, 8]


def test_heldout_loss_predicts_every_token_but_the_first(example):
    """Whatever the windows: of uniform logits each token costs log V, and a model is asked for each exactly once."""
    asked = []

    class Uniform(torch.nn.Module):
        def forward(self, input_ids, use_cache):
            asked.append(input_ids.numel())
            return type("Output", (), {"logits": torch.zeros(*input_ids.shape, 7)})

    for length in (2, 9, 10, 17, 1000):
        asked.clear()
        loss = example.heldout_loss(Uniform(), torch.zeros(length, dtype=torch.long), 8)
        assert loss == pytest.approx(math.log(7), rel=1e-6)
        assert sum(asked) == length - 1


def test_batches_depend_on_seed_and_step_alone_and_cover_an_epoch_once(example):
    settings = example.Settings(
        steps=9, batch=2, context=4, vocabulary=50, learning_rate=1e-3, warmup=1, heldout_share=0.1, seed=3
    )
    tokens = torch.arange(4 * 6 + 1)
    rows = torch.cat([example.batch_of_step(tokens, step, settings) for step in range(3)])
    assert sorted(rows[:, 0].tolist()) == [0, 4, 8, 12, 16, 20]
    assert all((row.diff() == 1).all() for row in rows)
    assert example.batch_of_step(tokens, 2, settings).equal(rows[4:])


@pytest.mark.slow
def test_a_run_leaves_checkpoints_that_load_and_a_stopped_one_goes_on(example, tmp_path, monkeypatch):
    from gramian.layers import load_model

    text = tmp_path / "text.txt"
    text.write_text("\n".join(topic for _, topic in sorted(pydoc_data.topics.topics.items())[:6]))
    monkeypatch.setattr(example, "SAVE_EVERY", 3)

    def run(out):
        options = ["--steps", "8", "--batch", "2", "--context", "16", "--vocabulary", "300", "--warmup", "2"]
        monkeypatch.setattr(sys, "argv", ["train", "--text", str(text), "--out", str(out), *options])
        return example.main()

    threads = torch.get_num_threads()
    whole = run(tmp_path / "whole")
    assert whole == 1, "eight steps are too few to beat the unigram"
    save = example.save_checkpoint

    class StopError(Exception):
        pass

    def stop_at_the_end(model, tokenizer, folder):
        if folder == tmp_path / "stopped" / "mamba" / "step-000008":
            raise StopError
        save(model, tokenizer, folder)

    monkeypatch.setattr(example, "save_checkpoint", stop_at_the_end)
    with pytest.raises(StopError):
        run(tmp_path / "stopped")
    monkeypatch.setattr(example, "save_checkpoint", save)
    assert (tmp_path / "stopped" / "mamba" / "resume.pt").exists()
    before = (tmp_path / "stopped" / "neox" / "losses.json").stat().st_mtime_ns
    run(tmp_path / "stopped")
    torch.set_num_threads(threads)
    assert (tmp_path / "stopped" / "neox" / "losses.json").stat().st_mtime_ns == before, "a finished model is kept"
    one, other = (json.loads((tmp_path / name / "losses.json").read_text()) for name in ("whole", "stopped"))
    assert one == other
    for name in ("neox", "mamba"):
        steps = [entry["step"] for entry in one["models"][name]["checkpoints"]]
        assert steps == [0, 1, 2, 4, 8]
        assert load_model(str(tmp_path / "whole" / name / "step-000008")).name == f"{name}/step-000008"
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--learning-rate", "1"])
    with pytest.raises(SystemExit, match="learning_rate differ"):
        example.main()

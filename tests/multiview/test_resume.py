"""Training through Lightning gives the plain loop's weights, and a killed one goes on to them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

pytest.importorskip("pytorch_lightning", reason="needs PyTorch Lightning: the extra `ssl`")
pytest.importorskip("sklearn", reason="needs scikit-learn")

from gramian.multiview import DiMEEncoder
from tests.multiview._digits import mixed_pairs


def encoder(out=None, **more):
    told = {"alpha": 2, "latent": 2, "batch_size": 32, "epochs": 6, "device": "cpu", "bandwidth": "learned"}
    return DiMEEncoder(**{**told, **more}, out=out)


def weights(fitted):
    return torch.cat([value.flatten().double() for value in fitted.network_.state_dict().values()])


@pytest.fixture(scope="module")
def views():
    return mixed_pairs(100)[0]


@pytest.fixture(scope="module")
def plain(views):
    return encoder().fit(views)


def test_lightning_and_the_plain_loop_take_the_same_steps(views, plain, tmp_path):
    through = encoder(tmp_path).fit(views)
    assert torch.equal(weights(through), weights(plain))
    assert list(through.history_["dime"]) == pytest.approx(list(plain.history_["dime"]), abs=1e-6)
    assert len(plain.history_["loss"]) == 6 * 3
    assert not through.resumed_


def test_more_epochs_go_on_from_fewer(views, plain, tmp_path):
    encoder(tmp_path, epochs=2).fit(views)
    more = encoder(tmp_path).fit(views)
    assert more.resumed_
    assert torch.equal(weights(more), weights(plain))
    assert len(more.history_["loss"]) == 6 * 3
    again = encoder(tmp_path).fit(views)
    assert torch.equal(weights(again), weights(plain))


def test_several_starts_have_a_directory_each_and_go_on(views, tmp_path):
    straight = encoder(n_init=2).fit(views)
    encoder(tmp_path, epochs=2, n_init=1).fit(views)  # a run of one start beside them is not in the way
    encoder(tmp_path, epochs=2, n_init=2).fit(views)
    more = encoder(tmp_path, n_init=2).fit(views)
    assert more.resumed_
    assert torch.equal(weights(more), weights(straight))
    assert list(more.start_losses_) == pytest.approx(list(straight.start_losses_), abs=1e-6)
    assert {path.name for path in tmp_path.glob("start-*")} == {"start-0", "start-1"}
    three = encoder(tmp_path, n_init=3).fit(views)
    assert three.start_losses_[:2] == pytest.approx(more.start_losses_, abs=1e-6)


PROGRAM = """
import sys, time
import torch
torch.set_num_threads(1)
from tests.multiview._digits import mixed_pairs
from tests.multiview.test_resume import encoder
encoder(sys.argv[1]).fit(mixed_pairs(100)[0], progress=lambda step: time.sleep(0.05))
"""


@pytest.mark.slow
def test_a_training_killed_with_sigkill_ends_in_the_undisturbed_weights(views, plain, tmp_path):
    checkpoint = tmp_path / "checkpoints" / "last.ckpt"
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    while process.poll() is None and not checkpoint.exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    rest = encoder(tmp_path).fit(views)
    assert rest.resumed_
    assert torch.equal(weights(rest), weights(plain))


def test_independence_matters_to_a_run_with_exclusive_codes_alone(views, tmp_path):
    encoder(tmp_path / "shared", epochs=1, independence=0.0).fit(views)
    assert encoder(tmp_path / "shared", epochs=1, independence=1.0).fit(views).resumed_
    encoder(tmp_path / "both", epochs=1, exclusive=1, independence=0.0).fit(views)
    with pytest.raises(ValueError, match=r"out: expected a directory of a fit with independence=1.0; got 0.0 in"):
        encoder(tmp_path / "both", epochs=1, exclusive=1).fit(views)


def test_runs_from_before_the_term_of_independence_had_none(tmp_path):
    from gramian.multiview._lightning import _refuse_others

    before = {"lr": "0.001"}
    _refuse_others(before, {**before, "independence": "0.0"}, tmp_path)
    with pytest.raises(ValueError, match=r"independence=1\.0; got 0\.0 in"):
        _refuse_others(before, {**before, "independence": "1.0"}, tmp_path)


def test_a_directory_of_other_settings_or_views_is_refused(views, tmp_path):
    encoder(tmp_path, epochs=1).fit(views)
    with pytest.raises(ValueError, match=r"out: expected a directory of a fit with lr=0.5; got 0.001 in"):
        encoder(tmp_path, lr=0.5).fit(views)
    with pytest.raises(ValueError, match="out: expected a directory of a fit with views="):
        encoder(tmp_path).fit([view + 1 for view in views])
    with pytest.raises(ValueError, match="epochs: expected at least the 2 of the checkpoint; got 1"):
        encoder(tmp_path, epochs=2).fit(views) and encoder(tmp_path, epochs=1).fit(views)

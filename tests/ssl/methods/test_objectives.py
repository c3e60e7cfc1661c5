"""What each objective is where it can be worked out by hand, and how it stands to lightly's."""

import math

import numpy as np
import pytest
import torch
from lightly.loss import MMCRLoss
from torch.nn.functional import normalize

from gramian.ssl import frossl_loss
from gramian.ssl._methods.mmcr import mmcr_loss
from tests.ssl.methods._problem import small_module, views_of

N, D = 32, 8


def embeddings(count=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(N, D, generator=generator, dtype=torch.float64) for _ in range(count)]


def loss_of(module, given, slow=None):
    """The objective of given outputs of the projector (and of the averaged one), without any network."""
    if slow is not None:
        module.slow_embeddings = lambda views: slow
    loss, _ = module.double().objective([torch.zeros(N, 3, 4, 4)] * len(given), given)
    return float(loss.detach())


def collapsed(count=2):
    return [torch.ones(N, D, dtype=torch.float64)] * count


def cosine(a, b):
    return float((normalize(a) * normalize(b)).sum(dim=1).mean())


def test_frossl_is_the_loss_of_the_library_and_logs_its_terms():
    module = small_module("frossl", "settings.invariance_weight=1.4", "settings.normalization=standardized")
    given = embeddings(2)
    loss, terms = module.objective([], given)
    assert loss == frossl_loss(given, invariance_weight=1.4, normalization="standardized")
    assert loss == pytest.approx(float(1.4 * terms["invariance"] - 2 * terms["entropy"]))


def test_frossl_of_collapsed_views_is_zero():
    assert loss_of(small_module("frossl"), collapsed()) == pytest.approx(0.0, abs=1e-12)


def test_simclr_of_collapsed_views_is_log_of_the_other_samples():
    assert loss_of(small_module("simclr"), collapsed()) == pytest.approx(math.log(2 * N - 1))


def test_simclr_is_nt_xent_by_its_definition():
    given = embeddings()
    z = normalize(torch.cat(given)).numpy()
    scores = z @ z.T / 0.2
    np.fill_diagonal(scores, -np.inf)
    partner = (np.arange(2 * N) + N) % (2 * N)
    expected = np.mean(np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(2 * N), partner])
    assert loss_of(small_module("simclr"), given) == pytest.approx(expected)


def test_moco_of_collapsed_views_and_queue_is_log_of_the_candidates():
    module = small_module("moco")
    for criterion in module.criteria:
        criterion.memory_bank.bank = normalize(torch.ones(64, D, dtype=torch.float64))
    assert loss_of(module, collapsed(), collapsed()) == pytest.approx(math.log(1 + 64))


def test_moco_scores_each_view_against_the_key_of_the_other_and_its_queue():
    module = small_module("moco").double()
    queues = [criterion.memory_bank.bank.clone().numpy() for criterion in module.criteria]
    given, keys = embeddings(), embeddings(seed=1)
    expected = 0.0
    for query, key, queue in zip(given, keys[::-1], queues, strict=True):
        q, k = normalize(query).numpy(), normalize(key).numpy()
        positive, negative = (q * k).sum(axis=1) / 0.2, q @ queue.T / 0.2
        expected += np.mean(np.log(np.exp(positive) + np.exp(negative).sum(axis=1)) - positive) / 2
    assert loss_of(module, given, keys) == pytest.approx(expected)


def test_byol_sums_both_directions_of_two_minus_two_cosines():
    module = small_module("byol")
    module.predictor = torch.nn.Identity()
    given, slow = embeddings(), embeddings(seed=1)
    expected = (2 - 2 * cosine(given[0], slow[1])) + (2 - 2 * cosine(given[1], slow[0]))
    assert loss_of(module, given, slow) == pytest.approx(expected)
    assert loss_of(module, given, given[::-1]) == pytest.approx(0.0, abs=1e-12)


def test_simsiam_is_minus_the_mean_cosine_with_the_other_view():
    module = small_module("simsiam")
    module.predictor = torch.nn.Identity()
    given = embeddings()
    assert loss_of(module, given) == pytest.approx(-cosine(*given))
    assert loss_of(module, collapsed()) == pytest.approx(-1.0)


def test_simsiam_takes_no_gradient_through_the_target():
    module = small_module("simsiam").double()
    module.predictor = torch.nn.Identity()
    given = [z.requires_grad_() for z in embeddings()]
    loss, _ = module.objective([], given)
    gradients = torch.autograd.grad(loss, given)
    for own, other, gradient in zip(given, given[::-1], gradients, strict=True):
        alone = own.detach().requires_grad_()
        cos = -(normalize(alone) * normalize(other.detach())).sum(dim=1).mean() / 2
        torch.testing.assert_close(gradient, torch.autograd.grad(cos, alone)[0])


def test_swav_of_prototypes_that_say_nothing_is_log_of_their_number():
    module = small_module("swav")
    module.prototypes.heads[0].weight.data.zero_()
    assert loss_of(module, embeddings()) == pytest.approx(math.log(12))


def test_swav_prototypes_have_no_bias_and_unit_length():
    module = small_module("swav")
    module.prototypes.heads[0].weight.data.mul_(3)
    module.advance()
    assert module.prototypes.heads[0].bias is None
    lengths = module.prototypes.heads[0].weight.norm(dim=1)
    torch.testing.assert_close(lengths, torch.ones(12))


def test_dino_of_outputs_that_say_nothing_is_log_of_their_number():
    module = small_module("dino")
    flat = [torch.zeros(N, 24, dtype=torch.float64)] * 2
    assert loss_of(module, flat, flat) == pytest.approx(math.log(24))


def test_dino_is_the_cross_entropy_of_sharpened_centred_targets():
    module = small_module("dino", "settings.teacher_temperature=0.06").double()
    generator = torch.Generator().manual_seed(0)
    student, teacher = ([torch.randn(N, 24, generator=generator, dtype=torch.float64) for _ in range(2)] for _ in "ab")
    module.criterion.center = torch.randn(1, 1, 24, generator=generator, dtype=torch.float64)
    centre = module.criterion.center[0].clone()
    expected = 0.0
    for own, target in zip(student, teacher[::-1], strict=True):
        sharp = ((target - centre) / 0.06).softmax(dim=1)
        expected -= float((sharp * (own / 0.1).log_softmax(dim=1)).sum(dim=1).mean()) / 2
    assert loss_of(module, student, teacher) == pytest.approx(expected)


def test_barlow_of_uncorrelated_features_in_equal_views_is_zero_and_of_collapse_the_number_of_features():
    orthogonal = torch.linalg.qr(torch.randn(N, D + 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))
    basis = torch.cat([torch.ones(N, 1, dtype=torch.float64), orthogonal.Q[:, :D]], dim=1)
    flat = torch.linalg.qr(basis).Q[:, 1:]  # columns without mean, at right angles
    assert loss_of(small_module("barlow"), [flat * 9] * 2) == pytest.approx(0.0, abs=1e-4)
    assert loss_of(small_module("barlow"), collapsed()) == pytest.approx(0.1 * D)


def test_barlow_by_its_definition():
    given = embeddings()
    a, b = (((z - z.mean(dim=0)) / z.std(dim=0, correction=0)).numpy() for z in given)
    correlation = a.T @ b / N
    off = correlation - np.diag(np.diag(correlation))
    expected = 0.1 * (np.sum((np.diag(correlation) - 1) ** 2) + 5e-3 * np.sum(off**2))
    assert loss_of(small_module("barlow"), given) == pytest.approx(expected, rel=1e-4)


def test_vicreg_by_its_definition_and_of_collapse_the_variance_alone():
    module = small_module("vicreg")
    given = embeddings()
    a, b = (z.numpy() for z in given)
    expected = 25 * np.mean((a - b) ** 2)
    for z in (a, b):
        expected += 50 * 0.5 * np.mean(np.maximum(0, 1 - np.sqrt(z.var(axis=0, ddof=1) + 1e-4)))
        covariance = np.cov(z.T)
        expected += (np.sum(covariance**2) - np.sum(np.diag(covariance) ** 2)) / D
    assert loss_of(module, given) == pytest.approx(expected)
    assert loss_of(module, collapsed()) == pytest.approx(50 * 0.99)


def test_wmse_of_equal_views_is_zero_and_of_opposite_ones_four():
    module = small_module("wmse")
    (given,) = embeddings(1)
    assert loss_of(module, [given, given]) == pytest.approx(0.0, abs=1e-6)
    assert loss_of(module, [given, -given]) == pytest.approx(4.0, abs=1e-6)


def test_wmse_refuses_collapsed_views_and_batches_that_slices_do_not_fit():
    module = small_module("wmse")
    with pytest.raises(ValueError, match="embeddings: expected a covariance of full rank to whiten"):
        loss_of(module, [torch.zeros(N, D, dtype=torch.float64)] * 2)
    with pytest.raises(ValueError, match=r"that 16 \(settings.whitening_size\) divides; got 20"):
        loss_of(module, [z[:20] for z in embeddings()])
    with pytest.raises(ValueError, match=r"settings\.whitening_size: expected at least 16, .*; got 8"):
        small_module("wmse", "settings.whitening_size=8")


def test_mmcr_of_centroids_at_right_angles_is_minus_their_number_and_of_collapse_minus_its_root():
    basis = [torch.eye(D, dtype=torch.float64)] * 2
    assert float(mmcr_loss(basis)) == pytest.approx(-D)
    assert loss_of(small_module("mmcr"), collapsed()) == pytest.approx(-math.sqrt(N))


@pytest.mark.parametrize("weight", [0.0, 0.05])
def test_mmcr_is_lightly_s_loss_of_rows_of_length_one(weight):
    """Its momentum network's views are views like others: with four, two of them stand for that network's."""
    views = embeddings(4)
    unit = [normalize(view) for view in views]
    theirs = MMCRLoss(lmda=weight)(torch.stack(unit[:2], dim=1), torch.stack(unit[2:], dim=1))
    assert float(mmcr_loss(views, local_weight=weight)) == pytest.approx(float(theirs))


def test_mmcr_with_a_momentum_network_adds_its_views():
    module = small_module("mmcr", "settings.momentum=0.99")
    given, slow = embeddings(), embeddings(seed=1)
    assert loss_of(module, given, slow) == pytest.approx(float(mmcr_loss([*given, *slow])))
    plain = small_module("mmcr")
    assert not any(name.startswith("slow") for name, _ in plain.named_parameters())
    plain.advance()
    assert plain.compute_loss(*views_of(plain))[0].isfinite()

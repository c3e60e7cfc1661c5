"""The study of paired views, small: its views are what they are said to be, its rivals have their closed forms, DiME learns."""

import numpy as np
import pytest
import torch

pytest.importorskip("sklearn", reason="needs scikit-learn")

from sklearn.cross_decomposition import CCA

from tests.studies._paired_views import Images, batches, digits, held_out, noisy, others_of_the_class, paired, rotated
from tests.studies._view_encoders import LINEAR_CCA, UNTRAINED, Budget, measured, participation, trained
from tests.studies._view_objectives import linear_cca, objective, total_correlation, whitened


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def correlated(n=300, seed=0):
    """Two views whose canonical correlations in the sample are known: uncorrelated columns, mixed by invertible matrices."""
    rng = np.random.default_rng(seed)
    raw = rng.normal(size=(n, 6))
    white = np.linalg.qr(raw - raw.mean(0))[0] * np.sqrt(n - 1)
    correlations = np.array([0.9, 0.6, 0.2])
    first, second = white[:, :3], white[:, :3] * correlations + white[:, 3:6] * np.sqrt(1 - correlations**2)
    return first @ rng.normal(size=(3, 3)) + 5, second @ rng.normal(size=(3, 3)) - 2, correlations


def test_a_quarter_turn_is_that_of_the_array():
    pixels = torch.rand(3, 1, 8, 8, generator=generator())
    turned = rotated(pixels, torch.tensor([0.0, 90.0, -90.0]))
    for image, before, times in zip(turned, pixels, (0, 1, -1), strict=True):
        torch.testing.assert_close(image, torch.rot90(before, times, (-2, -1)), atol=1e-5, rtol=0)


def test_angles_reach_45_degrees_either_way_and_no_further():
    bar = torch.zeros(400, 1, 15, 15)
    bar[:, :, 7, :] = 1
    view = paired(Images(bar, torch.zeros(400, dtype=torch.int64)), seed=0).views[0][:, 0]
    assert bool((view[:, 0, 7] < 0.01).all())  # never upright, where the bar would reach the top
    corners = view[:, 2, 2] + view[:, 2, 12]
    assert float(corners.max()) > 0.9
    assert float(corners.min()) == 0.0
    assert bool((view[:, 2, 2] > 0.5).any())
    assert bool((view[:, 2, 12] > 0.5).any())


def test_noise_adds_up_to_one_and_is_clamped():
    black, white = torch.zeros(1, 1, 40, 40), torch.ones(1, 1, 40, 40)
    assert bool((noisy(white, generator()) == 1).all())
    noise = noisy(black, generator())
    assert float(noise.min()) >= 0
    assert float(noise.max()) <= 1
    assert float(noise.mean()) == pytest.approx(0.5, abs=0.03)


def test_partners_are_of_the_class_and_another_image():
    labels = torch.arange(60) % 4
    partners = others_of_the_class(labels, generator())
    assert torch.equal(labels[partners], labels)
    assert bool((partners != torch.arange(60)).all())
    assert torch.equal(partners.sort()[0], torch.arange(60))


def test_batches_are_full_seeded_and_drawn_anew():
    images = digits()[0].rows(torch.arange(100))
    found, again = (list(batches(images, size=40, steps=5, seed=3)) for _ in range(2))
    assert [len(pairs.labels) for pairs in found] == [40] * 5
    assert all(torch.equal(a.views[1], b.views[1]) for a, b in zip(found, again, strict=True))
    assert not torch.equal(found[0].views[1], found[2].views[1])


def test_nothing_tested_on_is_learned_from():
    learn, test = digits()
    fit, validation = held_out(learn, 300)
    assert [len(part.labels) for part in (learn, test, fit, validation)] == [1297, 500, 997, 300]
    rows = torch.cat([part.pixels.flatten(1) for part in (fit, validation, test)])
    assert len(rows.unique(dim=0)) == 997 + 300 + 500


def test_total_correlation_is_the_sum_of_the_canonical_correlations():
    x, y, expected = correlated()
    found = total_correlation(*map(torch.from_numpy, (x, y)), ridge=0.0).item()
    assert found == pytest.approx(expected.sum(), abs=1e-9)
    coded = CCA(n_components=3, scale=False, max_iter=10_000, tol=1e-12).fit(x, y).transform(x, y)
    reference = [np.corrcoef(a, b)[0, 1] for a, b in zip(coded[0].T, coded[1].T, strict=True)]
    assert found == pytest.approx(sum(reference), abs=1e-5)


def test_a_ridge_of_the_variance_halves_total_correlation():
    """Covariances over n - 1 are I, so I + 1 I on either side divides each correlation by two."""
    x, y, expected = correlated()
    white = [torch.from_numpy(np.linalg.qr(view - view.mean(0))[0] * np.sqrt(len(view) - 1)) for view in (x, y)]
    assert total_correlation(*white, ridge=1.0).item() == pytest.approx(expected.sum() / 2, abs=1e-9)


def test_whitened_codes_have_covariance_one():
    x, _, _ = correlated(100)
    np.testing.assert_allclose(np.cov(whitened(torch.from_numpy(x), ridge=0.0).numpy().T), np.eye(3), atol=1e-9)


def test_total_correlation_has_the_gradient_of_finite_differences():
    views = [torch.from_numpy(view[:12]).requires_grad_() for view in correlated()[:2]]
    assert torch.autograd.gradcheck(lambda *given: total_correlation(*given, ridge=0.1), views)


def test_linear_cca_has_the_correlations_of_its_codes_and_uncorrelated_columns():
    x, y, expected = correlated()
    left, right, found = linear_cca(x, y, latent=2, ridge=0.0)
    np.testing.assert_allclose(found, expected[:2], atol=1e-9)
    codes = left(x), right(y)
    np.testing.assert_allclose(codes[0].T @ codes[1] / (len(x) - 1), np.diag(expected[:2]), atol=1e-9)
    for code in codes:
        np.testing.assert_allclose(np.cov(code.T), np.eye(2), atol=1e-9)


def test_what_rivals_call_perfect():
    """A turned copy for CKA and deep CCA, the copy itself for Barlow Twins and, on separate unit vectors, for InfoNCE."""
    pytest.importorskip("lightly", reason="needs lightly")
    x = torch.from_numpy(correlated()[0])
    turn = torch.linalg.qr(torch.randn(3, 3, generator=generator(), dtype=torch.float64))[0]
    assert objective("CKA", latent=3, seed=0)([x, 4 * x @ turn + 1]).item() == pytest.approx(0, abs=1e-9)
    assert objective("deep CCA", latent=3, seed=0, ridge=0.0)([x, x @ turn]).item() == pytest.approx(-3, abs=1e-9)
    white = torch.linalg.qr(x - x.mean(0))[0]
    assert objective("Barlow Twins", latent=3, seed=0)([white, white]).item() == pytest.approx(0, abs=1e-4)
    assert objective("Barlow Twins", latent=3, seed=0)([white, white.flip(1)]).item() > 1
    separate = torch.eye(12, dtype=torch.float64)
    assert objective("InfoNCE", latent=12, seed=0, temperature=0.05)([separate, separate]).item() < 1e-6


def test_participation_counts_the_directions():
    square = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
    assert participation(square) == pytest.approx(2)
    assert participation(square * [1, 1e-6]) == pytest.approx(1)


@pytest.mark.parametrize("name", ["DiME", "deep CCA", "InfoNCE", "CKA", "supervised"])
def test_a_few_steps_bring_digits_further_than_first_weights(name):
    learn, test = digits()
    budget = Budget(steps=15, batch=250, copies=1)
    told = {"latent": 5, "seed": 0, "budget": budget}
    more = {"alpha": 2} if name.startswith("DiME") else {}
    first = measured(UNTRAINED, learn, test, **told)["accuracy"]
    found = measured(name, learn, test, lr=0.01, **told, **more)["accuracy"]
    assert found[0] > first[0] + 0.05
    assert found[1] > first[1] + 0.05


def test_all_objectives_start_from_the_same_weights():
    learn, _ = digits()
    budget = Budget(steps=1, batch=250, copies=1)
    told = {"latent": 4, "seed": 7, "budget": budget}
    first = trained(UNTRAINED, learn, **told).encoders
    for name in ("DiME", "supervised"):
        for one, other in zip(first, trained(name, learn, lr=1e-12, **told).encoders, strict=True):
            for before, after in zip(one.parameters(), other.parameters(), strict=True):
                torch.testing.assert_close(before, after, atol=1e-9, rtol=0)


def test_another_start_has_other_weights_and_a_loss_of_its_own():
    learn, _ = digits()
    told = {"latent": 4, "seed": 7, "budget": Budget(steps=2, batch=250, copies=1), "lr": 0.001}
    first, again, other = (trained("CKA", learn, start=start, **told) for start in (0, 0, 1))
    assert first.loss == again.loss != other.loss


def test_linear_cca_reads_digits():
    found = measured(LINEAR_CCA, *digits(), latent=9, seed=0, budget=Budget(0, 0, 1), ridge=0.3)["accuracy"]
    assert found[0] > 0.7
    assert found[1] > 0.55

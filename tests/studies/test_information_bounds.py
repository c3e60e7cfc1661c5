"""The rivals of the information staircase against what is known of them in closed form."""

import math

import pytest
import torch
from torch import nn

from tests.studies import _information_bounds as bounds

LOG_64 = math.log(64)


def _pairs(n, information, dimension=20, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x, y = bounds.correlated_pairs(n, information, generator=generator, dimension=dimension)
    return x.double(), y.double()


def _best(n, information, dimension=20, seed=0):
    return bounds.log_ratio(*_pairs(n, information, dimension, seed), bounds.correlation(information, dimension))


@pytest.mark.parametrize("information", [0.5, 2.0, 10.0])
def test_the_best_critic_averages_to_the_information(information):
    scores = _best(400, information).diagonal()
    assert scores.mean().item() == pytest.approx(information, abs=4 * scores.std().item() / math.sqrt(400))


def test_the_best_critic_is_the_ratio_of_normal_densities():
    x, y = _pairs(4, 1.0, dimension=1)
    rho = bounds.correlation(1.0, 1)
    normal = torch.distributions.Normal
    expected = normal(rho * x, math.sqrt(1 - rho**2)).log_prob(y.T) - normal(0.0, 1.0).log_prob(y.T)
    torch.testing.assert_close(bounds.log_ratio(x, y, rho), expected)


@pytest.mark.parametrize("estimate", [bounds.infonce, bounds.smile, bounds.club, lambda scores: bounds.nwj(scores + 1)])
def test_a_critic_that_tells_nothing_apart_finds_nothing(estimate):
    assert estimate(torch.zeros(8, 8)).item() == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("information", [2.0, 6.0, 10.0, 40.0])
def test_infonce_never_exceeds_the_logarithm_of_the_batch(information):
    value = bounds.infonce(_best(64, information)).item()
    assert 0 < value <= LOG_64
    assert bounds.infonce(1e3 * torch.eye(64)).item() == pytest.approx(LOG_64)


def test_with_the_best_critic_bounds_lie_near_the_information():
    scores = _best(1500, 0.5, dimension=2)
    assert bounds.infonce(scores).item() == pytest.approx(0.5, abs=0.06)
    assert bounds.nwj(scores + 1).item() == pytest.approx(0.5, abs=0.06)
    assert bounds.smile(scores).item() == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize(("scale", "shift"), [(0.7, 0.0), (1.3, 0.0), (1.0, 0.5), (1.0, -0.5)])
def test_no_other_critic_has_more_of_jensen_and_shannon(scale, shift):
    scores = _best(1500, 0.5, dimension=2)
    assert bounds.jensen_shannon(scale * scores + shift) < bounds.jensen_shannon(scores)
    assert bounds.nwj(scale * scores + shift + 1) < bounds.nwj(scores + 1)


def test_smile_clips_scores_of_unpaired_samples_alone():
    assert bounds.smile(torch.full((6, 6), 7.0), 5.0).item() == pytest.approx(7 - 5)
    assert bounds.smile(torch.full((6, 6), -9.0), 5.0).item() == pytest.approx(-9 + 5)
    scores = _best(64, 6.0)
    assert bounds.smile(scores + 3, math.inf).item() == pytest.approx(bounds.smile(scores, math.inf).item())


@pytest.mark.parametrize("information", [2.0, 10.0])
def test_club_of_the_true_conditional_is_above_the_information(information):
    rho = bounds.correlation(information)
    x, y = _pairs(1000, information)
    densities = -0.5 * (y[None] - rho * x[:, None]).square().sum(-1) / (1 - rho**2)
    # Each coordinate adds the odds of its squared correlation.
    expected = 20 * rho**2 / (1 - rho**2)
    assert bounds.club(densities).item() == pytest.approx(expected, rel=0.05)
    assert expected > information


def test_a_cube_keeps_the_pairs():
    plain, cubed = (
        bounds.correlated_pairs(5, 2.0, generator=torch.Generator().manual_seed(1), cubed=cubed)
        for cubed in (False, True)
    )
    torch.testing.assert_close(plain[0], cubed[0])
    torch.testing.assert_close(plain[1] ** 3, cubed[1])


def test_the_critic_is_a_perceptron_on_both_side_by_side():
    torch.manual_seed(0)
    critic = bounds.ConcatCritic(dimension=3, hidden=16)
    first = nn.Linear(6, 16)
    with torch.no_grad():
        first.weight.copy_(torch.cat([critic.of_x.weight, critic.of_y.weight], 1))
        first.bias.copy_(critic.of_x.bias)
    plain = nn.Sequential(first, nn.ReLU(), critic.second, nn.ReLU(), critic.last)
    x, y = torch.randn(2, 5, 3)
    expected = plain(torch.cat([x[:, None].expand(5, 5, 3), y[None].expand(5, 5, 3)], -1))[..., 0]
    torch.testing.assert_close(critic(x, y), expected)
    critic.half = True
    torch.testing.assert_close(critic(x, y), expected, atol=0.01, rtol=0.01)


def test_the_conditional_is_a_normal_density_less_a_constant():
    torch.manual_seed(0)
    conditional = bounds.GaussianConditional(dimension=3, hidden=8)
    x, y = torch.randn(2, 5, 3)
    inside = conditional.body(x)
    deviation = (0.5 * torch.tanh(conditional.log_variance(inside))).exp()
    normal = torch.distributions.Normal(conditional.mean(inside)[:, None], deviation[:, None])
    expected = normal.log_prob(y[None].expand(5, 5, 3)).sum(-1) + 1.5 * math.log(2 * math.pi)
    torch.testing.assert_close(conditional(x, y), expected)

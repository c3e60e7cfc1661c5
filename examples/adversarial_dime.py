"""A small adversarial game without logits: DiME of labels and features against the entropy that the features leave of the labels.

Labels say which samples are real. The discriminator is a map to features trained to maximise DiME between the label kernel and the
Gram of the features; the generator takes up to `--inner` steps on the conditional entropy S(labels | features), until it exceeds
DiME. The data are eight Gaussians on a ring, on which a generator that collapses shows at once.

    python examples/adversarial_dime.py --seed 0

Source: the appendix of [skean2023]; the ring, the networks and the rates are ours.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import gramian as gm

MODES, RADIUS, SPREAD = 8, 2.0, 0.1
# Order 2 needs no eigenvalues.
ALPHA = 2
NOISE, HIDDEN, FEATURES = 8, 128, 16
# Samples of each kind a step; rates of Adam for the generator and the discriminator.
BATCH, LR_GENERATOR, LR_DISCRIMINATOR, BETAS = 128, 1e-3, 1e-3, (0.5, 0.9)
# Weights of the generator are averaged, for the game goes round its end rather than into it.
AVERAGE = 0.99
# A sample is good within this many deviations of its mode, a mode covered with this share of all samples.
NEAR, SHARE = 3.0, 0.01


class Coverage(NamedTuple):
    """Of samples: how many modes they cover, and the share of those near one."""

    modes: int
    good: float


def ring(count: int, generator: torch.Generator) -> Tensor:
    """Samples ``(count, 2)`` of the eight Gaussians."""
    place = torch.randint(MODES, (count,), generator=generator)
    return _centres()[place] + SPREAD * torch.randn(count, 2, generator=generator)


def _centres() -> Tensor:
    angle = 2 * torch.pi * torch.arange(MODES) / MODES
    return RADIUS * torch.stack([angle.cos(), angle.sin()], 1)


def coverage(samples: Tensor) -> Coverage:
    """What of the ring the samples cover."""
    distance, nearest = torch.cdist(samples, _centres()).min(1)
    good = distance <= NEAR * SPREAD
    counts = torch.bincount(nearest[good], minlength=MODES)
    return Coverage(int((counts >= SHARE * len(samples)).sum()), float(good.float().mean()))


def label_entropy(gram_labels: Tensor, features: Tensor) -> Tensor:
    """S(labels | features), nats: what the generator maximises."""
    return gm.conditional_entropy(gram_labels, _feature_gram(features), alpha=ALPHA)


def _feature_gram(features: Tensor) -> Tensor:
    return gm.laplacian_kernel(features, bandwidth="dimension")


def _mlp(inputs: int, outputs: int) -> nn.Sequential:
    layers = (nn.Linear(inputs, HIDDEN), nn.LeakyReLU(0.2), nn.Linear(HIDDEN, HIDDEN), nn.LeakyReLU(0.2))
    return nn.Sequential(*layers, nn.Linear(HIDDEN, outputs))


def train(
    *,
    steps: int = 1500,
    inner: int = 5,
    seed: int = 0,
    progress: Callable[[int, float, float, Coverage], None] | None = None,
) -> Callable[[int], Tensor]:
    """Play the game.

    Args:
        steps: of the discriminator.
        inner: steps of the generator after each, at most.
        seed: of weights, data and permutations.
        progress: called at every hundredth step with its number, DiME, the conditional entropy and the coverage of 2,000 samples.

    Returns:
        A function from a number to so many samples ``(n, 2)``.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        maker, critic = _mlp(NOISE, 2), _mlp(2, FEATURES)
    averaged = AveragedModel(maker, multi_avg_fn=get_ema_multi_avg_fn(AVERAGE))
    draws = torch.Generator().manual_seed(seed)
    for_maker = torch.optim.Adam(maker.parameters(), lr=LR_GENERATOR, betas=BETAS)
    for_critic = torch.optim.Adam(critic.parameters(), lr=LR_DISCRIMINATOR, betas=BETAS)
    decays = [torch.optim.lr_scheduler.LinearLR(one, 1.0, 0.05, steps) for one in (for_maker, for_critic)]
    gram_labels = gm.label_kernel(torch.arange(2).repeat_interleave(BATCH)).float()

    def noise(count: int) -> Tensor:
        return torch.randn(count, NOISE, generator=draws)

    def samples(count: int) -> Tensor:
        with torch.no_grad():
            made: Tensor = averaged(noise(count))
        return made

    for step in range(steps):
        real = ring(BATCH, draws)
        told = critic(torch.cat([real, maker(noise(BATCH)).detach()]))
        dependence = gm.dime(gram_labels, _feature_gram(told), alpha=ALPHA, permutations=1, seed=draws)
        for_critic.zero_grad()
        (-dependence).backward()
        for_critic.step()
        for _ in range(inner):
            entropy = label_entropy(gram_labels, critic(torch.cat([real, maker(noise(BATCH))])))
            for_maker.zero_grad()
            (-entropy).backward()
            for_maker.step()
            averaged.update_parameters(maker)
            if entropy > dependence:
                break
        for rates in decays:
            rates.step()
        if progress is not None and (step + 1) % 100 == 0:
            progress(step + 1, dependence.item(), entropy.item(), coverage(samples(2000)))
    return samples


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, and print what is covered on the way and at the end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--inner", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    told = parser.parse_args(arguments)

    def show(step: int, dependence: float, entropy: float, found: Coverage) -> None:
        print(
            f"step {step:5}  DiME {dependence:6.3f}  S(labels | features) {entropy:6.3f}  "
            f"modes {found.modes} of {MODES}  good samples {found.good:.1%}",
            flush=True,
        )

    samples = train(steps=told.steps, inner=told.inner, seed=told.seed, progress=show)
    found, of_data = coverage(samples(5000)), coverage(ring(5000, torch.Generator().manual_seed(told.seed)))
    print(f"{found.modes} of {MODES} modes covered; {found.good:.1%} good samples, {of_data.good:.1%} of the data.")


if __name__ == "__main__":
    main()

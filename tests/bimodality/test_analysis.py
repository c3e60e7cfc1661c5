"""A planted two-mode corpus is flagged and its cause named; a unimodal one is not."""

import json

import numpy as np
import pyarrow as pa
import pytest

from gramian.bimodality import find_modes, sentences, to_document
from gramian.cli._app import main
from gramian.layers import measure
from gramian.layers._corpus import load_corpus
from gramian.runs import RunDirectory
from tests.layers._tiny import save_tiny

WORDS = [
    "river",
    "stone",
    "light",
    "window",
    "garden",
    "music",
    "paper",
    "summer",
    "winter",
    "bridge",
    "castle",
    "doctor",
    "engine",
    "forest",
    "guitar",
    "harbour",
]


def write_run(folder, values, *, tokens=None, labels=None, texts=None, model=("m",)):
    """A run with given per-prompt values: `(layers, prompts)`."""
    layers, count = values.shape
    texts = texts or [f"prompt number {i}" for i in range(count)]
    with RunDirectory.open(folder, command="measure", parameters={}) as run:
        tables = [
            pa.table(
                {
                    "model": [name] * count,
                    "revision": [""] * count,
                    "corpus": ["c"] * count,
                    "condition": ["natural"] * count,
                    "prompt": pa.array(range(count), pa.int32()),
                    "layer": pa.array([layer] * count, pa.int32()),
                    "stream": ["residual"] * count,
                    "measure": ["prompt_entropy"] * count,
                    "variant": ["alpha=1;norm=raw;tokens=no_first"] * count,
                    "value": values[layer],
                }
            )
            for name in model
            for layer in range(layers)
        ]
        run.write_table("prompts", tables)
        of_texts = {
            "prompt": pa.array(range(count), pa.int32()),
            "id": [f"{i:016x}" for i in range(count)],
            "text": texts,
            "tokens": pa.array(tokens if tokens is not None else [9] * count, pa.int32()),
            "label": pa.array(labels or [None] * count, pa.string()),
        }
        run.write_table("texts", [pa.table(of_texts)])
        run.finish()
    return folder


def two_modes(generator, upper):
    return np.where(upper, 4.0, 1.0) + generator.normal(0, 0.3, len(upper))


def test_planted_modes_are_flagged_at_their_layer_and_the_planted_cause_comes_first(tmp_path):
    generator = np.random.default_rng(0)
    upper = generator.random(120) < 0.4
    values = np.stack([generator.normal(size=120), two_modes(generator, upper), generator.normal(size=120)])
    tokens = np.where(upper, 90, 30) + generator.integers(-5, 5, 120)
    labels = generator.choice(["news", "code"], 120).tolist()
    result = find_modes(write_run(tmp_path / "run", values, tokens=tokens, labels=labels))
    assert [layer.layer for layer in result.flagged] == [1]
    planted = result.flagged[0]
    assert planted.mixture.means == pytest.approx((1, 4), abs=0.2)
    cause, corrected = planted.separations[0]
    assert (cause.feature, cause.effect) == ("length", pytest.approx(1, abs=0.02))
    assert corrected < 0.001
    assert {one.feature for one, p in planted.separations if p <= 0.05} == {"length"}
    assert any("length in tokens" in sentence for sentence in sentences(result))


def test_unimodal_values_are_not_flagged_and_the_sentence_says_so(tmp_path):
    values = np.random.default_rng(1).normal(size=(8, 200))
    result = find_modes(write_run(tmp_path / "run", values))
    assert result.flagged == ()
    assert sentences(result)[0].startswith("No layer has two modes of prompt entropy: of 8 streams with 200 prompts")
    assert all(layer.separations == () for layer in result.layers)


def test_false_flags_stay_below_the_level_over_layers_that_repeat_each_other(tmp_path):
    """200 runs of 10 nearly equal uniform layers, the least favourable null: at most 5 % of the runs have any flag."""
    from gramian.bimodality import dip_test
    from gramian.bimodality._dip import holm

    generator = np.random.default_rng(2)
    flagged = 0
    for _ in range(200):
        base = generator.random(40)
        layers = [base + generator.normal(0, 1e-3, 40) for _ in range(10)]
        flagged += bool((holm(dip_test(layers, resamples=999).pvalues) <= 0.05).any())
    assert flagged / 200 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


def test_a_cause_that_is_not_among_the_properties_is_not_invented(tmp_path):
    generator = np.random.default_rng(3)
    upper = generator.random(100) < 0.5
    values = two_modes(generator, upper)[None]
    result = find_modes(write_run(tmp_path / "run", values, tokens=generator.integers(20, 60, 100)))
    assert len(result.flagged) == 1
    assert sentences(result)[-1].startswith("None of the properties looked at separates the modes")


def test_overlap_with_the_training_corpus_is_found(tmp_path):
    generator = np.random.default_rng(4)
    upper = np.arange(80) < 40
    texts = [" ".join(generator.permutation(WORDS)) for _ in range(80)]
    run = write_run(tmp_path / "run", two_modes(generator, upper)[None], texts=texts)
    result = find_modes(run, training=texts[:40], ngram=4)
    assert result.flagged[0].separations[0][0].feature == "overlap"


def test_full_texts_replace_the_excerpts(tmp_path):
    generator = np.random.default_rng(5)
    texts = [("word " * 100)[:400]] * 60
    run = write_run(tmp_path / "run", two_modes(generator, np.arange(60) < 30)[None], texts=texts)
    noted = find_modes(run)
    assert any("60 of 60 longer prompts" in note for note in noted.notes)
    whole = {f"{i:016x}": " ".join(WORDS) if i < 30 else "same same same" for i in range(60)}
    result = find_modes(run, texts=whole)
    assert result.notes == ()
    assert result.flagged[0].separations[0][0].feature == "repetition"
    with pytest.raises(ValueError, match=r"corpus: expected the text of every prompt .* got none for 59 of 60"):
        find_modes(run, texts={"0" * 16: "one"})


def test_layers_that_cannot_be_tested_are_left_out_and_said(tmp_path):
    """Two values that differ by rounding, as of copies in two batches, would be two clear modes."""
    values = np.random.default_rng(6).normal(size=(3, 40))
    values[0] = 3.0
    values[2] = np.where(np.arange(40) % 2, np.float32(3), np.nextafter(np.float32(3), np.float32(4)))
    result = find_modes(write_run(tmp_path / "run", values))
    assert [layer.layer for layer in result.layers] == [1]
    assert result.notes == tuple(
        f"layer {layer}: all 40 values are equal, but for rounding. Left out." for layer in (0, 2)
    )


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (
            {"measure": "lidar"},
            r"measure: expected one with values of single prompts .*\(prompt_entropy\); got 'lidar'",
        ),
        ({"variant": "alpha=3"}, "variant: expected one of alpha=1;norm=raw;tokens=no_first; got 'alpha=3'"),
        ({"level": 0.0}, r"level: expected a number within \(0, 1\); got 0.0"),
    ],
)
def test_bad_arguments(tmp_path, options, match):
    run = write_run(tmp_path / "run", np.random.default_rng(7).normal(size=(1, 40)))
    with pytest.raises(ValueError, match=match):
        find_modes(run, **options)


def test_bad_runs(tmp_path):
    few = write_run(tmp_path / "few", np.random.default_rng(8).normal(size=(1, 12)))
    with pytest.raises(ValueError, match="expected a layer with at least 30 prompts whose values differ"):
        find_modes(few)
    several = write_run(tmp_path / "several", np.random.default_rng(9).normal(size=(1, 40)), model=("a", "b"))
    with pytest.raises(ValueError, match="expected values of one model, corpus and condition; got 2"):
        find_modes(several)


def test_the_command_flags_a_corpus_of_two_kinds_of_prompts(tmp_path, monkeypatch, capsys):
    """Half the prompts say one word over and over: a real run through a tiny model, from corpus to sentence."""
    generator = np.random.default_rng(10)
    lines = [" ".join(generator.choice(WORDS, 24)) for _ in range(60)]
    lines += [" ".join([str(generator.choice(WORDS))] * 24) for _ in range(60)]
    (tmp_path / "corpus.txt").write_text("\n\n".join(f"{i} {line}" for i, line in enumerate(lines)))
    model = save_tiny(tmp_path / "model")
    measure(
        str(model),
        corpus=load_corpus(tmp_path / "corpus.txt"),
        out=tmp_path / "run",
        views=0,
        measures=["prompt_entropy"],
        max_tokens=64,
    )
    options = ["--corpus", str(tmp_path / "corpus.txt"), "--json", "--no-report"]
    monkeypatch.setattr("sys.argv", ["gramian", "bimodality", str(tmp_path / "run"), *options])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    document = json.loads(capsys.readouterr().out)
    assert document == json.loads((tmp_path / "run" / "bimodality.json").read_text())
    flagged = [layer for layer in document["layers"] if layer["bimodal"]]
    assert len(flagged) >= 3
    assert flagged[0]["separators"][0]["feature"] == "repetition"
    assert "share of repeated words" in document["sentences"][-1]


def test_the_document_is_plain_json(tmp_path):
    result = find_modes(write_run(tmp_path / "run", np.random.default_rng(11).normal(size=(2, 40))))
    document = to_document(result, sentences(result))
    assert json.loads(json.dumps(document)) == document
    assert (document["format"], document["version"]) == ("gramian-bimodality", 1)

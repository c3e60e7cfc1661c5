"""A run leads to its model, its layer and what it found of it."""

import json
import shlex

import pytest

from gramian.downstream import Reading, Score, evaluate_layers, export_run
from gramian.downstream._export.source import layer_scores
from gramian.layers import load_model, measure
from gramian.runs import read_run
from tests.layers._tiny import save_in_hub_cache, save_tiny, tiny_model

from ._exported import TEXTS, assert_same_vectors, encode_alone, expected_vectors

pytest.importorskip("sentence_transformers")

READINGS = (Reading("mean_no_first"), Reading("mean", "final_norm"))


class LayerNumber:
    """A task whose main score is the layer's number, the normed last stream counting half more."""

    name, type, hash = "LayerNumber", "STS", "0"

    def score(self, embed):
        embed(TEXTS)
        value = embed.layer + 0.5 * (embed.stream == "final_norm") + 0.25 * (embed.reading.normalize == "final_norm")
        return [Score("metric", value, low=value - 0.1, high=value + 0.1), Score("other", -value, main=False)]


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("models") / "little", "llama")


@pytest.fixture
def run(model_folder, tmp_path):
    line = f"gramian downstream {shlex.quote(str(model_folder))} --tasks LayerNumber"
    options = {"readings": READINGS, "max_tokens": 12, "command_line": line}
    return evaluate_layers(str(model_folder), [LayerNumber()], out=tmp_path / "run", **options).directory


def recommend(run, **changes):
    document = {
        "recommended": {"layer": 2, "stream": "residual", "reading": READINGS[0].variant, **changes},
        "sentences": ["Use layer 2 of 3. It did best."],
    }
    (run / "recommendation.json").write_text(json.dumps(document))


def test_the_recommended_layer_is_exported_as_the_run_read_it(run, model_folder, tmp_path):
    recommend(run)
    exported = export_run(run, out=tmp_path / "out")
    assert (exported.layer, exported.reading) == (2, READINGS[0])
    assert exported.record["max_tokens"] == 12
    model = load_model(str(model_folder))
    short = [text for text in TEXTS if len(model.tokenizer(text)["input_ids"]) <= 12]
    expected = expected_vectors(model, short, layer=2, pooling="mean_no_first", normalize="raw")
    assert_same_vectors(encode_alone(tmp_path / "out", short), expected)
    card = (tmp_path / "out" / "README.md").read_text()
    assert "Use layer 2 of 3. It did best." in card
    assert "| LayerNumber | metric | 2.0000 [1.9000, 2.1000] | 3.5000 |" in card
    assert "| other |" not in card


def test_what_is_given_goes_before_what_is_recommended(run, tmp_path):
    recommend(run)
    exported = export_run(run, out=tmp_path / "out", layer=-3, normalize="final_norm", pooling="mean", max_tokens=9)
    assert (exported.layer, exported.reading, exported.record["max_tokens"]) == (1, READINGS[1], 9)
    card = (tmp_path / "out" / "README.md").read_text()
    assert "Use layer 2 of 3" not in card, "that was said of another layer"
    assert "| LayerNumber | metric | 1.2500 [1.1500, 1.3500] | 3.7500 |" in card


def test_the_recommended_normed_stream_is_exported_as_such(run, tmp_path):
    recommend(run, layer=3, stream="final_norm")
    exported = export_run(run, out=tmp_path / "out")
    assert (exported.layer, exported.reading) == (3, Reading("mean_no_first", "final_norm"))


def test_scores_are_of_the_same_vector_under_either_of_its_names(run):
    """The stream final_norm is the normed reading of the last layer."""
    record = read_run(run)
    one = layer_scores(record, layer=3, stream="final_norm", reading=Reading("mean_no_first", "final_norm"), depth=3)
    assert [score.value for score in one] == [3.5]
    two = layer_scores(record, layer=3, stream="residual", reading=READINGS[1], depth=3)
    assert [score.value for score in two] == [3.25], "once, by the name that was asked for"
    assert layer_scores(record, layer=1, stream="residual", reading=Reading("last"), depth=3) == []


def test_without_a_recommendation_a_layer_must_be_given(run, tmp_path):
    with pytest.raises(ValueError, match=r"layer: expected a number where .*run has no recommendation.json; got none"):
        export_run(run, out=tmp_path / "out")
    assert export_run(run, out=tmp_path / "out", layer=1).reading == READINGS[0]


@pytest.mark.parametrize("text", ["{", "[]", '{"recommended": {"layer": 2}}'])
def test_a_damaged_recommendation_is_refused(run, text, tmp_path):
    (run / "recommendation.json").write_text(text)
    with pytest.raises(ValueError, match=r"recommendation.json: expected what `gramian recommend` writes"):
        export_run(run, out=tmp_path / "out")


def test_a_recommendation_of_no_layer_counts_as_none(run, tmp_path):
    (run / "recommendation.json").write_text('{"recommended": null, "sentences": []}')
    with pytest.raises(ValueError, match=r"has no recommendation.json"):
        export_run(run, out=tmp_path / "out")


def test_a_run_of_measures_leads_to_its_model_too(model_folder, tmp_path):
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("\n\n".join(f"Prompt {i} has a few words that differ: {i * 7}." for i in range(12)))
    line = f"gramian measure --corpus {corpus} {model_folder}"
    options = {"views": 0, "measures": ["prompt_entropy"], "max_tokens": 24, "normalize": "final_norm"}
    measure(str(model_folder), corpus=str(corpus), out=tmp_path / "run", command_line=line, **options)
    exported = export_run(tmp_path / "run", out=tmp_path / "out", layer=1)
    assert exported.reading == Reading("mean", "final_norm")
    assert exported.record["max_tokens"] == 24
    assert "## Scores" not in (tmp_path / "out" / "README.md").read_text()


def test_a_model_that_changed_since_is_refused(run, model_folder, tmp_path):
    other = save_tiny(tmp_path / "little", "llama", seed=1)
    with pytest.raises(
        ValueError, match=r"model: expected the weights that .*run measured .* Name the model of the run with --model"
    ):
        export_run(run, out=tmp_path / "out", layer=1, model=str(other))
    assert not (tmp_path / "out").exists()
    moved = model_folder.rename(model_folder.parent / "elsewhere")
    try:
        with pytest.raises(
            ValueError, match=r"expected a manifest whose model is still there; got 'little', local files"
        ):
            export_run(run, out=tmp_path / "out", layer=1)
        assert export_run(run, out=tmp_path / "out", layer=1, model=str(moved)).layer == 1
    finally:
        moved.rename(model_folder)


def test_a_model_in_memory_leaves_no_way_back(tmp_path):
    run = evaluate_layers(tiny_model("gpt2"), [LayerNumber()], out=tmp_path / "run").directory
    with pytest.raises(ValueError, match=r"expected a manifest whose model is still there; got 'tiny-gpt2'"):
        export_run(run, out=tmp_path / "out", layer=1)


def test_a_hub_model_is_loaded_at_the_commit_that_was_measured(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    save_in_hub_cache(tmp_path / "hub", "org/name", {"main": 0, "step8": 1})
    options = {"model_options": {"revision": "step8"}}
    run = evaluate_layers("org/name", [LayerNumber()], out=tmp_path / "run", **options).directory
    exported = export_run(run, out=tmp_path / "out", layer=2)
    assert (exported.record["revision"], exported.record["commit"]) == ("b" * 40, "b" * 40)
    card = (tmp_path / "out" / "README.md").read_text()
    assert "base_model: org/name" in card
    assert "https://huggingface.co/org/name" in card
    assert_same_vectors(
        encode_alone(tmp_path / "out", TEXTS),
        expected_vectors(tiny_model("llama", seed=1), TEXTS, layer=2, pooling="mean", normalize="raw"),
    )


def test_an_untrained_run_is_exported_with_its_own_random_weights(model_folder, tmp_path):
    options = {"untrained": True}
    line = f"gramian downstream {model_folder} --untrained"
    run = evaluate_layers(
        str(model_folder), [LayerNumber()], out=tmp_path / "run", seed=5, model_options=options, command_line=line
    ).directory
    exported = export_run(run, out=tmp_path / "out", layer=1)
    assert exported.record["untrained"] is True
    same = load_model(str(model_folder), untrained=True, seed=5)
    expected = expected_vectors(same, TEXTS, layer=1, pooling="mean", normalize="raw")
    assert_same_vectors(encode_alone(tmp_path / "out", TEXTS), expected)

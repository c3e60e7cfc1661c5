"""The engine on tiny models: what a run contains, that it resumes, that batching and chunking change no number."""

import json
import math

import numpy as np
import pytest

from gramian import quality
from gramian.layers import load_corpus_for, load_model, measure
from gramian.runs import RunMismatch, read_run
from tests.layers._tiny import save_tiny, tiny_llama_folder, tiny_model, tiny_tokenizer

OPTIONS = {"prompts": 24, "views": 2, "max_tokens": 24, "min_tokens": 8}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load_model(str(tiny_llama_folder(tmp_path_factory)))


@pytest.fixture(scope="module")
def run(model, tmp_path_factory):
    return measure(model, out=tmp_path_factory.mktemp("runs") / "run", **OPTIONS).directory


def rows_of(directory):
    return read_run(directory).tables["measures"].to_pylist()


def values_of(directory):
    return {(r["layer"], r["stream"], r["measure"], r["variant"]): r["value"] for r in rows_of(directory)}


def test_every_measure_is_there_for_every_layer(run, model):
    rows = rows_of(run)
    assert {r["measure"] for r in rows} == {m.name for m in quality.available()}
    for name in {m.name for m in quality.available() if m.needs != "adjacent_layers"}:
        layers = {r["layer"] for r in rows if r["measure"] == name and r["stream"] == "residual"}
        assert layers == set(range(model.depth + 1)), name
        assert any(r["stream"] == "final_norm" for r in rows if r["measure"] == name)
    similar = {r["layer"] for r in rows if r["measure"] == "linear_cka" and r["stream"] == "residual"}
    assert similar == set(range(1, model.depth + 1)), "similarity to the layer before starts at layer 1"


def test_values_are_finite_and_inside_their_intervals(run):
    for row in rows_of(run):
        assert math.isfinite(row["value"]), row
        assert row["n"] == 24
        if math.isfinite(row["stderr"]):
            assert row["low"] <= row["value"] <= row["high"], row


def test_dataset_measures_equal_the_plain_functions_on_the_pooled_states(run, model):
    """An independent path: `layer_states` of one prompt at a time, pooled here."""
    from gramian.layers import layer_states

    corpus = _corpus(model)
    states = [layer_states(model, [text], max_tokens=24) for text in corpus.texts]
    values = values_of(run)
    for layer in (0, model.depth):
        pooled = np.stack([s.residual[layer, 0].mean(0).numpy() for s in states]).astype(np.float64)
        without = np.stack([s.residual[layer, 0, 1:].mean(0).numpy() for s in states]).astype(np.float64)
        for name, tokens, vectors in (("effective_rank", "all", pooled), ("stable_rank", "no_first", without)):
            with pytest.warns(quality.SmallSampleWarning) if _warns(name, vectors) else _nothing():
                expected = float(getattr(quality, name)(vectors))
            found = values[layer, "residual", name, f"tokens={tokens}"]
            assert found == pytest.approx(expected, rel=1e-4), (name, layer)


def test_prompt_entropy_equals_the_plain_function_prompt_by_prompt(run, model):
    from gramian.layers import layer_states

    corpus = _corpus(model)
    table = read_run(run).tables["prompts"].to_pylist()
    for index in (0, 7, 23):
        states = layer_states(model, [corpus.texts[index]], max_tokens=24).residual[:, 0]
        for layer in range(model.depth + 1):
            found = [
                r["value"]
                for r in table
                if (r["prompt"], r["layer"], r["stream"], r["measure"]) == (index, layer, "residual", "prompt_entropy")
                and r["variant"] == "alpha=1;norm=raw;tokens=no_first"
            ]
            assert found == [pytest.approx(float(quality.prompt_entropy(states[layer, 1:])), abs=1e-4)]


def test_a_killed_run_goes_on_and_ends_with_the_same_tables(run, model, tmp_path, monkeypatch):
    """Stopped inside its third chunk; the process-level version kills for real in tests/cli."""
    from gramian.layers import _measuring

    real, calls = _measuring.compute_chunk, 0
    monkeypatch.setattr("gramian.layers._chunks.CHUNK_TOKENS", 300)

    def stopping(*arguments):
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(_measuring, "compute_chunk", stopping)
    with pytest.raises(KeyboardInterrupt):
        measure(model, out=tmp_path / "run", **OPTIONS)
    assert not list((tmp_path / "run").glob("*.parquet")), "no table before the run is whole"
    monkeypatch.setattr(_measuring, "compute_chunk", real)
    resumed = measure(model, out=tmp_path / "run", **OPTIONS)
    assert resumed.resumed
    undisturbed = measure(model, out=tmp_path / "other", **OPTIONS)
    for name in ("measures", "prompts", "spectra", "texts"):
        assert read_run(tmp_path / "run").tables[name].equals(read_run(undisturbed.directory).tables[name])


def test_chunks_and_batches_change_no_number(run, model, tmp_path, monkeypatch):
    monkeypatch.setattr("gramian.layers._chunks.CHUNK_TOKENS", 200)
    other = measure(model, out=tmp_path / "run", token_budget=2048, **OPTIONS)
    found, expected = values_of(other.directory), values_of(run)
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, rel=2e-3, abs=1e-4), key


def test_a_finished_run_is_not_computed_again(run, model, monkeypatch):
    def forbidden(*_):
        raise AssertionError("computed again")

    monkeypatch.setattr("gramian.layers._measuring.compute_chunk", forbidden)
    assert measure(model, out=run, **OPTIONS).resumed


def test_other_parameters_are_refused_with_the_difference(run, model):
    with pytest.raises(ValueError, match=r"max_tokens.*24.*16"):
        measure(model, out=run, **{**OPTIONS, "max_tokens": 16})


def test_overwrite_starts_anew(model, tmp_path):
    measure(model, out=tmp_path / "run", measures=["curvature"], **OPTIONS)
    measure(model, out=tmp_path / "run", measures=["sink_share"], overwrite=True, **OPTIONS)
    assert {r["measure"] for r in rows_of(tmp_path / "run")} == {"sink_share"}


def test_only_what_was_asked_for_is_computed(model, tmp_path):
    """Token measures alone keep no pooled vectors."""
    seen = []
    from gramian.layers import _measuring

    real = _measuring.compute_chunk
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_measuring, "compute_chunk", lambda *a: seen.append(real(*a)) or seen[-1])
        measure(model, out=tmp_path / "run", measures=["sink_share"], **OPTIONS)
    assert {name for arrays in seen for name in arrays} == {"tokens", "sink_share"}, "no pooled vectors"


def test_final_norm_normalisation_makes_the_last_layer_equal_the_normed_state(model, tmp_path):
    directory = measure(model, out=tmp_path / "run", normalize="final_norm", **OPTIONS).directory
    values = values_of(directory)
    key = "effective_rank", "tokens=all"
    assert values[model.depth, "residual", *key] == pytest.approx(values[model.depth, "final_norm", *key], rel=1e-5)


def test_saved_activations_give_the_dataset_measures(tmp_path):
    generator = np.random.Generator(np.random.Philox(0))
    activations = generator.normal(size=(3, 40, 12)).astype(np.float32)
    np.save(tmp_path / "states.npy", activations)
    result = measure(tmp_path / "states.npy", out=tmp_path / "run")
    values = values_of(result.directory)
    for layer in range(3):
        expected = float(quality.effective_rank(activations[layer].astype(np.float64)))
        assert values[layer, "residual", "effective_rank", "tokens=all"] == pytest.approx(expected, rel=1e-5)
    assert not {"prompt_entropy", "lidar"} & {r["measure"] for r in rows_of(result.directory)}


def test_saved_views_give_the_view_measures(tmp_path):
    generator = np.random.Generator(np.random.Philox(0))
    np.save(tmp_path / "views.npy", generator.normal(size=(2, 30, 3, 8)))
    result = measure(tmp_path / "views.npy", out=tmp_path / "run")
    assert {"lidar", "infonce", "augmentation_dime"} <= {r["measure"] for r in rows_of(result.directory)}


def test_the_manifest_says_what_made_the_run(run, model):
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["model"]["weights_hash"] == model.weights_hash
    assert manifest["corpus"]["prompts"] == 24
    assert manifest["parameters"]["seed"] == 0
    assert any("24 prompts" in warning for warning in manifest["warnings"]), "a small sample is said"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prompts": 0}, "prompts: expected at least 1"),
        ({"views": 1}, "views: expected 0 or at least 2"),
        ({"views": -1}, "views: expected 0 or at least 2"),
        ({"groups": 1}, "groups: expected at least 2"),
        ({"min_tokens": 2}, "min_tokens: expected at least 4"),
        ({"max_tokens": 6}, "max_tokens: expected at least min_tokens"),
        ({"orders": []}, "orders: expected at least one"),
        ({"orders": [-1.0]}, "orders: expected numbers of at least 0"),
        ({"orders": [2.0, 2.0]}, "orders: expected each order once"),
        ({"measures": []}, "measures: expected at least one name"),
        ({"measures": ["entropi"]}, "measure: expected one of"),
        ({"measures": ["lidar", "lidar"]}, "measures: expected each name once"),
        ({"measures": ["lidar"], "views": 0}, "expected at least 2 views of each prompt for lidar"),
        ({"token_budget": 0}, "token_budget: expected"),
        ({"normalize": "layer_norm"}, "normalize: expected None or 'final_norm'"),
        ({"seed": -1}, "seed: expected at least 0"),
        ({"orders": [1.0, 1.0000001]}, "orders: expected each order once, to six digits"),
        ({"model_options": {"dtype": "float32"}}, "model_options: expected none with a loaded model"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_written(model, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        measure(model, out=tmp_path / "run", **{**OPTIONS, **options})
    assert not list(tmp_path.rglob("*.parquet"))


def corpus_file(folder, paragraphs):
    path = folder / "corpus.txt"
    path.write_text("\n\n".join(paragraphs))
    return path


SENTENCES = [f"Sentence {i} says something about the number {i * 37} and its square." for i in range(12)]


@pytest.mark.parametrize("family", ["llama", "mamba"])
@pytest.mark.parametrize("repeats", [6, 13, 24])
def test_a_prompt_of_equal_tokens_is_left_out_and_said_so(family, repeats, tmp_path):
    """Without absolute positions its tokens are equal at the input: it has no spectrum there, the others have."""
    model = tiny_model(family)
    corpus = corpus_file(tmp_path, [*SENTENCES, "n" * repeats])
    options = {"views": 0, "max_tokens": 24, "min_tokens": 4, "measures": ["prompt_entropy", "curvature"]}
    result = measure(model, corpus=corpus, out=tmp_path / "run", prompts=None, **options)
    at_input = {
        (r["measure"], r["variant"]): r
        for r in rows_of(result.directory)
        if r["layer"] == 0 and r["stream"] == "residual" and r["measure"] in ("prompt_entropy", "curvature")
    }
    assert all(math.isfinite(r["value"]) for r in at_input.values())
    if any(r["n"] == 12 for r in at_input.values()):  # how the tokenizer cuts the repeats decides whether all are equal
        assert any("whose tokens are equal" in warning for warning in result.manifest["warnings"])
    prompts = read_run(result.directory).tables["prompts"].to_pylist()
    assert all(math.isfinite(r["value"]) for r in prompts)


def test_repeated_tokens_make_no_angle_as_in_the_plain_function(tmp_path):
    """Neighbours that are equal have a difference of exactly zero, whatever the rounding of a Gram says."""
    from gramian.layers import layer_states

    model = tiny_model("llama")
    text = "aa aa bb bb bb cc dd dd dd dd ee ff ff"
    corpus = corpus_file(tmp_path, [*SENTENCES, text])
    directory = measure(model, corpus=corpus, out=tmp_path / "run", prompts=None, views=0, min_tokens=4).directory
    states = layer_states(model, [text]).residual[0, 0]
    found = [
        r["value"]
        for r in read_run(directory).tables["prompts"].to_pylist()
        if (r["prompt"], r["layer"], r["measure"], r["variant"]) == (12, 0, "curvature", "tokens=all")
    ]
    assert found == [pytest.approx(float(quality.curvature(states)), abs=1e-4)]


def test_a_changed_tokenizer_is_another_run(tmp_path, tmp_path_factory):
    folder = tiny_llama_folder(tmp_path_factory)
    measure(str(folder), out=tmp_path / "run", **OPTIONS)
    tiny_tokenizer(bos=True).save_pretrained(folder)
    with pytest.raises(ValueError, match="tokenizer_hash"):
        measure(str(folder), out=tmp_path / "run", **OPTIONS)


def test_chunks_cut_otherwise_are_computed_again(model, tmp_path, monkeypatch):
    """A chunk says which prompts it holds: values never reach other prompts."""
    from gramian.layers import _measuring

    real, calls = _measuring.compute_chunk, 0

    def stopping(*arguments):
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr("gramian.layers._chunks.CHUNK_TOKENS", 300)
    monkeypatch.setattr(_measuring, "compute_chunk", stopping)
    with pytest.raises(KeyboardInterrupt):
        measure(model, out=tmp_path / "run", **OPTIONS)
    monkeypatch.setattr(_measuring, "compute_chunk", real)
    monkeypatch.setattr("gramian.layers._chunks.CHUNK_TOKENS", 500)
    resumed = measure(model, out=tmp_path / "run", **OPTIONS)
    clean = measure(model, out=tmp_path / "clean", **OPTIONS)
    assert values_of(resumed.directory) == pytest.approx(values_of(clean.directory))


def test_one_prompt_has_token_measures_and_is_too_few_for_the_rest(model, tmp_path):
    corpus = corpus_file(tmp_path, SENTENCES[:1])
    with pytest.raises(ValueError, match="at least 2 prompts for measures of a whole set"):
        measure(model, corpus=corpus, out=tmp_path / "run", views=0, max_tokens=24)
    directory = measure(
        model, corpus=corpus, out=tmp_path / "run", views=0, max_tokens=24, measures=["curvature"]
    ).directory
    assert {r["n"] for r in rows_of(directory)} == {1}


@pytest.mark.parametrize("paragraphs", [SENTENCES[:2], SENTENCES[:1] * 6], ids=["two prompts", "equal prompts"])
def test_what_few_or_equal_prompts_do_not_define_is_left_out_and_said(model, tmp_path, paragraphs):
    corpus = corpus_file(tmp_path, paragraphs)
    result = measure(model, corpus=corpus, out=tmp_path / "run", views=2, max_tokens=24)
    rows = rows_of(result.directory)
    assert {"prompt_entropy", "curvature", "sink_share"} <= {r["measure"] for r in rows}
    assert all(math.isfinite(r["value"]) for r in rows)
    assert "alpha_req" not in {r["measure"] for r in rows}
    assert any(w.startswith("alpha_req: not defined at layer") for w in result.manifest["warnings"])


def test_n_is_the_number_of_prompts_a_measure_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr("gramian.layers._layer_statistics.CAPACITIES", {quality.Rows: 30, quality.ViewRows: 20})
    np.save(tmp_path / "views.npy", np.random.Generator(np.random.Philox(0)).normal(size=(2, 60, 3, 8)))
    result = measure(tmp_path / "views.npy", out=tmp_path / "run")
    counts = {r["measure"]: r["n"] for r in rows_of(result.directory)}
    assert counts["infonce"] == 20
    assert counts["uniformity"] == 30
    assert counts["effective_rank"] == 60
    assert any("20 of 60 prompts" in warning for warning in result.manifest["warnings"])


def test_options_that_saved_activations_cannot_use_are_refused(tmp_path):
    np.save(tmp_path / "states.npy", np.random.Generator(np.random.Philox(0)).normal(size=(2, 30, 4)))
    for options in ({"corpus": "notes.txt"}, {"normalize": "final_norm"}, {"model_options": {"dtype": "float32"}}):
        with pytest.raises(ValueError, match="expected neither corpus, normalize, condition nor options of a model"):
            measure(tmp_path / "states.npy", out=tmp_path / "run", **options)


def test_the_seconds_of_every_session_add_up(model, tmp_path, monkeypatch):
    from gramian.layers import _measuring

    ticks = iter(range(0, 10_000, 10))
    monkeypatch.setattr(_measuring.time, "monotonic", lambda: next(ticks))
    real = _measuring.write_results

    def stopping(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(_measuring, "write_results", stopping)
    with pytest.raises(KeyboardInterrupt):
        measure(model, out=tmp_path / "run", **OPTIONS)
    monkeypatch.setattr(_measuring, "write_results", real)
    assert measure(model, out=tmp_path / "run", **OPTIONS).manifest["seconds"] >= 20


def _corpus(model):
    return load_corpus_for(model, "python-docs", prompts=24, seed=0, min_tokens=8, max_tokens=24)


def _warns(name, vectors):
    return quality.get(name).minimum is not None and vectors.shape[0] < vectors.shape[1]


class _nothing:
    def __enter__(self):
        return None

    def __exit__(self, *_):
        return None


def test_the_same_weights_under_another_configuration_are_another_run(tmp_path):
    folder = save_tiny(tmp_path / "model")
    options = {**OPTIONS, "views": 0, "prompts": 8, "measures": ["prompt_entropy"]}
    measure(str(folder), out=tmp_path / "run", **options)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "rms_norm_eps": 0.5}))
    with pytest.raises(RunMismatch, match="config"):
        measure(str(folder), out=tmp_path / "run", **options)

"""Plan files: what they expand to, and that nothing in them is silently ignored."""

import inspect
import textwrap

import pytest

from gramian.layers import Condition, ImageRates, Rates, load_corpus, measure
from gramian.layers._settings import MeasureSettings
from gramian.sweeps import estimate_tokens, load_plan, parse_plan
from gramian.sweeps._plan import OF_CORPUS, SETTINGS

pytest.importorskip("yaml")


def written(tmp_path, text):
    path = tmp_path / "plan.yaml"
    path.write_text(textwrap.dedent(text))
    return path


def summary(plan):
    return [
        (
            c.model,
            c.model_options.get("revision"),
            c.untrained,
            c.corpus,
            c.condition.name if c.condition else "natural",
        )
        for c in plan.cells
    ]


def test_a_plan_expands_in_the_stated_order(tmp_path):
    path = written(
        tmp_path,
        """
        models:
          - name: org/a
            revisions: [step8, step64]
            untrained: [false, true]
          - b
        corpora: [python-docs, notes.txt]
        """,
    )
    models = [("org/a", "step8", False), ("org/a", "step64", False), ("org/a", "step8", True), ("b", None, False)]
    expected = [(*model, corpus, "natural") for model in models for corpus in ("python-docs", "notes.txt")]
    assert summary(load_plan(path)) == expected


def test_revisions_that_state_a_step_lie_on_the_axis_of_steps():
    plan = parse_plan({"models": {"name": "a", "revisions": ["step8", "main"], "untrained": [False, True]}})
    assert [(c.axis, c.step) for c in plan.cells] == [("step", 8.0), (None, None), (None, None)]


def test_conditions_lie_on_the_axis_of_strength():
    conditions = ["natural", {"kind": "repetition", "strength": [0.25, 1], "seed": 3}]
    plan = parse_plan({"models": "a", "conditions": conditions, "measure": {"views": 0}})
    assert [c.condition for c in plan.cells] == [None, Condition("repetition", 0.25, 3), Condition("repetition", 1, 3)]
    assert [(c.axis, c.perturbation, c.strength) for c in plan.cells] == [
        ("strength", "natural", 0.0),
        ("strength", "repetition", 0.25),
        ("strength", "repetition", 1.0),
    ]


def test_what_is_given_with_a_model_comes_before_the_defaults():
    plan = parse_plan(
        {
            "models": ["a", {"name": "b", "dtype": "bfloat16"}],
            "corpora": ["x.txt", {"name": "y.jsonl", "field": "body", "keep": None}],
            "defaults": {"model": {"dtype": "float32"}, "corpus": {"keep": "import"}},
        }
    )
    assert [c.model_options["dtype"] for c in plan.cells] == ["float32", "float32", "bfloat16", "bfloat16"]
    assert [dict(c.corpus_options) for c in plan.cells[:2]] == [{"keep": "import"}, {"keep": "import", "field": "body"}]


def test_settings_reach_the_plan():
    measure_part = {"prompts": None, "orders": [1, float("inf")], "measures": ["lidar"], "rates": {"typos": 0.1}}
    plan = parse_plan(
        {"models": "a", "measure": measure_part, "shard_tokens": 100, "threads": 2, "accumulators": "rows"}
    )
    assert plan.settings == {
        "prompts": None,
        "orders": [1, float("inf")],
        "measures": ["lidar"],
        "rates": Rates(typos=0.1),
    }
    assert (plan.shard_tokens, plan.threads, plan.accumulators) == (100, 2, "rows")
    of_images = parse_plan({"models": "a", "measure": {"rates": {"crop": 0.5}}})
    assert of_images.settings["rates"] == ImageRates(crop=0.5)


def test_anchors_work_and_a_plan_is_the_same_however_it_is_written(tmp_path):
    path = written(
        tmp_path,
        """
        defaults: {model: {dtype: float32}}
        models:
          - &first {name: a, instruction: "query: "}
          - {<<: *first, name: b}
        """,
    )
    assert load_plan(path).parameters() == parse_plan({"models": "a"}).parameters()
    assert [c.model_options["instruction"] for c in load_plan(path).cells] == ["query: ", "query: "]


def test_every_argument_of_measure_is_a_setting_or_has_its_own_place():
    elsewhere = {
        "model",
        "corpus",
        "out",
        "condition",
        "overwrite",
        "model_options",
        "corpus_options",
        "command_line",
        "progress",
    }
    assert set(inspect.signature(measure).parameters) == set(SETTINGS) | elsewhere
    assert set(OF_CORPUS) <= set(inspect.signature(load_corpus).parameters)
    fields = MeasureSettings.__dataclass_fields__
    assert set(fields) == set(SETTINGS) | {"condition"}
    for name, parameter in inspect.signature(measure).parameters.items():
        if name in fields:
            assert fields[name].default == parameter.default, name


def test_the_estimate_is_close_to_what_a_tokenizer_counts():
    plan = parse_plan({"models": "a", "measure": {"prompts": 50, "views": 2, "max_tokens": 64}})
    (count,) = estimate_tokens(plan)
    corpus = load_corpus("python-docs", prompts=50, min_tokens=8, count_tokens=lambda ts: [len(t.split()) for t in ts])
    words = sum(min(len(text.split()), 64) for text in corpus.texts)
    assert 3 * words < count < 6 * words, "one and a half tokens a word, read three times"
    (alone,) = estimate_tokens(parse_plan({"models": "a", "measure": {"prompts": 50, "measures": ["curvature"]}}))
    (cut,) = estimate_tokens(
        parse_plan({"models": "a", "measure": {"prompts": 50, "measures": ["curvature"], "max_tokens": 8}})
    )
    assert cut == 400 < alone, "no measure looks at views"


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (None, "plan: expected entries such as `models:`; got nothing"),
        ([], "plan: expected entries such as `models:`; got a list"),
        ({}, "models: expected at least one; got none"),
        ({"models": []}, "models: expected at least one; got none"),
        ({"model": "a"}, "plan: expected keys among .*; got 'model'. Did you mean 'models'"),
        ({"models": [1]}, r"models\[0\].name: expected text; got 1. Put it in quotes"),
        ({"models": [{"dtype": "float32"}]}, r"models\[0\]: expected a name; got none among dtype"),
        ({"models": {"name": "a", "revison": "x"}}, r"models\[0\]: .*got 'revison'. Did you mean 'revision'"),
        (
            {"models": {"name": "a", "revisions": [1000]}},
            r"models\[0\].revisions\[0\]: expected text; got 1000. Put it in q",
        ),
        ({"models": {"name": "a", "revisions": []}}, r"models\[0\].revisions: expected at least one"),
        ({"models": {"name": "a", "revision": "x", "revisions": ["y"]}}, "expected either revision or revisions"),
        ({"models": {"name": "a", "untrained": "also"}}, r"models\[0\].untrained: expected true or false; got 'also'"),
        ({"models": "states.npy"}, "model: expected a model; got saved activations"),
        ({"models": "a", "corpora": {"name": "b", "feild": "x"}}, r"corpora\[0\]: .*Did you mean 'field'"),
        ({"models": "a", "corpora": {"name": "b", "paragraphs": "no"}}, "paragraphs: expected true or false; got 'no'"),
        ({"models": "a", "conditions": "shuffel"}, "kind: expected one of .*; got 'shuffel'"),
        ({"models": "a", "conditions": {"strength": 1}}, r"conditions\[0\]: expected a kind"),
        ({"models": "a", "conditions": {"kind": "shuffle", "strenght": 1}}, "Did you mean 'strength'"),
        (
            {"models": "a", "conditions": {"kind": "shuffle", "strength": "much"}},
            "strength: expected a number; got 'much'",
        ),
        ({"models": "a", "conditions": {"kind": "shuffle", "strength": 2}}, "strength: expected a probability"),
        ({"models": "a", "defaults": {"models": {}}}, "defaults: .*Did you mean 'model'"),
        ({"models": "a", "defaults": {"model": {"dtpye": "x"}}}, "defaults.model: .*Did you mean 'dtype'"),
        ({"models": "a", "measure": {"promts": 3}}, "measure: .*Did you mean 'prompts'"),
        ({"models": "a", "measure": {"prompts": "many"}}, "measure.prompts: expected a whole number; got 'many'"),
        ({"models": "a", "measure": {"prompts": True}}, "measure.prompts: expected a whole number; got True"),
        ({"models": "a", "measure": {"orders": ["one"]}}, "measure.orders: expected a number; got 'one'"),
        ({"models": "a", "measure": {"rates": {"typos": 0.1, "crop": 0.1}}}, "got some of both"),
        ({"models": "a", "measure": {"views": None}}, "measure.views: expected a whole number; got nothing"),
        ({"models": "a", "measure": 3}, "measure: expected entries `key: value`; got 3"),
        ({"models": "a", "shard_tokens": 0}, "shard_tokens: expected at least 1; got 0"),
        ({"models": "a", "threads": "all"}, "threads: expected a whole number; got 'all'"),
        ({"models": "a", "threads": 0}, "threads: expected at least 1; got 0"),
        ({"models": "a", "accumulators": "sums"}, "accumulators: expected one of auto, rows, moments; got 'sums'"),
        ({"models": ["a", "a"]}, "expected each cell once; got number 0 again as 1"),
    ],
)
def test_what_a_plan_may_not_say_is_refused_by_name(entries, message):
    with pytest.raises(ValueError, match=message):
        parse_plan(entries)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("models: [a\n", "plan: expected YAML; got an error in line 2 of"),
        ("models: a\nmodels: b\n", "expected each key once; got 'models' again in line 2"),
        ("models: a\n1: b\n", "expected keys that are text; got 1 in line 2"),
        ("models: !!python/object:os.system x\n", "plan: expected YAML; got an error in line 1"),
        ("", "plan: expected entries"),
    ],
)
def test_files_that_are_no_plan_are_refused_with_the_line(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        load_plan(written(tmp_path, text))


def test_a_plan_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"nothing.yaml, which does not exist"):
        load_plan(tmp_path / "nothing.yaml")
    with pytest.raises(ValueError, match="expected a YAML file in UTF-8"):
        load_plan(tmp_path)
    (tmp_path / "latin.yaml").write_bytes("models: café".encode("latin-1"))
    with pytest.raises(ValueError, match="expected a YAML file in UTF-8"):
        load_plan(tmp_path / "latin.yaml")

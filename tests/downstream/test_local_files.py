"""Local data of tasks: files, the spec that names them, and what each kind of task makes of them."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gramian.downstream._local.contents import contents_of
from gramian.downstream._local.data import as_classes
from gramian.downstream._local.rows import data_files, read_columns
from gramian.downstream._local.spec import KINDS, read_spec

ROWS = {"text": ['a "quoted" word', "two, with comma", "naïve"], "label": ["b", "a", "b"]}


def write(path, columns, *, header=True):
    kind = path.suffix
    rows = list(zip(*columns.values(), strict=True))
    if kind == ".parquet":
        pq.write_table(pa.table(columns), path)
    elif kind == ".jsonl":
        path.write_text("".join(json.dumps(dict(zip(columns, row, strict=True))) + "\n" for row in rows))
    elif kind == ".tsv":
        lines = ["\t".join(map(str, row)) for row in ([tuple(columns)] if header else []) + rows]
        path.write_text("\n".join(lines) + "\n")
    else:
        quoted = ['"{}"'.format(str(cell).replace('"', '""')) for row in [tuple(columns), *rows] for cell in row]
        width = len(columns)
        path.write_text("\n".join(",".join(quoted[i : i + width]) for i in range(0, len(quoted), width)) + "\n")
    return path


def spec_of(folder, entry, name="task"):
    (folder / "tasks.json").write_text(json.dumps({name: entry}))
    return read_spec(folder)[0]


@pytest.mark.parametrize("kind", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_every_kind_of_file_gives_the_same_columns(tmp_path, kind):
    assert read_columns(write(tmp_path / f"data{kind}", ROWS), what="task") == ROWS


def test_a_tsv_file_without_a_line_of_names_is_read_by_a_list_of_names(tmp_path):
    file = write(tmp_path / "data.tsv", ROWS, header=False)
    assert read_columns(file, header=["text", "label"], what="task") == ROWS


def test_a_folder_stands_for_its_files_in_order_of_name(tmp_path):
    for name in ("b.csv", "a.tsv", "c.txt", "readme.md"):
        (tmp_path / name).write_text("x\n")
    assert [file.name for file in data_files([tmp_path], what="task")] == ["a.tsv", "b.csv"]


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("a.csv", "text,label\nonly one\n", "expected 2 columns .*; got 1 on line 2"),
        ("a.csv", 'text,label\n"open,b\n', "malformed row"),
        ("a.csv", "text,text\na,b\n", "expected a first line that names the columns"),
        ("a.csv", "text,label\n", "expected at least one row; got none"),
        ("a.csv", "", "got an empty one"),
        ("a.jsonl", '{"text": "a"}\n{"other": 1}\n', "expected 'text' on every line; got line 2"),
        ("a.jsonl", '{"text": "a"}\nno json\n', "expected JSON on every line; got none on line 2"),
        ("a.jsonl", "[1]\n", "expected an object on every line; got a list on line 1"),
        ("a.parquet", "PAR1 and nothing", "truncated or damaged"),
    ],
)
def test_a_damaged_file_is_named_with_its_line(tmp_path, name, content, match):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=match):
        read_columns(tmp_path / name, what="task")


def test_names_for_a_file_that_brings_its_own_are_refused(tmp_path):
    with pytest.raises(ValueError, match="expected no list of columns"):
        read_columns(write(tmp_path / "a.jsonl", ROWS), header=["text"], what="task")


# The spec.


def test_yaml_and_json_name_the_same_tasks_and_paths_are_relative_to_the_file(tmp_path):
    (tmp_path / "deep").mkdir()
    write(tmp_path / "deep" / "a.csv", ROWS)
    entry = {"type": "clustering", "test": "deep/a.csv", "columns": {"text": "text"}}
    (tmp_path / "tasks.json").write_text(json.dumps({"mine": entry}))
    (tmp_path / "other.yaml").write_text(
        "mine:\n  type: clustering\n  test: deep/a.csv\n  columns:\n    text: text  # a comment\n"
    )
    of_folder, of_yaml = read_spec(tmp_path), read_spec(tmp_path / "other.yaml")
    assert of_folder == of_yaml
    assert of_yaml[0].parts == {"test": (tmp_path / "deep" / "a.csv",)}
    assert (of_yaml[0].name, of_yaml[0].kind) == ("mine", "clustering")


GOOD = {"type": "classification", "train": "a.csv", "test": "a.csv"}
WRONG = {
    "no mapping": ({"task": ["a.csv"]}, "expected keys such as type, train and test; got a list"),
    "nothing": ({}, "expected entries 'name: {...}'"),
    "unknown type": ({"task": {**GOOD, "type": "clasification"}}, "expected type to be one of classification"),
    "unknown key": ({"task": {**GOOD, "trian": "a.csv"}}, "expected keys among .*; got 'trian'"),
    "no train": (
        {"task": {"type": "classification", "test": "a.csv"}},
        "expected files for train and test; got no train",
    ),
    "no files": ({"STS15": {"subset": "en"}}, "expected files for its splits; got none"),
    "not there": ({"task": {**GOOD, "test": "b.csv"}}, "b.csv, which does not exist"),
    "another kind of file": ({"task": {**GOOD, "test": "a.txt"}}, "expected a file ending in .csv"),
    "no path": ({"task": {**GOOD, "test": 3}}, "expected a path or a list of paths; got 3"),
    "columns": ({"task": {**GOOD, "columns": "text"}}, "expected columns as 'role: name' pairs"),
    "columns of an unknown role": (
        {"task": {**GOOD, "columns": {"lable": "label"}}},
        "expected columns for text, label; got one for 'lable'",
    ),
    "columns of another kind": (
        {"task": {**GOOD, "columns": {"score": "label"}}},
        "expected columns for text, label; got one for 'score'",
    ),
    "columns of an official task": (
        {"STS15": {"test": "a.csv", "columns": {"scor": "label"}}},
        "expected columns for text, .*; got one for 'scor'",
    ),
    "a misspelt key of an official task": (
        {"STS15": {"test": "a.csv", "colums": {"score": "label"}}},
        "STS15: colums: expected a path or a list of paths; got a mapping",
    ),
    "an option of another kind": (
        {"task": {"type": "sts", "test": "a.csv", "experiments": 3}},
        "expected keys among .*; got 'experiments'",
    ),
    "an option out of range": ({"task": {**GOOD, "experiments": 0}}, "expected experiments to be a whole number"),
    "an option of another type": ({"STS15": {"test": "a.csv", "transform": "yes"}}, "expected transform to be true or"),
    "a name that is a path": ({"../task": GOOD}, "expected names of letters, digits"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_spec_says_what_is_expected(tmp_path, case):
    write(tmp_path / "a.csv", ROWS)
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "tasks.json").write_text(json.dumps(WRONG[case][0]))
    with pytest.raises(ValueError, match=WRONG[case][1]):
        read_spec(tmp_path)


@pytest.mark.parametrize("name", ["tasks.json", "tasks.yaml"])
@pytest.mark.parametrize("text", ['{"a": %s, "a": %s}', '{"a": {"test": "a.csv", "test": "b.csv"}}'])
def test_a_task_or_key_given_twice_is_refused(tmp_path, name, text):
    """Both formats would let the last one win, and the first would be missing without a word."""
    entry = '{"type": "clustering", "test": "a.csv"}'
    (tmp_path / name).write_text(text.replace("%s", entry))
    with pytest.raises(ValueError, match=rf"expected each key once in .*{name}; got '(a|test)' again"):
        read_spec(tmp_path)


def test_a_merged_key_may_be_given_again(tmp_path):
    """`<<` gives defaults that an entry may change."""
    write(tmp_path / "a.csv", ROWS)
    write(tmp_path / "b.csv", ROWS)
    (tmp_path / "tasks.yaml").write_text(
        "a: &a {type: clustering, test: a.csv, experiments: 3}\nb: {<<: *a, test: b.csv}\n"
    )
    second = read_spec(tmp_path)[1]
    assert (second.parts["test"][0].name, second.options) == ("b.csv", {"experiments": 3})


def test_files_that_are_no_spec_are_refused(tmp_path):
    with pytest.raises(ValueError, match="which does not exist"):
        read_spec(tmp_path / "nothing.yaml")
    with pytest.raises(ValueError, match=r"expected tasks\.yaml in the folder"):
        read_spec(tmp_path)
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(ValueError, match="expected JSON"):
        read_spec(tmp_path / "a.json")
    (tmp_path / "a.yaml").write_text("a: [1\n")
    with pytest.raises(ValueError, match="expected YAML"):
        read_spec(tmp_path / "a.yaml")
    (tmp_path / "a.yaml").write_text("[a]: {type: sts}\n")
    with pytest.raises(ValueError, match="expected YAML"):
        read_spec(tmp_path / "a.yaml")
    (tmp_path / "b.yaml").write_bytes("caf\u00e9".encode("latin-1"))
    with pytest.raises(ValueError, match="expected UTF-8"):
        read_spec(tmp_path / "b.yaml")


# The contents, kind by kind.


def contents(folder, kind, files, **more):
    entry = {"type": kind, **more}
    for part, columns in files.items():
        name = f"{part}{'.jsonl' if any(isinstance(v, list) for c in columns.values() for v in c) else '.csv'}"
        write(folder / name, columns)
        entry[part] = name
    return contents_of(spec_of(folder, entry), kind)


def test_labels_mean_the_same_number_in_every_split(tmp_path):
    train = {"text": list("abc"), "label": ["zebra", "ant", "cat"]}
    test = {"text": ["d", "e"], "label": ["zebra", "cat"]}
    found, _ = contents(tmp_path, "classification", {"train": train, "test": test})
    assert found["train"]["label"] == [2, 0, 1]
    assert found["test"]["label"] == [2, 1]


def test_labels_are_numbered_from_0_by_size_or_by_alphabet():
    assert as_classes({"test": ["10", "9"]}, what="task") == {"test": [1, 0]}
    assert as_classes({"test": [5, 0]}, what="task") == {"test": [1, 0]}
    assert as_classes({"train": [7, 3], "test": ["3"]}, what="task") == {"train": [1, 0], "test": [0]}
    assert as_classes({"test": ["10", "nine"]}, what="task") == {"test": [0, 1]}
    assert as_classes({"test": [True, False]}, what="task") == {"test": [1, 0]}
    assert as_classes({"test": [1, -1, "0"]}, what="task") == {"test": [2, 0, 1]}


def test_labels_that_mean_one_number_and_are_written_differently_stay_apart():
    assert as_classes({"test": ["7", "007", "12"]}, what="task") == {"test": [2, 0, 1]}


def test_semeval_files_are_known_by_their_shape_and_pairs_without_a_score_are_left_out(tmp_path):
    (tmp_path / "a.tsv").write_text('4.5\tA "dog".\tA cat.\n\tno\tscore\n0\tx\ty\n')
    (tmp_path / "b.tsv").write_text("\tfirst line\twithout one\n2.5\tu\tv\n")
    found, notes = contents_of(spec_of(tmp_path, {"type": "sts", "test": ["b.tsv", "a.tsv"]}), "sts")
    assert found["test"]["score"] == [2.5, 4.5, 0.0]
    assert found["test"]["sentence1"] == ["u", 'A "dog".', "x"]
    assert notes == ["2 of 5 pairs have no score and are left out"]


def test_columns_are_found_by_role(tmp_path):
    columns = {"s": ["a", "b"], "t": ["c", "d"], "gold": ["1", "2"]}
    found, _ = contents(
        tmp_path, "sts", {"test": columns}, columns={"sentence1": "s", "sentence2": "t", "score": "gold"}
    )
    assert found["test"] == {"sentence1": ["a", "b"], "sentence2": ["c", "d"], "score": [1.0, 2.0]}
    with pytest.raises(ValueError, match=r"expected a column for 'sentence2' in .*; got s, t, gold"):
        contents(tmp_path, "sts", {"test": columns}, columns={"sentence1": "s", "score": "gold"})


def test_pairs_are_labelled_by_zero_and_one(tmp_path):
    rows = {"sentence1": ["a", "b", "c"], "sentence2": ["d", "e", "f"], "label": ["1", "0", "true"]}
    assert contents(tmp_path, "pair_classification", {"test": rows})[0]["test"]["label"] == [1, 0, 1]


LISTS = {"query": ["q", "r"], "positive": [["a"], []], "negative": [["b", "c"], ["d"]]}
LONG = {"query": ["q", "q", "r", "q"], "document": ["a", "b", "d", "c"], "relevance": ["1", "0", "0", "0"]}


@pytest.mark.parametrize("rows", [LISTS, LONG], ids=["lists", "one candidate a row"])
def test_both_forms_of_reranking_give_the_same_candidates(tmp_path, rows):
    found, notes = contents(tmp_path, "reranking", {"test": rows})
    data = found["test"]
    assert data.queries == {"id": ["q0"], "text": ["q"]}
    assert dict(zip(data.corpus["id"], data.corpus["text"], strict=True)) == {"q0-d0": "a", "q0-d1": "b", "q0-d2": "c"}
    assert data.relevant == {"q0": {"q0-d0": 1}}
    assert data.candidates == {"q0": ["q0-d0", "q0-d1", "q0-d2"]}
    assert notes == ["1 of 2 queries have no relevant document and are left out"]


RETRIEVAL = {
    "corpus": {"_id": ["1", "2"], "title": ["T", ""], "text": ["one", "two"]},
    "queries": {"_id": ["a", "b"], "text": ["which", "none"]},
    "qrels": {"query-id": ["a", "b"], "corpus-id": ["2", "1"], "score": ["2", "0"]},
}


def test_retrieval_is_read_in_the_layout_of_beir(tmp_path):
    found, notes = contents(tmp_path, "retrieval", RETRIEVAL)
    data = found["test"]
    assert data.corpus == {"id": ["1", "2"], "text": ["one", "two"], "title": ["T", ""]}
    assert data.queries == {"id": ["a"], "text": ["which"]}
    assert data.relevant == {"a": {"2": 2}}
    assert len(notes) == 1


UNUSABLE = {
    "one class": (
        "classification",
        {"train": {"text": ["a", "b"], "label": ["x", "x"]}, "test": ROWS},
        "different labels in train",
    ),
    "two labels of three in the test": (
        "classification",
        {
            "train": {"text": ["a", "b", "c"], "label": ["5", "6", "7"]},
            "test": {"text": ["d", "e"], "label": ["5", "7"]},
        },
        "expected more labels in test than 5 and 7",
    ),
    "a label that is missing": (
        "classification",
        {"train": ROWS, "test": {"text": ["a"], "label": [""]}},
        "got '' in row 1 of test",
    ),
    "a text that is none": (
        "classification",
        {"train": ROWS, "test": {"text": [["a"], ["b"]], "label": ["a", "b"]}},
        "expected text in 'text'",
    ),
    "one cluster": ("clustering", {"test": {"text": ["a", "b"], "label": ["x", "x"]}}, "at least 2 clusters"),
    "a score that is none": (
        "sts",
        {"test": {"sentence1": ["a"], "sentence2": ["b"], "score": ["high"]}},
        "expected a number in 'score'; got 'high'",
    ),
    "a score that is infinite": (
        "sts",
        {"test": {"sentence1": ["a"], "sentence2": ["b"], "score": ["inf"]}},
        "expected a number",
    ),
    "equal scores": (
        "sts",
        {"test": {"sentence1": ["a", "b"], "sentence2": ["c", "d"], "score": ["1", "1"]}},
        "two different scores",
    ),
    "a third label": (
        "pair_classification",
        {"test": {"sentence1": ["a"], "sentence2": ["b"], "label": ["2"]}},
        "expected 0 or 1",
    ),
    "one label": (
        "pair_classification",
        {"test": {"sentence1": ["a"], "sentence2": ["b"], "label": ["1"]}},
        "both labels",
    ),
    "no candidates": (
        "reranking",
        {"test": {"query": ["a"], "answer": ["b"]}},
        "expected columns positive and negative",
    ),
    "nothing relevant": (
        "reranking",
        {"test": {"query": ["a"], "document": ["b"], "relevance": ["0"]}},
        "at least one query with a relevant document",
    ),
    "half a relevance": (
        "reranking",
        {"test": {"query": ["a"], "document": ["b"], "relevance": ["0.5"]}},
        "whole number from 0; got '0.5'",
    ),
    "an unknown document": (
        "retrieval",
        {**RETRIEVAL, "qrels": {"query-id": ["a"], "corpus-id": ["9"], "score": ["1"]}},
        "expected ids of corpus in qrels; got '9'",
    ),
    "a document twice": (
        "retrieval",
        {**RETRIEVAL, "corpus": {"_id": ["1", "1"], "text": ["a", "b"]}},
        "expected each id once in corpus",
    ),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_data_that_a_task_cannot_use_are_refused(tmp_path, case):
    kind, files, match = UNUSABLE[case]
    with pytest.raises(ValueError, match=match):
        contents(tmp_path, kind, files)


def test_every_kind_has_a_test_here():
    assert {kind for kind, _, _ in UNUSABLE.values()} == set(KINDS)

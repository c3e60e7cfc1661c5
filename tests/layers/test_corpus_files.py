"""Every kind of file gives its prompts, or one line that says what is wrong and where."""

from __future__ import annotations

import csv
import json
import os
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gramian.layers._corpus import load_corpus
from gramian.layers._corpus_files import LONGEST_LINE
from gramian.layers._paragraphs import documentation_paragraphs, prose_paragraphs, split_paragraphs

ROWS = [{"text": "first prompt", "topic": "a"}, {"text": "second, with a comma", "topic": "b"}]
TEXTS = ("first prompt", "second, with a comma")


def put(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.fixture
def formats(tmp_path: Path) -> list[Path]:
    put(tmp_path, "x.jsonl", "\n".join(json.dumps(row) for row in ROWS) + "\n\n")
    put(tmp_path, "x.csv", 'text,topic\nfirst prompt,a\n"second, with a comma",b\n')
    put(tmp_path, "x.tsv", "text\ttopic\nfirst prompt\ta\nsecond, with a comma\tb\n")
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "x.parquet")
    folder = tmp_path / "dataset"
    folder.mkdir()
    put(folder, "train.jsonl", "\n".join(json.dumps(row) for row in ROWS))
    return [tmp_path / f"x.{kind}" for kind in ("jsonl", "csv", "tsv", "parquet")]


def test_every_format_gives_the_same_corpus(formats: list[Path]) -> None:
    corpora = [load_corpus(path, label_field="topic") for path in formats]
    for corpus in corpora:
        assert corpus.texts == TEXTS
        assert corpus.labels == ("a", "b")
    assert len({corpus.hash for corpus in corpora}) == 1
    assert [load_corpus(path, field="topic").texts for path in formats] == [("a", "b")] * 4


def test_an_unknown_field_lists_those_there_are(formats: list[Path]) -> None:
    for path in formats:
        with pytest.raises(ValueError, match=r"field: expected one of the fields of .* \(text, topic\); got 'body'"):
            load_corpus(path, field="body")
        with pytest.raises(ValueError, match="label_field: expected one of the fields"):
            load_corpus(path, label_field="body")


def test_a_field_that_could_be_two_is_ambiguous(tmp_path: Path) -> None:
    rows = [{"question": "q", "answer": "a"}]
    paths = [
        put(tmp_path, "x.jsonl", json.dumps(rows[0])),
        put(tmp_path, "x.csv", "question,answer\nq,a\n"),
        tmp_path / "x.parquet",
    ]
    pq.write_table(pa.Table.from_pylist(rows), paths[2])
    for path in paths:
        with pytest.raises(ValueError, match=r"field: expected one field .* got 2 that could be \(question, answer\)"):
            load_corpus(path)
        assert load_corpus(path, label_field="answer").texts == ("q",)


def test_a_field_without_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"n": [1, 2]}), path)
    with pytest.raises(ValueError, match=r"got none \(fields: n\)"):
        load_corpus(path)
    with pytest.raises(ValueError, match=r"field: expected a field of .* that holds text; got 'n'"):
        load_corpus(path, field="n")
    with pytest.raises(ValueError, match="field: expected text in 'text'; got a int on line 2"):
        load_corpus(put(tmp_path, "x.jsonl", '{"text": "a"}\n{"text": 3}'))
    with pytest.raises(
        ValueError, match=r"field: expected 'text' on every line; got line 2 of .* with the fields body"
    ):
        load_corpus(put(tmp_path, "y.jsonl", '{"text": "a"}\n{"body": "b"}'))


def test_missing_values_are_dropped_and_counted(tmp_path: Path) -> None:
    rows = [{"text": "a"}, {"text": None}, {"text": "  "}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "x.parquet")
    put(tmp_path, "x.jsonl", "\n".join(json.dumps(row) for row in rows))
    for name in ("x.parquet", "x.jsonl"):
        corpus = load_corpus(tmp_path / name)
        assert (corpus.texts, corpus.notes) == (("a",), ("empty: 2 dropped",))


def test_numbered_labels_are_text_and_missing_ones_are_refused(tmp_path: Path) -> None:
    path = put(tmp_path, "x.jsonl", '{"text": "a", "y": 3}\n{"text": "b", "y": true}')
    assert load_corpus(path, label_field="y").labels == ("3", "True")
    path = put(tmp_path, "y.jsonl", '{"text": "a", "y": 3}\n{"text": "b", "y": null}')
    with pytest.raises(ValueError, match=r"label_field: expected text or a number in line 2 .*; got nothing"):
        load_corpus(path, label_field="y")


def test_paragraphs_of_a_text_file_are_its_blocks(tmp_path: Path) -> None:
    path = put(tmp_path, "x.txt", "\ufeffOne\r\nwrapped.\r\n\r\n \t\r\nTwo.\r\n")
    assert load_corpus(path).texts == ("One\nwrapped.", "Two.")
    assert load_corpus(path, paragraphs=False).texts == ("One", "wrapped.", "Two.")


def test_headings_of_wikitext_are_dropped_and_its_lines_are_paragraphs(tmp_path: Path) -> None:
    path = put(tmp_path, "x.txt", " \n = Title = \n \n One . \n Two . \n \n = = Part = = \n \n a = b \n")
    corpus = load_corpus(path)
    assert corpus.texts == ("One .", "Two .", "a = b")
    assert corpus.notes == ("headings: 2 dropped",)


def test_fields_are_split_at_blank_lines_only_when_asked(tmp_path: Path) -> None:
    path = put(tmp_path, "x.jsonl", json.dumps({"text": "One.\n\nTwo.", "y": "a"}))
    assert load_corpus(path, label_field="y").texts == ("One.\n\nTwo.",)
    corpus = load_corpus(path, label_field="y", paragraphs=True)
    assert (corpus.texts, corpus.labels) == (("One.", "Two."), ("a", "a"))


def test_prose_is_told_from_code_headings_and_tables() -> None:
    prose = " ".join(["word"] * 15 + ["end."])
    items = f"* item one, {prose}\n* item two, {prose}"
    page = f"Heading\n*******\n\n{prose}\n\n   x = call(a, b)\n\n{items}\n\n+--+--+\n| a|b |\n"
    assert prose_paragraphs(page) == [prose, f"item one, {prose}", f"item two, {prose}"]
    assert prose_paragraphs("short prose is left out.") == []
    assert prose_paragraphs(prose.rstrip(".")) == []


def test_a_paragraph_of_several_pages_belongs_to_the_shortest() -> None:
    one, two = (" ".join([word] * 15 + ["end."]) for word in ("one", "two"))
    pages = {"all": f"{one}\n\n{two}", "second": two}
    assert documentation_paragraphs(pages) == [(one, "all"), (two, "second")]


def test_a_single_blank_line_ends_a_paragraph_and_its_first_line_is_known() -> None:
    assert list(split_paragraphs(enumerate(["", "a", "b", " ", "c"], 1))) == [(2, "a\nb"), (5, "c")]


def test_quotes_are_quotes_in_csv_and_characters_in_tsv(tmp_path: Path) -> None:
    path = put(tmp_path, "x.csv", 'text,y\n"two\nlines, and ""quotes""",a\n')
    assert load_corpus(path, label_field="y").texts == ('two\nlines, and "quotes"',)
    path = put(tmp_path, "x.tsv", 'text\ty\n"He said" so\ta\n')
    assert load_corpus(path, label_field="y").texts == ('"He said" so',)


def test_long_fields_are_read_and_the_limit_of_csv_is_put_back(tmp_path: Path) -> None:
    before = csv.field_size_limit(131_072)
    path = put(tmp_path, "x.csv", "text,y\n" + "a" * 200_000 + ",b\n")
    assert len(load_corpus(path, label_field="y").texts[0]) == 200_000
    assert csv.field_size_limit(before) == 131_072


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("x.txt", b"", "expected a file with text; got an empty one"),
        ("x.jsonl", b"", "got an empty one"),
        ("x.csv", b"", "got an empty one"),
        ("x.txt", b"\n \n\n", r"expected at least one prompt in x\.txt; got none \(nothing was there\)"),
        ("x.txt", b"\xc3\xa9\nb\0d\n", "got a NUL byte at offset 4 of .* binary file, or text in another encoding"),
        ("x.txt", "wide".encode("utf-16"), "invalid byte at offset 0|NUL byte at offset"),
        ("x.txt", b"\xc3\xa9\nb\xe9d\n", r"expected UTF-8; got an invalid byte at offset 4 of .* \(line 2\)"),
        (
            "x.jsonl",
            b'{"text": "a"}\n{"text": \n',
            r"expected JSON on every line; got none on line 2 of .*Expecting value",
        ),
        ("x.jsonl", b'{"text": "a"}\n["b"]\n', "expected an object on every line; got a list on line 2"),
        ("x.jsonl", b"[" * 100_000, "nested too deeply|expected JSON"),
        ("x.jsonl", b'{"text": "\\ud800"}', "unpaired surrogate in prompt 1"),
        ("x.csv", b"text,text\na,b\n", "expected a first line that names the columns"),
        ("x.tsv", b"\tObama\tDonilon\n1\ta\tb\n", "expected a first line that names the columns .* got '', 'Obama'"),
        ("x.csv", b"how are you,greeting\nbye,parting\n", r"got 2 that could be \(how are you, greeting\)"),
        ("x.csv", b"text,y\na,b\nc\n", "expected 2 columns in every row; got 1 on line 3"),
        ("x.csv", b'text,y\n"a,b\n', "got a malformed row near line 2 of .*unexpected end of data"),
        ("x.csv", b'text,y\n"a"b,c\n', "malformed row near line 2"),
        ("x.parquet", b"PAR1 and then nothing", "expected a whole Parquet file; got a truncated or damaged one"),
        ("x.parquet", b"", "expected a whole Parquet file"),
    ],
)
def test_damaged_files_are_refused_in_one_line(tmp_path: Path, name: str, content: bytes, match: str) -> None:
    with pytest.raises(ValueError, match=match) as caught:
        load_corpus(put(tmp_path, name, content))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["x.txt", "x.jsonl", "x.csv"])
def test_a_line_over_ten_megabytes_is_named(tmp_path: Path, name: str) -> None:
    path = put(tmp_path, name, b'text\n{"text": "a"}\n'[5 if name == "x.jsonl" else 0 :] + b"a" * (LONGEST_LINE + 1))
    line = 2 if name == "x.jsonl" else 3
    with pytest.raises(ValueError, match=f"lines of at most 10,000,000 bytes; got a longer one, line {line} of"):
        load_corpus(path, prompts=1)


def test_a_paragraph_over_the_limit_is_named_by_its_first_line(tmp_path: Path) -> None:
    path = put(tmp_path, "x.txt", b"a\n\n" + b"word word\n" * (LONGEST_LINE // 10 + 1))
    with pytest.raises(ValueError, match=r"got a longer one, from line 3 of .* Separate paragraphs by blank lines"):
        load_corpus(path)


def test_a_truncated_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"text": [f"text {n}" for n in range(5000)]}), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="expected a whole Parquet file"):
        load_corpus(path)


@pytest.mark.parametrize(
    ("source", "match"),
    [
        ("absent.txt", "expected a file; got absent.txt, which does not exist"),
        ("absent.docx", r"expected python-docs, a file ending in \.txt, .* got 'absent.docx'"),
        ("wikitext", "put hf: before it"),
    ],
)
def test_sources_that_are_not_there_are_refused(source: str, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        load_corpus(source)


def test_a_folder_is_refused_with_what_is_in_it(formats: list[Path]) -> None:
    folder = formats[0].parent
    with pytest.raises(ValueError, match=r"got the folder .*, with x\.csv, x\.jsonl, x\.parquet, x\.tsv\. .* hf:"):
        load_corpus(folder)
    with pytest.raises(TypeError, match="source: expected text or a path; got list"):
        load_corpus([str(folder)])


def test_a_data_set_in_the_layout_of_the_hub_is_loaded(
    formats: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "dataset"
    corpus = load_corpus(f"hf:{folder}", label_field="topic")
    assert (corpus.texts, corpus.labels) == (TEXTS, ("a", "b"))
    put(folder, "test.jsonl", json.dumps({"text": "of the test", "topic": "c"}))
    with pytest.raises(ValueError, match=r"split: expected one of the splits of .* \(train, test\); got None"):
        load_corpus(f"hf:{folder}")
    assert load_corpus(f"hf:{folder}", split="test", field="text").texts == ("of the test",)
    with pytest.raises(ValueError, match="split 'dev' and revision None") as caught:
        load_corpus(f"hf:{folder}", split="dev")
    assert "\n" not in str(caught.value)


def test_numbered_classes_of_a_data_set_come_back_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    classes = datasets.ClassLabel(names=["no", "yes"])
    built = datasets.Dataset.from_dict(
        {"text": ["a", "b"], "y": [1, 0]}, features=datasets.Features({"text": datasets.Value("string"), "y": classes})
    )
    asked = []

    def load(*arguments: object, **options: object) -> object:
        asked.append((arguments, options))
        return built

    monkeypatch.setattr(datasets, "load_dataset", load)
    corpus = load_corpus("org/name:part", label_field="y", split="train", revision="v1")
    assert (corpus.name, corpus.texts, corpus.labels) == ("org/name:part", ("a", "b"), ("yes", "no"))
    assert asked == [(("org/name", "part"), {"split": "train", "revision": "v1"})]


def test_without_the_extra_the_error_names_it(formats: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ImportError, match=r'pyarrow.*pip install "gramian\[layers\]"'):
        load_corpus(formats[3])
    with pytest.raises(ImportError, match=r'datasets.*pip install "gramian\[layers\]"'):
        load_corpus("hf:org/name")


def data(name: str) -> Path:
    folder = os.environ.get("GRAMIAN_TEST_DATA")
    if not folder or not (Path(folder) / name).exists():
        pytest.skip("GRAMIAN_TEST_DATA does not name a folder with the data")
    return Path(folder) / name


def test_wikitext_gives_its_paragraphs() -> None:
    path = data("wikitext-2/valid.txt")
    raw = [line for line in path.read_text().split("\n") if line.strip()]
    headings = [line for line in raw if line.strip().startswith("= ") and line.strip().endswith(" =")]
    corpus = load_corpus(path)
    assert len(corpus) == len(raw) - len(headings)
    assert corpus.notes[0] == f"headings: {len(headings)} dropped"


def test_banking_queries_come_with_their_intents() -> None:
    corpus = load_corpus(data("banking77/test.csv"), label_field="category")
    assert len(corpus) == 3080
    assert len(set(corpus.labels or ())) == 77

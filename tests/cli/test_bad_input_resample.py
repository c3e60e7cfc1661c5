"""Wrong use of `gramian resample`: one line, exit 2, nothing written."""

import sys

import pytest

pytest.importorskip("imblearn", reason="needs imbalanced-learn: the extra `sampling`")

from gramian.cli._app import main

GOOD = "a,b,y\n" + "".join(f"{i},{i * i % 7},{int(i > 20)}\n" for i in range(30))
TABLES = {
    "good": GOOD,
    "empty": "",
    "header": "a,b,y\n",
    "ragged": GOOD + "1,2\n",
    "twice": GOOD.replace("a,b,y", "a,a,y"),
    "gap": GOOD.replace("\n5,", "\n,"),
    "words": "a,y\n" + "".join(f"word{i},{int(i > 20)}\n" for i in range(30)),
    "one": GOOD.replace(",1\n", ",0\n"),
    "unlabelled": GOOD.replace(",1\n", ",\n"),
    "balanced": "a,y\n" + "".join(f"{i},{i % 2}\n" for i in range(30)),
    "continuous": "a,y\n" + "".join(f"{i},{i / 7}\n" for i in range(30)),
}
CASES = [
    ("good", ["--target", "z"], "target: expected one of 'a', 'b', 'y'; got 'z'"),
    ("good", ["--target", "y", "--method", "smote"], "method: expected one of select, prototypes; got 'smote'"),
    ("good", ["--target", "y", "--ratio", "0"], "ratio: expected a number in (0, 1]"),
    ("good", ["--target", "y", "--ratio", "0.1"], "ratio: expected a class of more than 90 rows; got 0 21, 1 9"),
    ("good", ["--target", "y", "--bandwidth", "silverman"], "'bandwidth' parameter"),
    ("good", ["--target", "y", "--bandwidth=-1"], "'bandwidth' parameter"),
    ("good", ["--target", "y", "--alpha=-1"], "'alpha' parameter"),
    ("good", ["--target", "y", "--ignore", "c"], "ignore: expected columns of the table; got 'c'"),
    ("good", ["--target", "y", "--ignore", "a", "--ignore", "b"], "expected a column of numbers beside the target"),
    ("good", [], "Missing option '--target'"),
    ("good", ["--target", "y", "--seed", "-1"], "--seed"),
    ("empty", ["--target", "y"], "expected a table with a header; got an empty file"),
    ("header", ["--target", "y"], "expected a table with rows"),
    ("ragged", ["--target", "y"], "expected 3 values in every row; got 2 in row 32"),
    ("twice", ["--target", "y"], "got 'a' twice"),
    ("gap", ["--target", "y"], "expected a finite number in every row; got none in 1 of 30 rows of 'a'"),
    ("words", ["--target", "y"], "expected a column of numbers beside the target"),
    ("one", ["--target", "y"], "target: expected two classes or more; got one, 0"),
    ("unlabelled", ["--target", "y"], "target: expected a class in every row; got none in 9 of 30"),
    ("balanced", ["--target", "y"], "ratio: expected a class of more than 15 rows"),
    ("continuous", ["--target", "y"], "target: expected classes; got 30 different numbers in 'y'"),
    ("missing", ["--target", "y"], "data: expected a file; got nothing at"),
]


@pytest.mark.parametrize(("table", "arguments", "expected"), CASES, ids=[f"{t} {' '.join(a)}" for t, a, _ in CASES])
def test_one_line_and_exit_2(table, arguments, expected, tmp_path, monkeypatch, capsys):
    data, out = tmp_path / f"{table}.csv", tmp_path / "out.csv"
    if table in TABLES:
        data.write_text(TABLES[table])
    refused(monkeypatch, capsys, [data, *arguments, "--out", out], expected)
    assert not out.exists()


@pytest.mark.parametrize(
    ("name", "out", "expected"),
    [
        ("t.xlsx", "o.csv", "data: expected a file ending in .csv, .tsv, .parquet, .pq"),
        ("t.csv", "o.xlsx", "out: expected a file ending in .csv"),
        ("t.csv", "there.csv", "Add --overwrite to replace it"),
        ("t.parquet", "o.csv", "data: expected a Parquet file"),
    ],
)
def test_files_of_other_kinds(name, out, expected, tmp_path, monkeypatch, capsys):
    (tmp_path / name).write_text(GOOD)
    (tmp_path / "there.csv").write_text("mine")
    refused(monkeypatch, capsys, [tmp_path / name, "--target", "y", "--out", tmp_path / out], expected)
    assert (tmp_path / "there.csv").read_text() == "mine"


def test_the_data_are_never_written_over(tmp_path, monkeypatch, capsys):
    data = tmp_path / "t.csv"
    data.write_text(GOOD)
    refused(monkeypatch, capsys, [data, "--target", "y", "--out", data, "--overwrite"], "another file than the data")
    assert data.read_text() == GOOD


def refused(monkeypatch, capsys, arguments, expected):
    monkeypatch.setattr(sys, "argv", ["gramian", "resample", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    assert ended.value.code == 2
    assert printed.out == ""
    assert len(printed.err.strip().splitlines()) == 1
    assert expected in printed.err

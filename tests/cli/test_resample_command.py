"""`gramian resample`: what it keeps, writes and says."""

import csv
import json
import sys

import numpy as np
import pytest

pytest.importorskip("imblearn", reason="needs imbalanced-learn: the extra `sampling`")

from gramian.cli._app import main

HEADER = ["id", "age", "income", "city", "churn"]


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


@pytest.fixture
def customers(tmp_path):
    rng = np.random.default_rng(0)
    rows = [
        [
            f"{i:04d}",
            rng.integers(18, 80),
            f"{rng.lognormal(8, 1):.2f}",
            ["Bern", "Rome, IT"][i % 2],
            "yno"[i % 5 > 0 :][:1],
        ]
        for i in range(100)
    ]
    path = tmp_path / "customers.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([HEADER, *rows])
    return path


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["gramian", "resample", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        assert ended.value.code == 0, printed.err
        return printed.out

    return call


def test_selected_rows_are_rows_of_the_table_in_its_order(customers, run, tmp_path):
    out = tmp_path / "new" / "fewer.csv"
    printed = run(customers, "--target", "churn", "--ignore", "id", "--out", out)
    given, kept = rows_of(customers), rows_of(out)
    assert kept[0] == HEADER
    places = [given.index(row) for row in kept]
    assert places == sorted(places)
    assert [sum(row[-1] == name for row in kept[1:]) for name in "ny"] == [20, 20]
    assert "Not measured: id, city; they ride along." in " ".join(printed.split())
    assert "100 random subsets" in printed


def test_json_gives_counts_divergence_and_columns(customers, run, tmp_path):
    found = json.loads(run(customers, "--target", "churn", "--ignore", "id", "--out", tmp_path / "o.csv", "--json"))
    assert found["counts"] == {"n": {"before": 80, "after": 20}, "y": {"before": 20, "after": 20}}
    assert found["measured"] == ["age", "income"]
    assert found["left_out"] == ["id", "city"]
    of = found["classes"]["n"]
    assert 0 <= of["divergence"] < of["random_best"] < of["random_mean"]
    kept = [float(row[1]) for row in rows_of(tmp_path / "o.csv")[1:] if row[-1] == "n"]
    assert of["columns"]["age"]["mean_after"] == pytest.approx(np.mean(kept))


def test_a_ratio_keeps_more(customers, run, tmp_path):
    found = json.loads(run(customers, "--target", "churn", "--ratio", 0.5, "--out", tmp_path / "o.csv", "--json"))
    assert found["counts"]["n"]["after"] == 40


def test_learned_rows_hold_numbers_and_the_class(customers, run, tmp_path):
    out = tmp_path / "o.csv"
    run(customers, "--target", "churn", "--ignore", "id", "--method", "prototypes", "--out", out)
    kept = rows_of(out)
    assert kept[0] == ["age", "income", "churn"]
    given = [[row[1], row[2], row[4]] for row in rows_of(customers)]
    assert [row for row in kept[1:] if row[-1] == "y"] == [row for row in given if row[-1] == "y"]
    learned = [row for row in kept[1:] if row[-1] == "n"]
    assert len(learned) == 20
    assert all(row[0] == str(int(row[0])) for row in learned)


def test_parquet_keeps_its_types(customers, run, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    arrow = pytest.importorskip("pyarrow")
    rng = np.random.default_rng(0)
    table = arrow.table(
        {
            "x": rng.normal(size=60).astype(np.float32),
            "n": rng.integers(0, 9, 60).astype(np.int16),
            "note": [f"row {i}" if i % 3 else None for i in range(60)],
            "class": [i % 6 == 0 for i in range(60)],
        }
    )
    parquet.write_table(table, tmp_path / "t.parquet")
    run(tmp_path / "t.parquet", "--target", "class", "--out", tmp_path / "o.parquet")
    found = parquet.read_table(tmp_path / "o.parquet")
    assert found.schema.equals(table.schema, check_metadata=False)
    assert sorted(found["class"].to_pylist()) == [False] * 10 + [True] * 10
    rows = table.to_pylist()
    assert all(row in rows for row in found.to_pylist())
    run(tmp_path / "t.parquet", "--target", "class", "--out", tmp_path / "l.parquet", "--method", "prototypes")
    assert parquet.read_table(tmp_path / "l.parquet").column_names == ["x", "n", "class"]
    run(tmp_path / "t.parquet", "--target", "class", "--out", tmp_path / "o.csv")
    assert len(rows_of(tmp_path / "o.csv")) == 21
    run(customers, "--target", "churn", "--out", tmp_path / "c.parquet")
    assert parquet.read_table(tmp_path / "c.parquet").column_names == HEADER


def test_semicolons_stay_semicolons(run, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a;b;y\n" + "".join(f"{i},5;{i * i % 7};{int(i > 20)}\n" for i in range(30)))
    run(path, "--target", "y", "--out", tmp_path / "o.csv")
    lines = (tmp_path / "o.csv").read_text().splitlines()
    assert len(lines) == 19
    assert set(lines) <= set(path.read_text().splitlines())


def test_the_page_holds_everything_and_asks_for_nothing(customers, run, tmp_path):
    pytest.importorskip("jinja2")
    page = tmp_path / "page.html"
    run(customers, "--target", "churn", "--ignore", "id", "--out", tmp_path / "o.csv", "--report", page)
    text = page.read_text()
    assert "20 rows kept of 80 of n" in text
    assert "income" in text
    assert "<script" not in text
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "https://" not in text


def test_names_from_the_table_are_escaped_on_the_page(run, tmp_path):
    pytest.importorskip("jinja2")
    path = tmp_path / "t.csv"
    path.write_text("<b>a,y\n" + "".join(f"{i},{'<script>' if i % 3 else 'q'}\n" for i in range(30)))
    run(path, "--target", "y", "--out", tmp_path / "o.csv", "--report", tmp_path / "p.html")
    assert "<script>" not in (tmp_path / "p.html").read_text()
    assert "<b>a" not in (tmp_path / "p.html").read_text()


def test_the_same_seed_writes_the_same_bytes(customers, run, tmp_path):
    for name in ("first.csv", "second.csv"):
        run(customers, "--target", "churn", "--out", tmp_path / name, "--seed", 3)
    assert (tmp_path / "first.csv").read_bytes() == (tmp_path / "second.csv").read_bytes()

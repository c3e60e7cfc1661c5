"""Wrong use of `gramian compare`: one line that says what to do, exit 2, no page."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from tests.cli._samples import compare, points, write_csv, write_images


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    """Every file that goes wrong, beside good ones."""
    folder = tmp_path_factory.mktemp("box")
    x = points(20)
    write_csv(folder / "good.csv", x)
    write_csv(folder / "wide.csv", points(20, columns=4), ("a", "b", "c", "d"))
    write_csv(folder / "renamed.csv", x, ("a", "b", "z"))
    write_csv(folder / "strange.csv", x, ("u", "v", "w"))
    write_csv(folder / "single.csv", x[:1])
    write_csv(folder / "flat.csv", np.ones((20, 3)))
    write_csv(folder / "headless.csv", x[1:], tuple(map(repr, x[0].tolist())))
    holes = x.copy()
    holes[[4, 6], 1] = np.nan
    write_csv(folder / "holes.csv", holes)
    (folder / "endless.csv").write_text("a,b,c\n1,2,inf\n1,2,3\n")
    (folder / "words.csv").write_text("a,city,b,c\n1,Oslo,2,3\n4,Bergen,5,6\n")
    (folder / "onlywords.csv").write_text("city,land\nOslo,N\nBergen,N\n")
    (folder / "mixed.csv").write_text("a,b,c\n1,2,3\n4,unknown,6\n")
    (folder / "ragged.csv").write_text("a,b,c\n1,2,3\n4,5\n")
    (folder / "header.csv").write_text("a,b,c\n")
    (folder / "empty.csv").write_text("")
    (folder / "empty.npy").write_bytes(b"")
    (folder / "groups.csv").write_text("a,g,id\n1,x,1\n2,x,2\n3,y,3\n4,y,4\n5,,5\n")
    (folder / "ids.csv").write_text("a,id,kind\n1,p,k\n2,q,k\n3,r,k\n")
    (folder / "lists.jsonl").write_text('{"v": [1, 2]}\n{"v": [3]}\n')
    np.save(folder / "good.npy", x)
    np.save(folder / "wide.npy", points(20, columns=5))
    np.save(folder / "stack.npy", np.zeros((3, 20, 4), np.float32))
    np.save(folder / "text.npy", np.array([["a"], ["b"]]))
    np.save(folder / "complex.npy", x + 1j)
    np.savez(folder / "several.npz", first=x, second=x)
    (folder / "damaged.npz").write_bytes(b"PK\x03\x04 not whole")
    (folder / "damaged.parquet").write_bytes(b"PAR1 not whole")
    (folder / "damaged.safetensors").write_bytes(b"\x08")
    (folder / "pickled.pt").write_bytes(pickle.dumps({"a": object}, protocol=2))
    (folder / "pickled.npy").write_bytes(pickle.dumps([1, 2]))
    (folder / "notes.txt").write_text("hello")
    (folder / "nothing").mkdir()
    write_images(folder / "images", 4, level=90)
    write_images(folder / "one-image", 1, level=90)
    write_images(folder / "broken", 3, level=90)
    (folder / "broken" / "00.png").write_bytes(b"no image")
    return folder


CASES = [
    ("good.csv", "expected two samples or more; got 1"),
    ("good.csv nowhere.csv", "nowhere.csv: expected a file; got nothing there"),
    ("good.csv nowhere", "nowhere: expected an array"),
    ("good.csv notes.txt", "got a file ending in .txt"),
    ("good.csv empty.csv", "empty.csv: expected a sample; got an empty file"),
    ("good.npy empty.npy", "empty.npy: expected a sample; got an empty file"),
    ("good.csv header.csv", "expected a table with rows; got none"),
    ("good.csv ragged.csv", "expected 3 cells, as in the first row; got 2"),
    ("good.csv headless.csv", "expected a first line that names the columns; got numbers"),
    ("good.csv wide.csv", "got also d. Compare what both have with --columns a,b,c"),
    ("good.csv renamed.csv", "got none called c and also z. Compare what both have with --columns a,b"),
    ("good.csv strange.csv", "got none called a, b, c and also u, v, w. Rename them alike"),
    ("good.npy wide.npy", "expected 3 columns as in"),
    ("good.csv wide.npy", "expected 3 columns as in"),
    ("good.csv single.csv", "expected at least 2 points in single.csv; got 1"),
    (
        "good.csv holes.csv",
        "got nan in 2 of 20 points, first row 5, b. Fill them, or leave them out with --drop-missing",
    ),
    ("good.csv endless.csv", "row 1, column 'c': expected a finite number"),
    ("good.csv words.csv", "got none in city. Leave it out with --columns a,b,c"),
    ("onlywords.csv onlywords.csv", "got none in city, land. Code it as numbers"),
    ("good.csv words.csv --columns city", "--columns: expected columns of"),
    ("words.csv words.csv --columns a,city", "got none in city. Code it as numbers"),
    ("good.csv mixed.csv", "row 2, column 'b': expected a number, or nothing; got 'unknown'"),
    ("good.csv good.csv --columns a,a", "expected names by commas, each once"),
    ("good.npy good.npy --columns a", "--columns: expected a table among the sources"),
    ("flat.csv flat.csv", "all points equal"),
    ("lists.jsonl lists.jsonl", "expected lists of equally many finite numbers"),
    ("good.csv good.csv --group a", "--group: expected one table or folder; got 2"),
    ("groups.csv --group nope", "--group: expected a column of"),
    ("groups.csv --group g", "expected a value of 'g' in every row; got none in row 5"),
    ("ids.csv --group id --columns a", "expected at least 2 points in p; got 1"),
    ("ids.csv --group kind --columns a", "expected two groups or more in 'kind'"),
    ("ids.csv --group id --columns a,id", "--columns: expected other columns than --group id"),
    ("good.npy --group g", "--group: expected a table or a folder of images"),
    ("images --group folder", "expected every image of"),
    ("images --group class", "--group: expected folder"),
    (
        "stack.npy stack.npy",
        "got shape (3, 20, 4). Reshape it to a point a row. Layers of hidden states are read with --layer",
    ),
    ("stack.npy stack.npy --layer 3", "--layer: expected a layer from 0 to 2"),
    ("good.npy good.npy --layer 0", "expected shape (layers, N, d)"),
    ("good.csv good.csv --layer 0", "--layer: expected a file of hidden states among the sources"),
    ("text.npy text.npy", "text.npy: expected numbers; got <U1"),
    ("complex.npy complex.npy", "expected numbers; got complex128"),
    ("several.npz good.npy", "expected the name of one of its arrays (first, second); got none"),
    ("several.npz:third good.npy", "expected one of its arrays (first, second); got 'third'"),
    ("good.npy:key good.npy", "expected no name of an array; got :key"),
    ("damaged.npz good.npy", "expected a whole .npz file; got a damaged one"),
    ("damaged.safetensors good.npy", "expected a whole .safetensors file; got a damaged one"),
    ("damaged.parquet good.csv", "expected a whole Parquet file; got a damaged one"),
    ("pickled.pt good.npy", "never unpickled"),
    ("pickled.npy good.npy", "never unpickled"),
    ("images nothing", "expected at least one image"),
    ("images one-image", "expected at least 2 points"),
    ("images broken", "expected a readable image; got a damaged one, 00.png"),
    ("images good.npy", "expected images throughout, or none; got both"),
    ("good.csv good.csv --level 0", "--level: expected a number within (0, 1)"),
    ("good.csv good.csv --alpha -1", "alpha: expected an order from 0 to infinity"),
    ("good.csv good.csv --kernel round", "kernel: expected one of"),
    ("good.csv good.csv --kernel linear --bandwidth 2", "bandwidth: expected the default"),
    ("good.csv good.csv --bandwidth often", "bandwidth: expected aggregate"),
    ("good.csv good.csv --bandwidth 1,wide", "--bandwidth: expected numbers separated by commas"),
    ("good.csv good.csv --bandwidth -1", "bandwidth: expected positive, finite lengths"),
    ("good.csv good.csv --permutations 0", "permutations: expected an integer of at least 1"),
    ("good.csv good.csv --max-points 1", "--max-points"),
    ("good.csv good.csv --report FOLDER", "--report: expected a file to write; got the directory"),
    (
        "good.csv good.csv --report good.csv",
        "--report: expected a file ending in .html; got good.csv. Call it good.html",
    ),
]


@pytest.mark.parametrize(("typed", "expected"), CASES, ids=[typed for typed, _ in CASES])
def test_one_line_and_exit_2(typed, expected, box, monkeypatch, capsys):
    monkeypatch.chdir(box)
    arguments = ["nothing" if word == "FOLDER" else word for word in typed.split()]
    page = [] if "--report" in typed else ["--report", "page.html"]
    code, out, err = compare(monkeypatch, capsys, *arguments, *page)
    assert code == 2, out
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    assert expected in err
    assert not (box / "page.html").exists()

"""`gramian compare`: what it computes is the library's test, whatever kind of file the numbers come from."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
import torch

from gramian.cli._comparing import _holm
from gramian.cli._samples import Reading, read_samples, standardized
from gramian.inference import k_sample_test, two_sample_test, witness
from tests.cli._samples import compare, document, points, write_csv, write_images


@pytest.fixture
def run(monkeypatch, capsys):
    return lambda *arguments: compare(monkeypatch, capsys, *arguments)


@pytest.fixture
def found(monkeypatch, capsys):
    return lambda *arguments: document(monkeypatch, capsys, *arguments)


@pytest.fixture
def apart(tmp_path):
    """Two tables that differ in column b, and the numbers in them."""
    x, y = points(40), points(30, 2.0, seed=1)
    return write_csv(tmp_path / "old.csv", x), write_csv(tmp_path / "new.csv", y), x, y


@pytest.fixture
def alike(tmp_path):
    return write_csv(tmp_path / "one.csv", points(40)), write_csv(tmp_path / "other.csv", points(30, seed=1))


def test_the_numbers_are_those_of_the_library(apart, found):
    old, new, x, y = apart
    told = found(old, new, "--seed", "3", "--alpha", "1.5", "--bandwidth", "0.5,2")
    test = two_sample_test(x, y, alpha=1.5, bandwidth=[0.5, 2.0], permutations=99, seed=3)
    assert (told["statistic"], told["pvalue"]) == tuple(test)
    assert told["divergence"] == test.divergence
    assert told["effect"] == test.effect
    assert [scale["bandwidth"] for scale in told["scales"]] == [0.5, 2.0]


def test_a_shift_is_found_and_the_smallest_p_says_what_limits_it(apart, run):
    code, out, _ = run(*apart[:2])
    assert code == 0
    assert (
        "A difference between old.csv and new.csv was found: p = 0.01, the smallest that 99 permutations can give"
        in out
    )
    assert "40 points, 3 columns" in out


def test_the_column_and_the_points_that_carry_it_are_named(tmp_path, run, found):
    """Ten of thirty points moved far along b: they are the ones most typical of their file."""
    x, y = points(40), points(30, seed=1)
    moved = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]
    y[moved, 1] += 8
    files = write_csv(tmp_path / "old.csv", x), write_csv(tmp_path / "new.csv", y)
    told = found(*files)
    assert told["difference"]["coordinates"][0]["name"] == "b"
    assert told["difference"]["coordinates"][0]["share"] > 0.8
    of_new = [one for one in told["difference"]["points"] if one["sample"] == "new.csv"]
    assert {one["point"] for one in of_new[:10]} == {f"row {place + 1}" for place in moved}
    assert all(one["witness"] < 0 for one in of_new[:10])
    out = run(*files)[1]
    assert "b carries" in out
    assert "most typical of" in out


def test_the_witness_is_the_library_s_at_the_scale_that_stands_out(apart, found):
    old, new, x, y = apart
    told = found(old, new)
    expected = witness(x, y, bandwidth=told["bandwidth"], seed=0)
    shares = {one["name"]: one["share"] for one in told["difference"]["coordinates"]}
    for name, share in zip("abc", expected.shares, strict=True):
        assert shares.get(name, 0) == pytest.approx(share)
    assert told["difference"]["points"][0]["witness"] == pytest.approx(expected.scores[0].max())


def test_kernels_without_a_witness_say_so(apart, found):
    told = found(*apart[:2], "--kernel", "cosine")
    assert told["difference"] is None
    assert any("not for the one that stands out, cosine" in note for note in told["notes"])


def test_no_difference_is_never_called_sameness(alike, run):
    code, out, _ = run(*alike)
    assert code == 0
    assert "No difference between one.csv and other.csv was found" in out
    assert "This does not show that there is none" in out
    assert "most typical of" not in out, "where nothing was found the witness shows chance"
    assert " same" not in out


def test_columns_are_matched_by_name_in_any_order(apart, tmp_path, found):
    old, new, _, y = apart
    turned = write_csv(tmp_path / "turned.csv", y[:, ::-1], ("c", "b", "a"))
    straight, other = found(old, new), found(old, turned)
    for key in ("statistic", "pvalue", "columns", "scales"):
        assert straight[key] == other[key], key


@pytest.mark.parametrize(
    "kind", ["npy", "npz", "npz:key", "pt", "pt:key", "safetensors", "tsv", "jsonl", "parquet", "lists"]
)
def test_every_kind_of_file_gives_what_a_csv_gives(kind, apart, tmp_path, found):
    old, _, _, y = apart
    path = tmp_path / f"new.{kind.partition(':')[0]}"
    if kind == "npy":
        np.save(path, y)
    elif kind.startswith("npz"):
        np.savez(path, **({"wanted": y, "other": y[:1]} if ":" in kind else {"wanted": y}))
    elif kind == "pt":
        torch.save(torch.from_numpy(y), path)
    elif kind == "pt:key":
        torch.save({"wanted": torch.from_numpy(y), "other": torch.zeros(2, 2)}, path)
    elif kind == "safetensors":
        from safetensors.numpy import save_file

        save_file({"embeddings": y}, path)
    elif kind == "tsv":
        write_csv(path, y, delimiter="\t")
    elif kind == "jsonl":
        path.write_text("\n".join(json.dumps(dict(zip("abc", row, strict=True))) for row in y.tolist()))
    else:
        pa = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        path = tmp_path / "new.parquet"
        columns = {"c": y[:, 2], "b": y[:, 1], "a": y[:, 0]} if kind == "parquet" else {"vector": y.tolist()}
        parquet.write_table(pa.table(columns), path)
    if kind == "lists":
        np.save(tmp_path / "old.npy", apart[2])
        old = tmp_path / "old.npy"
    expected = found(*apart[:2])
    told = found(old, f"{path}:wanted" if ":" in kind else path)
    assert told["statistic"] == expected["statistic"]
    assert told["pvalue"] == expected["pvalue"]


def test_an_array_takes_the_names_of_a_table_by_place_and_says_so(apart, tmp_path, found):
    old, _, _, y = apart
    np.save(tmp_path / "new.npy", y)
    told = found(tmp_path / "new.npy", old)
    assert told["columns"] == ["a", "b", "c"]
    assert any("matched with those of old.csv by their place" in note for note in told["notes"])


@pytest.mark.parametrize("views", [False, True])
def test_a_layer_of_hidden_states_is_that_layer(views, tmp_path, found):
    states = np.random.default_rng(0).normal(size=(3, 20, *([2] if views else []), 4)).astype(np.float32)
    np.save(tmp_path / "states.npy", states)
    np.save(tmp_path / "others.npy", states + np.float32(0.5))
    told = found(tmp_path / "states.npy", tmp_path / "others.npy", "--layer", "2")
    layer = states[2, :, 0] if views else states[2]
    test = two_sample_test(layer, layer + np.float32(0.5), permutations=99, seed=0)
    assert told["statistic"] == pytest.approx(test.statistic, rel=1e-6)
    assert told["pvalue"] == test.pvalue


def test_half_precision_and_whole_numbers_are_read(tmp_path, found):
    torch.save(torch.from_numpy(points(20)).to(torch.bfloat16), tmp_path / "a.pt")
    np.save(tmp_path / "b.npy", points(20, 9.0, seed=1).astype(np.int8))
    assert found(tmp_path / "a.pt", tmp_path / "b.npy")["found"]


def test_a_single_axis_is_points_of_one_number(tmp_path, found):
    np.save(tmp_path / "a.npy", np.arange(20.0))
    np.save(tmp_path / "b.npy", np.arange(20.0) + 15)
    told = found(tmp_path / "a.npy", tmp_path / "b.npy")
    assert told["columns"] == ["column 0"]
    assert told["found"]


def test_a_group_column_gives_what_two_files_give(apart, tmp_path, found):
    old, new, x, y = apart
    rows = [",".join(map(repr, [*row, word])) for part, word in ((x.tolist(), "u"), (y.tolist(), "v")) for row in part]
    both = tmp_path / "both.csv"
    both.write_text("a,b,c,when\n" + "\n".join(rows) + "\n")
    told, expected = found(both, "--group", "when"), found(old, new)
    assert [sample["name"] for sample in told["samples"]] == ["'u'", "'v'"]
    assert told["statistic"] == expected["statistic"]


def test_rows_of_a_group_keep_their_number_in_the_file(tmp_path):
    path = tmp_path / "both.csv"
    path.write_text("a,g\n1,x\n2,y\n3,x\n4,y\n")
    first, second = read_samples([str(path)], Reading(group="g"))
    assert (first.name, first.rows, first.points.ravel().tolist()) == ("x", ("row 1", "row 3"), [1.0, 3.0])
    assert (second.name, second.rows) == ("y", ("row 2", "row 4"))


def test_three_samples_are_tested_together_and_in_pairs(apart, tmp_path, found, run):
    old, new, x, y = apart
    z = points(35, seed=2)
    third = write_csv(tmp_path / "third.csv", z)
    told = found(old, new, third)
    together = k_sample_test(x, y, z, permutations=99, seed=0)
    assert told["statistic"] == together.statistic
    pairs = {(pair["first"], pair["second"]): pair for pair in told["pairs"]}
    alone = two_sample_test(x, y, bandwidth=[one.bandwidth for one in together.scales], permutations=99, seed=0)
    assert pairs["old.csv", "new.csv"]["pvalue"] == alone.pvalue
    at_one = two_sample_test(x, y, bandwidth=together.bandwidth, permutations=99, seed=0)
    assert pairs["old.csv", "new.csv"]["effect"] == pytest.approx(at_one.effect, rel=1e-9)
    assert {told["difference"]["first"], told["difference"]["second"]} <= {"old.csv", "new.csv", "third.csv"}
    assert "new.csv" in (told["difference"]["first"], told["difference"]["second"])
    assert pairs["old.csv", "new.csv"]["corrected"] == pytest.approx(0.03)
    assert pairs["old.csv", "third.csv"]["corrected"] > 0.05
    assert "2 of 3 pairs differ" in run(old, new, third)[1]


def test_holm_by_hand():
    # sorted .01 .02 .03 .5 times 4 3 2 1: .04 .06 .06 .5, each at least the one before
    assert _holm([0.5, 0.01, 0.03, 0.02]) == pytest.approx([0.5, 0.04, 0.06, 0.06])
    assert _holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])


def test_standardized_columns_do_not_depend_on_their_unit(apart, tmp_path, found):
    old, new, x, y = apart
    unit = np.array([1.0, 1e-3, 1e4])
    scaled = [write_csv(tmp_path / f"scaled-{name}.csv", part * unit) for name, part in (("old", x), ("new", y))]
    straight = found(old, new, "--standardize")
    other = found(*scaled, "--standardize")
    assert other["statistic"] == pytest.approx(straight["statistic"], rel=1e-6)
    assert not other["notes"]
    raw = found(*scaled)
    assert raw["statistic"] != pytest.approx(straight["statistic"], rel=1e-2)
    assert any("--standardize brings all to one" in note and "c the widest" in note for note in raw["notes"])


def test_standardized_points_have_mean_0_and_deviation_1_over_all_samples(apart):
    samples = read_samples([str(path) for path in apart[:2]], Reading())
    pooled = np.concatenate(standardized(samples))
    assert pooled.mean(0) == pytest.approx(np.zeros(3), abs=1e-12)
    assert pooled.std(0) == pytest.approx(np.ones(3))


def test_constant_columns_are_named_and_change_nothing(apart, tmp_path, found):
    old, new, x, y = apart
    told = [
        write_csv(
            tmp_path / f"{name}-more.csv", np.column_stack([part, np.full(len(part), 0.1)]), ("a", "b", "c", "flat")
        )
        for name, part in (("old", x), ("new", y))
    ]
    for option in ([], ["--standardize"]):
        result = found(*told, *option)
        assert result["statistic"] == pytest.approx(found(old, new, *option)["statistic"], rel=1e-9)
        assert any(note.endswith(": flat.") for note in result["notes"])


def test_a_seed_repeats_and_another_draws_anew(alike, found):
    once, again, other = found(*alike), found(*alike), found(*alike, "--seed", "1")
    assert once["pvalue"] == again["pvalue"]
    assert once["scales"] == again["scales"]
    assert once["scales"] != other["scales"]


@pytest.mark.parametrize(
    ("files", "options", "code"), [("apart", [], 0), ("apart", ["--alarm"], 1), ("alike", ["--alarm"], 0)]
)
def test_only_alarm_exits_with_1(files, options, code, run, request):
    assert run(*request.getfixturevalue(files)[:2], *options)[0] == code


def test_alarm_follows_the_level(apart, run):
    assert run(*apart[:2], "--alarm", "--level", "0.005")[0] == 0, "99 permutations cannot give a p below 0.01"


def test_points_without_numbers_are_left_out_only_when_asked(apart, tmp_path, found):
    old, _, _, y = apart
    y[[3, 7], 2] = np.nan
    path = write_csv(tmp_path / "holes.csv", y)
    told = found(old, path, "--drop-missing")
    assert "2 of 30 points of holes.csv are left out: no finite number in c." in told["notes"]
    assert told["samples"][1]["points"] == 28
    assert told["statistic"] == two_sample_test(apart[2], np.delete(y, [3, 7], 0), permutations=99, seed=0).statistic


def test_fewer_points_are_drawn_only_when_asked_and_it_is_said(apart, found):
    told = found(*apart[:2], "--max-points", "35")
    assert [sample["points"] for sample in told["samples"]] == [35, 30]
    assert told["notes"] == ["35 of the 40 points of old.csv are compared, drawn by seed 0."]


def test_points_that_stay_keep_their_names_and_pictures(tmp_path):
    folder = write_images(tmp_path / "images", 9, level=90)
    everything, _ = read_samples([str(folder), str(folder)], Reading())
    drawn, _ = read_samples([str(folder), str(folder)], Reading(max_points=4))
    places = [everything.rows.index(name) for name in drawn.rows]
    assert len(set(places)) == 4
    assert places != [0, 1, 2, 3], "the draw is not the head of the list"
    assert (drawn.points == everything.points[places]).all()
    assert [drawn.picture(place) for place in range(4)] == [everything.picture(place) for place in places]


def test_many_points_are_tested_by_features_and_it_is_said(tmp_path, found):
    """At other orders than 2 from 1,000 points on; asked for, there is nothing to note."""
    x, y = points(600, columns=2), points(500, 1.0, columns=2, seed=1)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    options = ["--alpha", "1.5", "--bandwidth", "1", "--permutations", "19"]
    told = found(tmp_path / "x.npy", tmp_path / "y.npy", *options)
    assert told["method"] == "features"
    assert any("128 random features take the place of the kernels for 1,100 points" in note for note in told["notes"])
    asked = found(tmp_path / "x.npy", tmp_path / "y.npy", *options, "--features", "64")
    assert asked["features"] == 64
    assert asked["notes"] == []
    test = two_sample_test(x, y, alpha=1.5, bandwidth=1.0, permutations=19, features=64, seed=0)
    assert asked["divergence"] == test.divergence


def test_one_file_twice_is_named(apart, run):
    code, out, _ = run(apart[0], apart[0])
    assert code == 0
    assert "hold the same numbers" in out
    assert "No difference" in out


def test_files_called_alike_are_told_apart_by_their_folder(tmp_path, found):
    for place, name in enumerate(("monday", "tuesday")):
        (tmp_path / name).mkdir()
        write_csv(tmp_path / name / "data.csv", points(20, seed=place))
    told = found(tmp_path / "monday/data.csv", tmp_path / "tuesday/data.csv")
    assert [sample["name"] for sample in told["samples"]] == ["monday/data.csv", "tuesday/data.csv"]


def test_names_are_no_markup_of_the_terminal(apart, tmp_path, run):
    names = ("[/b]", "[red]b", "c")
    files = [write_csv(tmp_path / f"[bold]{place}.csv", part, names) for place, part in enumerate(apart[2:])]
    code, out, err = run(*files)
    assert code == 0, err
    assert "sample      [bold]0.csv: 40 points" in out


def test_images_of_any_mode_and_size_are_compared(tmp_path, found):
    dark = write_images(tmp_path / "dark", 12, level=70)
    write_images(tmp_path / "dark" / "class", 8, level=70, mode="L", seed=1)
    bright = write_images(tmp_path / "bright", 15, level=130, mode="RGB", size=(14, 20), seed=2)
    told = found(dark, bright, "--image-size", "4")
    assert told["found"]
    assert [sample["points"] for sample in told["samples"]] == [20, 15]
    assert len(told["columns"]) == 4 * 4 * 3
    assert told["columns"][:4] == ["pixel 1,1 red", "pixel 1,1 green", "pixel 1,1 blue", "pixel 1,2 red"]


def test_grey_images_have_one_channel(tmp_path, found):
    folders = [write_images(tmp_path / name, 10, level=90, mode="L", seed=ord(name)) for name in "ab"]
    told = found(*folders, "--image-size", "3")
    assert told["columns"][:4] == ["pixel 1,1", "pixel 1,2", "pixel 1,3", "pixel 2,1"]
    assert len(told["columns"]) == 9


def test_a_zip_gives_what_its_folder_gives(tmp_path, found):
    folders = [write_images(tmp_path / name, 10, level=90, seed=ord(name)) for name in "ab"]
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        for file in folders[1].iterdir():
            archive.write(file, file.name)
    straight, packed = found(*folders), found(folders[0], tmp_path / "b.zip")
    assert straight["statistic"] == packed["statistic"]
    assert straight["samples"][1]["sha256"] == packed["samples"][1]["sha256"]


def test_folders_of_classes_are_groups(tmp_path, found):
    write_images(tmp_path / "set" / "cat", 9, level=70)
    write_images(tmp_path / "set" / "dog", 8, level=130, seed=1)
    told = found(tmp_path / "set", "--group", "folder", "--image-size", "4")
    assert [(sample["name"], sample["points"]) for sample in told["samples"]] == [("cat", 9), ("dog", 8)]
    assert told["found"]


def test_the_document_says_how_to_repeat_it(apart, found):
    told = found(*apart[:2])
    assert told["account"]["Run"]["command"].startswith("gramian compare ")
    assert told["account"]["Parameters"]["seed"] == 0
    assert told["account"]["Versions"]["gramian"]
    assert len(told["samples"][0]["sha256"]) == 64

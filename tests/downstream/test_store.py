"""The store on disk: shared, bounded, and believed only where its checksums agree."""

import errno
import json
import logging
import os
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch

from gramian.downstream import LayerReader, Reading, VectorStore, default_store_folder, readings, store_cost
from gramian.downstream._vectors import waiting
from gramian.downstream._vectors.reader import text_keys
from gramian.downstream._vectors.segments import segment_files
from gramian.downstream._vectors.shelf import Shelf
from gramian.runs._chunks import ChunkStore
from tests.downstream._texts import TEXTS, numbered_texts, sunken_model
from tests.layers._tiny import tiny_model, tiny_tokenizer

ROOT = Path(__file__).parents[2]
MEAN = Reading()


@pytest.fixture(scope="module")
def llama():
    return tiny_model("llama")


def files(folder):
    return sorted(path for path in Path(folder).rglob("*.safetensors"))


def small_segments(monkeypatch, texts, model, readings=1):
    """Segments of so many texts."""
    streams = model.depth + 2
    monkeypatch.setattr(waiting, "_BYTES", texts * readings * streams * model.width * 4)


def test_what_was_read_is_there_for_the_next_reader(llama, tmp_path):
    first = LayerReader(llama, readings=readings("mean,last"), store=VectorStore(tmp_path))
    expected = first.vectors(TEXTS, 2, "residual", MEAN)
    again = LayerReader(llama, readings=MEAN, store=VectorStore(tmp_path))
    np.testing.assert_array_equal(again.vectors(TEXTS[::-1], 2, "residual", MEAN), expected[::-1])
    assert (first.passes, again.passes) == (len(TEXTS), 0)
    # Of what is missing nothing but the missing is read: one text more, one pooling more.
    more = LayerReader(llama, readings=MEAN, store=VectorStore(tmp_path))
    more.fill([*TEXTS, "one more"])
    other = LayerReader(llama, readings=readings("mean,first"), store=VectorStore(tmp_path))
    size = other.store.size()
    other.fill(TEXTS)
    assert (more.passes, other.passes) == (1, len(TEXTS))
    assert other.store.size() - size < size, "the mean was written again"


def test_another_encoder_or_precision_finds_nothing(llama, tmp_path):
    LayerReader(llama, store=VectorStore(tmp_path)).fill(TEXTS)
    others = [
        LayerReader(tiny_model("llama", seed=1), store=VectorStore(tmp_path)),
        LayerReader(tiny_model("llama", instruction="Query: "), store=VectorStore(tmp_path)),
        LayerReader(tiny_model("llama", tokenizer=tiny_tokenizer(bos=True)), store=VectorStore(tmp_path)),
        LayerReader(llama, store=VectorStore(tmp_path, precision="float32")),
        LayerReader(llama, max_tokens=100, store=VectorStore(tmp_path)),
    ]
    for reader in others:
        reader.fill(TEXTS)
        assert reader.passes == len(TEXTS)
    notes = [json.loads(path.read_text()) for path in tmp_path.glob("*/encoder.json")]
    assert len(notes) == len(others) + 1
    assert {note["instruction"] for note in notes} == {"", "Query: "}


def test_a_model_in_training_is_not_answered_with_its_old_vectors(tmp_path):
    model = tiny_model("llama")
    before = LayerReader(model, store=VectorStore(tmp_path)).vectors(TEXTS, 3, "residual", MEAN)
    with torch.no_grad():
        next(model.blocks.parameters()).add_(0.5)
    reader = LayerReader(model, store=VectorStore(tmp_path))
    assert not np.allclose(reader.vectors(TEXTS, 3, "residual", MEAN), before, rtol=0.01)
    assert reader.passes == len(TEXTS)


def test_layers_apart_add_up_to_all_layers(llama, tmp_path):
    for layers in ([0, 2], [1], [3]):
        LayerReader(llama, layers=layers, store=VectorStore(tmp_path)).fill(TEXTS)
    whole = LayerReader(llama, store=VectorStore(tmp_path))
    fresh = LayerReader(llama)
    for layer, stream in whole.streams:
        found = whole.vectors(TEXTS, layer, stream, MEAN)
        expected = fresh.vectors(TEXTS, layer, stream, MEAN)
        np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-3 * np.abs(expected).max())
    assert whole.passes == 0


def test_half_precision_holds_a_massive_first_token(tmp_path):
    """An embedding 1e7 long pools to more than float16 can say."""
    model = sunken_model(factor=3e7)
    exact = LayerReader(model, readings=readings("mean,first"), store=VectorStore(tmp_path / "a", precision="float32"))
    half = LayerReader(model, readings=readings("mean,first"), store=VectorStore(tmp_path / "b"))
    for reading in exact.readings:
        expected = exact.vectors(TEXTS, 1, "residual", reading)
        assert np.abs(expected).max() > 65504
        found = half.vectors(TEXTS, 1, "residual", reading)
        assert np.isfinite(found).all()
        np.testing.assert_allclose(found, expected, rtol=2.0**-11)


def test_two_writers_that_do_not_see_each_other_share_one_store(llama, tmp_path):
    """Both were opened before either wrote; what both wrote is there twice and does no harm."""
    texts = numbered_texts(12)
    one, two = (LayerReader(llama, store=VectorStore(tmp_path)) for _ in range(2))
    two._shelves[MEAN].refresh = lambda: None
    one.fill(texts[:8])
    two.fill(texts[4:])
    assert (one.passes, two.passes) == (8, 8)
    third = LayerReader(llama, store=VectorStore(tmp_path))
    np.testing.assert_array_equal(
        third.vectors(texts[:8], 1, "residual", MEAN), one.vectors(texts[:8], 1, "residual", MEAN)
    )
    third.fill(texts)
    assert third.passes == 0


@pytest.mark.slow
def test_two_processes_write_one_store_and_a_third_reads_it(llama, tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.downstream._process", str(tmp_path)]
    running = [
        subprocess.Popen([*command, *part], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        for part in (["0", "30"], ["10", "40"])
    ]
    passes = [json.loads(process.communicate(timeout=200)[0])["passes"] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert 40 <= sum(passes) <= 60
    reader = LayerReader(llama, store=VectorStore(tmp_path))
    found = reader.vectors(numbered_texts(40), 3, "final_norm", MEAN)
    assert reader.passes == 0
    expected = LayerReader(llama).vectors(numbered_texts(40), 3, "final_norm", MEAN)
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-3 * np.abs(expected).max())


def test_a_reader_sees_what_another_wrote_since(llama, tmp_path):
    one, two = (LayerReader(llama, store=VectorStore(tmp_path)) for _ in range(2))
    one.fill(TEXTS[:2])
    two.fill(TEXTS[:2])
    assert two.passes == 0


@pytest.mark.parametrize("damage", ["cut", "vectors", "keys", "header", "empty"])
def test_a_damaged_file_is_reported_removed_and_read_again(llama, tmp_path, caplog, damage):
    expected = LayerReader(llama, store=VectorStore(tmp_path)).vectors(TEXTS, 3, "residual", MEAN)
    (path,) = files(tmp_path)
    raw = bytearray(path.read_bytes())
    place = {"vectors": raw.rfind(expected.astype(np.float16)[0, :0].tobytes()) - 1, "header": 20}
    if damage == "cut":
        raw = raw[: len(raw) // 2]
    elif damage == "empty":
        raw = bytearray()
    elif damage == "keys":
        header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
        raw[8 + int.from_bytes(raw[:8], "little") + header["keys"]["data_offsets"][0]] ^= 1
    elif damage == "vectors":
        header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
        first, last = header["vectors"]["data_offsets"]
        # A byte of the layer that is asked for: layer 3 of five streams.
        raw[8 + int.from_bytes(raw[:8], "little") + first + (last - first) * 3 // 5 + 5] ^= 0x40
    else:
        raw[place[damage]] ^= 0x7F
    path.write_bytes(raw)
    with caplog.at_level(logging.WARNING):
        reader = LayerReader(llama, store=VectorStore(tmp_path))
        np.testing.assert_array_equal(reader.vectors(TEXTS, 3, "residual", MEAN), expected)
    assert reader.passes == len(TEXTS)
    assert path.name in caplog.text
    assert not path.exists()


def test_a_file_that_cannot_be_read_now_is_not_removed(llama, tmp_path, monkeypatch, caplog):
    """Too many open files, or a disk that does not answer: what the file holds may be whole."""
    expected = LayerReader(llama, store=VectorStore(tmp_path)).vectors(TEXTS, 3, "residual", MEAN)

    def refused(*arguments):
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(ChunkStore, "load", refused)
        LayerReader(llama, store=VectorStore(tmp_path))
    assert "Too many open files" in caplog.text
    reader = LayerReader(llama, store=VectorStore(tmp_path))
    np.testing.assert_array_equal(reader.vectors(TEXTS, 3, "residual", MEAN), expected)
    assert reader.passes == 0


def test_two_processes_may_begin_with_one_model_at_once(tmp_path, monkeypatch):
    """The other one's note appears while this one's is written."""
    replace, others = Path.replace, [VectorStore(tmp_path)]

    def overtaken(path, target):
        while others:
            others.pop().describe_encoder({"a": 1})
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", overtaken)
    store = VectorStore(tmp_path)
    store.describe_encoder({"a": 1})
    assert not others
    assert [path.name for path in store.encoder_folder({"a": 1}).iterdir()] == ["encoder.json"]


def test_a_file_evicted_under_a_reader_is_read_again(llama, tmp_path):
    reader = LayerReader(llama, store=VectorStore(tmp_path))
    expected = reader.vectors(TEXTS, 1, "residual", MEAN)
    files(tmp_path)[0].unlink()
    np.testing.assert_array_equal(reader.vectors(TEXTS, 1, "residual", MEAN), expected)
    assert reader.passes == 2 * len(TEXTS)


def test_the_least_recently_used_files_of_others_go_first(llama, tmp_path):
    texts = numbered_texts(24)
    store = VectorStore(tmp_path)
    for number, group in enumerate((texts[:8], texts[8:16])):
        LayerReader(tiny_model("llama", seed=number + 1), store=store).fill(group)
        time.sleep(0.02)
    older, newer = sorted(files(tmp_path), key=lambda path: path.stat().st_mtime_ns)
    size = older.stat().st_size
    # The older one is read again, which makes it the newer one.
    LayerReader(tiny_model("llama", seed=1), store=VectorStore(tmp_path)).vectors(texts[:8], 0, "residual", MEAN)
    LayerReader(llama, store=VectorStore(tmp_path, limit=3 * size - 100)).fill(texts[:8])
    assert older.exists()
    assert not newer.exists()
    assert VectorStore(tmp_path).size() <= 3 * size - 100


def test_what_present_work_uses_is_never_evicted(llama, tmp_path, monkeypatch):
    small_segments(monkeypatch, 4, llama)
    texts = numbered_texts(32)
    LayerReader(tiny_model("llama", seed=1), store=VectorStore(tmp_path)).fill(texts)
    alone = VectorStore(tmp_path).size()
    reader = LayerReader(llama, store=VectorStore(tmp_path, limit=int(alone * 1.1)))
    reader.fill(texts)
    found = reader.vectors(texts, 2, "residual", MEAN)
    assert reader.passes == len(texts), "own files went before those of others"
    assert found.shape == (32, llama.width)
    assert VectorStore(tmp_path).size() <= alone * 1.1


def test_too_much_for_the_limit_is_refused_before_the_model_runs(llama, tmp_path):
    reader = LayerReader(llama, readings=readings("mean,last"), store=VectorStore(tmp_path, limit=1000))
    with pytest.raises(ValueError, match=r"store: expected room within its limit of 1,000 bytes; got [\d.]+ KiB for "
        r"24 texts x 5 streams x 2 readings x 32 features in float16\. .*--layers 'every 4th'.*--passes 4"):  # fmt: skip
        reader.fill(numbered_texts(24))
    assert reader.passes == 0
    assert not files(tmp_path)


def test_the_limit_counts_what_is_used_already(llama, tmp_path):
    texts = numbered_texts(40)
    need = store_cost(20, streams=5, width=32)
    reader = LayerReader(llama, store=VectorStore(tmp_path, limit=int(need * 1.5)))
    reader.fill(texts[:20])
    with pytest.raises(ValueError, match=r"beside [\d.]+ KiB that this run uses already"):
        reader.fill(texts)
    reader.release()
    reader.fill(texts[20:])
    assert reader.store.size() <= need * 1.5


def test_the_cost_that_is_announced_is_the_cost_on_disk(llama, tmp_path):
    texts = numbered_texts(200)
    for precision in ("float16", "float32"):
        store = VectorStore(tmp_path / precision, precision=precision)
        LayerReader(llama, readings=readings("mean,last"), store=store).fill(texts)
        announced = store_cost(200, streams=5, width=32, readings=2, precision=precision)
        assert announced < store.size() < announced + 2 * 1500
    assert store_cost(1000, streams=34, width=64, passes=4) == store_cost(1000, streams=9, width=64)


def test_a_reading_that_was_killed_goes_on_to_the_same_digits(llama, tmp_path, monkeypatch):
    small_segments(monkeypatch, 6, llama)
    texts = numbered_texts(40)

    class Killed(RuntimeError):
        pass

    def kill(done, total):
        if done > 20:
            raise Killed

    options = {"token_budget": 40}
    whole = LayerReader(llama, store=VectorStore(tmp_path / "a", precision="float32"), **options)
    with pytest.raises(Killed):
        LayerReader(llama, store=VectorStore(tmp_path / "b", precision="float32"), progress=kill, **options).fill(texts)
    resumed = LayerReader(llama, store=VectorStore(tmp_path / "b", precision="float32"), **options)
    for stream in whole.streams:
        np.testing.assert_array_equal(resumed.vectors(texts, *stream, MEAN), whole.vectors(texts, *stream, MEAN))
    assert 0 < resumed.passes < len(texts)
    assert not list(tmp_path.rglob("*plan-*")), "a plan is left behind"


def test_what_killed_processes_left_is_swept_after_a_day(llama, tmp_path):
    store = VectorStore(tmp_path)
    LayerReader(llama, store=store).fill(TEXTS)
    folder = files(tmp_path)[0].parent
    left = [folder / ".chunk-x.safetensors.aside", folder.parent / "plan-00", folder.parent / ".plan-00-1.aside"]
    for path in left:
        path.write_bytes(b"x")
    LayerReader(llama, store=VectorStore(tmp_path)).fill(["young files stay"])
    assert all(path.exists() for path in left)
    for path in left:
        os.utime(path, (time.time() - 2 * 86400,) * 2)
    LayerReader(llama, store=VectorStore(tmp_path)).fill(["old files go"])
    assert not any(path.exists() for path in left)


def test_focus_gives_up_what_other_layers_needed(llama, tmp_path):
    texts = numbered_texts(20)
    need = store_cost(20, streams=2, width=32)
    reader = LayerReader(llama, store=VectorStore(tmp_path, limit=int(need * 1.8)))
    for group in ([(0, "residual"), (1, "residual")], [(2, "residual"), (3, "residual")]):
        reader.focus(group)
        reader.fill(texts)
        assert reader.store.size() <= need * 1.8
    assert reader.passes == 40


def test_memory_while_writing_and_reading_is_bounded(llama, tmp_path, monkeypatch):
    """Eight times what may wait goes through; the peak stays near what may wait, and a layer is read alone."""
    small_segments(monkeypatch, 100, llama, readings=2)
    reader = LayerReader(llama, readings=readings("mean,last"), store=VectorStore(tmp_path), token_budget=256)
    texts = numbered_texts(800)
    reader.fill(texts[:20])
    tracemalloc.start()
    try:
        reader.fill(texts)
        of_writing = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        reader.vectors(texts, 2, "residual", MEAN)
        of_reading = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    waits, everything = waiting._BYTES, store_cost(800, streams=5, width=32, readings=2, precision="float32")
    assert everything > 7 * waits
    # Keys, lengths and batches of 800 texts come on top: a few hundred bytes each.
    assert of_writing < 3 * waits + 800 * 700
    assert of_reading < 3 * 800 * 32 * 4 + 800 * 700
    assert max(path.stat().st_size for path in files(tmp_path)) < waits


def test_opening_reads_the_keys_and_no_vector(llama, tmp_path):
    LayerReader(llama, store=VectorStore(tmp_path)).fill(numbered_texts(400))
    (folder,) = tmp_path.glob("*/mean-raw")
    tracemalloc.start()
    try:
        shelf = Shelf(folder, precision="float16", make_room=lambda needed: None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert not shelf.missing(text_keys(numbered_texts(400)), [(2, "residual")]).any()
    assert peak < VectorStore(tmp_path).size() / 4


def test_the_store_lies_in_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_store_folder() == tmp_path / "gramian" / "vectors"
    assert VectorStore().folder == tmp_path / "gramian" / "vectors"
    assert not VectorStore().folder.exists(), "nothing is made before something is written"


def test_a_reader_without_a_store_leaves_nothing(llama):
    reader = LayerReader(llama)
    reader.fill(TEXTS)
    folder = reader.store.folder
    assert segment_files(next(folder.glob("*/mean-raw")))
    del reader
    assert not folder.exists()


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"limit": 0}, ValueError, r"limit: expected at least 1 byte"),
        ({"limit": 1.5}, TypeError, r"limit: expected a whole number of bytes"),
        ({"precision": "int8"}, ValueError, r"precision: expected one of float16, float32; got 'int8'"),
        ({"folder": __file__}, ValueError, r"store: expected a folder; got the file"),
    ],
)
def test_a_store_that_makes_no_sense_is_refused(arguments, error, match):
    with pytest.raises(error, match=match):
        VectorStore(**arguments)


@pytest.mark.parametrize("wrong", [{"texts": 0}, {"streams": 0}, {"readings": 0}, {"passes": 0}, {"precision": "half"}])
def test_a_cost_of_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match=rf"{next(iter(wrong))}: expected"):
        store_cost(**{"texts": 1, "streams": 1, "width": 1, **wrong})

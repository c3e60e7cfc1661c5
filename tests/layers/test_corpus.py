"""The same request gives the same prompts: filters, seeded sampling, hashes, notes."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gramian.layers._corpus import Corpus, load_corpus
from gramian.layers._sampling_keys import Occurrences, content_hash, prompt_key, prompt_keys


def words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(f"prompt number {n} " + "more " * (n % 5) for n in range(300)))
    return path


def load(path: Path, **options) -> Corpus:
    return load_corpus(path, paragraphs=False, **options)


def test_everything_is_taken_in_order_without_a_number(lines: Path) -> None:
    corpus = load(lines)
    assert [int(text.split()[2]) for text in corpus.texts] == list(range(300))
    assert (corpus.name, corpus.labels, corpus.lengths, corpus.notes) == ("lines.txt", None, None, ())
    assert len(corpus) == 300


def test_a_sample_is_the_prompts_with_the_smallest_keys_in_the_order_of_the_file(lines: Path) -> None:
    texts = load(lines).texts
    smallest = set(sorted(texts, key=lambda text: prompt_key(text, seed=7))[:40])
    assert load(lines, prompts=40, seed=7).texts == tuple(text for text in texts if text in smallest)


def test_samples_are_nested_and_differ_between_seeds(lines: Path) -> None:
    small, large = (set(load(lines, prompts=n, seed=1).texts) for n in (20, 100))
    assert small < large
    other = set(load(lines, prompts=100, seed=2).texts)
    assert 15 < len(large & other) < 55, "two seeds should share about a third of the prompts"


def test_a_sample_does_not_depend_on_the_order_of_the_file(lines: Path, tmp_path: Path) -> None:
    shuffled = lines.read_text().split("\n")
    random.Random(0).shuffle(shuffled)
    (tmp_path / "shuffled.txt").write_text("\n".join(shuffled))
    one, two = load(lines, prompts=50), load(tmp_path / "shuffled.txt", prompts=50)
    assert set(one.texts) == set(two.texts)
    assert one.texts != two.texts
    assert one.hash != two.hash


def test_hash_names_the_prompts_and_parameters_but_not_the_place(lines: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere" / "other.txt"
    moved.parent.mkdir()
    moved.write_bytes(lines.read_bytes())
    hashes = {load(lines, prompts=50).hash, load(moved, prompts=50).hash}
    assert len(hashes) == 1
    hashes |= {load(lines, prompts=49).hash, load(lines, prompts=50, seed=1).hash, load(lines, keep="number").hash}
    assert len(hashes) == 4
    assert all(len(digest) == 64 for digest in hashes)


def test_a_changed_label_changes_the_hash(tmp_path: Path) -> None:
    hashes = set()
    for label in ("a", "b"):
        (tmp_path / "x.jsonl").write_text(json.dumps({"text": "t", "label": label}))
        hashes.add(load_corpus(tmp_path / "x.jsonl", label_field="label").hash)
    assert len(hashes) == 2


def test_ids_are_hashes_of_the_texts(lines: Path) -> None:
    corpus = load(lines, prompts=5)
    assert corpus.ids == tuple(content_hash(text) for text in corpus.texts)
    assert all(len(name) == 16 for name in corpus.ids)


def test_the_sample_is_the_same_in_another_process(lines: Path) -> None:
    code = "import sys; from gramian.layers._corpus import load_corpus as l; print(l(sys.argv[1], prompts=9).hash)"
    environment = {"PYTHONPATH": ":".join(p for p in sys.path if p), "PYTHONHASHSEED": "5"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(lines)], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.strip() == load_corpus(lines, prompts=9).hash


def test_copies_are_kept_sampled_as_often_as_they_occur_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("copy\n" * 500 + "\n".join(f"single {n}" for n in range(500)))
    assert load(path).notes == ("499 of 1000 prompts are exact copies of an earlier one (kept)",)
    taken = sum(text == "copy" for text in load(path, prompts=200).texts)
    assert 70 < taken < 130


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from("abcdefgh"), max_size=80), st.integers(1, 5))
def test_occurrences_are_counted_exactly_through_compaction(texts: list[str], recent: int) -> None:
    met = Occurrences(recent=recent)
    assert [met.before(text) for text in texts] == [texts[:at].count(text) for at, text in enumerate(texts)]


def test_keys_are_uniform_and_distinct() -> None:
    keys = prompt_keys([f"text {n}" for n in range(4000)], seed=3)
    assert keys.dtype == "uint64"
    assert len(set(keys.tolist())) == 4000
    assert abs(keys.astype(float).mean() / 2**64 - 0.5) < 4 * (1 / 12 / 4000) ** 0.5


def test_filters_drop_in_order_and_say_how_many(lines: Path) -> None:
    corpus = load(lines, keep="number 1", drop="9", min_characters=22, min_tokens=5, count_tokens=words)
    for text in corpus.texts:
        assert "number 1" in text
        assert "9" not in text
        assert len(text) >= 22
        assert len(text.split()) >= 5
    everything = load(lines).texts
    kept = [t for t in everything if "number 1" in t]
    dropped = [t for t in kept if "9" not in t]
    longer = [t for t in dropped if len(t) >= 22]
    assert corpus.texts == tuple(t for t in longer if len(t.split()) >= 5)
    assert corpus.notes == (
        f"keep: {300 - len(kept)} dropped",
        f"drop: {len(kept) - len(dropped)} dropped",
        f"min_characters: {len(dropped) - len(longer)} dropped",
        f"min_tokens: {len(longer) - len(corpus)} of the {len(longer)} prompts whose tokens were counted dropped",
    )


def test_short_prompts_are_dropped_before_sampling(tmp_path: Path) -> None:
    path = tmp_path / "many.txt"
    path.write_text("\n".join(f"prompt number {n} " + "more " * (n % 5) for n in range(3000)))
    counted = []

    def count(texts: Sequence[str]) -> list[int]:
        counted.extend(texts)
        return words(texts)

    corpus = load(path, prompts=20, min_tokens=6, count_tokens=count)
    everything = load(path, min_tokens=6, count_tokens=words).texts
    smallest = set(sorted(everything, key=lambda text: prompt_key(text, seed=0))[:20])
    assert set(corpus.texts) == smallest
    assert corpus.lengths == tuple(words(corpus.texts))
    assert len(counted) < 1500, "prompts that cannot be in the sample should not be tokenised"


def test_max_tokens_drops_nothing_and_says_what_gets_truncated(lines: Path) -> None:
    corpus = load(lines, max_tokens=6, count_tokens=words)
    assert len(corpus) == 300
    assert corpus.max_tokens == 6
    assert corpus.notes == ("60 of 300 prompts are longer than 6 tokens (truncated)",)
    assert load(lines, max_tokens=6).notes == ()


def test_more_prompts_than_there_are_takes_all_with_a_note(lines: Path) -> None:
    corpus = load(lines, prompts=301)
    assert len(corpus) == 300
    assert corpus.notes == ("301 prompts asked for, all 300 there are used",)
    assert load(lines, prompts=300).notes == ()


def test_when_no_prompt_is_left_each_filter_says_what_it_removed(lines: Path) -> None:
    with pytest.raises(ValueError, match=r"got none \(keep removed 299, drop removed 1\)"):
        load(lines, keep=r"number 17\b", drop="17")
    with pytest.raises(ValueError, match="min_characters removed 300"):
        load(lines, min_characters=1000)
    with pytest.raises(ValueError, match="min_tokens removed 300"):
        load(lines, min_tokens=1000, count_tokens=words)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    with path.open("w") as file:
        for number in range(4000):
            file.write(f"{number} " + "word " * 300 + "\n")
    assert path.stat().st_size > 6_000_000
    tracemalloc.start()
    load(path, prompts=10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


def test_python_docs_are_prose_in_topics() -> None:
    corpus = load_corpus("python-docs")
    assert 600 < len(corpus) < 1500
    assert corpus.labels is not None
    assert 60 < len(set(corpus.labels)) <= 90
    assert len(set(corpus.ids)) == len(corpus), "a paragraph that several topics quote is taken once"
    for text in corpus.texts:
        assert "::=" not in text
        assert ">>>" not in text
        assert "\n" not in text
        assert len(text.split()) >= 16
        assert text.rstrip(")\"”'")[-1] in ".:!?"
    assert "documentation of Python 3." in corpus.notes[0]
    assert load_corpus("python-docs").hash == corpus.hash


def test_python_docs_without_paragraphs_are_one_prompt_a_topic() -> None:
    whole, parts = load_corpus("python-docs", paragraphs=False), load_corpus("python-docs")
    assert whole.labels == tuple(dict.fromkeys(parts.labels or ()))
    assert "\n\n".join(whole.texts) == "\n\n".join(parts.texts)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"prompts": 0}, ValueError, "prompts: expected at least 1; got 0"),
        ({"prompts": -3}, ValueError, "prompts: expected at least 1; got -3"),
        ({"prompts": 2.0}, TypeError, "prompts: expected a whole number or None; got float"),
        ({"prompts": True}, TypeError, "prompts: expected a whole number or None; got bool"),
        ({"min_characters": 0}, ValueError, "min_characters: expected at least 1"),
        ({"max_tokens": 0}, ValueError, "max_tokens: expected at least 1"),
        ({"min_tokens": 3}, ValueError, "count_tokens: expected a function when min_tokens is given"),
        (
            {"min_tokens": 9, "max_tokens": 8, "count_tokens": words},
            ValueError,
            "min_tokens: expected at most max_tokens=8",
        ),
        ({"count_tokens": lambda texts: [1]}, ValueError, r"count_tokens: expected one length a text \(256\); got 1"),
        ({"seed": None}, TypeError, "seed: expected a whole number; got NoneType"),
        ({"seed": 1.5}, TypeError, "seed: expected a whole number; got float"),
        ({"keep": "("}, ValueError, r"keep: expected a regular expression; got '\(' \(missing \)"),
        ({"drop": "*"}, ValueError, "drop: expected a regular expression"),
        ({"field": "text"}, ValueError, "field: expected None for .* It has no fields"),
        ({"label_field": "y"}, ValueError, "label_field: expected None"),
        ({"split": "train"}, ValueError, "split: expected None for .* Only data sets of the hub have one"),
        ({"revision": "main"}, ValueError, "revision: expected None"),
    ],
)
def test_bad_arguments_are_refused(lines: Path, options, error, match) -> None:
    with pytest.raises(error, match=match):
        load(lines, **options)

"""What vectors of every layer cost beside those of the last layer alone, and what a second task costs.

    python benchmarks/bench_downstream.py [--texts 300] [--repeats 3] [--out results.json]

The peers take the last layer only: a loop over transformers' own `last_hidden_state` on the same batches, and `encode` of
sentence-transformers. The texts are Banking77's test queries where GRAMIAN_TEST_DATA names the data, else the built-in corpus.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
import time
from pathlib import Path

import torch

from _harness import compare, show, write
from gramian.downstream import LayerReader, Reading, VectorStore, evaluate_layers, labelled_task, readings
from gramian.layers import encode, load_corpus, load_model, plan_batches, token_lengths
from gramian.layers._model_sources import find_source

TOKEN_BUDGET = 2048
PLAIN = readings("mean,mean_no_first")


def sample(count):
    """Distinct texts, evenly spaced through the source."""
    folder = os.environ.get("GRAMIAN_TEST_DATA")
    if folder:
        with (Path(folder) / "banking77" / "test.csv").open(newline="") as file:
            texts = [row["text"] for row in csv.DictReader(file)]
    else:
        texts = list(load_corpus("python-docs").texts)
    texts = list(dict.fromkeys(texts))
    return texts[:: max(1, len(texts) // count)][:count]


def read(model, texts, chosen, layers):
    """A reader with a store of its own, filled."""
    with tempfile.TemporaryDirectory() as folder:
        reader = LayerReader(
            model, readings=chosen, layers=layers, store=VectorStore(folder), token_budget=TOKEN_BUDGET
        )
        reader.fill(texts)
        layer, stream = reader.streams[-1]
        return reader.vectors(texts, layer, stream, chosen[0])


def transformers_loop(model, texts):
    """The last hidden state of transformers, pooled by mean and by mean without the first token."""
    lengths = token_lengths(model, texts)
    with torch.inference_mode():
        for batch in plan_batches(lengths, token_budget=TOKEN_BUDGET):
            encoded = encode(model, [texts[i] for i in batch])
            states = model.model(**encoded.inputs(model.device), use_cache=False).last_hidden_state
            mask = encoded.mask[..., None].float()
            (states * mask).sum(1) / mask.sum(1)
            (states[:, 1:] * mask[:, 1:]).sum(1) / mask[:, 1:].sum(1).clamp_min(1)


def decoder(texts, repeats):
    model = load_model("smollm2-135m")
    rows = compare(
        {
            "last layer alone": lambda: read(model, texts, PLAIN, "last"),
            "all layers": lambda: read(model, texts, PLAIN, None),
            "all layers, final-normed too": lambda: read(model, texts, readings("mean,mean_no_first", "raw,final_norm"), None),
            "transformers, last_hidden_state": lambda: transformers_loop(model, texts),
        },
        repeats,
    )  # fmt: skip
    show(f"smollm2-135m, {len(texts)} texts, mean and mean without the first token", rows)
    return {"case": f"SmolLM2-135M, {len(texts)} texts, {sum(token_lengths(model, texts))} tokens", "rows": rows}


def encoder(texts, repeats):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    model = load_model("minilm-l6")
    words = Transformer(str(find_source("minilm-l6", revision=None, weights=True).folder))
    peer = SentenceTransformer(modules=[words, Pooling(model.width, "mean")], device="cpu")
    rows = compare(
        {
            "last layer alone": lambda: read(model, texts, (Reading(),), "last"),
            "all layers": lambda: read(model, texts, (Reading(),), None),
            "sentence-transformers, last layer": lambda: peer.encode(texts, batch_size=32),
        },
        repeats,
    )
    show(f"minilm-l6, {len(texts)} texts, mean", rows)
    return {"case": f"MiniLM-L6, {len(texts)} texts, {sum(token_lengths(model, texts))} tokens", "rows": rows}


def second_task(texts):
    """Two tasks on the same texts: the second runs no forward pass."""
    model = load_model("minilm-l6")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "task.csv"
        with file.open("w", newline="") as stream:
            rows = csv.writer(stream)
            rows.writerow(["text", "label"])
            rows.writerows((text, "long" if len(text) > 60 else "short") for text in texts)
        store = VectorStore(Path(folder) / "store")
        facts = {}
        for probe in ("logistic", "knn"):
            started = time.perf_counter()
            task = labelled_task(file, label_field="label", probe=probe)
            result = evaluate_layers(model, [task], out=Path(folder) / probe, store=store)
            facts[probe] = {
                "forward_passes": result.manifest["forward_passes"],
                "seconds": time.perf_counter() - started,
            }
        if facts["knn"]["forward_passes"] != 0:
            raise RuntimeError(f"a second task on the same texts ran {facts['knn']['forward_passes']} forward passes")
        return {"case": "two tasks on the same texts", "bytes": store.size(), **facts}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/downstream.json"))
    arguments = parser.parse_args()
    started = time.monotonic()
    texts = sample(arguments.texts)
    write(
        arguments.out,
        [decoder(texts, arguments.repeats), encoder(texts, arguments.repeats), second_task(texts)],
    )
    print(f"{arguments.out}, {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()

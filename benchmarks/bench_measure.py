"""What measuring every layer costs beside the model's own forward passes, and beside a loop over layers and prompts.

    python benchmarks/bench_measure.py [--prompts 160] [--repeats 3] [--reference DIR] [--out results.json]

The peer is the bare forward pass of the same model over the same batches: nothing that looks at hidden states can be faster.
`--reference` names a folder with clones of `representation-itl` and `information_flow`; their prompt entropy then runs on the same states.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import types
from pathlib import Path

import torch

from _harness import compare, write
from gramian.layers import encode, layer_states, load_corpus_for, load_model, measure, plan_batches, token_lengths
from gramian.layers._chunks import plan_chunks
from gramian.layers._token_statistics import TokenPass
from gramian.quality import prompt_entropy

TOKEN_BUDGET = 2048


def wikitext(model, prompts, max_tokens):
    """Paragraphs of WikiText-2 where the data is there, of the built-in corpus otherwise."""
    folder = os.environ.get("GRAMIAN_TEST_DATA")
    source = Path(folder) / "wikitext-2" / "test.txt" if folder else "python-docs"

    return load_corpus_for(model, source, prompts=prompts, seed=0, min_tokens=16, max_tokens=max_tokens)


def forward_only(model, corpus, max_tokens):
    """The batches that a run makes, through the model and nothing else."""
    lengths = [min(n, max_tokens) for n in token_lengths(model, corpus.texts)]
    with torch.inference_mode():
        for indices in plan_chunks(lengths, 0):
            texts = [corpus.texts[i] for i in indices]
            for batch in plan_batches([lengths[i] for i in indices], token_budget=TOKEN_BUDGET):
                encoded = encode(model, [texts[i] for i in batch], max_tokens=max_tokens)
                model.model(**encoded.inputs(model.device), use_cache=False)


def measure_all(model, corpus, max_tokens):
    with tempfile.TemporaryDirectory() as folder:
        measure(
            model, corpus=corpus, out=Path(folder) / "run", views=0, max_tokens=max_tokens, token_budget=TOKEN_BUDGET
        )


def whole_run(model, prompts, max_tokens, repeats):
    corpus = wikitext(model, prompts, max_tokens)
    tokens = sum(min(n, max_tokens) for n in token_lengths(model, corpus.texts))
    rows = compare(
        {
            "forward passes alone": lambda: forward_only(model, corpus, max_tokens),
            "all measures without views": lambda: measure_all(model, corpus, max_tokens),
        },
        repeats,
    )
    return {"case": f"{prompts} prompts up to {max_tokens} tokens of {corpus.name}", "tokens": tokens, "rows": rows}


def one_batch(model):
    """Prompts of similar length, as a run puts them together."""
    corpus = wikitext(model, 160, 128)
    lengths = [min(n, 128) for n in token_lengths(model, corpus.texts)]
    batch = plan_batches(lengths, token_budget=TOKEN_BUDGET)[0]
    return layer_states(model, [corpus.texts[i] for i in batch], max_tokens=128)


def entropies_of_a_batch(model, repeats):
    """All layers of one batch, with the first token and without: batched spectra against Python loops over layers and prompts."""
    states = one_batch(model)
    names = [(layer, "residual") for layer in range(len(states.residual))]
    lengths = states.mask.sum(1).tolist()

    def batched():
        collected = TokenPass(names=names, orders=(1.0,), entropy=True, curvature=False, sink_share=False)
        for (layer, stream), residual in zip(names, states.residual, strict=True):
            collected.visit(layer, stream, residual, states.mask)
        return collected.results().entropy[:, 0]

    def loop(entropy):
        return torch.tensor(
            [
                [[float(entropy(layer[i, first:n])) for i, n in enumerate(lengths)] for first in (0, 1)]
                for layer in states.residual
            ]
        )

    worst = (batched() - loop(_entropy_eigh)).abs().max().item()
    rows = compare(
        {
            "loop, eigh": lambda: loop(_entropy_eigh),
            "loop, eigvalsh": lambda: loop(_entropy_eigvalsh),
            "loop of prompt_entropy": lambda: loop(prompt_entropy),
            "batched": batched,
        },
        repeats,
    )
    case = f"prompt entropy of {len(names)} layers, {len(lengths)} prompts of {min(lengths)} to {max(lengths)} tokens"
    return {"case": case, "largest difference, nats": worst, "rows": rows}


def _unit_gram(tokens):
    unit = torch.nn.functional.normalize(tokens - tokens.mean(0), dim=1)
    gram = unit @ unit.T
    return gram / gram.trace()


def _shannon(values):
    values = values[values > 0]
    return -(values * values.log()).sum()


def _entropy_eigh(tokens):
    """Prompt entropy as a reader of the paper writes it."""
    return _shannon(torch.linalg.eigh(_unit_gram(tokens))[0])


def _entropy_eigvalsh(tokens):
    return _shannon(torch.linalg.eigvalsh(_unit_gram(tokens)))


def published_code(model, folder, repeats):
    """The released functions on the same states: prompt entropy of every layer, all tokens."""
    for place in ("representation-itl", "representation-itl/src", "information_flow/experiments"):
        sys.path.insert(0, str(folder / place))
    # Their metrics import their data loader, which needs packages that nothing here uses; of it they use one function.
    loader = types.ModuleType("utils.misc.model_dataloader_utils")
    loader.normalize = lambda tokens: torch.nn.functional.normalize(tokens - tokens.mean(0), dim=1)
    sys.modules[loader.__name__] = loader
    from repitl.matrix_itl import matrixAlphaEntropy
    from utils.misc.metric_utils import compute_entropy

    states = one_batch(model)
    lengths = states.mask.sum(1).tolist()
    names = [(layer, "residual") for layer in range(len(states.residual))]

    def released_library():
        for layer in states.residual:
            for i, n in enumerate(lengths):
                matrixAlphaEntropy(_unit_gram(layer[i, :n]), alpha=1.0)

    def released_experiments():
        for i, n in enumerate(lengths):
            layers = torch.stack([loader.normalize(layer[i, :n]) for layer in states.residual])
            compute_entropy(layers, alpha=1, normalizations=["raw"])

    def ours():
        """With the first token and without: twice the work of the others."""
        collected = TokenPass(names=names, orders=(1.0,), entropy=True, curvature=False, sink_share=False)
        for (layer, stream), residual in zip(names, states.residual, strict=True):
            collected.visit(layer, stream, residual, states.mask)
        return collected.results().entropy

    functions = {
        "information_flow, compute_entropy": released_experiments,
        "repitl, matrixAlphaEntropy": released_library,
        "gramian, with and without the first token": ours,
    }
    return {"case": "prompt entropy, released code", "rows": compare(functions, repeats)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=160)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--reference", type=Path)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/measure.json"))
    arguments = parser.parse_args()
    started = time.monotonic()
    model = load_model("smollm2-135m")
    cases = [
        whole_run(model, arguments.prompts, 128, arguments.repeats),
        whole_run(model, max(arguments.prompts // 4, 1), 512, arguments.repeats),
        entropies_of_a_batch(model, arguments.repeats),
    ]
    if arguments.reference:
        cases.append(published_code(model, arguments.reference, arguments.repeats))
    write(arguments.out, cases)
    print(f"{arguments.out}, {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()

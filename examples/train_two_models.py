"""Train a small GPT-NeoX and a small Mamba on the same WikiText tokens, with checkpoints on a logarithmic schedule.

    GRAMIAN_TEST_DATA=/path/to/data python examples/train_two_models.py --out runs/train
    python examples/train_two_models.py --text my.txt --out runs/train

Then follow both over training:

    gramian evolve --checkpoints runs/train/neox --corpus runs/train/heldout.txt --out runs/evolve-neox
    gramian evolve --checkpoints runs/train/mamba --corpus runs/train/heldout.txt --out runs/evolve-mamba

Both models have 6 blocks and about 2.2 million parameters, share one byte-level BPE tokenizer trained on the training split, and
see the same batches in the same order. Steps 0, 1, 2, 4, 8, ... and the last are saved as ordinary transformers folders
(`OUT/neox/step-000064`), beside `OUT/heldout.txt`, text that is never trained on, and `OUT/losses.json`.

A model that does not end below the unigram perplexity of the held-out text has learned nothing from context: the script then
ends with exit code 1. The same command after a kill goes on from the last hundred steps; finished models are not trained again.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
import transformers
from selective_scan import fast_selective_scan
from torch import Tensor

END_OF_TEXT = "<|endoftext|>"
SAVE_EVERY = 100


@dataclass(frozen=True)
class Settings:
    """What the numbers depend on."""

    steps: int
    batch: int
    context: int
    vocabulary: int
    learning_rate: float
    warmup: int
    heldout_share: float
    seed: int


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/train"))
    parser.add_argument("--text", type=Path, help="a text file in place of WikiText; its end is held out")
    parser.add_argument("--models", default="neox,mamba")
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--context", type=int, default=128)
    parser.add_argument("--vocabulary", type=int, default=2048)
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--warmup", type=int, default=40)
    parser.add_argument("--heldout-share", type=float, default=0.05, help="share of the text, taken from its end")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    settings = Settings(**{name: getattr(given, name) for name in Settings.__dataclass_fields__})
    names = given.models.split(",")
    if unknown := set(names) - set(BUILDERS):
        raise SystemExit(f"--models: expected some of {', '.join(BUILDERS)}; got {', '.join(sorted(unknown))}.")
    training, heldout = split_text(read_text(given.text), settings.heldout_share)
    out: Path = given.out
    out.mkdir(parents=True, exist_ok=True)
    check_same_settings(out / "settings.json", asdict(settings) | {"characters": len(training) + len(heldout)})
    (out / "heldout.txt").write_text(heldout, encoding="utf-8")
    tokenizer = train_tokenizer(training, settings.vocabulary, settings.context)
    tokens, unseen = encode(tokenizer, training), encode(tokenizer, heldout)
    unigram = unigram_perplexity(tokens, unseen, vocabulary=settings.vocabulary)
    print(f"{len(tokens)} training tokens, {len(unseen)} held out, unigram perplexity {unigram:.1f}", flush=True)
    results = {name: train(name, tokens, unseen, tokenizer, settings, out / name) for name in names}
    facts = {"training_tokens": len(tokens), "heldout_tokens": len(unseen), "unigram_perplexity": unigram}
    write_json(out / "losses.json", facts | {"settings": asdict(settings), "models": results})
    failed = [name for name, result in results.items() if result["perplexity"] >= unigram]
    for name, result in results.items():
        verdict = "NOT below" if name in failed else "below"
        print(f"{name}: held-out perplexity {result['perplexity']:.1f}, {verdict} the unigram's {unigram:.1f}")
    return 1 if failed else 0


def read_text(file: Path | None) -> str:
    """A text file, or WikiText-2's validation and test text."""
    if file is not None:
        return file.read_text(encoding="utf-8")
    data = os.environ.get("GRAMIAN_TEST_DATA")
    if not data:
        raise SystemExit("--text: expected a file, or GRAMIAN_TEST_DATA naming a folder with wikitext-2; got neither.")
    return "".join((Path(data) / "wikitext-2" / part).read_text(encoding="utf-8") for part in ("valid.txt", "test.txt"))


def split_text(text: str, heldout_share: float) -> tuple[str, str]:
    """Training text and held-out text: the end, from the first article that begins in it, or else the first line."""
    start = int(len(text) * (1 - heldout_share))
    article = text.find("\n = ", start)
    while article >= 0 and text.startswith("\n = = ", article):
        article = text.find("\n = ", article + 1)
    cut = (article if article >= 0 else text.index("\n", start)) + 1
    return text[:cut], text[cut:]


def train_tokenizer(text: str, vocabulary: int, context: int) -> Any:
    """A byte-level BPE tokenizer in transformers' form."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(text.splitlines(keepends=True), trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=END_OF_TEXT, pad_token=END_OF_TEXT, model_max_length=context
    )


def encode(tokenizer: Any, text: str) -> Tensor:
    """All tokens of a text, in one row."""
    rows = tokenizer(text.splitlines(keepends=True), verbose=False)["input_ids"]
    return torch.tensor([token for row in rows for token in row])


def unigram_perplexity(training: Tensor, heldout: Tensor, *, vocabulary: int) -> float:
    """Perplexity of the held-out tokens under the training split's token counts, plus one each."""
    counts = torch.bincount(training, minlength=vocabulary).double() + 1
    # The first token is left out: no model predicts it.
    return math.exp(-(counts / counts.sum()).log()[heldout[1:]].mean().item())


def build_neox(vocabulary: int, context: int) -> Any:
    """A GPT-NeoX (Pythia's architecture): 6 blocks, width 160, parallel attention and MLP, rotary positions."""
    return transformers.GPTNeoXForCausalLM(
        transformers.GPTNeoXConfig(
            vocab_size=vocabulary,
            hidden_size=160,
            num_hidden_layers=6,
            num_attention_heads=5,
            intermediate_size=640,
            max_position_embeddings=context,
            tie_word_embeddings=True,
            **SPECIAL_TOKENS,
        )
    )


def build_mamba(vocabulary: int, context: int) -> Any:
    """A Mamba: 6 blocks, width 216, 8 states a channel; about as many parameters as the GPT-NeoX."""
    return transformers.MambaForCausalLM(
        transformers.MambaConfig(
            vocab_size=vocabulary,
            hidden_size=216,
            num_hidden_layers=6,
            state_size=8,
            initializer_range=0.02,
            tie_word_embeddings=True,
            **SPECIAL_TOKENS,
        )
    )


SPECIAL_TOKENS = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
BUILDERS = {"neox": build_neox, "mamba": build_mamba}


def train(
    name: str, tokens: Tensor, heldout: Tensor, tokenizer: Any, settings: Settings, folder: Path
) -> dict[str, Any]:
    """Train one model, or read the result of an earlier call; returns its losses and held-out perplexity."""
    finished = folder / "losses.json"
    if finished.exists():
        result: dict[str, Any] = json.loads(finished.read_text(encoding="utf-8"))
        return result
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(settings.seed)
        model = BUILDERS[name](settings.vocabulary, settings.context)
    optimizer = torch.optim.AdamW(parameter_groups(model), lr=settings.learning_rate, betas=(0.9, 0.95))
    folder.mkdir(parents=True, exist_ok=True)
    log: list[dict[str, float]] = []
    saved, first = folder / "resume.pt", 0
    if saved.exists():
        state = torch.load(saved, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        first, log = state["step"], state["log"]
    started = time.monotonic()
    with fast_selective_scan():
        for step in range(first, settings.steps + 1):
            if step in checkpoint_steps(settings.steps):
                save_checkpoint(model, tokenizer, folder / f"step-{step:06d}")
                perplexity = math.exp(heldout_loss(model, heldout, settings.context))
                log.append({"step": step, "tokens": step * settings.batch * settings.context, "heldout": perplexity})
                print(
                    f"{name} step {step}: perplexity {perplexity:.1f}, {time.monotonic() - started:.0f} s", flush=True
                )
            if step == settings.steps:
                break
            if step % SAVE_EVERY == 0 and step > first:
                state = {
                    "model": model.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "step": step,
                    # The checkpoint of this very step is made again after a resume.
                    "log": [entry for entry in log if entry["step"] < step],
                }
                torch.save(state, saved.with_suffix(".part"))
                saved.with_suffix(".part").replace(saved)
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate * schedule(step, settings)
            model.train()
            rows = batch_of_step(tokens, step, settings)
            loss = next_token_loss(model, rows)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
    count = sum(parameter.numel() for parameter in model.parameters())
    result = {"parameters": count, "perplexity": log[-1]["heldout"], "checkpoints": log}
    write_json(finished, result)
    saved.unlink(missing_ok=True)
    return result


def checkpoint_steps(last: int) -> list[int]:
    """0, 1, 2, 4, 8, ... and the last step."""
    return [0, *(2**power for power in range(last.bit_length()) if 2**power < last), last]


def parameter_groups(model: Any) -> list[dict[str, Any]]:
    """Weight decay for matrices only, and not for those that Mamba exempts."""
    decayed, exempt = [], []
    for parameter in model.parameters():
        no_decay = parameter.ndim < 2 or getattr(parameter, "_no_weight_decay", False)
        (exempt if no_decay else decayed).append(parameter)
    return [{"params": decayed, "weight_decay": 0.1}, {"params": exempt, "weight_decay": 0.0}]


def schedule(step: int, settings: Settings) -> float:
    """Share of the learning rate: a linear warmup, then a cosine down to a tenth."""
    if step < settings.warmup:
        return (step + 1) / settings.warmup
    done = (step - settings.warmup) / max(settings.steps - settings.warmup, 1)
    return 0.1 + 0.45 * (1 + math.cos(math.pi * done))


def batch_of_step(tokens: Tensor, step: int, settings: Settings) -> Tensor:
    """Rows of `context + 1` tokens, each position once an epoch; a function of seed and step alone, so a resume is exact."""
    rows = (len(tokens) - 1) // settings.context
    first = step * settings.batch
    chosen = []
    for number in range(first, first + settings.batch):
        epoch, place = divmod(number, rows)
        order = torch.randperm(rows, generator=torch.Generator().manual_seed(settings.seed * 1_000_003 + epoch))
        start = int(order[place]) * settings.context
        chosen.append(tokens[start : start + settings.context + 1])
    return torch.stack(chosen)


def next_token_loss(model: Any, rows: Tensor) -> Tensor:
    """Mean cross entropy of every token of each row but the first, in nats."""
    logits = model(input_ids=rows[:, :-1], use_cache=False).logits
    return F.cross_entropy(logits.flatten(0, 1).float(), rows[:, 1:].flatten())


@torch.inference_mode()
def heldout_loss(model: Any, tokens: Tensor, context: int) -> float:
    """Mean cross entropy of every held-out token but the first, each predicted from at most `context` tokens of its window."""
    model.eval()
    total = 0.0
    for start in range(0, len(tokens) - 1, context * 16):
        part = tokens[start : start + context * 16 + 1]
        whole = (len(part) - 1) // context
        windows = [part[i * context : (i + 1) * context + 1] for i in range(whole)]
        if windows:
            total += next_token_loss(model, torch.stack(windows)).item() * whole * context
        rest = part[whole * context :]
        if len(rest) > 1:
            total += next_token_loss(model, rest[None]).item() * (len(rest) - 1)
    return total / (len(tokens) - 1)


def save_checkpoint(model: Any, tokenizer: Any, folder: Path) -> None:
    """An ordinary transformers folder, which appears whole or not at all."""
    if folder.exists():
        return
    aside = folder.with_name(f".{folder.name}")
    model.save_pretrained(aside)
    tokenizer.save_pretrained(aside)
    aside.replace(folder)


def check_same_settings(file: Path, settings: dict[str, Any]) -> None:
    """Refuse to go on with models that were trained otherwise."""
    if not file.exists():
        write_json(file, settings)
    elif (there := json.loads(file.read_text(encoding="utf-8"))) != settings:
        differing = [name for name in settings if there.get(name) != settings[name]]
        raise SystemExit(f"--out: expected models of the same settings; {', '.join(differing)} differ. Choose another.")


def write_json(file: Path, content: Any) -> None:
    aside = file.with_name(f".{file.name}")
    aside.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    aside.replace(file)


if __name__ == "__main__":
    sys.exit(main())

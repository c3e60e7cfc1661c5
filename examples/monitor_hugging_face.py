"""Watch the spectrum of a small masked language model while the Hugging Face Trainer trains it.

    python examples/monitor_hugging_face.py --out runs/hugging-face
    gramian report runs/hugging-face

The text is Python's own documentation, in bytes; the model is a BERT made from its config. What is watched is the mean over
tokens of the last block's output: `read` would choose something else, such as the first token.
"""

from __future__ import annotations

import argparse
import pydoc_data.topics
from pathlib import Path
from typing import Any

import torch
from transformers import BertConfig, BertForMaskedLM, Trainer, TrainingArguments

from gramian.ssl import CollapseAlarm, SpectrumMonitor

LENGTH, MASK = 64, 256


def documents() -> list[dict[str, torch.Tensor]]:
    """Python's documentation in pieces of equal length, as bytes."""
    text = "".join(pydoc_data.topics.topics[name] for name in sorted(pydoc_data.topics.topics)).encode()
    pieces = torch.tensor(list(text[: len(text) // LENGTH * LENGTH])).reshape(-1, LENGTH)
    return [{"input_ids": piece} for piece in pieces]


def masked(batch: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The batch with one byte in seven hidden; only those count in the loss."""
    labels = torch.stack([piece["input_ids"] for piece in batch])
    hidden = torch.rand(labels.shape) < 1 / 7
    return {"input_ids": labels.masked_fill(hidden, MASK), "labels": labels.masked_fill(~hidden, -100)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/hugging-face"))
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch-size", type=int, default=32)
    asked = parser.parse_args()

    config = BertConfig(
        vocab_size=257, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128
    )
    settings: dict[str, Any] = {"output_dir": str(asked.out.with_name(f"{asked.out.name}-trainer")), "report_to": []}
    # Token means share one direction from birth; that is no collapse.
    alarm = CollapseAlarm(mean_share=0.9999)
    monitor = SpectrumMonitor("bert.encoder", alarm=alarm, out=asked.out, overwrite=True)  # this line
    trainer = Trainer(
        model=BertForMaskedLM(config),
        args=TrainingArguments(
            max_steps=asked.steps,
            per_device_train_batch_size=asked.batch_size,
            learning_rate=1e-3,
            logging_steps=20,
            save_strategy="no",
            seed=0,
            **settings,
        ),
        train_dataset=documents(),
        data_collator=masked,
        callbacks=[monitor],  # and its name here
    )
    monitor.attach(trainer)  # for TensorBoard and the like
    trainer.train()


if __name__ == "__main__":
    main()

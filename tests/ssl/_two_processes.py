"""One rank of a run over gloo; started by `test_distributed.py`, which compares what the ranks write with one process.

Arguments: rank, world size, file to meet at, file of the task, file for the result.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from gramian.ssl import FroSSLLoss, frossl_terms


def encoder(width, out):
    generator = torch.Generator().manual_seed(3)
    model = torch.nn.Sequential(torch.nn.Linear(width, 16), torch.nn.Tanh(), torch.nn.Linear(16, out)).double()
    for parameter in model.parameters():
        parameter.data.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64) / 3)
    return model


def one_task(task, rank):
    """Loss, terms, gradients by the views and by the parameters of the encoder under DistributedDataParallel."""
    bounds = torch.tensor([0, *task["sizes"]]).cumsum(0)
    own = slice(int(bounds[rank]), int(bounds[rank + 1]))
    images = [view[own] for view in task["images"]]
    criterion = FroSSLLoss(**task["options"])
    model = DistributedDataParallel(encoder(images[0].shape[1], task["out"]))
    embeddings = [model(view) for view in images]
    for embedding in embeddings:
        embedding.retain_grad()
    loss = criterion(embeddings)
    loss.backward()
    with torch.no_grad():
        terms = frossl_terms(embeddings, **task["options"])
    return {
        "loss": loss.detach(),
        "entropies": terms.entropies,
        "invariance": terms.invariance,
        "views": [embedding.grad for embedding in embeddings],
        "parameters": [parameter.grad for parameter in model.parameters()],
    }


def mismatch(rank):
    try:
        frossl_terms([torch.randn(4, 3 + rank) for _ in range(2)])
    except ValueError as error:
        return str(error)
    return "no error"


def main(rank, size, meeting, tasks, out):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=size)
    results = [one_task(task, rank) for task in torch.load(tasks, weights_only=True)]
    torch.save({"results": results, "mismatch": mismatch(rank)}, out)
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]), Path(sys.argv[5]))

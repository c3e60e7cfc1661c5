"""One rank of a run over gloo; started by `test_distributed.py`.

Arguments: rank, world size, file to meet at, file of the task, file for the result.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import torch
import torch.distributed as dist

from tests.ssl.methods._problem import small_module


def objective(method, given, slow):
    """The loss of a method on outputs of its projector, the gradients by them, and what it keeps."""
    module = small_module(method, *(["settings.queue_from_epoch=0"] if method == "swav" else [])).double()
    if method in ("byol", "simsiam"):
        module.predictor = torch.nn.Identity()  # batch normalisation would be each process's own
    module.slow_embeddings = lambda views: slow
    leaves = [z.clone().requires_grad_() for z in given]
    loss, _ = module.objective([torch.zeros(len(given[0]), 3, 4, 4)] * len(given), leaves)
    loss.backward()
    kept = {name: value for name, value in module.state_dict().items() if "bank" in name or "center" in name}
    return {"loss": loss.detach(), "gradients": [leaf.grad for leaf in leaves], "kept": kept}


def main(rank, size, meeting, tasks, out):
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=size)
    results = {}
    for method, task in torch.load(tasks, weights_only=True).items():
        samples = len(task["given"][0]) // size
        own = slice(rank * samples, (rank + 1) * samples)
        results[method] = objective(method, [z[own] for z in task["given"]], [z[own] for z in task["slow"]])
    torch.save(results, out)
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]), Path(sys.argv[5]))

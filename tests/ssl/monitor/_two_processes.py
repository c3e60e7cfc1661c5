"""One of two processes: trackers and metrics of its share of the embeddings, merged over both.

python -m tests.ssl.monitor._two_processes RANK MEETING TASKS OUT
"""

import sys
from pathlib import Path

import torch
import torch.distributed as dist

from gramian.ssl._monitor import SpectrumMetric, SpectrumTracker


def share(case, rank):
    bounds = torch.tensor([0, *case["sizes"]]).cumsum(0)
    return [view[int(bounds[rank]) : int(bounds[rank + 1])] for view in case["views"]]


def tracker_of(views):
    tracker = SpectrumTracker(orders=(0.5, 1.0, 2.0))
    for batch in zip(*(view.split(5) for view in views), strict=True):
        tracker.update(*batch)
    return tracker


def numbers(snapshot):
    return {
        "eigenvalues": snapshot.eigenvalues,
        "measures": [value for _, _, value in snapshot.measures()],
        "samples": snapshot.samples,
    }


def metric_of(views):
    metric = SpectrumMetric(features=views[0].shape[1], views=len(views))
    if len(views[0]):
        metric.update(*views)
    return metric


def mismatch(rank):
    tracker = SpectrumTracker()
    tracker.update(torch.randn(3, 2 + rank))
    try:
        tracker.merged()
    except ValueError as error:
        return str(error)
    return "no error"


def main(rank, meeting, tasks, out):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
    results = []
    for case in torch.load(tasks, weights_only=True):
        views = share(case, rank)
        tracker = tracker_of(views)
        own = tracker.samples
        metric = metric_of(views).compute() if min(case["sizes"]) else {}
        results.append(
            {"tracker": numbers(tracker.merged().compute()), "own": [own, tracker.samples], "metric": metric}
        )
    torch.save({"results": results, "mismatch": mismatch(rank)}, out)
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))

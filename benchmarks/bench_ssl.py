"""FroSSL, forward and backward, against lightly's FroSSL and VICReg losses and the floor of the products of matrices alone.

`python benchmarks/bench_ssl.py [--threads 1] [--scaling] [--out FILE]`

The floor is one product forward and one backward a view, on the smaller of samples and features; nothing else.
`--scaling` goes through samples, features and views one after the other.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch
from lightly.loss import FroSSLLoss as LightlyFroSSL
from lightly.loss import VICRegLoss

from _harness import compare, show, write
from gramian.ssl import FroSSLLoss

SIZES = [(256, 1024, 2), (1024, 256, 2), (256, 2048, 2)]
SCALING = [
    *[(samples, 512, 2) for samples in (64, 128, 256, 512, 1024, 2048, 4096)],
    *[(256, width, 2) for width in (64, 128, 256, 512, 1024, 2048, 4096)],
    *[(256, 1024, views) for views in (2, 4, 8)],
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--calls", type=int, default=10, help="calls in one timed repetition")
    parser.add_argument("--scaling", action="store_true")
    parser.add_argument("--out", default="benchmarks/results/ssl.json")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    rows = []
    for samples, width, views in SCALING if given.scaling else SIZES:
        found = compare(functions(samples, width, views, given.calls), given.repeats, peer="lightly FroSSLLoss")
        for row in found:
            row["seconds"] = [second / given.calls for second in row["seconds"]]
            row["median_s"], row["fastest_s"] = row["median_s"] / given.calls, row["fastest_s"] / given.calls
            row |= {"samples": samples, "width": width, "views": views, "threads": given.threads}
        show(f"{views} views of {samples} samples and {width} features, forward and backward", found)
        rows += found
    write(given.out, rows)


def functions(samples: int, width: int, count: int, calls: int) -> dict[str, Callable[[], object]]:
    """Each peer as a function of `calls` steps on the same views."""
    generator = torch.Generator().manual_seed(0)
    shared = torch.randn(samples, width, generator=generator)
    views = [(shared + 0.5 * torch.randn(shared.shape, generator=generator)).requires_grad_() for _ in range(count)]

    def steps(loss: Callable[..., torch.Tensor], *arguments: object) -> Callable[[], None]:
        def run() -> None:
            for _ in range(calls):
                torch.autograd.grad(loss(*arguments), views)

        return run

    def floor() -> None:
        for _ in range(calls):
            for view in plain:
                torch.mm(view.mT, view) if samples > width else torch.mm(view, view.mT)
                torch.mm(view, product) if samples > width else torch.mm(product, view)

    plain = [view.detach() for view in views]
    product = plain[0].mT @ plain[0] if samples > width else plain[0] @ plain[0].mT
    peers = {
        "gramian FroSSLLoss": steps(FroSSLLoss(), views),
        "lightly FroSSLLoss": steps(LightlyFroSSL(), views),
        "products alone": floor,
    }
    if count == 2:
        peers["lightly VICRegLoss"] = steps(VICRegLoss(), *views)
    return peers


if __name__ == "__main__":
    main()

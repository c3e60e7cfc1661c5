"""FroSSL inside torch.compile: one graph, the value and gradient of eager mode."""

import shutil

import pytest
import torch

from gramian.ssl import FroSSLLoss

CASES = [(shape, count, form) for shape in ((16, 8), (8, 16)) for count in (2, 3) for form in ("feature", "sample")]


def compared(shape, count, options, backend):
    generator = torch.Generator().manual_seed(0)
    views = [torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True) for _ in range(count)]
    criterion = FroSSLLoss(**options)
    expected = criterion(views)
    gradients = torch.autograd.grad(expected, views)
    torch._dynamo.reset()
    found = torch.compile(lambda *given: criterion(list(given)), fullgraph=True, backend=backend)(*views)
    assert float(found.detach()) == pytest.approx(float(expected.detach()), rel=1e-12)
    for mine, theirs in zip(torch.autograd.grad(found, views), gradients, strict=True):
        assert float((mine - theirs).norm()) < 1e-10 * float(theirs.norm())


@pytest.mark.parametrize(("shape", "count", "form"), CASES)
def test_is_one_graph_with_the_gradient_of_eager_mode(shape, count, form):
    compared(shape, count, {"normalization": form}, "aot_eager")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.parametrize("options", [{}, {"normalization": "standardized"}, {"normalization": "sample"}], ids=str)
@pytest.mark.parametrize(("shape", "count"), [((16, 8), 2), ((16, 8), 4), ((8, 16), 2)])
def test_compiled_kernels_have_the_gradient_of_eager_mode(shape, count, options):
    """Not only the graph: kernels compiled from it once read the kept diagonal from the wrong places."""
    compared(shape, count, options, "inductor")

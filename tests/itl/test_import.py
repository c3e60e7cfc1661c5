"""What importing costs, and that shapes are enforced while testing."""

import subprocess
import sys

import jaxtyping
import pytest
import torch

import gramian
import gramian.itl
from gramian.itl._matrix_entropy import collision_entropy

PROGRAM = """
import sys
import numpy, torch
before = set(sys.modules)
import gramian
loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
print(*sorted(loaded - set(sys.stdlib_module_names)))
print(*sorted(name for name in ("jaxtyping", "beartype", "scipy", "sklearn", "transformers") if name in sys.modules))
"""


def test_importing_gramian_loads_torch_and_numpy_only():
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    ours, foreign = run.stdout.split("\n")[:2]
    assert ours == "gramian"
    assert foreign == ""


def test_shapes_are_enforced_while_testing():
    with pytest.raises(jaxtyping.TypeCheckError):
        collision_entropy(torch.ones(2, 3))


@pytest.mark.parametrize("module", [gramian, gramian.itl])
def test_every_public_name_exists_and_is_sorted(module):
    assert list(module.__all__) == sorted(module.__all__)
    assert all(hasattr(module, name) for name in module.__all__)


@pytest.mark.parametrize("module", [gramian, gramian.itl])
def test_every_public_function_is_documented_with_source_and_example(module):
    for name in module.__all__:
        function = getattr(module, name)
        if callable(function):
            assert ("Attributes:" if isinstance(function, type) else "Returns:") in function.__doc__, name
            assert "Example:" in function.__doc__, name
            assert (
                name in {"as_generator", "as_tensors", "batched_eigenvalues", "map_on_cores"}
                or "Source: [" in function.__doc__
            ), name

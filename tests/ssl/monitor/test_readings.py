"""Rows of embeddings from what modules return, and views from rows."""

import pytest
import torch
from torch import nn

from gramian.ssl._monitor.readings import OutputHook, embeddings_of, views_of


@pytest.mark.parametrize(
    "wrap", [lambda z: z, lambda z: (z, 3), lambda z: [None, z], lambda z: {"a": 1, "b": {"c": z}}]
)
def test_the_first_tensor_is_taken(wrap):
    z = torch.randn(4, 3, requires_grad=True)
    found = embeddings_of(wrap(z))
    assert torch.equal(found, z)
    assert not found.requires_grad


def test_tokens_and_positions_are_averaged():
    tokens, maps = torch.randn(2, 5, 3), torch.randn(2, 3, 4, 5)
    assert torch.allclose(embeddings_of(tokens), tokens.mean(1))
    assert torch.allclose(embeddings_of(maps), maps.flatten(2).mean(2))


@pytest.mark.parametrize(
    ("output", "kind", "message"),
    [
        ("text", TypeError, "module: expected a floating tensor as output; got str"),
        (torch.ones(3, 2, dtype=torch.int64), TypeError, "got torch.int64"),
        (torch.ones(3), ValueError, r"module: expected an output \(n, d\).*got \(3,\)"),
    ],
)
def test_what_holds_no_embeddings_is_named(output, kind, message):
    with pytest.raises(kind, match=message):
        embeddings_of(output)


def test_views_are_calls_or_stacked_rows_or_neighbours():
    a, b = torch.randn(3, 2), torch.randn(3, 2)
    assert [
        torch.equal(*pair) for pair in zip(views_of([a, b], views=None, interleaved=False), (a, b), strict=True)
    ] == [True, True]
    stacked = views_of([torch.cat([a, b])], views=2, interleaved=False)
    neighbours = views_of([torch.stack([a, b], 1).flatten(0, 1)], views=2, interleaved=True)
    for found in (stacked, neighbours):
        assert torch.equal(found[0], a)
        assert torch.equal(found[1], b)
    (pooled,) = views_of([a, torch.randn(5, 2)], views=None, interleaved=False)
    assert pooled.shape == (8, 2)
    with pytest.raises(ValueError, match="views: expected a batch of a multiple of 2 rows; got 3"):
        views_of([a], views=2, interleaved=False)


def test_a_hook_listens_only_when_told_and_goes_without_trace():
    module = nn.Linear(2, 2)
    hook = OutputHook(module)
    module(torch.ones(1, 2))
    hook.listening = True
    module(torch.ones(1, 2))
    assert len(hook.taken()) == 1
    assert not hook.listening
    hook.remove()
    assert not module._forward_hooks

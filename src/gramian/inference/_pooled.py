"""Samples, or a Gram and labels, as the one pooled sample that a test permutes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gramian.itl._arrays import convert, same_kind, spectral_dtype
from gramian.itl._definiteness import check_definite
from gramian.itl._errors import type_fault, value_fault
from gramian.itl._gram_checks import checked_grams
from gramian.itl._labels import checked_labels
from gramian.itl._shapes import ArrayT

__all__ = ["Pooled", "pooled_gram", "pooled_samples"]


@dataclass(frozen=True, eq=False)
class Pooled:
    """Groups one after the other.

    Attributes:
        sizes: points in each group, two groups or more.
        weights: ``(n,)``, positive, of mean one.
        points: ``(n, d)``; no columns where Grams are given.
        grams: ``(scales, n, n)``, those given; no scales where points are.
        restore: a tensor in the caller's kind.
        eps: precision of the caller's numbers.
    """

    sizes: tuple[int, ...]
    weights: Tensor
    points: Tensor
    grams: Tensor
    restore: Callable[[Tensor], Any]
    eps: float

    @property
    def n(self) -> int:
        return sum(self.sizes)

    @property
    def groups(self) -> int:
        return len(self.sizes)

    @property
    def given(self) -> bool:
        """Whether Grams are given in place of points."""
        return len(self.grams) > 0


def pooled_samples(names: Sequence[str], samples: Sequence[ArrayT], weights: Sequence[ArrayT | None] | None) -> Pooled:
    """Checked samples ``(n_i, d)`` and their weights.

    Raises:
        TypeError: not floating arrays of one kind.
        ValueError: a single sample, not two axes, another width, empty, not finite, bad weights.
    """
    if len(samples) < 2:
        remedy = "A test compares groups; for a sample against a law, draw from the law."
        raise value_fault("samples", "two samples or more", len(samples), remedy)
    converted = convert(list(names), samples)
    tensors = converted.tensors
    for name, tensor in zip(names, tensors, strict=True):
        if tensor.ndim != 2:
            remedy = "One point a row: reshape single numbers to (n, 1)."
            raise value_fault(name, "points (n, d)", f"shape {tuple(tensor.shape)}", remedy)
        if tensor.shape[1] != tensors[0].shape[1]:
            rule = f"points of width {tensors[0].shape[1]} like {names[0]}"
            raise value_fault(name, rule, f"shape {tuple(tensor.shape)}", "Samples share their columns.")
    wide = spectral_dtype(tensors[0])
    sizes = tuple(len(tensor) for tensor in tensors)
    return Pooled(
        sizes=sizes,
        weights=_checked_weights(weights, names, samples, sizes).to(tensors[0].device, wide),
        points=torch.cat([tensor.detach() for tensor in tensors]).to(wide),
        grams=tensors[0].new_empty(0, sum(sizes), sum(sizes)),
        restore=converted.restore,
        eps=converted.eps,
    )


def pooled_gram(gram: ArrayT, labels: ArrayT, weights: ArrayT | None) -> Pooled:
    """A checked Gram ``(n, n)``, or several ``(scales, n, n)``, with its rows sorted by label.

    Raises:
        TypeError: not floating, labels that are not integers or of another kind.
        ValueError: not square, not symmetric, other shapes, a single label, bad weights.
    """
    converted = checked_grams(["gram"], [gram])
    (matrix,) = converted.tensors
    if matrix.ndim not in (2, 3):
        rule = "one Gram (n, n), or one for each scale (scales, n, n)"
        raise value_fault("gram", rule, f"shape {tuple(matrix.shape)}", "Test one pooled sample at a time.")
    values = checked_labels(labels)
    same_kind("gram", gram, "labels", labels)
    size = matrix.shape[-1]
    if tuple(values.shape) != (size,):
        rule = f"one label a sample, shape {(size,)}"
        raise value_fault("labels", rule, f"shape {tuple(values.shape)}", "Labels follow the rows of gram.")
    values = values.to(matrix.device)
    check_definite("gram", matrix, converted.eps)
    counts = torch.unique(values, return_counts=True)[1]
    if len(counts) < 2:
        raise value_fault("labels", "two groups or more", "a single group", "A test compares groups.")
    order = values.argsort(stable=True)
    given = _checked_weights(None if weights is None else [weights], ["gram"], [gram], (size,))
    matrix = matrix.detach().reshape(-1, size, size)[:, order][:, :, order]
    return Pooled(
        sizes=tuple(counts.tolist()),
        weights=given.to(matrix.device, spectral_dtype(matrix))[order],
        points=matrix.new_empty(size, 0),
        grams=matrix,
        restore=converted.restore,
        eps=converted.eps,
    )


def _checked_weights(
    weights: Sequence[ArrayT | None] | None, names: Sequence[str], samples: Sequence[ArrayT], sizes: Sequence[int]
) -> Tensor:
    if weights is None:
        return torch.ones(sum(sizes), dtype=torch.float64)
    if isinstance(weights, str | np.ndarray | Tensor) or not isinstance(weights, Sequence):
        rule = f"one array for each of {', '.join(names)}"
        raise type_fault(
            "weights", rule, type(weights).__name__, "Pass them as a tuple; None is a sample of equal weights."
        )
    if len(weights) != len(sizes):
        rule = f"{len(sizes)} arrays, one for each sample"
        raise value_fault("weights", rule, len(weights), "None is a sample of equal weights.")
    parts = []
    for number, (given, sample, size) in enumerate(zip(weights, samples, sizes, strict=True)):
        name = f"weights[{number}]"
        if given is None:
            parts.append(torch.ones(size, dtype=torch.float64))
            continue
        (values,) = convert([name], [given]).tensors
        same_kind(names[number], sample, name, given)
        if tuple(values.shape) != (size,):
            rule = f"one weight a point, shape {(size,)}"
            raise value_fault(name, rule, f"shape {tuple(values.shape)}", "Weights follow the rows of the sample.")
        if bool((values <= 0).any()):
            got = f"a smallest of {float(values.min()):.3g}"
            raise value_fault(name, "positive numbers", got, "Leave points of no weight out.")
        parts.append(values.detach().cpu().double())
    # One factor for all: a weight means the same in every sample, or they could not be exchanged.
    together = torch.cat(parts)
    return together / together.mean()

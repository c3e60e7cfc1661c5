"""Figures of an encoder: where samples lie, how well pairs find each other, how training went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from gramian.itl._errors import value_fault
from gramian.multiview._retrieval import aligned_codes

__all__ = ["latent_map", "retrieval_curve", "training_curves"]

_LAYOUT: dict[str, Any] = {"template": "plotly_white", "width": 640, "height": 420}
_MARKERS = ("circle", "x", "diamond", "triangle-up")


def latent_map(codes: Sequence[npt.ArrayLike], *, labels: Sequence[Any] | None = None) -> go.Figure:
    """The codes of all views in the plane of the first one's two main directions, the others turned onto it.

    Args:
        codes: ``(n, d)`` a view, as `DiMEEncoder.transform` returns them.
        labels: of samples, shown by colour; the view is shown by the marker.

    Raises:
        ValueError: labels of another number, codes of other shapes.
    """
    arrays = [np.asarray(code, dtype=np.float64) for code in codes]
    if labels is not None and len(labels) != len(arrays[0]):
        raise value_fault(
            "labels", f"{len(arrays[0])}, one a sample", len(labels), "Leave them out to see views alone."
        )
    turned = [aligned_codes(arrays[0], code)[1] for code in arrays]
    _, _, directions = np.linalg.svd(turned[0], full_matrices=False)
    names = [] if labels is None else sorted({str(label) for label in labels})
    figure = go.Figure(layout={**_LAYOUT, "title": "Shared codes"})
    for view, code in enumerate(turned):
        plane = code @ directions[:2].T
        if plane.shape[1] < 2:
            plane = np.hstack([plane, np.zeros_like(plane)])
        colour = {} if labels is None else {"color": [names.index(str(label)) for label in labels]}
        figure.add_scatter(
            x=plane[:, 0], y=plane[:, 1], mode="markers", name=f"view {view + 1}",
            text=None if labels is None else [str(label) for label in labels],
            marker={**colour, "symbol": _MARKERS[view % len(_MARKERS)], "size": 5, "opacity": 0.7},
        )  # fmt: skip
    return figure


def retrieval_curve(ranks: npt.ArrayLike) -> go.Figure:
    """The share of samples whose other view is among the k nearest codes, beside that of chance.

    Args:
        ranks: ``(n,)``, as `retrieval_ranks` returns them.
    """
    found = np.asarray(ranks)
    tries = np.arange(1, len(found) + 1)
    figure = go.Figure(layout={**_LAYOUT, "title": "Retrieval of the other view"})
    figure.add_scatter(x=tries, y=[float((found < k).mean()) for k in tries], mode="lines", name="codes")
    figure.add_scatter(x=tries, y=tries / len(found), mode="lines", name="chance", line={"dash": "dot"})
    figure.update_xaxes(type="log", title="nearest codes looked at")
    figure.update_yaxes(range=[0, 1.02], title="share found")
    return figure


def training_curves(history: Mapping[str, npt.ArrayLike]) -> go.Figure:
    """Every term of the loss at every step, as in `DiMEEncoder.history_`."""
    figure = go.Figure(layout={**_LAYOUT, "title": "Training"})
    for name, values in history.items():
        found = np.asarray(values)
        figure.add_scatter(x=np.arange(1, len(found) + 1), y=found, mode="lines", name=name)
    figure.update_xaxes(title="step")
    return figure

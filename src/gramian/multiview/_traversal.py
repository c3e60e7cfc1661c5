"""What one coordinate of a code changes in a sample: the sample decoded again while it runs over its values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from gramian.itl._counts import checked_count
from gramian.itl._errors import value_fault

if TYPE_CHECKING:
    from gramian.multiview._estimator import DiMEEncoder

__all__ = ["traversal"]

_RANGE = (0.05, 0.95)
_CELL = 44


def traversal(
    encoder: DiMEEncoder,
    views: Sequence[Any],
    *,
    view: int = 0,
    part: Literal["shared", "exclusive"] = "exclusive",
    row: int = 0,
    steps: int = 9,
) -> go.Figure:
    """One sample, decoded while one coordinate of its code runs from its 5 % to its 95 % quantile and all others stay.

    Args:
        encoder: fitted with ``exclusive`` from 1, so that it has decoders.
        views: all of them, as in ``fit``; the quantiles are of their codes.
        view: which of them is drawn.
        part: the coordinates that run.
        row: the sample that is decoded.
        steps: values of each coordinate.

    Returns:
        Images: a grid with a row for each coordinate and a column for each step, in colour where there are three channels, else
        the mean of the channels. Vectors: a line for each coordinate and step.

    Raises:
        NotFittedError: not fitted.
        TypeError: numbers of another kind.
        ValueError: an encoder without exclusive codes; a view, a part or a row that is not there.

    Cost:
        One decoding of ``coordinates * steps`` samples.
    """
    if part not in ("shared", "exclusive"):
        raise value_fault("part", "shared or exclusive", repr(part), "The default is exclusive.")
    codes = {"exclusive": encoder.transform_exclusive(views), "shared": encoder.transform(views)}
    count = checked_count("steps", steps, 2, "Nine show a direction.")
    for name, place, size in (("view", view, len(views)), ("row", row, len(views[0]))):
        if checked_count(name, place, 0, "The first is 0.") >= size:
            raise value_fault(name, f"0 to {size - 1}", place, "The first is 0.")
    made = _decoded(encoder, views, codes, view=view, part=part, row=row, steps=count)
    title = f"View {view + 1}: sample {row}, one {part} coordinate after the other from its 5 % to its 95 % quantile"
    if made.ndim == 3:
        return _lines(made, title, part)
    low, high = (float(limit(np.asarray(views[view]))) for limit in (np.min, np.max))
    return _grid(made, title, part, low, high)


def _decoded(
    encoder: DiMEEncoder,
    views: Sequence[Any],
    codes: dict[str, list[Any]],
    *,
    view: int,
    part: str,
    row: int,
    steps: int,
) -> npt.NDArray[np.float32]:
    """``(coordinates, steps, *shape)``."""
    own = np.asarray(codes[part][view])
    width = own.shape[1]
    paths = np.quantile(own, np.linspace(*_RANGE, steps), axis=0)
    moved = np.repeat(own[row][None], width * steps, axis=0).reshape(width, steps, width)
    for coordinate in range(width):
        moved[coordinate, :, coordinate] = paths[:, coordinate]
    given = [np.repeat(np.asarray(code)[row][None], width * steps, axis=0) for code in codes[part]]
    given[view] = moved.reshape(width * steps, width)
    samples = [np.repeat(np.asarray(one)[row][None], width * steps, axis=0) for one in views]
    replaced: dict[str, Any] = {part: given}
    made: npt.NDArray[np.float32] = encoder.reconstruct(samples, **replaced)[view]
    return made.reshape(width, steps, *made.shape[1:])


def _lines(made: npt.NDArray[np.float32], title: str, part: str) -> go.Figure:
    from plotly.colors import sample_colorscale

    figure = go.Figure()
    figure.update_layout(template="plotly_white", width=640, height=420, title={"text": title, "font": {"size": 13}})
    colors = sample_colorscale("Viridis", np.linspace(0, 0.9, made.shape[1]).tolist())
    for coordinate, steps in enumerate(made):
        for step, sample in enumerate(steps):
            figure.add_scatter(
                x=np.arange(len(sample)), y=sample, mode="lines+markers", line={"color": colors[step]},
                name=f"{part} {coordinate + 1}", legendgroup=str(coordinate), showlegend=step == len(steps) // 2,
                visible=True if coordinate == 0 else "legendonly",
            )  # fmt: skip
    figure.update_xaxes(title="column")
    return figure


def _grid(made: npt.NDArray[np.float32], title: str, part: str, low: float, high: float) -> go.Figure:
    rows, columns, channels, height, wide = made.shape
    # White between the samples.
    canvas = np.full((rows * (height + 1) - 1, columns * (wide + 1) - 1, channels), high, dtype=np.float64)
    for row in range(rows):
        for column in range(columns):
            top, left = row * (height + 1), column * (wide + 1)
            canvas[top : top + height, left : left + wide] = made[row, column].transpose(1, 2, 0)
    drawn: Any
    if channels == 3:
        shades = np.clip((canvas - low) / max(high - low, 1e-12), 0, 1)
        drawn = go.Image(z=np.round(255 * shades).astype(np.uint8))
    else:
        drawn = go.Heatmap(z=canvas.mean(-1), zmin=low, zmax=high, colorscale="Greys", reversescale=True, showscale=False)  # fmt: skip
    figure = go.Figure(drawn)
    figure.update_layout(
        template="plotly_white", title={"text": title, "font": {"size": 13}},
        width=_CELL * columns + 160, height=_CELL * rows + 120, margin={"t": 60, "b": 30},
    )  # fmt: skip
    figure.update_xaxes(visible=False)
    figure.update_yaxes(
        autorange="reversed", tickvals=[row * (height + 1) + height / 2 for row in range(rows)],
        ticktext=[f"{part} {row + 1}" for row in range(rows)], scaleanchor="x", showgrid=False,
    )  # fmt: skip
    return figure

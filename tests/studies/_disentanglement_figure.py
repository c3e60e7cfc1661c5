"""The figure of coloured digits: samples and what is made of them, exclusive codes exchanged, and both kinds of codes traversed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.studies._figures import _picture

_SAMPLES = 10


def draw_disentanglement(encoder: Any, views: Sequence[Any]) -> Path:
    """Rows of images, in `docs/assets/disentanglement.png`."""
    from plotly.graph_objects import Image
    from plotly.subplots import make_subplots

    from gramian.multiview import traversal

    few = [view[:_SAMPLES] for view in views]
    made = encoder.reconstruct(few)
    # The colour of the next sample.
    swapped = encoder.reconstruct(
        few, exclusive=[np.roll(code, -1, axis=0) for code in encoder.transform_exclusive(few)]
    )
    titles = ["samples, reconstructions, colours of the next", "exclusive coordinates", "shared coordinates"]
    figure = make_subplots(2, 3, subplot_titles=[f"view {view + 1}: {title}" for view in range(2) for title in titles])
    for view in range(2):
        rows = np.concatenate(
            [np.concatenate(list(part[view]), axis=2) for part in (few, made, swapped)], axis=1
        ).transpose(1, 2, 0)
        figure.add_trace(Image(z=np.round(255 * rows.clip(0, 1)).astype(np.uint8)), row=view + 1, col=1)
        for column, part in ((2, "exclusive"), (3, "shared")):
            figure.add_trace(traversal(encoder, views, view=view, part=part).data[0], row=view + 1, col=column)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return _picture(figure, "disentanglement", width=1200, height=720, right=20)

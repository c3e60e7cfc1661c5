"""Average ranks of the samplers, with Nemenyi's critical difference."""

from __future__ import annotations

import json
from pathlib import Path

from tests.studies._figures import _GRID, _INK, _NEOX, ASSETS, _picture


def draw_resampling() -> Path:
    """One panel for the classic sets, one for all."""
    from plotly.graph_objects import Figure, Scatter
    from plotly.subplots import make_subplots

    study = json.loads((ASSETS / "resampling.json").read_text(encoding="utf-8"))
    panels = {"classic": "44 classic sets", "larger": "ten larger sets"}
    figure: Figure = make_subplots(1, 2, subplot_titles=list(panels.values()), horizontal_spacing=0.2)
    for column, name in enumerate(panels, 1):
        of = study[name]["auc"]
        ranks = sorted(of["rank"].items(), key=lambda pair: -pair[1])
        best = min(of["rank"].values())
        figure.add_trace(
            Scatter(
                x=[rank for _, rank in ranks],
                y=[method for method, _ in ranks],
                mode="markers+text",
                text=[f"{rank:.2f}" for _, rank in ranks],
                textposition="top center",
                marker={"color": _NEOX, "size": 9},
                showlegend=False,
            ),
            row=1,
            col=column,
        )
        figure.add_vrect(
            x0=best,
            x1=best + of["nemenyi_difference"],
            fillcolor=_GRID,
            opacity=0.5,
            line_width=0,
            layer="below",
            row=1,
            col=column,
        )
        figure.update_xaxes(title="average rank of AUC (1 is best)", color=_INK, row=1, col=column)
    figure.update_layout(margin={"l": 130})
    return _picture(figure, "resampling", width=1150, height=380)


if __name__ == "__main__":
    print(draw_resampling())

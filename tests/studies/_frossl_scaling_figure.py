"""Figure of what FroSSL costs, drawn from `benchmarks/results/ssl-scaling.json`: `python -m tests.studies._frossl_scaling_figure`."""

from __future__ import annotations

import json
from pathlib import Path

from tests.studies._figures import _MAMBA, _NEOX, _picture
from tests.studies._runs import ROOT

RESULTS = ROOT / "benchmarks" / "results" / "ssl-scaling.json"
_COLORS = {
    "gramian FroSSLLoss": _NEOX,
    "lightly FroSSLLoss": _MAMBA,
    "lightly VICRegLoss": "#2f9e44",
    "products alone": "#adb5bd",
}
# Axis: its title, the key that varies along it, and what stays.
_AXES = [
    ("samples, 512 features, 2 views", "samples", {"width": 512, "views": 2}),
    ("features, 256 samples, 2 views", "width", {"samples": 256, "views": 2}),
    ("views, 256 samples, 1,024 features", "views", {"samples": 256, "width": 1024}),
]


def draw_scaling() -> Path:
    """Milliseconds forward and backward over samples, features and views, logarithmic."""
    from plotly.graph_objects import Figure, Scatter
    from plotly.subplots import make_subplots

    rows = json.loads(RESULTS.read_text(encoding="utf-8"))["rows"]
    figure: Figure = make_subplots(1, 3, subplot_titles=[title for title, *_ in _AXES], horizontal_spacing=0.06)
    for column, (_, key, fixed) in enumerate(_AXES, 1):
        for name, color in _COLORS.items():
            own = {
                row[key]: 1000 * row["fastest_s"]
                for row in rows
                if row["name"] == name and all(row[other] == value for other, value in fixed.items())
            }
            points = sorted(own.items())
            figure.add_trace(
                Scatter(
                    x=[x for x, _ in points],
                    y=[y for _, y in points],
                    name=name,
                    mode="lines+markers",
                    line={"color": color, "width": 2},
                    showlegend=column == 1,
                ),
                row=1,
                col=column,
            )
    figure.update_xaxes(type="log", tickvals=[2, 4, 8, 64, 256, 1024, 4096])
    figure.update_yaxes(type="log")
    figure.update_yaxes(title="ms, forward and backward", row=1, col=1)
    return _picture(figure, "frossl-scaling", width=1100, height=380, right=180)


if __name__ == "__main__":
    draw_scaling()

"""Figure of the convergence study, drawn from `docs/assets/convergence.json`; run as a module it draws it again."""

from __future__ import annotations

import json
import math
from pathlib import Path

from tests.studies._figures import ASSETS, _picture

_COLORS = ("#3b5bdb", "#d9480f", "#2b8a3e", "#862e9c", "#c2255c", "#087f5b", "#868e96")


def draw_convergence() -> Path:
    """Errors over sample sizes, both axes logarithmic: of the spectrum with its bounds, and of the divergence."""
    from plotly.graph_objects import Figure, Scatter
    from plotly.subplots import make_subplots

    study = json.loads((ASSETS / "convergence.json").read_text(encoding="utf-8"))
    sizes = study["sizes"]
    titles = ["spectrum: distance from the operator's", "divergence: distance from the population's, nats"]
    figure: Figure = make_subplots(1, 2, subplot_titles=titles, horizontal_spacing=0.22)

    def line(name: str, values: list[float], column: int, color: str, dash: str = "solid") -> None:
        style = {"color": color, "width": 2, "dash": dash}
        mode = "lines+markers" if dash == "solid" else "lines"
        legend = "legend" if column == 1 else "legend2"
        figure.add_trace(Scatter(x=sizes, y=values, name=name, mode=mode, line=style, legend=legend), row=1, col=column)

    for color, (name, own) in zip(_COLORS, study["spectrum"].items(), strict=False):
        line(f"{name}: slope {own['slope']:.2f}", own["error"], 1, color)
        line(f"{name}: bound in mean square", [own["spread"] / math.sqrt(n) for n in sizes], 1, color, "dot")
    line("theorem, probability 0.95", [math.sqrt(8 * math.log(2 / 0.05) / n) for n in sizes], 1, "#868e96", "dash")
    for color, (name, own) in zip(_COLORS, study["divergence"].items(), strict=False):
        line(f"{name}: slope {own['slope']:.2f}", own["error"], 2, color)
    figure.update_xaxes(type="log", title="n", tickvals=sizes, ticktext=[str(n) for n in sizes])
    figure.update_yaxes(type="log", dtick=1)
    figure.update_layout(
        legend={"x": 0.4, "y": 1, "xanchor": "left", "font": {"size": 11}},
        legend2={"x": 1.01, "y": 1, "xanchor": "left", "font": {"size": 11}},
    )
    return _picture(figure, "convergence", width=1400, height=460, right=270)


if __name__ == "__main__":
    print(draw_convergence())

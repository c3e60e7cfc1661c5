"""Figure and tables of the study of codes, from `docs/assets/paired-representations.json`; run as a module it makes them again."""

from __future__ import annotations

import json
from pathlib import Path

from tests.studies._figures import ASSETS, _picture

_COLORS = {
    "DiME": "#3b5bdb",
    "DiME, one start": "#74c0fc",
    "deep CCA": "#d9480f",
    "InfoNCE": "#2b8a3e",
    "Barlow Twins": "#862e9c",
    "CKA": "#f08c00",
    "linear CCA": "#087f5b",
    "supervised": "#1f2430",
    "first weights": "#adb5bd",
}


def draw_paired_representations() -> Path:
    """Accuracy over latent size, a panel for each set and view; bands are a standard deviation over seeds either way."""
    from plotly.graph_objects import Figure, Scatter
    from plotly.subplots import make_subplots

    study = json.loads((ASSETS / "paired-representations.json").read_text(encoding="utf-8"))["sets"]
    titles = [f"{data}: view {view + 1}" for data in study for view in range(2)]
    figure: Figure = make_subplots(1, len(titles), subplot_titles=titles, horizontal_spacing=0.035, shared_yaxes=True)
    for place, (data, view) in enumerate((data, view) for data in study for view in range(2)):
        sizes = study[data]["latent"]
        for name, color in _COLORS.items():
            own = study[data]["objectives"][name]
            mean, spread = own["accuracy"][view], own["deviation"][view]
            band = [m + s for m, s in zip(mean, spread, strict=True)]
            band += [m - s for m, s in zip(reversed(mean), reversed(spread), strict=True)]
            figure.add_trace(
                Scatter(
                    x=[*sizes, *reversed(sizes)], y=band, fill="toself", fillcolor=color, opacity=0.15, mode="none",
                    showlegend=False,
                ),
                row=1, col=place + 1,
            )  # fmt: skip
            figure.add_trace(
                Scatter(
                    x=sizes, y=mean, name=name, mode="lines+markers", showlegend=not place,
                    line={"color": color, "width": 2, "dash": "dot" if name in ("supervised", "first weights") else "solid"},
                ),
                row=1, col=place + 1,
            )  # fmt: skip
        figure.update_xaxes(title="latent size", tickvals=sizes, row=1, col=place + 1)
    figure.update_yaxes(title="accuracy of a linear classifier", row=1, col=1)
    figure.update_layout(legend={"x": 1.01, "y": 1.0})
    return _picture(figure, "paired-representations", width=1350, height=440, right=150)


def tables() -> str:
    """Mean accuracies of both views by objective and latent size, in Markdown, as the guide has them."""
    sets = json.loads((ASSETS / "paired-representations.json").read_text(encoding="utf-8"))["sets"]
    lines = []
    for data, study in sets.items():
        lines += [f"\n| {data}, {study['seeds']} seeds | " + " | ".join(map(str, study["latent"])) + " |"]
        lines += ["|---|" + "---|" * len(study["latent"])]
        for name in _COLORS:
            pairs = zip(*study["objectives"][name]["accuracy"], strict=True)
            cells = (f"{100 * first:.1f} / {100 * second:.1f}" for first, second in pairs)
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(draw_paired_representations(), tables(), sep="\n")

"""Figures of the studies, drawn from the small JSON files that they leave in `docs/assets`.

`python -m tests.studies._figures` draws them again from those files, without any measuring. plotly draws, Chromium takes the picture.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

ASSETS = Path(__file__).parents[2] / "docs" / "assets"
CHROMIUM = Path("/usr/bin/chromium")
KINDS = {
    "repetition": "tokens of the same prompt",
    "random_tokens": "random tokens",
    "shuffle": "shuffled order",
    "prefix": "prompt length",
}
_INK, _GRID = "#1f2430", "#e3e6ec"
_NEOX, _MAMBA = "#3b5bdb", "#d9480f"


def write_json(name: str, content: Any) -> Path:
    """Write `docs/assets/NAME.json`, numbers to four digits."""
    file = ASSETS / f"{name}.json"
    text = json.dumps(_rounded(content), indent=1)
    # A curve on one line.
    text = re.sub(r"\[[^\[\]{}]*\]", lambda found: " ".join(found[0].split()), text)
    file.write_text(text + "\n", encoding="utf-8")
    return file


def _rounded(content: Any) -> Any:
    if isinstance(content, float):
        return float(f"{content:.4g}")
    if isinstance(content, dict):
        return {key: _rounded(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_rounded(value) for value in content]
    return content


def draw_evolution() -> Path:
    """Prompt entropy by relative depth and step, for both models, and how deep the valley inside is."""
    from plotly.graph_objects import Figure, Heatmap, Scatter
    from plotly.subplots import make_subplots

    study = json.loads((ASSETS / "evolution.json").read_text(encoding="utf-8"))
    titles = [f"{model['title']}" for model in study["models"].values()]
    figure: Figure = make_subplots(1, 3, subplot_titles=[*titles, "valley depth"], horizontal_spacing=0.07)
    values = [row for model in study["models"].values() for row in model["prompt_entropy"]["no_first"]]
    low, high = min(map(min, values)), max(map(max, values))
    for column, (model, color) in enumerate(zip(study["models"].values(), (_NEOX, _MAMBA), strict=True), 1):
        rows = model["prompt_entropy"]["no_first"]
        depth = len(rows[0]) - 1
        figure.add_trace(
            Heatmap(
                x=[layer / depth for layer in range(depth + 1)],
                y=[str(step) for step in model["steps"]],
                z=rows,
                zmin=low,
                zmax=high,
                colorscale="Viridis",
                showscale=column == 1,
                colorbar={"x": 0.64, "thickness": 10, "title": ""},
            ),
            row=1,
            col=column,
        )
        figure.add_trace(
            Scatter(
                x=[str(step) for step in model["steps"]],
                y=model["valley"]["no_first"],
                name=model["title"],
                mode="lines+markers",
                line={"color": color, "width": 2},
            ),
            row=1,
            col=3,
        )
        figure.update_xaxes(title="relative depth", row=1, col=column)
    figure.update_yaxes(title="step", type="category", row=1, col=1)
    figure.update_yaxes(type="category", row=1, col=2)
    figure.update_xaxes(title="step", type="category", row=1, col=3)
    figure.update_layout(legend={"x": 0.73, "y": 0.98})
    return _picture(figure, "evolution", width=1200, height=420)


def draw_stress() -> Path:
    """Prompt entropy by layer: a row for each perturbation, columns for the model with and without its first token, and untrained."""
    from plotly.colors import sample_colorscale
    from plotly.graph_objects import Figure, Scatter
    from plotly.subplots import make_subplots

    study = json.loads((ASSETS / "stress.json").read_text(encoding="utf-8"))
    columns = [("trained", "all"), ("trained", "no_first"), ("untrained", "no_first")]
    names = ["SmolLM2, all tokens", "SmolLM2, without the first token", "untrained, without the first token"]
    titles = [f"{KINDS[kind]}: {name}" for kind in KINDS for name in names]
    figure: Figure = make_subplots(
        len(KINDS), 3, subplot_titles=titles, horizontal_spacing=0.05, vertical_spacing=0.06, shared_yaxes=True
    )
    for row, kind in enumerate(KINDS, 1):
        for column, (copy, tokens) in enumerate(columns, 1):
            curves = study["curves"][copy][kind]
            colors = sample_colorscale("Viridis", [0.9 * i / max(len(curves) - 1, 1) for i in range(len(curves))])
            for color, (strength, of_strength) in zip(colors, curves.items(), strict=True):
                values = of_strength["prompt_entropy"][tokens]
                figure.add_trace(
                    Scatter(
                        x=list(range(len(values))),
                        y=values,
                        name=strength,
                        mode="lines",
                        line={"color": color, "width": 2},
                        legend=f"legend{row if row > 1 else ''}",
                        showlegend=column == 1,
                    ),
                    row=row,
                    col=column,
                )
            if row == len(KINDS):
                figure.update_xaxes(title="layer", row=row, col=column)
    for row in range(1, len(KINDS) + 1):
        top = 1 - (row - 1) / len(KINDS)
        title = "tokens" if list(KINDS)[row - 1] == "prefix" else "p"
        place = {"x": 1.01, "y": top, "yanchor": "top", "title": {"text": title}}
        figure.update_layout({f"legend{row if row > 1 else ''}": place})
    return _picture(figure, "stress", width=1250, height=1250)


def _picture(figure: Any, name: str, *, width: int, height: int, right: int = 90) -> Path:
    """Take the picture of a figure as `docs/assets/NAME.png`, legends in the right margin; skips where there is no Chromium."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright, from the extra `test`")
    if not CHROMIUM.exists():
        pytest.skip(f"needs Chromium at {CHROMIUM}")
    figure.update_layout(
        template="plotly_white",
        width=width,
        height=height,
        margin={"l": 60, "r": right, "t": 50, "b": 55},
        font={"color": _INK, "size": 12},
    )
    figure.update_annotations(font_size=12)
    figure.update_xaxes(gridcolor=_GRID, zeroline=False)
    figure.update_yaxes(gridcolor=_GRID, zeroline=False)
    file = ASSETS / f"{name}.png"
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": width, "height": height})
        # A busy machine may take minutes over plotly's four megabytes.
        page.set_default_timeout(600_000)
        page.set_content(figure.to_html(include_plotlyjs=True, config={"staticPlot": True}))
        page.wait_for_selector(".main-svg")
        page.screenshot(path=str(file), clip={"x": 8, "y": 8, "width": width, "height": height})
        browser.close()
    return file


if __name__ == "__main__":
    for draw in (draw_evolution, draw_stress):
        print(draw())

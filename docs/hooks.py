"""Fills the table of measures from their declarations, so that the page cannot disagree with the code."""

from gramian.quality import available

MARK = "<!-- measures -->"


def on_page_markdown(markdown: str, **_: object) -> str:
    if MARK not in markdown:
        return markdown
    lines = ["| measure | needs | unit | range | unchanged by | source |", "|---|---|---|---|---|---|"]
    for m in available():
        bounds = m.bounds.replace("|", "\\|")
        unchanged = ", ".join(m.invariances) or "nothing"
        lines.append(f"| `{m.name}`: {m.summary} | {m.needs} | {m.unit} | {bounds} | {unchanged} | {m.source} |")
    return markdown.replace(MARK, "\n".join(lines))

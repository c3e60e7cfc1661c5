"""What the site needs beyond Markdown: the table of measures from their declarations, formulas and examples of docstrings.

Formulas become MathML when the site is built, so that its pages load nothing; a TeX command that cannot be read is a
warning, hence an error of ``make docs``.
"""

import logging
import re

from markdown import Markdown
from markdown.extensions import Extension
from markdown.preprocessors import Preprocessor
from mkdocs.config.defaults import MkDocsConfig

from gramian.quality import available
from gramian.report import _formulas as formulas

MARK = "<!-- measures -->"
DISPLAYED = re.compile(r"^( *)\.\. math::[ ]*(.*(?:\n(?:\1 {4,}.*|[ ]*(?=\n\1 {4})))*)", re.MULTILINE)
INLINE = re.compile(r":math:`([^`]+)`|\\\((.+?)\\\)", re.DOTALL)
ROLE = re.compile(r":(?:func|class|meth):`~?([\w.]+)`")
EXAMPLE = re.compile(r"^( *)>>> .*(?:\n *\S.*)*", re.MULTILINE)
log = logging.getLogger("mkdocs.hooks.formulas")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    config.markdown_extensions.append(Docstrings())
    return config


def on_page_markdown(markdown: str, **_: object) -> str:
    if MARK not in markdown:
        return markdown
    lines = ["| measure | needs | unit | range | unchanged by | source |", "|---|---|---|---|---|---|"]
    for m in available():
        bounds = m.bounds.replace("|", "\\|")
        unchanged = ", ".join(m.invariances) or "nothing"
        lines.append(f"| `{m.name}`: {m.summary} | {m.needs} | {m.unit} | {bounds} | {unchanged} | {m.source} |")
    return markdown.replace(MARK, "\n".join(lines))


class Docstrings(Extension):
    """Reads the reStructuredText that docstrings hold: formulas, references to functions and examples."""

    def extendMarkdown(self, md: Markdown) -> None:
        # Examples become fences before fences are read (25); formulas are looked for outside of fences.
        md.preprocessors.register(Examples(md), "docstring_examples", 28)
        md.preprocessors.register(Formulas(md), "docstring_formulas", 24)


class Examples(Preprocessor):
    def run(self, lines: list[str]) -> list[str]:
        text = "\n".join(lines)
        if "```" in text:
            return lines
        return EXAMPLE.sub(lambda found: f"\n{found[1]}```pycon\n{found[0]}\n{found[1]}```\n", text).split("\n")


class Formulas(Preprocessor):
    def run(self, lines: list[str]) -> list[str]:
        text = DISPLAYED.sub(self._displayed, "\n".join(lines))
        text = INLINE.sub(lambda found: self.md.htmlStash.store(self._mathml(found[1] or found[2])), text)
        return ROLE.sub(lambda found: f"[`{found[1].rsplit('.', 1)[-1]}`][{found[1]}]", text).split("\n")

    def _displayed(self, found: re.Match[str]) -> str:
        formula_lines = [part for part in re.split(r"\n[ ]*\n", found[2]) if part.strip()]
        shown = "<br>".join(self._mathml(line) for line in formula_lines)
        paragraph = self.md.htmlStash.store(f'<p class="formula">{shown}</p>')
        return f"\n{found[1]}{paragraph}\n"

    def _mathml(self, tex: str) -> str:
        for command in formulas.unknown_commands(tex):
            log.warning("formula %r: expected TeX that gramian.report reads; got %s", tex, command)
        return str(formulas.mathml(" ".join(tex.split())))

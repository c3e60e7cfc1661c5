r"""Docstring formulas as MathML, which browsers draw by themselves.

Only the TeX that formulas of measures use is read: letters, numbers, scripts, braces, fractions, roots, named functions
and symbols. A command outside that is shown by its name, so that a new formula degrades to something readable.
"""

from __future__ import annotations

import re

from markupsafe import Markup, escape

_GREEK = (
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "zeta",
    "eta",
    "theta",
    "iota",
    "kappa",
    "lambda",
    "mu",
    "nu",
    "xi",
)
# fmt: off
_SYMBOLS = dict(zip(_GREEK, "αβγδεζηθικλμνξ", strict=True)) | {
    "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
    "varepsilon": "ε", "Sigma": "Σ", "Lambda": "Λ", "Delta": "Δ", "ell": "ℓ", "infty": "∞", "ldots": "…", "dots": "…",
    "top": "⊤", "angle": "∠",
}
_OPERATORS = {
    "sum": "∑", "prod": "∏", "int": "∫", "cdot": "·", "circ": "∘", "times": "×", "odot": "⊙", "pm": "±", "|": "‖",
    "Vert": "‖", "lVert": "‖", "rVert": "‖", "ge": "≥", "geq": "≥", "le": "≤", "leq": "≤", "ne": "≠", "neq": "≠",
    "propto": "∝", "approx": "≈", "in": "∈", "sim": "∼", "to": "→", "mid": "∣", "langle": "⟨", "rangle": "⟩", "{": "{",
    "}": "}",
}
# fmt: on
_FUNCTIONS = ("log", "exp", "max", "min", "arccos", "cos", "det", "dim", "ln", "sup", "inf", "Pr")
_SPACES = {"quad": "1.4em", "qquad": "2em", ",": "0.17em", ";": "0.28em", ":": "0.22em", " ": "0.3em", "!": "0"}
_ACCENTS = {"bar": "¯", "hat": "^", "tilde": "~"}
_FRACTIONS = ("frac", "tfrac", "dfrac")
_WORDS = ("operatorname", "mathrm", "text", "mathbf", "mathbb")
_IGNORED = re.compile(r"(?:big|Big|bigg|Bigg)[lrm]?|left|right|displaystyle|limits")
_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[0-9]+(?:\.[0-9]+)?|\S")


def mathml(tex: str) -> Markup:
    r"""A TeX formula as MathML with the TeX itself as its text alternative, an element for each part between quads.

    >>> print(mathml(r"\lambda_1^2"))
    <math alttext="\lambda_1^2"><mrow><msubsup><mi>λ</mi><mn>1</mn><mn>2</mn></msubsup></mrow></math>
    """
    # Apart at the wide spaces, so that a line can break there.
    return Markup(" ").join(_element(part.strip()) for part in tex.split(r"\quad"))


def _element(tex: str) -> Markup:
    reader = _Reader(_TOKEN.findall(tex))
    return Markup('<math alttext="{}">').format(tex) + Markup(reader.row(until=None)) + Markup("</math>")


def unknown_commands(tex: str) -> list[str]:
    r"""The commands of a formula that are shown by their name, because nothing here reads them.

    >>> unknown_commands(r"\sqrt{\alpha} \coprod x")
    ['coprod']
    """
    read = {*_SYMBOLS, *_OPERATORS, *_FUNCTIONS, *_SPACES, *_ACCENTS, *_FRACTIONS, *_WORDS, "sqrt"}
    commands = [token[1:] for token in _TOKEN.findall(tex) if token.startswith("\\")]
    return [name for name in commands if name not in read and not _IGNORED.fullmatch(name)]


class _Reader:
    """Reads tokens from left to right, one construct at a time."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._place = 0

    def row(self, *, until: str | None) -> str:
        pieces = []
        while self._place < len(self._tokens):
            if self._tokens[self._place] == until:
                self._place += 1
                break
            pieces.append(self._scripted())
        return f"<mrow>{''.join(pieces)}</mrow>"

    def _scripted(self) -> str:
        base = self._one()
        scripts: dict[str, str] = {}
        while self._peek() in ("_", "^", "'"):
            mark = self._next()
            if mark == "'":
                scripts["^"] = "<mo>′</mo>"
            else:
                scripts[mark] = self._one()
        if len(scripts) == 2:
            return f"<msubsup>{base}{scripts['_']}{scripts['^']}</msubsup>"
        if scripts:
            kind = "msub" if "_" in scripts else "msup"
            return f"<{kind}>{base}{''.join(scripts.values())}</{kind}>"
        return base

    def _one(self) -> str:
        token = self._next()
        if token == "{":
            return self.row(until="}")
        if token.startswith("\\"):
            return self._command(token[1:])
        if token[0].isdigit():
            return f"<mn>{token}</mn>"
        if token.isalpha():
            return f"<mi>{escape(token)}</mi>"
        return f"<mo>{'−' if token == '-' else escape(token)}</mo>" if token else ""

    def _command(self, name: str) -> str:
        if name in _FRACTIONS:
            return f"<mfrac>{self._digit()}{self._digit()}</mfrac>"
        if name == "sqrt":
            return f"<msqrt>{self._one()}</msqrt>"
        if name in _ACCENTS:
            return f"<mover accent='true'>{self._one()}<mo>{_ACCENTS[name]}</mo></mover>"
        if name in _WORDS:
            return f'<mi mathvariant="normal">{escape(self._words())}</mi>'
        if name in _FUNCTIONS:
            return f"<mi>{name}</mi><mspace width='0.17em'/>"
        if name in _SPACES:
            return f"<mspace width='{_SPACES[name]}'/>"
        if name in _SYMBOLS:
            return f"<mi>{_SYMBOLS[name]}</mi>"
        if name in _OPERATORS:
            return f"<mo>{escape(_OPERATORS[name])}</mo>"
        return "" if _IGNORED.fullmatch(name) else f"<mtext>{escape(name)}</mtext>"

    def _digit(self) -> str:
        # TeX takes one digit where a group could stand: \tfrac12 is a half.
        token = self._peek()
        if token.isdigit() and len(token) > 1:
            self._tokens[self._place : self._place + 1] = [token[0], token[1:]]
        return self._one()

    def _words(self) -> str:
        if self._peek() != "{":
            return self._next()
        self._next()
        words = []
        while self._peek() not in ("}", ""):
            word = self._next()
            words.append(" " if word in ("\\ ", "\\,") else word)
        self._next()
        return "".join(words)

    def _peek(self) -> str:
        return self._tokens[self._place] if self._place < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._place += 1
        return token

"""Run directories and comparisons rendered as one self-contained HTML page."""

from gramian.report._comparison import ComparedPair, ComparedSample, Comparison, Difference
from gramian.report._comparison_page import render_comparison
from gramian.report._comparison_words import comparison_sentences, telling_columns, telling_points
from gramian.report._render import render
from gramian.report._resampling import render_resampling

__all__ = [
    "ComparedPair",
    "ComparedSample",
    "Comparison",
    "Difference",
    "comparison_sentences",
    "render",
    "render_comparison",
    "render_resampling",
    "telling_columns",
    "telling_points",
]

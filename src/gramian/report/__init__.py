"""Run directories rendered as one self-contained HTML page."""

from gramian.report._render import render
from gramian.report._resampling import render_resampling

__all__ = ["render", "render_resampling"]

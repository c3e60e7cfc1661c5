"""Run directories rendered as one self-contained HTML page."""

from gramian.report._render import render

__all__ = ["render"]

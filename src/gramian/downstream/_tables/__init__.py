"""Tidy tables as columns, series along the depth, one main score a task."""

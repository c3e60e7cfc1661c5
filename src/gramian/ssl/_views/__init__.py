"""Views of an image: which changes are drawn, at which strength, and how they are made."""

from gramian.ssl._views.building import ViewBuilder, build_views
from gramian.ssl._views.evaluation import EvaluationView, evaluation_view, probe_views
from gramian.ssl._views.presets import VIEW_PRESETS, view_preset
from gramian.ssl._views.recipe import ViewRecipe

__all__ = [
    "VIEW_PRESETS",
    "EvaluationView",
    "ViewBuilder",
    "ViewRecipe",
    "build_views",
    "evaluation_view",
    "probe_views",
    "view_preset",
]

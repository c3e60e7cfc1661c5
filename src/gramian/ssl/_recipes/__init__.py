"""Recipes: how an encoder is pretrained, as YAML files and as checked dataclasses."""

from gramian.ssl._recipes.files import available_recipes, load_recipe, parse_recipe, read_recipe
from gramian.ssl._recipes.recipe import (
    BackboneRecipe,
    HeadRecipe,
    OptimizerRecipe,
    Precision,
    ProbeRecipe,
    Recipe,
    ScheduleRecipe,
)
from gramian.ssl._recipes.settings import SETTINGS, MethodSettings

__all__ = [
    "SETTINGS",
    "BackboneRecipe",
    "HeadRecipe",
    "MethodSettings",
    "OptimizerRecipe",
    "Precision",
    "ProbeRecipe",
    "Recipe",
    "ScheduleRecipe",
    "available_recipes",
    "load_recipe",
    "parse_recipe",
    "read_recipe",
]

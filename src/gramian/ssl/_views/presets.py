"""Strengths of views by name, as the papers' released settings state them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from types import MappingProxyType

from gramian.itl._errors import value_fault
from gramian.ssl._views.recipe import ViewRecipe

__all__ = ["VIEW_PRESETS", "view_preset"]

_BYOL_COLOURS = ViewRecipe(brightness=0.4, contrast=0.4, saturation=0.2, hue=0.1)

VIEW_PRESETS: Mapping[str, ViewRecipe] = MappingProxyType(
    {
        # SimCLR's at full strength, every view alike. FroSSL's released settings: CIFAR with crop=False, STL-10 with blur=0.
        "symmetric": ViewRecipe(),
        "symmetric_weak": ViewRecipe(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1),
        # BYOL's two views. The released settings for CIFAR and STL-10 leave the blur out of both.
        "asymmetric": replace(_BYOL_COLOURS, blur=1.0, second_blur=0.1, second_solarize=0.2),
        "vicreg": replace(_BYOL_COLOURS, crop_scale=(0.2, 1.0), solarize=0.1),
        # SwAV's: two large views by `views`, six small ones.
        "multicrop": ViewRecipe(crop_scale=(0.14, 1.0), small_views=6),
    }
)


def view_preset(name: str) -> ViewRecipe:
    """The recipe of a name.

    Args:
        name: ``symmetric`` (SimCLR, strong), ``symmetric_weak`` (colours at half strength), ``asymmetric`` (BYOL: the second
            view is blurred less and solarized at times), ``vicreg`` or ``multicrop`` (SwAV: six small views besides).

    Returns:
        The recipe; change single values with `dataclasses.replace`.

    Raises:
        ValueError: There is none of that name.

    Example:
        >>> view_preset("symmetric_weak").hue
        0.1
    """
    if name not in VIEW_PRESETS:
        near = get_close_matches(str(name), VIEW_PRESETS, n=1)
        hint = f"Did you mean {near[0]}?" if near else "Give one of these, or the strengths themselves."
        raise value_fault("views", f"one of {', '.join(VIEW_PRESETS)}", repr(name), hint)
    return VIEW_PRESETS[name]

"""Recipes as YAML: those that come with the package, a user's own, and values set on the command line."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from gramian.itl._errors import type_fault, value_fault
from gramian.ssl._recipes.parsing import from_mapping, to_mapping
from gramian.ssl._recipes.recipe import Recipe
from gramian.ssl._recipes.settings import SETTINGS
from gramian.ssl._views import view_preset

__all__ = ["available_recipes", "dump", "load_recipe", "parse_recipe", "read_recipe"]

# Which recipe images of one's own start from: the first whose data set's images are at least as large.
_BY_SIZE = ((48, "cifar10"), (80, "tiny-imagenet"), (160, "stl10"), (None, "imagenet100"))
_FIXED = ("method", "data")


def available_recipes() -> dict[str, tuple[str, ...]]:
    """The data sets that each method has a recipe for."""
    names = sorted(entry.name for entry in _folder().iterdir() if entry.name.endswith(".yaml"))
    pairs = [name.removesuffix(".yaml").split("-", 1) for name in names]
    return {method: tuple(data for name, data in pairs if name == method) for method in SETTINGS}


def load_recipe(method: str, data: str, *, overrides: Sequence[str] = (), size: int | None = None) -> Recipe:
    """The recipe of a method for a data set.

    Images of one's own (``data`` is a folder or a zip) take FroSSL's recipe for the data set whose images are as large: up to 48
    pixels CIFAR-10's, up to 80 Tiny-ImageNet's, up to 160 STL-10's, above ImageNet-100's.

    Args:
        method: one of :func:`available_recipes`.
        data: the name of a data set, or the path of a folder or zip of images.
        overrides: ``key.sub=value``, the value as YAML; the last of several for one key holds.
        size: pixels of the images; needed where ``data`` is a path.

    Raises:
        TypeError: a value of the wrong type.
        ValueError: no such method; no recipe for the data set (the message says which there are); an unknown key (the message
            names the nearest); a value outside its range.

    Example:
        >>> recipe = load_recipe("frossl", "cifar10", overrides=["epochs=20", "backbone.width=16"])
        >>> recipe.epochs, recipe.backbone.width, recipe.optimizer.lr
        (20, 16, 0.3)
    """
    there = available_recipes()
    if method not in there:
        raise value_fault("method", f"one of {', '.join(there)}", repr(method), "`gramian pretrain --help` lists them.")
    name = data
    if data not in {item for sets in there.values() for item in sets} and size is not None:
        name = next(known for limit, known in _BY_SIZE if limit is None or size <= limit)
    if name not in there[method]:
        remedy = (
            f"Write the recipe of one of those to a file, change what your images need, and pass it: "
            f"`gramian pretrain --method {method} --data {there[method][0]} --dry-run > my.yaml`, then `--recipe my.yaml`."
        )
        rule = f"a data set that {method} has a recipe for: {', '.join(there[method])}"
        raise value_fault("data", rule, repr(data), remedy)
    file = _folder() / f"{method}-{name}.yaml"
    mapping = _load(file.read_text(encoding="utf-8"), file.name)
    return _recipe({**mapping, "data": data}, overrides)


def read_recipe(path: str | Path, *, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe in a file; ``overrides`` as in :func:`load_recipe`.

    Raises:
        FileNotFoundError: no such file.
        TypeError: a value of the wrong type.
        ValueError: not YAML; an unknown or missing key; a value outside its range.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"recipe: expected a file; got {str(path)!r}. `gramian pretrain --dry-run` writes one.")
    return parse_recipe(file.read_text(encoding="utf-8"), source=file.name, overrides=overrides)


def parse_recipe(text: str, *, source: str = "recipe", overrides: Sequence[str] = ()) -> Recipe:
    """The recipe in a text, as :meth:`Recipe.to_yaml` writes it; ``source`` names it in messages."""
    return _recipe(_load(text, source), overrides)


def dump(recipe: Recipe) -> str:
    """The recipe as YAML."""
    text: str = _yaml().safe_dump(to_mapping(recipe), sort_keys=False, default_flow_style=None, width=120)
    return text


def _recipe(mapping: Mapping[str, Any], overrides: Sequence[str]) -> Recipe:
    method = mapping.get("method")
    if method not in SETTINGS:
        raise value_fault("method", f"one of {', '.join(SETTINGS)}", repr(method), "State it in the recipe.")
    changed = _overridden(mapping, overrides)
    changed.setdefault("settings", {})
    changed["views"] = _with_preset(changed.get("views", {}))
    return from_mapping(Recipe, changed, types_of={"settings": SETTINGS[method]})


def _with_preset(section: Any) -> Any:
    """The section ``views`` with the strengths of its ``preset`` where it states none itself."""
    if not isinstance(section, Mapping) or "preset" not in section:
        return section
    return {**to_mapping(view_preset(section["preset"])), **{k: v for k, v in section.items() if k != "preset"}}


def _overridden(mapping: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    changed = _copied(mapping)
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals or not key.strip():
            raise value_fault("override", "key=value", repr(override), "For example optimizer.lr=0.1.")
        *sections, last = key.strip().split(".")
        if key.strip() in _FIXED:
            raise value_fault("override", f"a key other than {', '.join(_FIXED)}", repr(key), f"Use --{key.strip()}.")
        section = changed
        for name in sections:
            section = section.setdefault(name, {})
            if not isinstance(section, dict):
                raise value_fault("override", f"a section at {name!r}", repr(key), f"{name} is a value of its own.")
        section[last] = _load_value(text, override)
    return changed


def _copied(mapping: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _copied(value) if isinstance(value, Mapping) else value for key, value in mapping.items()}


def _load_value(text: str, override: str) -> Any:
    yaml = _yaml()
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise value_fault("override", "a value in YAML", repr(override), "Quote text with special signs.") from error


def _load(text: str, source: str) -> dict[str, Any]:
    yaml = _yaml()

    class Loader(yaml.SafeLoader):  # type: ignore[misc,name-defined]
        """Refuses a key given twice, of which YAML would take the last."""

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            twice = next((key for key in keys if keys.count(key) > 1), None)
            if twice is not None:
                line = node.start_mark.line + 1
                raise value_fault(
                    "recipe", "each key once", f"{twice!r} twice below line {line} of {source}", "Join them."
                )
            found: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
            return found

    try:
        loaded = yaml.load(text, Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1} of {source}" if mark is not None else source
        reason = getattr(error, "problem", None) or "no YAML"
        raise value_fault("recipe", "YAML", f"{reason} in {where}", "Correct it.") from error
    if not isinstance(loaded, dict):
        raise type_fault("recipe", "keys and values", f"{type(loaded).__name__} in {source}", "See --dry-run for one.")
    return loaded


def _folder() -> Any:
    return files("gramian.ssl._recipes") / "files"


def _yaml() -> Any:
    try:
        import yaml
    except ImportError as error:
        raise ImportError("recipe: expected the package pyyaml; got none. Run `pip install 'gramian[ssl]'`.") from error
    return yaml

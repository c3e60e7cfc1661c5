"""From nested mappings, as YAML has them, to nested dataclasses, every key and type checked."""

from __future__ import annotations

import difflib
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from gramian.itl._errors import type_fault, value_fault

__all__ = ["from_mapping", "to_mapping"]

T = TypeVar("T")


def from_mapping(kind: type[T], mapping: object, *, path: str = "", types_of: Mapping[str, type] | None = None) -> T:
    """A dataclass from a mapping; nested dataclasses from nested ones.

    Args:
        kind: the dataclass.
        mapping: its fields; those with a default may be left out.
        path: where it stands, for messages.
        types_of: types that take the place of the declared ones, by field.

    Raises:
        TypeError: a value of another type.
        ValueError: an unknown key (the message names the nearest), one that is missing, a value outside its range.
    """
    if not isinstance(mapping, Mapping):
        raise type_fault(path or "recipe", "a section with keys", repr(mapping), f"It has {_names(kind)}.")
    hints = {**get_type_hints(kind), **(types_of or {})}
    known = [item.name for item in fields(kind)]  # type: ignore[arg-type]
    for key in mapping:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.5)
            remedy = f"Did you mean {_at(path, near[0])!r}?" if near else "Leave it out."
            raise value_fault("recipe", f"in {path or 'it'}: {_names(kind)}", repr(_at(path, str(key))), remedy)
    values = {name: _value(hints[name], mapping[name], _at(path, name)) for name in known if name in mapping}
    for item in fields(kind):  # type: ignore[arg-type]
        if item.name not in values and item.default is MISSING and item.default_factory is MISSING:
            raise value_fault("recipe", f"the key {_at(path, item.name)!r}", "none", "Every recipe states it.")
    return kind(**values)


def to_mapping(value: Any) -> dict[str, Any]:
    """The fields of a dataclass as YAML takes them, nested ones too."""
    return {key: _plain(item) for key, item in asdict(value).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


def _at(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _names(kind: type) -> str:
    return ", ".join(item.name for item in fields(kind))


def _value(hint: Any, value: Any, path: str) -> Any:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _union(get_args(hint), value, path)
    if origin is Literal:
        if value not in get_args(hint):
            raise value_fault(path, f"one of {', '.join(map(str, get_args(hint)))}", repr(value), "Correct it.")
        return value
    if origin is tuple:
        return _tuple(get_args(hint), value, path)
    if is_dataclass(hint):
        return from_mapping(hint, value, path=path)  # type: ignore[arg-type]
    return _scalar(hint, value, path)


def _union(options: tuple[Any, ...], value: Any, path: str) -> Any:
    if value is None and type(None) in options:
        return None
    faults: list[Exception] = []
    for option in options:
        if option is type(None):
            continue
        try:
            return _value(option, value, path)
        except (TypeError, ValueError) as fault:
            faults.append(fault)
    raise faults[0]


def _tuple(items: tuple[Any, ...], value: Any, path: str) -> tuple[Any, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise type_fault(path, "a list", repr(value), "Write it as [a, b].")
    if len(items) == 2 and items[1] is Ellipsis:
        return tuple(_value(items[0], item, path) for item in value)
    if len(value) != len(items):
        raise value_fault(path, f"{len(items)} values", f"{len(value)} of them", "Write it as [a, b].")
    return tuple(_value(item, given, path) for item, given in zip(items, value, strict=True))


_KINDS = {float: "a number", int: "a whole number", bool: "true or false", str: "text"}


def _scalar(hint: Any, value: Any, path: str) -> Any:
    if hint is float and isinstance(value, str):
        # YAML takes 1e-4, without a point, for text.
        try:
            return float(value)
        except ValueError:
            pass
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if hint is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if hint in (bool, str) and isinstance(value, hint):
        return value
    raise type_fault(path, _KINDS.get(hint, str(hint)), repr(value), "Correct it.")

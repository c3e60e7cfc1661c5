"""The file that names local tasks: YAML or JSON, one entry a task, read and checked before anything else happens."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gramian.downstream._local.rows import data_files

__all__ = ["KINDS", "LocalSpec", "read_spec", "spec_file"]

# Kind of local task and the parts it is made of.
KINDS = {
    "classification": ("train", "test"),
    "clustering": ("test",),
    "sts": ("test",),
    "pair_classification": ("test",),
    "reranking": ("test",),
    "retrieval": ("corpus", "queries", "qrels"),
}
_NAMES = ("tasks.yaml", "tasks.yml", "tasks.json")
# It becomes the name of a file.
_NAME = re.compile(r"[A-Za-z0-9][\w .()+-]*")
# What `columns` may map to names: of each kind, and all of them for official tasks, whose kind MTEB knows.
_PAIR = ("sentence1", "sentence2")
_ROLES = {
    "classification": ("text", "label"),
    "clustering": ("text", "label"),
    "sts": (*_PAIR, "score"),
    "pair_classification": (*_PAIR, "label"),
    "reranking": ("query", "positive", "negative", "document", "relevance"),
    "retrieval": ("id", "text", "title", "instruction", "query", "document", "relevance"),
}
# Keys beside the parts: of every local task, of one kind, and of official tasks.
_FACTS = ("type", "columns", "language")
_FACTS_OF_KIND = {"classification": ("samples_per_label", "experiments"), "clustering": ("experiments",)}
_OFFICIAL_FACTS = ("columns", "subset", "split", "transform")


@dataclass(frozen=True)
class LocalSpec:
    """One task that is made from local files.

    Attributes:
        name: The task's name; an official one where `kind` is None.
        kind: One of `KINDS`; None for an official task of MTEB with data from these files.
        parts: Files of each part: ``train`` and ``test``, say, or ``corpus``, ``queries`` and ``qrels``.
        columns: Role to the file's name for it, or the names of a file without a line of them, or None.
        options: What else was given.
    """

    name: str
    kind: str | None
    parts: Mapping[str, tuple[Path, ...]]
    columns: Mapping[str, str] | tuple[str, ...] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


def spec_file(path: Path) -> Path:
    """The file that a folder of tasks stands for: ``tasks.yaml``, ``tasks.yml`` or ``tasks.json`` inside it.

    Raises:
        ValueError: None of them is there.
    """
    if not path.is_dir():
        return path
    found = next((path / name for name in _NAMES if (path / name).is_file()), None)
    if found is None:
        raise ValueError(f"tasks: expected {_NAMES[0]} in the folder {path}; got none. Write one, or name a file.")
    return found


def read_spec(path: str | Path) -> list[LocalSpec]:
    """The tasks that a file names, each an entry ``name: {...}``; paths in it are relative to the file.

    Args:
        path: A ``.yaml``, ``.yml`` or ``.json`` file, or a folder with one called ``tasks``.

    Raises:
        ValueError: No such file, one that cannot be read, an unknown key, a part that is missing or not there.
        ImportError: PyYAML is missing.
    """
    file = spec_file(Path(path))
    entries = _load(file)
    if not isinstance(entries, dict) or not entries:
        raise ValueError(f"tasks: expected entries 'name: {{...}}' in {file}; got {_called(entries)}. See the guide.")
    return [_entry(str(name), entry, file) for name, entry in entries.items()]


def _load(file: Path) -> Any:
    def once(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
        """A mapping, of whose entries both JSON and YAML would let the last of one name win."""
        found: dict[Any, Any] = {}
        for key, value in pairs:
            if key in found:
                raise ValueError(f"tasks: expected each key once in {file}; got {key!r} again. Rename or join them.")
            found[key] = value
        return found

    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"tasks: expected UTF-8 in {file}; got another encoding ({error.reason}). Save it again."
        ) from error
    except FileNotFoundError as error:
        raise ValueError(f"tasks: expected a file; got {file}, which does not exist. Check the path.") from error
    if file.suffix.lower() == ".json":
        try:
            return json.loads(text, object_pairs_hook=once)
        except (json.JSONDecodeError, RecursionError) as error:
            raise ValueError(f"tasks: expected JSON in {file}; got something else ({error}). Correct it.") from error
    try:
        import yaml
    except ImportError as error:
        raise ImportError(
            f"tasks: expected PyYAML, to read {file}; got none. Install it with: pip install 'gramian[mteb]'"
        ) from error

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """A safe loader that refuses a key given twice."""

    def mapping(loader: Any, node: Any) -> dict[Any, Any]:
        own = [key for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        found: dict[Any, Any] = loader.construct_mapping(node, deep=True)
        once([(loader.construct_object(key, deep=True), None) for key in own])
        return found

    Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    try:
        return yaml.load(text, Loader)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"tasks: expected YAML in {file}; got something else ({reason}). Correct it.") from error


def _entry(name: str, entry: Any, file: Path) -> LocalSpec:
    what = f"{file.name}: {name}"
    if not _NAME.fullmatch(name):
        raise ValueError(f"{file.name}: expected names of letters, digits and . - + _; got {name!r}. Rename the task.")
    if not isinstance(entry, dict):
        raise ValueError(f"{what}: expected keys such as type, train and test; got {_called(entry)}. See the guide.")
    kind = entry.get("type")
    if kind is not None and kind not in KINDS:
        raise ValueError(f"{what}: expected type to be one of {', '.join(KINDS)}; got {kind!r}. Correct it.")
    facts = _OFFICIAL_FACTS if kind is None else (*_FACTS, *_FACTS_OF_KIND.get(kind, ()))
    given = {str(key): value for key, value in entry.items()}
    wanted = () if kind is None else KINDS[kind]
    unknown = [key for key in given if key not in facts and kind is not None and key not in wanted]
    if unknown:
        known = ", ".join((*wanted, *facts))
        raise ValueError(f"{what}: expected keys among {known}; got {unknown[0]!r}. Correct it.")
    missing = [part for part in wanted if part not in given]
    parts = {key: value for key, value in given.items() if key not in facts}
    if missing or not parts:
        got = f"no {missing[0]}" if missing else "none"
        raise ValueError(f"{what}: expected files for {' and '.join(wanted) or 'its splits'}; got {got}. Name them.")
    return LocalSpec(
        name=name,
        kind=kind,
        parts={part: _files(value, file, f"{what}: {part}") for part, value in parts.items()},
        columns=_columns(given.get("columns"), kind, what),
        options=_options({key: given[key] for key in facts if key in given and key not in ("type", "columns")}, what),
    )


def _files(value: Any, file: Path, what: str) -> tuple[Path, ...]:
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(one, str) and one for one in values):
        raise ValueError(f"{what}: expected a path or a list of paths; got {_called(value)}. Correct it.")
    return tuple(data_files([file.parent / one for one in values], what=what))


def _columns(value: Any, kind: str | None, what: str) -> Mapping[str, str] | tuple[str, ...] | None:
    if value is None:
        return None
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        return tuple(value)
    if isinstance(value, dict) and value and all(isinstance(one, str) for pair in value.items() for one in pair):
        known = (
            _ROLES[kind] if kind is not None else tuple(dict.fromkeys(role for of in _ROLES.values() for role in of))
        )
        unknown = next((role for role in value if role not in known), None)
        if unknown is not None:
            raise ValueError(f"{what}: expected columns for {', '.join(known)}; got one for {unknown!r}. Correct it.")
        return dict(value)
    raise ValueError(
        f"{what}: expected columns as 'role: name' pairs, or as a list for files without a first line of names; "
        f"got {_called(value)}. Correct it."
    )


_TEXTS = ("language", "subset", "split")
_COUNTS = ("samples_per_label", "experiments")


def _options(given: Mapping[str, Any], what: str) -> dict[str, Any]:
    for key, value in given.items():
        if key in _TEXTS:
            rule, fits = "text", isinstance(value, str)
        elif key in _COUNTS:
            rule = "a whole number of at least 1"
            fits = isinstance(value, int) and not isinstance(value, bool) and value >= 1
        else:
            rule, fits = "true or false", isinstance(value, bool)
        if not fits:
            raise ValueError(f"{what}: expected {key} to be {rule}; got {value!r}. Correct it.")
    return dict(given)


def _called(value: Any) -> str:
    names = {type(None): "nothing", dict: "a mapping" if value else "an empty mapping", list: "a list", str: "text"}
    return f"{names.get(type(value), repr(value))}"

"""A plan written down: `plan.yaml`, checked entry by entry and expanded to cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from gramian.layers import Condition, ImageRates, Rates, training_step
from gramian.sweeps._plan import OF_CORPUS, OF_MODEL, SETTINGS, Cell, Plan, check_names

_TOP = ("models", "corpora", "conditions", "defaults", "measure", "shard_tokens", "threads", "accumulators")
_TEXT = ("text", lambda value: isinstance(value, str))
_FLAG = ("true or false", lambda value: isinstance(value, bool))
_WHOLE = ("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool))
_NUMBER = ("a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool))

Kind = tuple[str, Callable[[Any], bool]]
_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("revision", "dtype", "device", "instruction", "blocks", "tower"), _TEXT),
    **dict.fromkeys(("field", "label_field", "split", "keep", "drop", "normalize", "accumulators"), _TEXT),
    **dict.fromkeys(("untrained", "trust_remote_code", "chat_template", "cache", "paragraphs"), _FLAG),
    **dict.fromkeys(("prompts", "views", "max_tokens", "min_tokens", "groups", "token_budget", "seed"), _WHOLE),
    **dict.fromkeys(("min_characters", "shard_tokens", "threads"), _WHOLE),
}


def load_plan(path: str | Path) -> Plan:
    """Read a plan from a YAML file; see `parse_plan` for what it may say.

    Raises:
        ValueError: no such file, no YAML, an entry twice, or what `parse_plan` refuses.
        ImportError: the extra `sweeps` is not installed.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ValueError(f"plan: expected a YAML file; got {file}, which does not exist. Check the path.") from error
    except (IsADirectoryError, UnicodeDecodeError) as error:
        raise ValueError(f"plan: expected a YAML file in UTF-8; got {file}, which is none. Check the path.") from error
    return parse_plan(_read_yaml(text, file))


def parse_plan(entries: Any) -> Plan:
    """A plan from the entries of a plan file.

    Cells come in the order models, their revisions, their untrained copy, corpora, conditions, the last varying fastest.

    Args:
        entries: a mapping of `models` (required), `corpora`, `conditions`, `defaults`, `measure`, `shard_tokens`, `threads` and
            `accumulators`; the guide has every key of each.

    Raises:
        ValueError: an unknown key, naming the nearest that is known; a value of another kind; or cells and settings that make no sense.
    """
    if not isinstance(entries, Mapping):
        raise ValueError(f"plan: expected entries such as `models:`; got {_kind_of(entries)}. See the guide of sweeps")
    check_names("plan", entries, _TOP)
    defaults = _mapping("defaults", entries.get("defaults"))
    check_names("defaults", defaults, ("model", "corpus"))
    of_model = _options("defaults.model", _mapping("defaults.model", defaults.get("model")), OF_MODEL)
    of_corpus = _options("defaults.corpus", _mapping("defaults.corpus", defaults.get("corpus")), OF_CORPUS)
    if not entries.get("models"):
        raise ValueError("models: expected at least one; got none. For example `models: [smollm2-135m]`")
    models = [
        copy
        for number, entry in enumerate(_several("models", entries["models"]))
        for copy in _model(f"models[{number}]", entry, of_model)
    ]
    corpora = [
        _corpus(f"corpora[{number}]", entry, of_corpus)
        for number, entry in enumerate(_several("corpora", entries.get("corpora", "python-docs")))
    ]
    conditions = [
        condition
        for number, entry in enumerate(_several("conditions", entries.get("conditions", "natural")))
        for condition in _conditions(f"conditions[{number}]", entry)
    ]
    numbers = {name: entries[name] for name in ("shard_tokens", "threads", "accumulators") if name in entries}
    for name, value in numbers.items():
        _check_kind(name, name, value)
    return Plan(_cells(models, corpora, conditions), _settings(entries.get("measure")), **numbers)


def _cells(
    models: Sequence[tuple[str, dict[str, Any]]],
    corpora: Sequence[tuple[str, dict[str, Any]]],
    conditions: Sequence[Condition],
) -> tuple[Cell, ...]:
    perturbed = any(condition.kind != "natural" for condition in conditions)
    cells = []
    for (model, of_model), (corpus, of_corpus), condition in product(models, corpora, conditions):
        revision = of_model.get("revision")
        step = None if revision is None else training_step(revision)
        stepped = step is not None and not of_model.get("untrained")
        cells.append(
            Cell(
                model,
                model_options=of_model,
                corpus=corpus,
                corpus_options=of_corpus,
                condition=condition if condition.kind != "natural" else None,
                axis="strength" if perturbed else "step" if stepped else None,
                perturbation=condition.kind if perturbed else None,
                strength=float(condition.strength) if perturbed else None,
                step=float(step) if step is not None and stepped else None,
            )
        )
    return tuple(cells)


def _model(where: str, entry: Any, defaults: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """A model's revisions, then its untrained copy: one, because random weights have no revision."""
    given = _named(where, entry)
    revisions = _several(f"{where}.revisions", given.pop("revisions", [None]))
    copies = _several(f"{where}.untrained", given.pop("untrained", defaults.get("untrained", False)))
    for index, revision in enumerate(revisions):
        if revision is not None:
            _check_kind(f"{where}.revisions[{index}]", "revision", revision)
    for copy in copies:
        _check_kind(f"{where}.untrained", "untrained", copy)
    if "revision" in given and revisions != [None]:
        raise ValueError(f"{where}: expected either revision or revisions; got both. Put all into revisions")
    name = given.pop("name")
    options = {**defaults, **_options(where, given, OF_MODEL, more=("name", "revisions"))}
    options.pop("untrained", None)
    found = []
    for copy in copies:
        for revision in revisions[:1] if copy else revisions:
            of_copy = {"untrained": True} if copy else {}
            found.append((name, options | ({} if revision is None else {"revision": revision}) | of_copy))
    return found


def _corpus(where: str, entry: Any, defaults: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    given = _named(where, entry)
    name = given.pop("name")
    return name, {**defaults, **_options(where, given, OF_CORPUS, more=("name",))}


def _conditions(where: str, entry: Any) -> list[Condition]:
    given = dict(entry) if isinstance(entry, Mapping) else {"kind": entry}
    check_names(where, given, ("kind", "strength", "seed"))
    if not isinstance(given.get("kind"), str):
        raise ValueError(f"{where}: expected a kind, such as repetition; got {_kind_of(given.get('kind'))}. Name it")
    seed = given.get("seed", 0)
    _check_kind(f"{where}.seed", "seed", seed)
    strengths = _several(f"{where}.strength", given.get("strength", 0.0))
    for strength in strengths:
        _check(f"{where}.strength", _NUMBER, strength)
    return [Condition(given["kind"], strength, seed) for strength in strengths]


def _settings(entry: Any) -> dict[str, Any]:
    given = _mapping("measure", entry)
    check_names("measure", given, SETTINGS)
    settings = dict(given)
    for name, value in given.items():
        where = f"measure.{name}"
        if name == "orders":
            settings[name] = [_check(where, _NUMBER, one) for one in _several(where, value)]
        elif name == "measures":
            settings[name] = None if value is None else [_check(where, _TEXT, one) for one in _several(where, value)]
        elif name == "rates":
            settings[name] = None if value is None else _rates(where, value)
        elif value is not None or name not in ("prompts", "normalize"):
            _check_kind(where, name, value)
    return settings


def _rates(where: str, value: Any) -> Rates | ImageRates:
    given = _mapping(where, value)
    of_text, of_images = tuple(Rates.__dataclass_fields__), tuple(ImageRates.__dataclass_fields__)
    check_names(where, given, of_text + of_images)
    if set(given) <= set(of_text):
        return Rates(**given)
    if set(given) <= set(of_images):
        return ImageRates(**given)
    raise ValueError(
        f"{where}: expected rates of texts ({', '.join(of_text)}) or of images ({', '.join(of_images)}); got some of both. "
        "Make a plan for each"
    )


def _named(where: str, entry: Any) -> dict[str, Any]:
    given = dict(entry) if isinstance(entry, Mapping) else {"name": entry}
    if "name" not in given:
        raise ValueError(f"{where}: expected a name; got none among {', '.join(map(str, given))}. Add `name:`")
    _check(f"{where}.name", _TEXT, given["name"])
    return given


def _options(where: str, given: Mapping[str, Any], known: Sequence[str], *, more: Sequence[str] = ()) -> dict[str, Any]:
    check_names(where, given, (*more, *known))
    for name, value in given.items():
        if value is not None and name in _KINDS:
            _check_kind(f"{where}.{name}", name, value)
    return {name: value for name, value in given.items() if value is not None}


def _mapping(where: str, value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(f"{where}: expected entries `key: value`; got {_kind_of(value)}. See the guide of sweeps")
    return value


def _several(where: str, value: Any) -> list[Any]:
    """One or a list, as a list."""
    found = list(value) if isinstance(value, list | tuple) else [value]
    if not found:
        raise ValueError(f"{where}: expected at least one; got none. Leave the entry out for its default")
    return found


def _check_kind(where: str, name: str, value: Any) -> Any:
    return _check(where, _KINDS[name], value)


def _check(where: str, kind: Kind, value: Any) -> Any:
    wanted, fits = kind
    if not fits(value):
        quotes = " Put it in quotes" if wanted == "text" and isinstance(value, int | float) else " Correct it"
        raise ValueError(f"{where}: expected {wanted}; got {_kind_of(value)}.{quotes}")
    return value


def _kind_of(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "entries"
    return "a list" if isinstance(value, list | tuple) else repr(value)


def _read_yaml(text: str, file: Path) -> Any:
    try:
        import yaml
    except ImportError as error:
        raise ImportError(
            "plan: expected the package pyyaml; got none. Run `pip install 'gramian[sweeps]'`."
        ) from error

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """A safe loader that refuses what YAML would let pass: a key given twice, of which the last would win."""

    def mapping(loader: Any, node: Any) -> dict[Any, Any]:
        met: set[str] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key, line = loader.construct_object(key_node, deep=True), key_node.start_mark.line + 1
            if not isinstance(key, str):
                raise ValueError(f"plan: expected keys that are text; got {key!r} in line {line} of {file}. Quote it")
            if key in met:
                raise ValueError(f"plan: expected each key once; got {key!r} again in line {line} of {file}. Join them")
            met.add(key)
        found: dict[Any, Any] = loader.construct_mapping(node, deep=True)
        return found

    Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    try:
        return yaml.load(text, Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark is not None else ""
        reason = getattr(error, "problem", None) or "no YAML"
        raise ValueError(f"plan: expected YAML; got an error{where} of {file}: {reason}. Correct it") from error

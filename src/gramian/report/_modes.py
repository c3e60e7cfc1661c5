"""The dip tests of `gramian bimodality` as the page holds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gramian.report._numbers import compact
from gramian.report._series import RESIDUAL


def modes_payload(document: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Measure and variant that were tested, the sentences, and for each layer of the residual stream what was found."""
    if document is None:
        return None
    return {
        "measure": str(document.get("measure")),
        "variant": str(document.get("variant")),
        "level": document.get("level"),
        "sentences": [str(sentence) for sentence in document.get("sentences", [])],
        "notes": [str(note) for note in document.get("notes", [])],
        "layers": {
            str(entry["layer"]): _layer(entry) for entry in document.get("layers", []) if entry["stream"] == RESIDUAL
        },
    }


def _layer(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{key: _number(entry.get(key)) for key in ("dip", "p", "p_corrected")},
        "bimodal": bool(entry.get("bimodal")),
        "modes": [{key: _number(mode.get(key)) for key in ("mean", "sd", "weight")} for mode in entry.get("modes", [])],
        "separators": [
            {
                "meaning": str(one.get("meaning") or one.get("feature")),
                "effect": _number(one.get("effect")),
                "effect_name": str(one.get("effect_name", "")).replace("_", " "),
                "low": _value(one.get("low_mode")),
                "high": _value(one.get("high_mode")),
                "p_corrected": _number(one.get("p_corrected")),
            }
            for one in entry.get("separators", [])
        ],
    }


def _value(value: Any) -> float | str | None:
    return value if isinstance(value, str) else _number(value)


def _number(value: Any) -> float | None:
    return compact(np.array([np.nan if value is None else value], np.float64))[0]

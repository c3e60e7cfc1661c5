"""The one form of every error message: name, rule, what came, what to do."""

from __future__ import annotations

__all__ = ["type_fault", "value_fault"]


def value_fault(name: str, rule: str, got: object, remedy: str) -> ValueError:
    """A ValueError reading ``{name}: expected {rule}; got {got}. {remedy}``."""
    return ValueError(f"{name}: expected {rule}; got {got}. {remedy}")


def type_fault(name: str, rule: str, got: object, remedy: str) -> TypeError:
    """A TypeError reading ``{name}: expected {rule}; got {got}. {remedy}``."""
    return TypeError(f"{name}: expected {rule}; got {got}. {remedy}")

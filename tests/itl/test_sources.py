"""Every work a docstring cites is in the bibliography."""

import importlib
import inspect
import pkgutil
import re

import pytest

import gramian.itl
from gramian.quality import REFERENCES

MODULES = [importlib.import_module(f"gramian.itl.{found.name}") for found in pkgutil.iter_modules(gramian.itl.__path__)]


def cited():
    for module in MODULES:
        yield from re.findall(r"\[([a-z]+\d{4})\b", inspect.getsource(module))


@pytest.mark.parametrize("key", sorted(set(cited())))
def test_cited_works_resolve_in_the_bibliography(key):
    assert key in REFERENCES


def test_public_quantities_and_kernels_name_their_source():
    assert {"giraldo2015", "hoyos2022", "rasmussen2006", "renyi1961", "skean2023", "skean2025", "yu2019"} <= set(
        cited()
    )

"""Every work a docstring cites is in the bibliography."""

import re
from pathlib import Path

import pytest

from gramian.quality import REFERENCES

SOURCE = Path(__file__).parents[1] / "src" / "gramian"


def cited(room: Path) -> set[str]:
    return {key for path in room.rglob("*.py") for key in re.findall(r"\[([a-z]+\d{4})[\],]", path.read_text())}


@pytest.mark.parametrize("key", sorted(cited(SOURCE)))
def test_cited_works_resolve_in_the_bibliography(key):
    assert key in REFERENCES


def test_public_quantities_and_kernels_name_their_source():
    expected = {"giraldo2015", "hoyos2022", "rasmussen2006", "renyi1961", "skean2023", "skean2025", "yu2019"}
    assert expected <= cited(SOURCE / "itl")

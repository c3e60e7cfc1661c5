"""The guide names every measure."""

from pathlib import Path

import pytest

from gramian.quality import available

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "measures.md"


@pytest.mark.parametrize("name", [m.name for m in available()])
def test_the_guide_says_what_each_measure_asks(name):
    rows = [line for line in GUIDE.read_text().splitlines() if line.startswith("|")]
    assert any(f"`{name}`" in row.split("|")[1] for row in rows)

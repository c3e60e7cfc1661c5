"""Chromium on a rendered page: what every browser test of the report shares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

CHROMIUM = Path("/usr/bin/chromium")
if not CHROMIUM.exists():
    pytest.skip("needs Chromium at /usr/bin/chromium", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright, from the extra `test`")

_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
# Every trace that draws leaves a path, an image (heat maps) or a point behind; a missing trace type leaves empty axes.
DRAWN = """() => Object.fromEntries([...document.querySelectorAll(".card")].map((card) => [card.id, {
  empty: card.classList.contains("is-empty"),
  marks: card.querySelectorAll(".scatterlayer .trace path, .heatmaplayer image, .scatterlayer .point").length,
  traces: card.querySelectorAll(".scatterlayer .trace, .heatmaplayer .hm").length,
}]))"""
SCROLL = """async () => {
  for (let y = 0; y < document.documentElement.scrollHeight; y += 1100) {
    window.scrollTo(0, y);
    await new Promise((done) => setTimeout(done, 60));
  }
  await new Promise((done) => setTimeout(done, 250));
}"""


@dataclass
class Visit:
    """A page together with everything that went wrong on it."""

    page: sync_api.Page
    complaints: list[str] = field(default_factory=list)
    shown: Path | None = None

    def open(self, path: Path, *, scroll: bool = False, changes: bool = False) -> sync_api.Page:
        """The page as a reader first sees it, but for the pinned layer; loaded anew only after a visit that changes it."""
        self.complaints.clear()
        if path != self.shown:
            self.page.goto(path.as_uri())
            self.page.wait_for_selector("html[data-ready]", state="attached", timeout=30_000)
        self.shown = None if changes else path
        if scroll:
            self.page.evaluate(SCROLL)
        return self.page


@pytest.fixture(scope="module")
def visit() -> Iterator[Visit]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=_ARGUMENTS)
        context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light")
        visited = Visit(context.new_page())
        visited.page.on("console", lambda message: visited.complaints.append(f"{message.type}: {message.text}"))
        visited.page.on("pageerror", lambda error: visited.complaints.append(f"error: {error}"))
        visited.page.on("dialog", lambda dialog: visited.complaints.append(f"dialog: {dialog.message}"))
        visited.page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith(("data:", "blob:")) or request.url.endswith(".html")
                else visited.complaints.append(f"request: {request.url}")
            ),
        )
        yield visited
        browser.close()


def choice(page: sync_api.Page, name: str) -> sync_api.Locator:
    return page.locator(f"label.control:has(> span:text-is('{name}')) select")


def bring(page: sync_api.Page, *cards: str) -> None:
    for card in cards:
        page.locator(f"#{card}").scroll_into_view_if_needed()
        page.wait_for_selector(f"#{card}[data-drawn]")


def readout(page: sync_api.Page, card: str) -> str:
    return page.locator(f"#{card} .readout").inner_text()

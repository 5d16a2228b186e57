"""What tests of the page share: the built page, a real Chromium, and a watch over what goes wrong in an open page.

Builds nothing: CI builds the page first.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

WITHIN_MS = 30_000  # so long may an expectation take: other tests' servers share the machine with the browser
PAGE = Path(__file__).parents[2] / "api" / "page"

_AXE = PAGE / "node_modules" / "axe-core" / "axe.min.js"
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

needs_chromium = [
    pytest.mark.browser,
    pytest.mark.skipif(not (PAGE / "dist" / "index.html").exists(), reason="no api/page/dist: npm run build first"),
    pytest.mark.skipif(_CHROMIUM is None, reason="no Chromium on this machine: apt install chromium"),
]


@contextmanager
def chromium(within_ms: int = WITHIN_MS) -> Iterator[Browser]:
    """A running browser. For one module at a time: Playwright's event loop keeps others from starting theirs."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=_ARGUMENTS)
        expect.set_options(timeout=within_ms)
        try:
            yield browser
        finally:
            expect.set_options(timeout=None)
            browser.close()


@dataclass
class Watched:
    """An open page and everything that went wrong in it, but for what is `forgiven`."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)
    forgiven: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def settled(self) -> None:
        left = [text for text in self.complaints if not any(part in text for part in self.forgiven)]
        assert not left, left


def violations(page: Page) -> list[str]:
    """What breaks WCAG 2.2 AA on an open page as it stands, as far as axe-core can judge it."""
    if not _AXE.exists():
        pytest.skip("axe-core is not installed: npm ci in api/page first")
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(_AXE.read_text())
    found: list[str] = page.evaluate(
        "rules => axe.run(document, {runOnly: rules})"
        ".then(r => r.violations.flatMap(v => v.nodes.map(n => v.id + ': ' + n.html.slice(0, 160))))",
        _RULES,
    )
    return found


def fits(page: Page) -> bool:
    """Whether nothing is wider than the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))

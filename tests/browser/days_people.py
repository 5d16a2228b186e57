"""A person's day at the browser: signed in by a link of their own, looked at station by station."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import Watched, fits, violations

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1440, "height": 900}


@dataclass
class Day(Watched):
    """An open browser of one person. `SCREENSHOTS` names a directory in which the pictures are kept."""

    shots: Path = field(kw_only=True)
    who: str = field(kw_only=True)
    _stations: int = 0

    def go(self, place: str) -> Page:
        self.page.goto(f"{self.address}/#/{place}")
        return self.page

    def station(self, name: str, *, judged: bool = False) -> None:
        """A place where the person stops and looks: a picture, nothing too wide, and if `judged` what axe finds."""
        self._stations += 1
        self.page.wait_for_function("() => document.getAnimations().every(one => one.playState !== 'running')")
        folder = Path(os.environ.get("SCREENSHOTS", self.shots))
        folder.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=folder / f"{self.who.replace(' ', '-')}-{self._stations:02}-{name}.png")
        assert fits(self.page), (self.who, name)
        if judged:
            found = violations(self.page)
            assert found == [], (self.who, name, found)

    def speak(self, language: str) -> None:
        self.page.locator("#language").select_option(language)
        expect(self.page.locator("html")).to_have_attribute("lang", re.compile(f"^{language}"))


@contextmanager
def day(
    browser: Browser,
    address: str,
    link: str,
    shots: Path,
    who: str,
    *,
    on_a_phone: bool = False,
    scheme: str = "light",
) -> Iterator[Day]:
    """Somebody comes in by their link; at the end nothing may have gone wrong that was not forgiven."""
    context = browser.new_context(
        viewport=PHONE if on_a_phone else DESKTOP,  # type: ignore[arg-type]
        color_scheme=scheme,  # type: ignore[arg-type]
        has_touch=on_a_phone,
        locale="en-GB",
        accept_downloads=True,
    )
    found = Day(context.new_page(), address, shots=shots, who=who)
    try:
        found.page.goto(link)
        expect(found.page.locator("#link-word")).to_have_text("Live")
        yield found
        found.settled()
    finally:
        context.close()


def saved(page: Page, at: Any, into: Path) -> Path:
    """The file that a click hands out."""
    with page.expect_download() as waiting:
        at.click()
    file = into / waiting.value.suggested_filename
    waiting.value.save_as(file)
    return file

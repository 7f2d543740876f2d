"""Debian's chromium, driven by Playwright: what a page really shows and does.

Screenshots are kept in build/screenshots.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.web.conftest import TOKEN, Client
from tests.web.conftest import serve as serve

SHOTS = Path(__file__).resolve().parents[2] / "build" / "screenshots"
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
# A machine under load takes its time; no test waits this long for what is there.
WAIT_MS = 60_000


@dataclass
class Seen:
    """A tab, and what happened in it.

    Attributes:
        page: Playwright's page.
        errors: Exceptions of scripts, and what the console called an error.
        requests: Every address that was asked for.
    """

    page: Any
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def open(self, client: Client, place: str = "") -> None:
        """Open the page of a server at a place: `/runs?…`, what stands behind the `#`."""
        self.page.goto(f"http://127.0.0.1:{client.port}/?token={TOKEN}")
        self.page.goto(f"http://127.0.0.1:{client.port}/#{place}")

    def shot(self, name: str) -> Path:
        """Keep a picture of what is shown."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        path = SHOTS / f"{re.sub(r'[^a-z0-9-]+', '-', name.lower())}.png"
        self.page.screenshot(path=path)
        return path

    @property
    def hosts(self) -> set[str]:
        """Everything that was asked for over a network, by host."""
        return {
            found.group(1) for url in self.requests if (found := re.match(r"(?:https?|wss?)://([^/:]+)", url))
        }


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """One browser for all tests of a process."""
    playwright = pytest.importorskip("playwright.sync_api")
    program = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("needs chromium")
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=_QUIET)
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium: Any) -> Iterator[Seen]:
    """A fresh tab of 1280 by 800 pixels, in English, without cookies; a script that fails fails the test."""
    context = chromium.new_context(
        viewport={"width": 1280, "height": 800}, locale="en-US", color_scheme="light"
    )
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    seen = Seen(page)
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.on("console", lambda message: message.type == "error" and seen.errors.append(message.text))
    page.on("request", lambda request: seen.requests.append(request.url))
    yield seen
    context.close()
    assert not seen.errors

"""The page in a real browser: Debian's Chromium without a window, driven by Playwright."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.web.conftest import TOKEN, Client, Serve, project, serve

__all__ = ["project", "serve"]

pytest.importorskip("playwright", reason="the browser tests need playwright")

from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# No request leaves the machine, not even one of the browser's own.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
# Generous: the machine may be four times slower, and busy.
PATIENCE_MS = 300_000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser starts for each of these: they are slow, and skipped with a reason where there is none."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.slow)
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="no chromium: apt-get install chromium"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield made
        made.close()


class Tab:
    """A page of the browser that shows a server, and what went wrong in it."""

    def __init__(self, page: Page, client: Client) -> None:
        self.page = page
        self.client = client
        self.problems: list[str] = []
        self.foreign: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", self._heard)
        page.on("request", self._asked)

    def _heard(self, message: Any) -> None:
        # What the server refuses is shown in the page; that a file of a run is stopped is as it should be.
        about_file = "/file?" in message.text or "/file?" in message.location.get("url", "")
        if message.type == "error" and "Failed to load resource" not in message.text and not about_file:
            self.problems.append(message.text)

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((f"http://127.0.0.1:{self.client.port}/", "data:", "blob:")):
            self.foreign.append(request.url)

    def open(self, place: str = "#/runs") -> Page:
        """Go to a place by the address that a user has, token and all."""
        base = f"http://127.0.0.1:{self.client.port}/"
        if not self.page.url.startswith(base):
            self.page.goto(f"{base}?token={TOKEN}")
        self.page.goto(base + place)
        return self.page


Open = Callable[..., Tab]


@pytest.fixture
def tab(browser: Browser, serve: Serve) -> Iterator[Open]:
    """Open pages over folders; at the end none may have failed, or asked another machine for anything."""
    tabs: list[Tab] = []

    def start(folder: Path, *, width: int = 1280, height: int = 800, **options: Any) -> Tab:
        context = {"viewport": {"width": width, "height": height}, "locale": "en-US", "color_scheme": "light"}
        context |= {name: options.pop(name) for name in ("locale", "color_scheme") if name in options}
        page = browser.new_context(**context).new_page()
        tabs.append(Tab(page, serve(folder, **options)))
        return tabs[-1]

    yield start
    for each in tabs:
        each.page.context.close()
        assert each.problems == []
        assert each.foreign == []


@pytest.fixture
def picture(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Path]:
    """Keep a picture of a page: in the folder PAGE_PICTURES, if it is set, else with the test's files."""
    folder = Path(os.environ.get("PAGE_PICTURES") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)

    def keep(page: Page, name: str = "") -> Path:
        test = re.sub(r"[^\w-]+", "-", request.node.name)
        path = folder / f"{test}{'-' + name if name else ''}.png"
        page.screenshot(path=path)
        assert path.stat().st_size > 5000
        return path

    return keep

"""Small and large screens, dark and light, languages, the keyboard, names that are read out, a proxy."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import tracker
from tests.browser.conftest import PATIENCE_MS, Open
from tests.web.conftest import TOKEN

expect.set_options(timeout=PATIENCE_MS)

PLACES = ["#/runs", "#/curves", "#/run/LeNet5/run-0", "#/run/LeNet5/run-0?tab=console"]
MORE = ["#/compare", "#/compare?part=parameters", "#/artifacts", "#/run/LeNet5/run-0?tab=files"]

NAMELESS = """() => [...document.querySelectorAll("button, a[href], input, select, textarea, [role=img]")]
  .filter((each) => !(each.getAttribute("aria-label") || each.textContent.trim() || each.title
    || each.labels?.length || each.querySelector("img[alt]:not([alt=''])")))
  .map((each) => each.outerHTML)"""
PALE = """() => {
  const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const light = (rgb) => rgb.slice(0, 3).map((part) => part / 255)
    .map((part) => (part <= 0.04 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const color = parse(getComputedStyle(each).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const texts = [...element.childNodes].filter((node) => node.nodeType === 3);
    const shown = element.checkVisibility({opacityProperty: true});
    if (!shown || !texts.some((node) => node.textContent.trim())) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(ground(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5 && !element.closest(":disabled")) {
      found.push(`${contrast.toFixed(2)} ${element.outerHTML.slice(0, 120)}`);
    }
  }
  return found;
}"""
UNSEEN = """() => {
  const at = document.activeElement;
  if (!at || at === document.body) return [];
  const style = getComputedStyle(at);
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  const seen = ring || style.boxShadow !== "none";
  return seen ? [] : [at.outerHTML.slice(0, 120)];
}"""


def settle(page: Page, place: str) -> None:
    """Wait until a place shows what it is about."""
    signs = {
        "#/runs": ".run-name",
        "#/curves": "[data-points]",
        "#/compare": ".sides",
        "#/compare?part=parameters": ".parallel",
        "#/artifacts": ".empty",
    }
    expect(page.locator(signs.get(place, ".run-title")).first).to_be_visible()


@pytest.mark.parametrize(
    ("width", "height", "scheme", "locale"), [(1280, 800, "dark", "zh-CN"), (390, 844, "light", "en-US")]
)
def test_no_page_is_wider_than_its_screen(
    project: Path,
    tab: Open,
    picture: Callable[..., Path],
    width: int,
    height: int,
    scheme: str,
    locale: str,
) -> None:
    one = tab(project, width=width, height=height, color_scheme=scheme, locale=locale)
    for number, place in enumerate(PLACES):
        page = one.open(place)
        settle(page, place)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), place
        assert page.locator("#top").evaluate("bar => bar.scrollWidth <= bar.clientWidth"), place
        assert page.evaluate("document.documentElement.dataset.theme") == scheme
        expect(page.locator("nav a").first).to_have_text("运行" if locale == "zh-CN" else "Runs")
        picture(page, str(number))


def test_everything_that_can_be_used_has_a_name(project: Path, tab: Open) -> None:
    one = tab(project)
    for place in PLACES + MORE:
        page = one.open(place)
        settle(page, place)
        assert page.evaluate(NAMELESS) == [], place


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(project: Path, tab: Open, scheme: str) -> None:
    """A contrast of 4.5, as WCAG asks of text, also of what is faint on purpose."""
    one = tab(project, color_scheme=scheme)
    for place in PLACES + MORE:
        page = one.open(place)
        settle(page, place)
        assert page.evaluate(PALE) == [], place


def test_the_place_of_the_keyboard_is_seen(project: Path, tab: Open) -> None:
    """Whatever Tab leads to has a ring, or another mark of its own."""
    one = tab(project)
    for place in PLACES:
        page = one.open(place)
        settle(page, place)
        for _ in range(25):
            page.keyboard.press("Tab")
            assert page.evaluate(UNSEEN) == [], place


def test_language_and_colours_are_kept(project: Path, tab: Open) -> None:
    page = tab(project).open()
    page.get_by_role("button", name="中文").click()
    expect(page.locator("nav a").first).to_have_text("运行")
    page.get_by_role("button", name="深色").click()
    page.reload()
    expect(page.locator("nav a").first).to_have_text("运行")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("document.documentElement.lang") == "zh-CN"


def test_keys_lead_through_the_page(project: Path, tab: Open) -> None:
    page = tab(project).open()
    expect(page.locator(".run-name").first).to_be_visible()
    page.keyboard.press("c")
    expect(page.locator("[data-points]").first).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Zoom a chart")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("r")
    expect(page.locator(".t-row").first).to_be_visible()
    page.keyboard.press("/")
    expect(page.locator("[data-filter]")).to_be_focused()


def test_the_way_back_leads_back(project: Path, tab: Open) -> None:
    page = tab(project).open("#/runs?columns=state")
    page.locator(".run-name", has_text="run 0").click()
    expect(page.get_by_role("heading", name="run 0")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("columnheader")).to_have_count(2)


def test_what_is_not_there_is_said(project: Path, tab: Open) -> None:
    page = tab(project).open("#/run/LeNet5/nothing")

    expect(page.get_by_role("alert")).to_contain_text("no run 'LeNet5/nothing'")


# behind a proxy


@pytest.fixture
def proxy() -> Iterator[Callable[[int], str]]:
    """A proxy that shows a server under /user/ann/proxy/ and takes the prefix off, as Jupyter's does."""
    stops = []

    def start(port: int) -> str:
        class Proxy(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                if not self.path.startswith("/user/ann/proxy/"):
                    self.send_error(404)
                    return
                length = int(self.headers.get("content-length", 0))
                headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                inner = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
                inner.request(
                    self.command, self.path.removeprefix("/user/ann/proxy"), self.rfile.read(length), headers
                )
                found = inner.getresponse()
                self.send_response(found.status)
                for name, value in found.getheaders():
                    if name.lower() not in (
                        "transfer-encoding",
                        "connection",
                        "content-length",
                        "date",
                        "server",
                    ):
                        self.send_header(name, value)
                self.send_header("connection", "close")
                self.end_headers()
                while piece := found.read1():
                    self.wfile.write(piece)
                self.close_connection = True
                inner.close()

            do_GET = do_POST = do_PATCH = do_DELETE = answer

            def log_message(self, format: str, *arguments: object) -> None:
                pass

            def handle(self) -> None:
                try:
                    super().handle()
                except OSError:
                    self.close_connection = True  # the browser went away from a stream

        server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stops.append(server)
        return f"http://127.0.0.1:{server.server_port}/user/ann/proxy/"

    yield start
    for server in stops:
        server.shutdown()
        server.server_close()


def test_the_page_works_behind_a_prefix(project: Path, tab: Open, proxy: Callable[[int], str]) -> None:
    one = tab(project)
    address = proxy(one.client.port)
    one.client.port = int(address.split(":")[2].split("/")[0])  # what the page may ask
    page = one.page
    page.goto(f"{address}?token={TOKEN}#/runs")

    expect(page.locator(".run-name")).to_have_count(2)
    assert "token" not in page.url
    page.get_by_role("button", name="More for run 1").click()
    page.get_by_role("menuitem", name="Rename").click()
    page.get_by_label("Name", exact=True).fill("renamed")
    page.get_by_label("Name", exact=True).press("Enter")
    expect(page.get_by_text("Saved.")).to_be_visible()


def test_ten_pages_of_one_server_at_once(project: Path, tab: Open) -> None:
    """A browser keeps six connections to a server; ten streams would leave none to ask with."""
    one = tab(project)
    page = one.open("#/runs")
    expect(page.locator(".run-name")).to_have_count(2)
    for _ in range(9):
        page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page = page.context.new_page()
        page.goto(f"http://127.0.0.1:{one.client.port}/#/runs")
        expect(page.locator(".run-name")).to_have_count(2)


def test_what_changed_while_nobody_looked_is_caught_up_with(project: Path, tab: Open) -> None:
    page = tab(project).open("#/runs")
    expect(page.locator(".run-name")).to_have_count(2)
    hide = "value => Object.defineProperty(document, 'hidden', {value, configurable: true})"
    page.evaluate(hide, True)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    with tracker.init(project="LeNet5", name="meanwhile") as run:
        run.log({"x": 1})
    page.evaluate(hide, False)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    expect(page.locator(".run-name", has_text="meanwhile")).to_be_visible()

"""Records of somebody who means harm: shown as the text that they are, and nothing in them runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import tracker
from tests.browser.conftest import PATIENCE_MS, Open, Tab

expect.set_options(timeout=PATIENCE_MS)

# Sets a mark in whichever page it runs, and in the one above.
STRIKE = "window.struck = true; try { parent.struck = true; top.struck = true } catch (error) {}"
MARKUP = f'"><img src=x onerror="{STRIKE}"><script>{STRIKE}</script><svg onload="{STRIKE}">'
PICTURE = (
    f'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40" onload="{STRIKE}">'
    f'<script>{STRIKE}</script><rect width="40" height="40" fill="red"/></svg>'
)


@pytest.fixture
def hostile(plain_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run in which everything that can be text is markup."""
    monkeypatch.chdir(plain_dir)
    with tracker.init(
        project="hostile",
        id="strike",
        name=MARKUP,
        notes=MARKUP,
        tags=["<script>x</script>", "javascript:alert(1)"],
        group=MARKUP,
        config={
            MARKUP: MARKUP,
            "nested": {"<b>key</b>": ["<i>", MARKUP]},
            "__proto__": {"struck": True},
            "lr": "${7*7}",
        },
    ) as run:
        for step in range(3):
            run.log(
                {
                    f"loss/{MARKUP}": step,
                    "__proto__": step,
                    "constructor": step,
                    "text": MARKUP,
                    "page": tracker.Html(
                        f"<h1>Shown</h1><script>{STRIKE}</script><img src=x onerror='{STRIKE}'>"
                    ),
                    "table": tracker.Table(columns=[MARKUP, "n"], data=[[MARKUP, step], ["=1+1", step]]),
                }
            )
        print(f"\x1b]0;title\x07\x1b[31mred\x1b[0m {MARKUP}")
        (Path(run.dir) / "picture.svg").write_text(PICTURE)
        (Path(run.dir) / "page.html").write_text(f"<script>{STRIKE}</script><p>a page</p>")
        (Path(run.dir) / "script.js").write_text(STRIKE)
    return plain_dir


def check(page: Page) -> None:
    """Nothing ran, here or in a frame."""
    assert page.evaluate("window.struck === undefined && ({}).struck === undefined")
    for frame in page.frames[1:]:
        assert frame.evaluate("window.struck === undefined"), frame.url


def forget_what_was_stopped(tab: Tab) -> None:
    """What these tests tried was to fail, and for this reason."""
    assert all("Content Security Policy" in problem for problem in tab.problems)
    tab.problems.clear()


def test_no_page_runs_what_a_record_holds(hostile: Path, tab: Open, picture: Callable[..., Path]) -> None:
    page = tab(hostile).open("#/runs")
    expect(page.locator(".run-name")).to_contain_text("<script>")
    check(page)
    page.locator("[data-filter]").click()
    expect(page.get_by_role("option").first).to_be_visible()
    check(page)
    page.get_by_role("button", name="Group").click()
    check(page)
    page = tab(hostile).open("#/curves")
    expect(page.locator(".panel")).not_to_have_count(0)
    page.locator(".panel .chart").first.hover(position={"x": 150, "y": 80})
    expect(page.locator(".chart-tip:visible").first).to_be_visible()
    check(page)
    for part in ("", "media", "console", "files", "system", "lineage"):
        page.evaluate(f"location.hash = '#/run/hostile/strike?tab={part}'")
        page.reload()
        expect(page.get_by_role("heading", level=1)).to_contain_text("<script>")
        if part == "media":
            expect(page.locator(".media-card h2")).to_have_count(3)
        check(page)
        picture(page, part)


def test_html_of_a_record_is_shown_without_its_scripts_until_somebody_lets_them_run(
    hostile: Path, tab: Open
) -> None:
    one = tab(hostile)
    page = one.open("#/run/hostile/strike?tab=media&key=page")
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", name="Shown")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Let them run").click()
    expect(page.get_by_text("cut off from this page")).to_be_visible()
    expect(page.frame_locator("iframe").get_by_role("heading", name="Shown")).to_be_visible()
    page.wait_for_function("() => document.querySelector('iframe').sandbox.value === 'allow-scripts'")
    # It ran, but this page is out of its reach, and so is the server.
    assert page.evaluate("window.struck === undefined")
    inside = page.frames[-1]
    assert inside.evaluate("window.origin") == "null"
    assert inside.evaluate("fetch('/api/about').then(() => 'reached', () => 'cut off')") == "cut off"
    forget_what_was_stopped(one)


def test_a_file_that_is_opened_by_itself_runs_nothing(hostile: Path, tab: Open) -> None:
    one = tab(hostile)
    page = one.open("#/runs")
    expect(page.locator(".run-name")).to_be_visible()
    for name in ("picture.svg", "page.html", "script.js"):
        page.goto(f"http://127.0.0.1:{one.client.port}/api/run/hostile/strike/file?path=files/{name}")
        assert page.evaluate("window.struck === undefined"), name
        reached = page.evaluate("fetch('/api/about').then((answer) => answer.status, () => 'cut off')")
        assert reached == "cut off", name
    forget_what_was_stopped(one)


def test_another_site_cannot_put_the_page_into_a_frame(project: Path, tab: Open) -> None:
    client = tab(project).client
    assert "frame-ancestors 'self'" in client.get("/").headers["content-security-policy"]

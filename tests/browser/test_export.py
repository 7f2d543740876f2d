"""The page of an export: opened from the disk, offline, with records of anybody's making."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.tracker.read.conftest import Lab
from tests.tracker.read.conftest import lab as lab
from tracker.draw.curves import metrics_of, panels_of
from tracker.exports import page as page_module
from tracker.exports.page import chart_script, render_page
from tracker.storage.records import Used

HOSTILE = "</script><script>window.broken = 1</script><img src=x onerror='window.broken = 2'>"


def test_an_export_opens_offline_and_nothing_of_a_record_runs(
    lab: Lab, browser: Browser, picture: Callable[..., Path], tmp_path: Path
) -> None:
    rows = [{"train/loss": 1 / (step + 1), HOSTILE: step, "holes": math.nan} for step in range(50)]
    used = [Used(artifact=f"p/{HOSTILE}", version="v0", digest="0" * 64, as_="latest", session=0)]
    runs = [
        lab.add("a", rows, name=HOSTILE, config={HOSTILE: HOSTILE, "lr": 0.1}, notes=HOSTILE, tags=[HOSTILE]),
        lab.add("b", rows[:30], config={"lr": 0.2}),
    ]
    runs[0].record.used += used
    file = tmp_path / "result.html"
    file.write_text(render_page(lab.repo, runs, panels_of(runs, metrics_of(runs))), encoding="utf-8")

    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light", offline=True)
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(file.as_uri())
    page.wait_for_selector(".panel canvas", timeout=300_000)
    assert page.locator("h1").inner_text() == "2 runs"
    assert page.locator(".panel").count() == 3
    assert HOSTILE in page.locator("body").inner_text()
    assert page.locator("tr.differs", has_text="lr").count() == 1
    assert drawn_pixels(page, ".panel canvas") > 100

    page.get_by_label("Smoothing").fill("0.9")
    page.get_by_label("Logarithmic").check()
    page.get_by_role("button", name="Light / dark").click()
    assert "dark" in page.evaluate("document.documentElement.className")
    page.locator(".panel .chart").first.hover()
    page.wait_for_selector(".chart-tip:not([hidden])", timeout=300_000)
    picture(page)
    page.locator(".panel .chart").first.press("+")
    page.get_by_role("button", name="Reset the zoom").click(timeout=300_000)
    page.get_by_role("button", name="Reset the zoom").wait_for(state="hidden", timeout=300_000)
    page.get_by_role("button", name="中文").click()
    assert page.locator("h1").inner_text() == "2 个运行"
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    assert drawn_pixels(page, ".panel canvas") > 100

    assert page.evaluate("window.broken") is None
    assert page.locator("img").count() == 0
    assert asked == [file.as_uri()]
    assert errors == []
    page.close()


def test_an_export_speaks_the_language_of_its_reader_or_the_one_asked_for(
    lab: Lab, browser: Browser, tmp_path: Path
) -> None:
    runs = [lab.add("a", [{"loss": 1}, {"loss": 2}])]
    file = tmp_path / "result.html"
    for language, locale, heading in (
        (None, "zh-CN", "设置"),
        ("en", "zh-CN", "Config"),
        ("zh", "en-US", "设置"),
    ):
        file.write_text(render_page(lab.repo, runs, [], language=language), encoding="utf-8")
        context = browser.new_context(locale=locale, offline=True)
        page = context.new_page()
        page.goto(file.as_uri())
        page.locator("h2", has_text=heading).wait_for(timeout=300_000)
        context.close()


def test_every_text_of_an_export_is_there_in_chinese() -> None:
    folder = Path(page_module.__file__).parent
    script = (folder / "report.js").read_text(encoding="utf-8")
    said = set(re.findall(r'\bt\([^")]*"([^"]+)"', script))
    said |= {name for _, name in re.findall(r'\["(\w+)", "([^"]+)"\]', script)}
    known = set(re.findall(r'"([^"]+)": "', (folder / "report_zh.js").read_text(encoding="utf-8")))
    assert len(said) > 20
    assert said - known == set()


def drawn_pixels(page: Page, selector: str) -> int:
    """How many pixels of a canvas have a color."""
    return int(
        page.evaluate(
            """(selector) => {
                const canvas = document.querySelector(selector);
                const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
                let count = 0;
                for (let i = 3; i < data.length; i += 4) if (data[i]) count++;
                return count;
            }""",
            selector,
        )
    )


def test_the_script_of_an_export_is_the_chart_module_of_the_page() -> None:
    """One piece of code; each of its files is in it, without what a single script cannot say."""
    script = chart_script()
    for part in ("class LineChart", "function makeScale", "function drawChart", "class SvgPen"):
        assert script.count(part) == 1
    assert "import {" not in script
    assert "\nexport " not in script

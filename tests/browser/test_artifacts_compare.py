"""Artifacts and comparisons in a browser: pointer, keyboard, a phone, Chinese, hostile names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import tracker
from tests.browser.conftest import Open, Tab

numpy = pytest.importorskip("numpy")
# A machine under load takes its time.
expect.set_options(timeout=300_000)
Picture = Callable[..., Path]
HOSTILE = "<img src=x onerror='window.broken = 1'>"


@pytest.fixture
def lab(plain_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small sweep with data and weights; names, configs and files of a hostile person."""
    monkeypatch.chdir(plain_dir)
    monkeypatch.setenv("TRACKER_CONSOLE", "off")
    data = plain_dir / "data" / "images"
    data.mkdir(parents=True)
    (data.parent / "table.csv").write_text(f"a,b\n1,{HOSTILE}\n")
    (data / "picture.svg").write_text(
        "<svg xmlns='http://www.w3.org/2000/svg' width='40' height='40'>"
        "<rect width='40' height='40' fill='red'/><script>parent.broken = 1</script></svg>"
    )
    (data / HOSTILE.replace("/", "")).write_text(HOSTILE)
    for number in range(8):
        config = {"lr": 10.0 ** -(1 + number % 4), "optimizer": ["sgd", "adam"][number % 2], "note": HOSTILE}
        with tracker.init(
            project="p", id=f"run-{number}", name=f"run {number} {HOSTILE}", config=config
        ) as run:
            dataset = tracker.Artifact("data", "dataset")
            dataset.add_dir(data.parent)
            run.use_artifact(dataset)
            for step in range(5):
                run.log({"loss": number + 1 / (step + 1)})
            if number < 2:
                weights = tracker.Artifact("weights", "model", metadata={"note": HOSTILE})
                with weights.new_file("w.npz", "wb") as stream:
                    numpy.savez(stream, layer=numpy.full((2, 3), number, dtype="float32"))
                run.log_artifact(weights, aliases=["best"])
    return plain_dir


def check(tab: Tab) -> None:
    """No script of a record ran."""
    assert tab.page.evaluate("window.broken") is None


def test_a_version_is_found_looked_into_and_its_alias_moved(lab: Path, tab: Open, picture: Picture) -> None:
    shown = tab(lab)
    page = shown.open("#/artifacts")
    page.get_by_role("row", name="weights").get_by_role("link", name="weights").click()
    expect(page.locator(".versions tbody tr")).to_have_count(2)
    expect(page.locator(".preview table")).to_contain_text("layer")
    expect(page.locator(".preview table")).to_contain_text("float32")
    assert HOSTILE in page.locator(".artifact-body").inner_text()
    expect(page.locator(".lineage .node.here")).to_contain_text("weights:v1")
    expect(page.locator(".lineage")).to_contain_text("data:v0")

    page.get_by_role("button", name="Move or remove best").click()
    page.get_by_role("menuitem", name="v0").click()
    expect(page.locator(".versions tr", has_text="best")).to_contain_text("v0")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".versions tr", has_text="best")).to_contain_text("v1")
    page.get_by_role("button", name="Give v0 an alias").click()
    page.get_by_role("textbox", name="Alias").fill("first")
    page.keyboard.press("Enter")
    expect(page.locator(".versions tr", has_text="first")).to_contain_text("v0")

    with tracker.init(project="p") as run:
        weights = tracker.Artifact("weights", "model")
        with weights.new_file("w.txt") as stream:
            stream.write("made while the page is open")
        run.log_artifact(weights)
    expect(page.locator(".versions tbody tr")).to_have_count(3)
    page.locator(".versions tbody tr").last.get_by_role("button", name="Compare", exact=True).click()
    expect(page.locator(".report-section", has_text="1 tensor")).to_be_visible()
    assert "against=v0" in page.url
    picture(page)
    page.goto(page.url.replace("against=v0", "path=w.npz"))
    expect(page.locator(".preview")).to_contain_text("1 tensor, 6 numbers")
    check(shown)


def test_files_are_walked_through_by_keyboard_and_pictures_run_nothing(
    lab: Path, tab: Open, picture: Picture
) -> None:
    shown = tab(lab)
    page = shown.open("#/artifacts/p/data/v0?path=table.csv")
    expect(page.locator(".preview td", has_text="onerror")).to_have_text(HOSTILE)
    page.locator(".tree [data-path='images/picture.svg']").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".preview img")).to_be_visible()
    expect(page.locator(".preview img")).to_have_js_property("naturalWidth", 40)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator(".preview pre")).to_have_text(HOSTILE)
    with page.expect_download() as found:
        page.get_by_role("link", name="Download", exact=True).click()
    assert Path(found.value.path()).read_text() == HOSTILE
    picture(page)
    check(shown)


def test_runs_are_compared_side_by_side_and_in_pairs(lab: Path, tab: Open, picture: Picture) -> None:
    shown = tab(lab)
    page = shown.open("#/compare?selected=p/run-0,p/run-1,p/run-2")
    settings = page.locator(".card", has=page.get_by_role("heading", name="Settings"))
    expect(settings.locator("tbody tr")).to_have_count(2)
    page.get_by_label("Also what is the same").check()
    expect(settings.locator("tbody tr")).to_have_count(3)
    expect(page.locator(".report-section", has_text="Metrics")).to_contain_text("loss")
    page.get_by_label("To", exact=True).select_option("p/run-2")
    expect(page.locator(".command-line").last).to_contain_text("tracker diff p/run-0 p/run-2")
    assert "new=p/run-2" in page.url
    picture(page)
    check(shown)


def test_settings_and_results_of_a_sweep(lab: Path, tab: Open, picture: Picture) -> None:
    shown = tab(lab)
    page = shown.open("#/compare?part=parameters")
    expect(page.locator(".influences tbody tr")).to_have_count(2)
    expect(page.locator(".parallel .lines path")).to_have_count(8)
    expect(page.locator(".scatter circle")).to_have_count(8)
    axis = page.locator(".parallel .reach").last.bounding_box()
    page.mouse.move(axis["x"] + 14, axis["y"] + 1)
    page.mouse.down()
    page.mouse.move(axis["x"] + 14, axis["y"] + axis["height"] / 2)
    page.mouse.up()
    expect(page.locator(".parallel .lines path.out")).to_have_count(4)
    expect(page.get_by_text("4 runs pass")).to_be_visible()
    page.locator(".parallel .reach").last.focus()
    page.keyboard.press("0")
    expect(page.locator(".parallel .lines path.out")).to_have_count(0)
    page.keyboard.press("ArrowDown")
    expect(page.locator(".parallel .lines path.out")).to_have_count(6)
    page.get_by_label("Show optimizer as an axis").uncheck()
    expect(page.locator(".parallel .axis")).to_have_count(2)
    picture(page)
    check(shown)


def test_in_chinese_in_the_dark_and_on_a_phone(lab: Path, tab: Open, picture: Picture) -> None:
    shown = tab(lab, width=390, height=844, locale="zh-CN", color_scheme="dark")
    page = shown.open("#/artifacts/p/weights/v0")
    expect(page.locator("h2", has_text="来源")).to_be_visible()
    assert fits(page)
    picture(page, "artifacts")
    shown.open("#/compare")
    expect(page.get_by_role("tab", name="差异")).to_be_visible()
    expect(page.locator(".sides").first).to_be_visible()
    assert fits(page)
    picture(page, "compare")
    check(shown)


def fits(page: Page) -> bool:
    """Whether nothing is wider than the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_without_artifacts_and_with_one_run_the_pages_say_what_to_type(
    plain_dir: Path, tab: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(plain_dir)
    with tracker.init(project="p") as run:
        run.log({"loss": 1})
    shown = tab(plain_dir)
    page = shown.open("#/artifacts")
    expect(page.locator(".empty")).to_contain_text("tracker artifact put")
    shown.open("#/compare")
    expect(page.locator(".empty")).to_contain_text("tracker run")

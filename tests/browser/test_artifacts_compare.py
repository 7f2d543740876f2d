"""Artifacts and comparisons in a browser: by pointer, by keyboard, on a phone, in Chinese, with hostile names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tracker
from tests.browser.conftest import Seen
from tests.web.conftest import Client, Serve

pytestmark = pytest.mark.slow

numpy = pytest.importorskip("numpy")
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
        "<svg xmlns='http://www.w3.org/2000/svg' width='40' height='40'><rect width='40' height='40' fill='red'/>"
        "<script>parent.broken = 1</script></svg>"
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


@pytest.fixture
def client(lab: Path, serve: Serve) -> Client:
    return serve(lab)


@pytest.fixture(autouse=True)
def unbroken(tab: Seen) -> Iterator[None]:
    """No script of a record runs, and nothing is asked of another machine."""
    yield
    assert tab.page.evaluate("window.broken") is None
    assert tab.hosts <= {"127.0.0.1"}


def text_of(tab: Seen, selector: str) -> str:
    return str(tab.page.locator(selector).first.inner_text())


def expect(tab: Seen) -> Any:
    from playwright.sync_api import expect

    return expect


def test_a_version_is_found_looked_into_and_its_alias_moved(client: Client, tab: Seen) -> None:
    page, sees = tab.page, expect(tab)
    tab.open(client, "/artifacts")
    page.get_by_role("row", name="weights").get_by_role("link", name="weights").click()
    sees(page.locator(".versions tbody tr")).to_have_count(2)
    sees(page.locator(".preview table")).to_contain_text("layer")
    sees(page.locator(".preview table")).to_contain_text("2 × 3")
    assert HOSTILE in text_of(tab, ".artifact-body")
    sees(page.locator(".lineage .node.here")).to_contain_text("weights:v1")
    sees(page.locator(".lineage")).to_contain_text("data:v0")

    page.get_by_role("button", name="Move or remove best").click()
    page.get_by_role("menuitem", name="v0").click()
    sees(page.locator(".versions tr", has_text="best")).to_contain_text("v0")
    page.get_by_role("button", name="Undo").click()
    sees(page.locator(".versions tr", has_text="best")).to_contain_text("v1")
    page.get_by_role("button", name="Give v0 an alias").click()
    page.get_by_role("textbox", name="Alias").fill("first")
    page.keyboard.press("Enter")
    sees(page.locator(".versions tr", has_text="first")).to_contain_text("v0")

    page.get_by_role("button", name="Compare", exact=True).click()
    sees(page.locator(".report-section", has_text="w.npz")).to_be_visible()
    assert "against=v0" in page.url
    tab.shot("artifact difference")


def test_files_are_walked_through_by_keyboard_and_pictures_run_nothing(client: Client, tab: Seen) -> None:
    page, sees = tab.page, expect(tab)
    tab.open(client, "/artifacts/p/data/v0?path=table.csv")
    sees(page.locator(".preview td", has_text="onerror")).to_have_text(HOSTILE)
    page.locator(".tree [data-path='images/picture.svg']").focus()
    page.keyboard.press("Enter")
    sees(page.locator(".preview img")).to_be_visible()
    page.wait_for_function("document.querySelector('.preview img').naturalWidth === 40")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    sees(page.locator(".preview pre")).to_have_text(HOSTILE)
    with page.expect_download() as found:
        page.get_by_role("link", name="Download").click()
    assert Path(found.value.path()).read_text() == HOSTILE
    tab.shot("artifact files")


def test_runs_are_compared_side_by_side_and_in_pairs(client: Client, tab: Seen) -> None:
    page, sees = tab.page, expect(tab)
    tab.open(client, "/compare?selected=p/run-0,p/run-1,p/run-2")
    settings = page.locator(".card", has=page.get_by_role("heading", name="Settings"))
    sees(settings.locator("tbody tr")).to_have_count(2)
    page.get_by_label("Also what is the same").check()
    sees(settings.locator("tbody tr")).to_have_count(3)
    sees(page.locator(".report-section", has_text="Metrics")).to_contain_text("loss")
    page.get_by_label("To", exact=True).select_option("p/run-2")
    sees(page.locator(".command-line").last).to_contain_text("tracker diff p/run-0 p/run-2")
    assert "new=p/run-2" in page.url
    tab.shot("compare")


def test_settings_and_results_of_a_sweep(client: Client, tab: Seen) -> None:
    page, sees = tab.page, expect(tab)
    tab.open(client, "/compare?part=parameters")
    sees(page.locator(".influences tbody tr")).to_have_count(2)
    sees(page.locator(".parallel .lines path")).to_have_count(8)
    sees(page.locator(".scatter circle")).to_have_count(8)
    axis = page.locator(".parallel .reach").last.bounding_box()
    page.mouse.move(axis["x"] + 14, axis["y"] + 10)
    page.mouse.down()
    page.mouse.move(axis["x"] + 14, axis["y"] + axis["height"] / 2)
    page.mouse.up()
    sees(page.locator(".parallel .lines path.out")).to_have_count(4)
    sees(page.get_by_text("4 runs pass")).to_be_visible()
    page.get_by_label("Show optimizer as an axis").uncheck()
    sees(page.locator(".parallel .axis")).to_have_count(2)
    tab.shot("settings and results")


def test_in_chinese_in_the_dark_and_on_a_phone(client: Client, tab: Seen) -> None:
    page, sees = tab.page, expect(tab)
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    tab.open(client, "/artifacts/p/weights/v0")
    page.get_by_role("button", name="中文").click()
    sees(page.locator("h2", has_text="来源")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    tab.shot("artifacts phone dark chinese")
    tab.page.goto(page.url.split("#")[0] + "#/compare")
    sees(page.get_by_role("tab", name="差异")).to_be_visible()
    sees(page.locator(".sides").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    tab.shot("compare phone dark chinese")


def test_without_artifacts_and_with_one_run_the_pages_say_what_to_type(
    plain_dir: Path, serve: Serve, tab: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(plain_dir)
    with tracker.init(project="p") as run:
        run.log({"loss": 1})
    client = serve(plain_dir)
    tab.open(client, "/artifacts")
    expect(tab)(tab.page.locator(".empty")).to_contain_text("tracker artifact put")
    tab.open(client, "/compare")
    expect(tab)(tab.page.locator(".empty")).to_contain_text("tracker run")

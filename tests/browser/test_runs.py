"""The table of runs in a browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

import tracker
from benchmarks.bench_runs import make_project
from tests.browser.conftest import PATIENCE_MS, Open
from tests.web.conftest import TOKEN
from tests.web.slow_disk import slow_record
from tracker.read.api import Api

expect.set_options(timeout=PATIENCE_MS)


def test_a_row_for_each_run_with_its_settings_and_results(
    project: Path, tab: Open, picture: Callable[..., Path]
) -> None:
    page = tab(project).open()

    expect(page.locator(".run-name")).to_have_text(["run 1", "run 0"])
    expect(page.get_by_role("columnheader")).to_contain_text(
        ["Name", "State", "Created", "Duration", "Tags", "lr"]
    )
    expect(page.locator(".t-row", has_text="run 0")).to_contain_text("baseline")
    expect(page.locator(".t-row", has_text="run 0")).to_contain_text("0.95")
    picture(page)


def test_runs_that_are_read_are_shown_while_others_are_read(
    project: Path, tab: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And how far it is; the rest comes by itself."""
    for finish in slow_record(project, monkeypatch):
        page = tab(project, patience_s=0.01).open()

        expect(page.locator(".run-name")).to_have_text(["run 1", "run 0"])
        expect(page.get_by_text("Reading runs: 2 of 3")).to_be_visible()
        finish()
        expect(page.get_by_text("3 runs", exact=True)).to_be_visible()
        expect(page.locator(".run-name", has_text="run 2")).to_be_visible()
        expect(page.get_by_role("columnheader", name="lr")).to_be_visible()


def test_the_address_that_is_printed_shows_the_runs(project: Path, tab: Open) -> None:
    """It names no page."""
    shown = tab(project)
    shown.page.goto(f"http://127.0.0.1:{shown.client.port}/?token={TOKEN}")

    expect(shown.page.locator(".run-name")).to_have_text(["run 1", "run 0"])
    shown.page.get_by_role("link", name="Artifacts").click()
    expect(shown.page.locator("main")).to_contain_text("No artifacts yet")
    shown.page.go_back()
    expect(shown.page.locator(".run-name")).to_have_text(["run 1", "run 0"])


def test_two_thousand_runs_scroll_and_only_those_on_the_screen_are_in_the_page(
    tmp_path: Path, tab: Open, picture: Callable[..., Path]
) -> None:
    make_project(tmp_path, 2000)
    page = tab(tmp_path).open("#/runs?sort=config.lr")

    expect(page.get_by_text("2,000 runs")).to_be_visible()
    assert page.locator(".t-row").count() < 60
    table = page.locator(".t-scroll")
    table.evaluate("element => element.scrollTop = 34 * 1000")
    expect(page.locator("[aria-rowindex='1005'] .run-name")).to_be_visible()
    table.evaluate("element => element.scrollTop = element.scrollHeight")
    expect(page.locator("[aria-rowindex='2000'] .run-name")).to_be_visible()
    assert page.locator(".t-row").count() < 60
    picture(page)

    page.locator("[data-filter]").fill("config.lr > 0.5 and project = project-1")
    page.locator("[data-filter]").press("Enter")
    expect(page.get_by_text("250 runs")).to_be_visible()


def test_a_filter_is_completed_and_kept_in_the_address(project: Path, tab: Open) -> None:
    page = tab(project).open()
    line = page.locator("[data-filter]")

    line.click()
    line.type("config.l")
    expect(page.get_by_role("option", name="config.lr")).to_be_visible()
    line.press("ArrowDown")
    line.press("Enter")
    line.type("< 0.05")
    expect(page.locator(".run-name")).to_have_text(["run 1"])
    assert "filter=config.lr" in page.url
    page.reload()
    expect(page.locator(".run-name")).to_have_text(["run 1"])

    page.locator("[data-filter]").fill("config.lr >")
    page.locator("[data-filter]").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("expected a value")

    page.locator("[data-filter]").fill("name = nobody")
    page.locator("[data-filter]").press("Enter")
    page.get_by_role("button", name="Show all runs").click()
    expect(page.locator(".run-name")).to_have_count(2)
    expect(page.get_by_text("No run passes the filter.")).to_be_hidden()


def test_values_of_a_field_are_offered(project: Path, tab: Open) -> None:
    page = tab(project).open()
    line = page.locator("[data-filter]")
    line.click()
    line.type("tag = ")

    expect(page.get_by_role("option", name="baseline")).to_be_visible()


def test_columns_are_ordered_pinned_and_taken_out_by_their_menu(project: Path, tab: Open) -> None:
    page = tab(project).open("#/runs?columns=state,config.lr,summary.train/acc")

    page.get_by_role("button", name="Order by config.lr").click()
    expect(page.locator(".run-name")).to_have_text(["run 0", "run 1"])
    page.get_by_role("button", name="Order by config.lr").click()
    expect(page.locator(".run-name")).to_have_text(["run 1", "run 0"])
    page.get_by_role("button", name="Column config.lr").click()
    page.get_by_role("menuitem", name="Move left").click()
    expect(page.get_by_role("columnheader").nth(1)).to_contain_text("lr")
    page.get_by_role("button", name="Column config.lr").click()
    page.get_by_role("menuitem", name="Pin up to here").click()
    expect(page.locator(".t-head .pinned")).to_have_count(1)
    page.get_by_role("button", name="Column state").click()
    page.get_by_role("menuitem", name="Take out of the table").click()
    expect(page.get_by_role("columnheader", name=re.compile("State"))).to_have_count(0)
    assert "columns=config.lr,summary.train/acc" in page.url.replace("%252F", "/").replace("%2C", ",")


def test_a_name_is_edited_in_place_and_taken_back(project: Path, tab: Open) -> None:
    page = tab(project).open()
    page.get_by_role("button", name="More for run 0").click()
    page.get_by_role("menuitem", name="Rename").click()
    page.get_by_label("Name", exact=True).fill("the best")
    page.get_by_label("Name", exact=True).press("Enter")

    expect(page.get_by_text("Saved.")).to_be_visible()
    assert Api(root=project).run("LeNet5/run-0").name == "the best"
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".run-name", has_text="run 0")).to_be_visible()
    assert Api(root=project).run("LeNet5/run-0").name == "run 0"


def test_tags_are_edited_from_the_menu_of_a_row(project: Path, tab: Open) -> None:
    page = tab(project).open()
    page.get_by_role("button", name="More for run 1").click()
    page.get_by_role("menuitem", name="Edit tags").click()
    page.get_by_role("textbox", name="tags").fill("one, two")
    page.get_by_role("textbox", name="tags").press("Enter")

    expect(page.locator(".t-row", has_text="run 1")).to_contain_text("two")
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert Api(root=project).run("LeNet5/run-1").tags == ["one", "two"]


def test_tags_and_notes_are_edited_by_a_double_click(project: Path, tab: Open) -> None:
    page = tab(project).open("#/runs?columns=tags,notes")
    row = page.locator(".t-row", has_text="run 1")
    for field, text in (("tags", "good"), ("notes", "the better one")):
        row.get_by_role("gridcell").nth(1 if field == "tags" else 2).dblclick()
        page.get_by_role("textbox", name=field).fill(text)
        page.get_by_role("textbox", name=field).press("Enter")
        expect(row).to_contain_text(text)


def test_hidden_runs_come_back(project: Path, tab: Open) -> None:
    page = tab(project).open()
    page.get_by_role("checkbox", name="Select run 0").click()
    page.locator(".chosen").get_by_role("button", name="Hide").click()
    expect(page.locator(".run-name")).to_have_text(["run 1"])
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".run-name")).to_have_text(["run 1", "run 0"])


def test_a_deleted_run_can_be_had_back_for_some_seconds(project: Path, tab: Open) -> None:
    page = tab(project).open()
    page.get_by_role("button", name="More for run 0").click()
    page.get_by_role("menuitem", name="Delete").click()
    expect(page.locator(".run-name")).to_have_text(["run 1"])
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".run-name")).to_have_text(["run 1", "run 0"])

    page.get_by_role("button", name="More for run 0").click()
    page.get_by_role("menuitem", name="Delete").click()
    expect(page.get_by_text("will be deleted")).to_be_visible()
    expect(page.get_by_text("will be deleted")).to_be_hidden()
    page.wait_for_function("() => fetch('api/run/LeNet5/run-0').then((answer) => answer.status === 404)")
    expect(page.locator(".run-name")).to_have_text(["run 1"])


def test_where_nothing_may_be_changed_nothing_is_offered(project: Path, tab: Open) -> None:
    page = tab(project, read_only=True).open()
    page.get_by_role("button", name="More for run 0").click()

    expect(page.get_by_role("menuitem")).to_have_text(["Open", "Hide"])


def test_groups_have_means_and_open(project: Path, tab: Open) -> None:
    page = tab(project).open("#/runs?group=config.lr&columns=summary.train/acc")

    expect(page.locator(".group-name")).to_have_count(2)
    page.locator(".group-name", has_text="lr = 0.1").click()
    expect(page.locator(".run-name")).to_have_text(["run 0"])


def test_the_address_holds_the_whole_view_for_somebody_elses_browser(project: Path, tab: Open) -> None:
    """Colours, widths, groups that are open, a zoomed axis, sections that are closed."""
    mine = tab(project).open("#/runs?columns=state,config.lr&group=config.lr")
    mine.get_by_role("button", name="lr = 0.1").click()
    mine.get_by_role("button", name="Colour of run 0").click()
    mine.get_by_label("Colour", exact=True).fill("#aa00aa")
    expect(mine.locator("button.swatch")).to_have_css("background-color", "rgb(170, 0, 170)")
    grip = mine.get_by_role("columnheader", name="State").locator(".grip")
    grip.hover()
    mine.mouse.down()
    mine.mouse.move(600, 80)
    mine.mouse.up()
    mine.wait_for_function("() => location.hash.includes('widths') && location.hash.includes('expanded')")

    theirs = tab(project).open(mine.url[mine.url.index("#") :])
    expect(theirs.locator("button.swatch")).to_have_css("background-color", "rgb(170, 0, 170)")
    wide = "element => Math.round(element.getBoundingClientRect().width)"
    head = theirs.get_by_role("columnheader", name="State")
    expect(head).to_be_visible()
    assert head.evaluate(wide) == mine.get_by_role("columnheader", name="State").evaluate(wide)

    mine.goto(mine.url.split("#")[0] + "#/curves")
    expect(mine.locator(".run-item", has_text="run 0").locator(".swatch")).to_have_css(
        "background-color", "rgb(170, 0, 170)"
    )
    chart = mine.locator("[data-metric='train/loss'] .chart")
    chart.focus()
    chart.press("+")
    mine.get_by_role("button", name="train", exact=True).click()
    mine.wait_for_function("() => location.hash.includes('range') && location.hash.includes('closed')")
    theirs.goto(theirs.url.split("#")[0] + mine.url[mine.url.index("#") :])
    expect(theirs.get_by_role("button", name="Whole")).to_be_visible()
    expect(theirs.get_by_role("button", name="train", exact=True)).to_have_attribute("aria-expanded", "false")
    expect(theirs.locator(".run-item", has_text="run 0").locator(".swatch")).to_have_css(
        "background-color", "rgb(170, 0, 170)"
    )


def test_a_run_that_starts_appears_by_itself(project: Path, tab: Open) -> None:
    page = tab(project).open()
    expect(page.locator(".run-name")).to_have_count(2)
    run = tracker.init(project="LeNet5", name="late", config={"lr": 1})

    expect(page.locator(".run-name")).to_have_text(["late", "run 1", "run 0"])
    expect(page.locator(".t-row", has_text="late")).to_contain_text("running")
    run.log({"train/acc": 0.5})
    run.finish()
    expect(page.locator(".t-row", has_text="late")).to_contain_text("finished")


def test_rows_are_walked_and_opened_by_keys(project: Path, tab: Open) -> None:
    page = tab(project).open()
    expect(page.locator(".run-name")).to_have_count(2)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(page.locator(".t-row.selected .run-name")).to_have_text("run 0")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="run 0")).to_be_visible()


def test_an_empty_project_says_what_to_type(plain_dir: Path, tab: Open) -> None:
    page = tab(plain_dir).open()

    expect(page.get_by_role("heading", name="No runs yet")).to_be_visible()
    expect(page.get_by_text("tracker run train.py")).to_be_visible()

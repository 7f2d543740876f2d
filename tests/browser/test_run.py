"""The page of one run in a browser."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

import tracker
from tests.browser.conftest import PATIENCE_MS, Open
from tests.conftest import git
from tests.web.test_records import with_second_rank
from tracker.read.api import Api

expect.set_options(timeout=PATIENCE_MS)


BOX = {"position": {"minX": 0.1, "maxX": 0.5, "minY": 0.2, "maxY": 0.7}, "class_id": 1}


@pytest.fixture
def zoo(git_repo: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run with all kinds of values, on a commit, with a change that was not committed."""
    monkeypatch.chdir(git_repo)
    git(git_repo, "remote", "add", "origin", "git@git.example:team/project.git")
    (git_repo / "train.py").write_text("print('training')\nlr = 0.1\n")
    with tracker.init(
        project="zoo", id="zoo", name="all kinds", config={"lr": 0.1, "model": {"width": 8}}
    ) as run:
        for step in range(4):
            values = [[x * step % 255 for x in range(12)] for _ in range(12)]
            run.log(
                {
                    "loss": 1 / (step + 1),
                    "samples": [tracker.Image(values, caption=f"picture {i} of {step}") for i in range(3)],
                    "table": tracker.Table(
                        columns=["name", "score"], data=[[f"row {i}", i * step] for i in range(70)]
                    ),
                    "seen": tracker.Image(
                        values,
                        masks={"guess": {"mask_data": [[0, 2], [0, 2]], "class_labels": {2: "road"}}},
                        boxes={"guess": {"box_data": [BOX], "class_labels": {1: "car"}}},
                    ),
                    "weights": tracker.Histogram([step, step + 1, step + 2]),
                    "gradients/conv.weight": tracker.Histogram([x / 10 for x in range(step + 2)]),
                }
            )
        data = tracker.Artifact("weights", type="model")
        with data.new_file("w.txt") as stream:
            stream.write("w")
        run.log_artifact(data)
        print("a line of the console")
    return git_repo


def test_the_overview_says_what_it_is_and_how_to_go_on(
    zoo: Path, tab: Open, picture: Callable[..., Path]
) -> None:
    page = tab(zoo).open("#/run/zoo/zoo")

    expect(page.get_by_role("heading", name="all kinds")).to_be_visible()
    expect(page.get_by_text("tracker resume zoo")).to_be_visible()
    link = page.locator("a", has=page.locator("code")).first
    expect(link).to_have_attribute(
        "href", f"https://git.example/team/project/commit/{git(zoo, 'rev-parse', 'HEAD').strip()}"
    )
    expect(page.locator(".diff")).to_contain_text("+lr = 0.1")
    expect(page.locator(".facts.values").nth(1)).to_contain_text("model.width")
    picture(page)


def test_a_link_within_the_page_leads_to_another_part_of_it(zoo: Path, tab: Open) -> None:
    page = tab(zoo).open("#/run/zoo/zoo")
    page.locator(".facts.values a", has_text="table").click()
    expect(page.get_by_role("tab", name="Media")).to_have_attribute("aria-selected", "true")
    expect(page.locator(".media-card").first).to_have_attribute("data-key", "table")
    page.go_back()
    expect(page.get_by_role("tab", name="Overview")).to_have_attribute("aria-selected", "true")


def test_gradients_that_vanish_or_explode_are_pointed_at(zoo: Path, tab: Open) -> None:
    page = tab(zoo).open("#/run/zoo/zoo?tab=watch")
    expect(page.locator(".watch canvas").first).to_be_visible()
    hints = """async (found) => {
        const watch = await import(new URL("static/js/run/watch.js", document.baseURI));
        return watch.hintsOf(found, "gradients/conv.weight").map((hint) => hint.short);
    }"""
    fine = {"norm": 1.0, "zero_fraction": 0.1, "count": 100}
    for changes, said in (
        ({}, []),
        ({"norm": 0}, ["dead"]),
        ({"norm": 1e-9}, ["vanishing"]),
        ({"norm": 1e6}, ["exploding"]),
        ({"zero_fraction": 0.99}, ["mostly zero"]),
        ({"nan": 2}, ["NaN"]),
    ):
        assert page.evaluate(hints, fine | changes) == said


def test_notes_are_written_in_place(zoo: Path, tab: Open) -> None:
    page = tab(zoo).open("#/run/zoo/zoo")
    page.get_by_role("button", name="Edit notes").click()
    page.get_by_role("textbox", name="notes").fill("looks good")
    page.get_by_role("textbox", name="notes").press("Enter")

    expect(page.get_by_text("Saved.")).to_be_visible()
    assert Api(root=zoo).run("zoo/zoo").notes == "looks good"


def test_pictures_of_each_step(zoo: Path, tab: Open, picture: Callable[..., Path]) -> None:
    page = tab(zoo).open("#/run/zoo/zoo?tab=media")
    card = page.locator("[data-key='samples']")
    expect(card.locator("img")).to_have_count(3)
    expect(card).to_contain_text("picture 0 of 3")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.gallery img')].every((image) => image.naturalWidth === 12)"
    )
    card.get_by_role("slider").fill("1")
    expect(card).to_contain_text("picture 2 of 1")
    picture(page)

    seen = page.locator("[data-key='seen']")
    expect(seen.locator(".box")).to_have_text("car")
    expect(seen.locator(".legend span")).to_have_text(["0", "road"])
    mask = seen.get_by_role("img", name="Mask guess")
    colors = mask.evaluate("e => [...e.getContext('2d').getImageData(0, 0, 2, 1).data]")
    assert colors[:3] != colors[4:7]
    seen.get_by_role("checkbox", name="guess").uncheck()
    expect(mask).to_be_hidden()


def test_a_table_is_ordered_and_searched(zoo: Path, tab: Open) -> None:
    page = tab(zoo).open("#/run/zoo/zoo?tab=media&key=table")
    card = page.locator("[data-key='table']")
    expect(card.locator("tbody tr")).to_have_count(50)
    card.get_by_role("button", name="score").click()
    card.get_by_role("button", name="score").click()
    expect(card.locator("tbody tr").first).to_contain_text("row 69")
    card.get_by_label("Search the table").fill("row 12")
    expect(card.locator("tbody tr")).to_have_count(1)


def test_what_watch_saw(zoo: Path, tab: Open, picture: Callable[..., Path]) -> None:
    page = tab(zoo).open("#/run/zoo/zoo?tab=watch")

    expect(page.locator(".layer")).to_have_text(["conv.weight"])
    expect(page.get_by_role("img", name="Distribution of gradients/conv.weight over steps")).to_be_visible()
    expect(
        page.get_by_role("img", name="Distribution of gradients/conv.weight at some steps")
    ).to_be_visible()
    picture(page)


def test_files_and_lineage(zoo: Path, tab: Open) -> None:
    page = tab(zoo).open("#/run/zoo/zoo?tab=files")
    page.get_by_role("treeitem").filter(has_text="config.yaml").click()
    expect(page.locator("pre.text")).to_contain_text("lr: 0.1")
    page.get_by_role("tab", name="Inputs and outputs").click()
    expect(page.get_by_text("weights:v0")).to_be_visible()


PRINTING = """
import sys, tracker
run = tracker.init(project="p", id="printing")
for line in sys.stdin:
    print("\\x1b[32mgreen\\x1b[0m", line.strip(), flush=True)
    run.log({"n": 1})
run.finish()
"""


def test_the_console_is_followed_and_searched(
    plain_dir: Path, tab: Open, picture: Callable[..., Path]
) -> None:
    printing = subprocess.Popen(
        [sys.executable, "-c", PRINTING],
        cwd=plain_dir,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        bufsize=1,
    )
    assert printing.stdin is not None
    try:
        printing.stdin.write("first\n")
        one = tab(plain_dir)
        page = one.open("#/runs")
        expect(page.locator(".run-name")).to_have_count(1)
        page = one.open("#/run/p/printing?tab=console")
        expect(page.locator(".console-lines")).to_contain_text("green first")
        expect(page.locator(".ansi-green").first).to_have_text("green")
        printing.stdin.write("second\n")
        expect(page.locator(".console-lines")).to_contain_text("second")
        page.get_by_label("Search the console").fill("second")
        expect(page.locator(".console-lines > div:visible")).to_have_count(1)
        picture(page)
        printing.stdin.close()
        printing.wait(600)
        expect(page.locator(".run-title .state")).to_have_text("finished")
    finally:
        printing.kill()
        printing.wait()


def test_colours_of_a_terminal_are_shown_and_its_commands_are_not_obeyed(project: Path, tab: Open) -> None:
    """Ours keeps colours alone; the log of another program may hold anything."""
    log = project / ".tracker/runs/LeNet5/run-0/output.log"
    log.write_text(
        "\x1b[1;31mred\x1b[0m plain \x1b]0;title\x07\x1b[2Jwhole \x1b[38;5;46mindexed\x1b[0m\nnext\n"
    )
    page = tab(project).open("#/run/LeNet5/run-0?tab=console")

    expect(page.locator(".console-lines > div")).to_have_text(["red plain whole indexed", "next"])
    expect(page.locator(".ansi-red.ansi-bold")).to_have_text("red")
    expect(page.locator(".console-lines span").nth(1)).to_have_css("color", "rgb(0, 255, 0)")


def test_the_ranks_of_a_distributed_run_are_lines_of_their_own(project: Path, tab: Open) -> None:
    with_second_rank(project)
    page = tab(project).open("#/run/LeNet5/run-0?tab=curves")
    loss = page.locator("[data-metric='train/loss']")

    expect(loss).to_have_attribute("data-points", "20")
    page.get_by_role("button", name="All 2 ranks").click()
    expect(loss).to_have_attribute("data-points", "22")
    expect(page.locator("[data-metric='only/here']")).to_have_attribute("data-points", "2")
    page.reload()
    expect(loss).to_have_attribute("data-points", "22")
    page.evaluate("location.hash = '#/run/LeNet5/run-0?tab=curves&ylog=1'")
    expect(page.get_by_role("button", name="log y")).to_have_attribute("aria-pressed", "true")
    expect(loss).to_have_attribute("data-points", "20")
    page.go_back()
    expect(loss).to_have_attribute("data-points", "22")
    page.get_by_role("button", name="All 2 ranks").click()
    expect(loss).to_have_attribute("data-points", "20")


KINDS = """
import sys, tracker
run = tracker.init(project="p", id="kinds", settings=tracker.Settings(console="off"))
for line in sys.stdin:
    kind, step = line.split()
    values = [[int(step) * x % 255 for x in range(8)] for _ in range(8)]
    run.log({
        "number": {"loss": float(step)},
        "picture": {"seen/first": tracker.Image(values)},
        "other": {"seen/second": tracker.Image(values)},
        "watched": {"gradients/conv": tracker.Histogram([0.0, float(step)])},
    }[kind])
run.finish()
"""


def test_what_a_training_logs_for_the_first_time_appears_without_a_reload(plain_dir: Path, tab: Open) -> None:
    """Also while it logs numbers without a pause, which it does until the page has shown what is new."""
    training = subprocess.Popen(
        [sys.executable, "-c", KINDS], cwd=plain_dir, stdin=subprocess.PIPE, text=True, bufsize=1
    )
    assert training.stdin is not None
    lines, steps = training.stdin, itertools.count()

    def log(kind: str) -> None:
        lines.write(f"{kind} {next(steps)}\n")

    def shown_while_training(found: Locator) -> None:
        """Log numbers until it is there, or for as long as the machine is given."""
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while not found.count():
            assert time.monotonic() < deadline, found
            log("number")
            found.page.wait_for_timeout(100)

    try:
        log("number")
        one = tab(plain_dir)
        page = one.open("#/runs")
        expect(page.locator(".run-name")).to_have_count(1)
        page = one.open("#/run/p/kinds?tab=curves")
        expect(page.locator("[data-metric=loss]")).to_be_visible()
        assert page.get_by_role("tab", name="Media").count() == 0
        log("picture")
        shown_while_training(page.get_by_role("tab", name="Media"))
        page.get_by_role("tab", name="Media").click()
        expect(page.locator(".media-card img")).to_have_count(1)
        log("other")
        shown_while_training(page.locator(".media-card[data-key='seen/second'] img"))
        log("watched")
        shown_while_training(page.get_by_role("tab", name="Model"))
        training.stdin.close()
        training.wait(600)
        expect(page.locator(".run-title .state")).to_have_text("finished")
    finally:
        training.kill()
        training.wait()

"""Reports: what is said of each part, and that what is left out is counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tracker.compare.runs_on_disk import make_run, store_texts
from tracker.compare.changes import compare_versions
from tracker.compare.render import (
    EVERYTHING,
    Limits,
    Patch,
    Report,
    Section,
    Sentences,
    Table,
    report_of_runs,
    report_of_versions,
    value_text,
)
from tracker.compare.run_changes import diff_runs
from tracker.compare.values import ABSENT
from tracker.storage.records import LoggedVersion, Used
from vcs.repo import Repo


@pytest.fixture
def repo(git_repo: Path) -> Repo:
    return Repo.open(git_repo)


def section(report: Report, title: str) -> Section:
    """The part of that title."""
    return next(each for each in report.sections if each.title == title)


def versions(
    repo: Repo, folder: Path, old: dict[str, str], new: dict[str, str], limits: Limits = EVERYTHING
) -> Report:
    """The report of two versions with these texts."""
    manifests = []
    for name, texts in (("old", old), ("new", new)):
        listing = repo.add_tree(store_texts(folder / name, texts))
        manifests.append(repo.log_artifact("p", "data", "dataset", listing).manifest)
    return report_of_versions(compare_versions(repo, *manifests), limits)


def test_a_report_of_runs_has_a_section_for_each_part(repo: Repo) -> None:
    """Those that no run has anything to say of are left out."""
    a = make_run(repo.layout, "a", [{"loss": 1.0}], config={"lr": 0.1})
    b = make_run(repo.layout, "b", [{"loss": 1.5}], config={"lr": 0.1})
    report = report_of_runs(diff_runs(repo, a, b))
    assert (report.old, report.same) == ("name-a (p/a)", False)
    assert [(s.title, s.summary) for s in report.sections] == [
        ("Metrics", "1 differ, 0 do not; the histories part at step 0"),
        ("Why", "likely, the likeliest first"),
        ("Code", "the same"),
        ("Config", "the same"),
        ("Environment", "the same"),
        ("Runtime", "0.0 s -> 0.0 s"),
    ]
    (table,) = section(report, "Metrics").blocks
    assert isinstance(table, Table)
    assert table.rows == (("loss", "1", "1.5", "+0.5", "+50", "0"),)


def test_inputs_outputs_packages_and_the_end(repo: Repo, tmp_path: Path) -> None:
    """With what is known of each."""
    digests = [
        repo.log_artifact(
            "p", "d", "dataset", repo.add_tree(store_texts(tmp_path, {"x": text}))
        ).manifest.digest
        for text in ("1", "22")
    ]
    sides = [
        make_run(
            repo.layout,
            name,
            [],
            packages=[f"torch=={number}"],
            used=[Used(artifact="p/d", version=f"v{number}", digest=digests[number])],
            logged=[LoggedVersion(artifact="p/m", version=f"v{number}", digest=digests[number], step=3)],
            session={"error": None if number == 0 else "ValueError: no"},
            state="finished" if number == 0 else "failed",
        )
        for number, name in enumerate("ab")
    ]
    report = report_of_runs(diff_runs(repo, *sides))
    text, table = section(report, "Inputs").blocks
    assert text == Sentences(("p/d: v0 -> v1 (~1)",))
    assert isinstance(table, Table)
    assert table.rows == (("~", "x", "1 B -> 2 B"),)
    (table,) = section(report, "Outputs").blocks
    assert isinstance(table, Table)
    assert table.rows[0][:4] == ("m", "3", "p/m:v0", "p/m:v1")
    (table,) = section(report, "Environment").blocks
    assert table == Table(("package", "old", "new"), (("torch", "0", "1"),))
    (table,) = section(report, "Runtime").blocks
    assert table == Table(("", "old", "new"), (("end", "finished", "failed (ValueError: no)"),))


def test_a_report_of_versions_opens_each_changed_file(repo: Repo, tmp_path: Path) -> None:
    """By its form."""
    report = versions(
        repo,
        tmp_path,
        {
            "c.json": '{"a": 1}',
            "same.json": "{}",
            "t.csv": "x,y\n1,2\n",
            "n.txt": "one\n",
            "b": "\0",
            "gone": "",
        },
        {"c.json": '{"a": 2}', "same.json": "{} ", "t.csv": "x,z\n1,2\n", "n.txt": "two\n", "b": "\0\0"},
    )
    assert [(s.title, s.summary) for s in report.sections] == [
        ("Paths", "-1 ~5, 0 the same"),
        ("b", "binary"),
        ("c.json", "1 value"),
        ("n.txt", "+1 -1 lines"),
        ("same.json", "the same values, written in another way"),
        ("t.csv", "1 -> 1 rows (+0 -0), 2 columns (+z -y)"),
    ]
    assert section(report, "n.txt").blocks == (Patch(("@@ -1 +1 @@", "-one", "+two")),)


def test_what_is_left_out_is_counted(repo: Repo, tmp_path: Path) -> None:
    """In every kind of block."""
    old = {f"{n}.txt": "a\n" * 10 for n in range(5)}
    new = {f"{n}.txt": "b\n" * 10 for n in range(5)}
    report = versions(repo, tmp_path, old, new, Limits(rows=2, lines=3))
    (table,) = section(report, "Paths").blocks
    assert isinstance(table, Table)
    assert (len(table.rows), table.left_out) == (2, 3)
    (patch,) = section(report, "0.txt").blocks
    assert isinstance(patch, Patch)
    assert (len(patch.lines), patch.left_out) == (3, 18)
    assert report.sections[-1] == Section("Contents", "of 3 more files are not shown")


def test_tensors_are_rows(repo: Repo, tmp_path: Path) -> None:
    """Shape, type, norm of the change, or why there is none."""
    np = pytest.importorskip("numpy")
    sides = []
    for name, arrays in (
        ("old", {"w": np.array([[3.0, 4.0]]), "b": np.zeros(2), "s": np.float32(1)}),
        ("new", {"w": np.array([[3.0, np.nan]]), "b": np.zeros(3), "n": np.zeros(1)}),
    ):
        (tmp_path / name).mkdir()
        np.savez(tmp_path / name / "m.npz", **arrays)
        listing = repo.add_tree(tmp_path / name)
        sides.append(repo.log_artifact("p", "m", "model", listing).manifest)
    found = section(report_of_versions(compare_versions(repo, *sides)), "m.npz")
    assert found.summary == "4 tensors, 0 the same"
    (table,) = found.blocks
    assert isinstance(table, Table)
    assert table.rows == (
        ("b", "float64", "2 -> 3", "another shape", "", "", ""),
        ("n", "float64", "1", "added", "", "", ""),
        ("s", "float32", "scalar", "removed", "", "", ""),
        ("w", "float64", "1x2", "0", "0", "0", "1 (not finite: 0 -> 1)"),
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (ABSENT, ""),
        (None, "null"),
        (True, "true"),
        (0.123456789, "0.12346"),
        ({"_type": "image-file", "path": "x"}, "<image-file>"),
        ([1, 2], "1, 2"),
        ("x" * 1000, "x" * 119 + "…"),
    ],
)
def test_values_in_cells(value: object, text: str) -> None:
    """Short, and nothing where nothing is."""
    assert value_text(value) == text

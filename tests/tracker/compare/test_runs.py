"""Two whole runs compared, and what the comparison means."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.tracker.compare.runs_on_disk import make_run, store_texts
from tests.tracker.storage.build import set_, write
from tracker.compare.reasons import Reason
from tracker.compare.runs import compare_runs
from tracker.compare.values import ABSENT, Change, Tolerance
from tracker.compare.verdict import Verdict, judge
from tracker.storage.catalog import RunEntry
from tracker.storage.records import LoggedVersion, Used
from vcs.repo import Repo

LOSSES = [{"loss": 1.0}, {"loss": 0.5}, {"loss": 0.25}]
DRIFTED = [{"loss": 1.0}, {"loss": 0.5}, {"loss": 0.2500001}]
TORCH = {"seed": 0, "state": "aa", "deterministic_algorithms": True, "cudnn_benchmark": False, "threads": 1}

Make = Callable[..., RunEntry]


@pytest.fixture
def repo(git_repo: Path) -> Repo:
    return Repo.open(git_repo)


@pytest.fixture
def make(repo: Repo) -> Make:
    return lambda *arguments, **options: make_run(repo.layout, *arguments, **options)


def verdict(repo: Repo, old: RunEntry, new: RunEntry, **options: Any) -> Verdict:
    return judge(compare_runs(repo, old, new, **options))


def kinds(found: Verdict) -> list[str]:
    return [reason.kind for reason in found.reasons]


def text_of(found: Verdict, kind: str) -> str:
    return next(reason.text for reason in found.reasons if reason.kind == kind)


def test_runs_with_equal_rows_config_and_outputs_are_identical(repo: Repo, make: Make) -> None:
    found = verdict(repo, make("a", LOSSES, config={"lr": 0.1}), make("b", LOSSES, config={"lr": 0.1}))
    assert (found.status, found.same, found.first, found.differences) == ("identical", True, None, ())
    assert found.reasons == ()


def test_a_number_beyond_the_tolerance_differs_and_the_step_is_named(repo: Repo, make: Make) -> None:
    found = verdict(repo, make("a", LOSSES), make("b", DRIFTED))
    assert (found.status, found.first_step) == ("differs", 2)
    assert found.first is not None
    assert found.first.values == {"loss": Change(0.25, 0.2500001)}
    assert any("loss: 1 of 3 rows from step 2 on" in text for text in found.differences)


def test_a_number_within_the_tolerance_is_said_to_be_so(repo: Repo, make: Make) -> None:
    found = verdict(repo, make("a", LOSSES), make("b", DRIFTED), tolerance=Tolerance(rtol=1e-5))
    assert (found.status, found.same, found.first_step) == ("within tolerance", True, 2)


def test_a_tolerance_does_not_cover_a_changed_configuration(repo: Repo, make: Make) -> None:
    found = verdict(
        repo,
        make("a", LOSSES, config={"lr": 1}),
        make("b", LOSSES, config={"lr": 2}),
        tolerance=Tolerance(rtol=9),
    )
    assert found.status == "differs"
    assert text_of(found, "config") == "the configuration is not the same: lr"


def test_a_run_that_failed_where_the_older_finished_differs(repo: Repo, make: Make) -> None:
    failed = make("b", LOSSES, state="failed", session={"error": "ValueError: no"})
    found = verdict(repo, make("a", LOSSES), failed)
    assert found.status == "differs"
    assert "the end: finished then, failed (ValueError: no) now" in found.differences


def test_a_killed_run_is_compared_as_far_as_it_came_and_that_is_said(repo: Repo, make: Make) -> None:
    found = verdict(repo, make("a", LOSSES[:2], state="preempted"), make("b", LOSSES))
    assert found.status == "identical"
    assert "the older run is preempted, at step 1; only what it has was compared" in found.limits


def test_a_summary_set_by_hand_is_compared(repo: Repo, make: Make) -> None:
    old, new = make("a", LOSSES), make("b", LOSSES)
    write(old.layout, 1, [set_(best=0.9, loss=7)], from_step=3)
    write(new.layout, 1, [set_(best=0.8, loss=7)], from_step=3)
    found = verdict(repo, old, new)
    assert found.comparison.summary == {"best": Change(0.9, 0.8)}
    assert found.status == "differs"
    assert verdict(repo, old, new, tolerance=Tolerance(atol=0.2)).status == "within tolerance"
    assert verdict(repo, old, new, ignore=["best"]).status == "identical"


def logged(repo: Repo, tmp_path: Path, name: str, type: str = "model", **texts: str) -> LoggedVersion:
    """Log files as a version of p/<name>."""
    folder = store_texts(tmp_path / f"{name}-{len(list(tmp_path.iterdir()))}", texts)
    manifest = repo.log_artifact("p", name, type, repo.add_tree(folder)).manifest
    return LoggedVersion(artifact=f"p/{name}", version=manifest.version, digest=manifest.digest, step=3)


def test_outputs_are_compared_path_by_path(repo: Repo, make: Make, tmp_path: Path) -> None:
    old = make("a", LOSSES, logged=[logged(repo, tmp_path, "net", w="1", same="x", gone="y")])
    new = make("b", LOSSES, logged=[logged(repo, tmp_path, "net", w="2", same="x", more="z")])
    found = verdict(repo, old, new)
    assert found.status == "differs"
    (output,) = found.comparison.outputs
    assert output.paths == {"gone": "removed", "more": "added", "w": "changed"}
    assert (output.old, output.new, output.same) == ("p/net:v0", "p/net:v1", False)
    assert "output net at step 3: p/net:v0 and p/net:v1 differ in gone (removed)" in found.differences[0]


def test_checkpoints_are_compared_without_what_belongs_to_their_process(
    repo: Repo, make: Make, tmp_path: Path
) -> None:
    """It names the run, and holds generators that nobody has seeded."""

    def files(own: str) -> dict[str, str]:
        return {"model.pt": "weights", "checkpoint.pt": own, "loader.pt": own}

    old = logged(repo, tmp_path, "aaaa-checkpoint", "checkpoint", **files("a"))
    new = logged(repo, tmp_path, "bbbb-checkpoint", "checkpoint", **files("b"))
    found = verdict(repo, make("aaaa", LOSSES, logged=[old]), make("bbbb", LOSSES, logged=[new]))
    assert [output.name for output in found.comparison.outputs] == ["{run}-checkpoint"]
    assert found.status == "identical"


def test_an_output_that_only_one_run_has_differs_whatever_the_tolerance(
    repo: Repo, make: Make, tmp_path: Path
) -> None:
    old = make("a", LOSSES, logged=[logged(repo, tmp_path, "net", w="1")])
    found = verdict(repo, old, make("b", LOSSES), tolerance=Tolerance(rtol=1))
    assert found.status == "differs"
    assert found.differences == ("output net at step 3: p/net:v0 then, none now",)


def test_the_outputs_after_the_end_of_a_killed_run_are_not_missed(
    repo: Repo, make: Make, tmp_path: Path
) -> None:
    new = make("b", LOSSES, logged=[logged(repo, tmp_path, "net", w="1")])
    assert verdict(repo, make("a", LOSSES[:2], state="crashed"), new).status == "identical"


def test_other_inputs_are_a_reason(repo: Repo, make: Make) -> None:
    def used(version: str) -> list[Used]:
        return [Used(artifact="p/mnist", version=version, digest=version * 20, as_="mnist:latest")]

    found = verdict(repo, make("a", LOSSES, used=used("v0")), make("b", DRIFTED, used=used("v1")))
    assert kinds(found)[0] == "input"
    assert text_of(found, "input") == "the input p/mnist is not the same: v0 then, v1 now"
    without = verdict(repo, make("c", LOSSES, used=used("v0")), make("d", DRIFTED))
    assert without.comparison.inputs == {"p/mnist": Change("v0", ABSENT)}


def reasons_for(repo: Repo, make: Make, old: dict[str, Any], new: dict[str, Any]) -> tuple[Reason, ...]:
    return verdict(repo, make("a", LOSSES, **old), make("b", DRIFTED, **new)).reasons


def at_end(**torch: Any) -> dict[str, Any]:
    return {"session": {"seeds_at_end": {"torch": {**TORCH, **torch}}}}


def test_a_seed_that_nobody_set_is_named_with_both_values(repo: Repo, make: Make) -> None:
    (reason,) = reasons_for(repo, make, at_end(seed=10780772950387438738), at_end(seed=16196361641545277527))
    assert reason.kind == "seed"
    assert "the seed of torch was not set: it was 10780772950387438738 then" in reason.text
    assert reason.hint is not None
    assert "torch.manual_seed" in reason.hint


def test_a_seed_line_that_was_removed_is_named(repo: Repo, make: Make) -> None:
    (reason,) = reasons_for(repo, make, at_end(), at_end(seed=16196361641545277527))
    assert reason.text.startswith("the seed of torch was not set now: it was 0 then")


def test_another_seed_is_named(repo: Repo, make: Make) -> None:
    (reason,) = reasons_for(repo, make, at_end(seed=1), at_end(seed=2))
    assert reason.text == "the seed of torch is not the same: 1 then, 2 now"


def test_generators_that_were_never_used_are_no_reason(repo: Repo, make: Make) -> None:
    def unused(state: str) -> dict[str, Any]:
        same = {"random": {"state": state}, "numpy": {"state": state}}
        return {"session": {"seeds": same, "seeds_at_end": same}}

    assert [reason.kind for reason in reasons_for(repo, make, unused("11"), unused("22"))] == ["unknown"]


def test_a_generator_that_was_used_unseeded_is_a_reason(repo: Repo, make: Make) -> None:
    def used(start: str, end: str) -> dict[str, Any]:
        return {"session": {"seeds": {"numpy": {"state": start}}, "seeds_at_end": {"numpy": {"state": end}}}}

    (reason,) = reasons_for(repo, make, used("1", "2"), used("3", "4"))
    assert (reason.kind, reason.hint) == ("seed", "numpy.random.seed(0) before its first use")


def test_packages_python_and_devices_are_reasons(repo: Repo, make: Make) -> None:
    found = reasons_for(
        repo,
        make,
        {"packages": ["torch==2.1.0", "attrs==1"], "session": {"gpus": [{"name": "H100", "driver": "1"}]}},
        {"packages": ["torch==2.2.0", "attrs==2"], "session": {"python": "3.12.1"}},
    )
    by_kind = {reason.kind: reason for reason in found}
    assert "torch 2.1.0 -> 2.2.0, attrs 1 -> 2" in by_kind["package"].text
    assert by_kind["package"].hint == "tracker reproduce a --env"
    assert "3.11.7 then, 3.12.1 now" in by_kind["python"].text
    assert any("H100 then, none now" in reason.text for reason in found)


def test_operations_that_are_not_deterministic_are_a_reason_when_allowed(repo: Repo, make: Make) -> None:
    loose = at_end(deterministic_algorithms=False, cudnn_benchmark=True, threads=4)
    found = reasons_for(repo, make, at_end(), loose)
    assert [reason.kind for reason in found] == ["device", "non-deterministic", "non-deterministic"]
    assert "threads: 1 then, 4 now" in found[0].text


def test_measured_times_are_recognised(repo: Repo, make: Make) -> None:
    old = make("a", [{"loss": 1.0, "time/epoch": 3.1, "samples_per_sec": 7}])
    new = make("b", [{"loss": 1.0, "time/epoch": 3.2, "samples_per_sec": 8}])
    found = verdict(repo, old, new)
    assert kinds(found) == ["time"]
    assert verdict(repo, old, new, ignore=["time/*", "samples_per_sec"]).status == "identical"


def test_files_left_out_of_the_code_are_a_reason(repo: Repo, make: Make) -> None:
    left = {"session": {"left_out": [{"path": "raw.bin", "reason": "size"}]}}
    (reason,) = reasons_for(repo, make, left, {})
    assert reason.text == "files were left out of the recorded code then: raw.bin"


def test_two_commits_of_one_tree_are_the_same_code(repo: Repo, make: Make, git_repo: Path) -> None:
    assert repo.git is not None
    first = repo.git.head()
    tree = repo.git.text("rev-parse", "HEAD^{tree}")
    same = repo.git.text("-c", "user.name=t", "-c", "user.email=t@t", "commit-tree", tree, "-m", "other")
    empty = repo.git.run("hash-object", "-t", "tree", "-w", "--stdin", input=b"").decode().strip()
    other = repo.git.text("-c", "user.name=t", "-c", "user.email=t@t", "commit-tree", empty, "-m", "other")
    old = make("a", LOSSES, session={"code_commit": first})
    assert compare_runs(repo, old, make("b", LOSSES, session={"code_commit": same})).code is None
    found = verdict(repo, old, make("c", DRIFTED, session={"code_commit": other}))
    assert text_of(found, "code").startswith(f"the code is not the same: {str(first)[:10]} then")


def test_commands_are_compared_without_interpreter_folder_and_id(repo: Repo, make: Make) -> None:
    def argv(*words: str) -> dict[str, Any]:
        return {"session": {"argv": list(words)}}

    old = make("aaaa", LOSSES, **argv("python", "/home/x/train.py", "--id", "aaaa"))
    new = make("bbbb", LOSSES, **argv("/venv/bin/python3", "/tree/train.py", "--id", "bbbb"))
    assert compare_runs(repo, old, new).command is None
    other = make("cccc", LOSSES, **argv("python", "train.py", "--lr", "2"))
    assert compare_runs(repo, old, other).command is not None


def test_a_verdict_is_plain_values_for_a_program(repo: Repo, make: Make) -> None:
    import json

    plain = verdict(repo, make("a", LOSSES), make("b", DRIFTED)).to_plain()
    assert json.loads(json.dumps(plain)) == plain
    assert (plain["status"], plain["first_step"]) == ("differs", 2)
    assert plain["first_values"] == {"loss": {"old": 0.25, "new": 0.2500001}}
    assert plain["metrics"]["loss"]["unequal"] == 1
    assert plain["reasons"][0]["kind"] == "unknown"

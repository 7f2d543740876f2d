"""Whole processes: how they end, and what the record says about it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tracker.live.conftest import run_python, start_python, written
from tests.waiting import until
from tracker.storage.catalog import Catalog, state_of
from vcs.git import Git
from vcs.records.ledger import Ledger
from vcs.repo import Repo

START = """
    import os, sys, time
    import tracker
    run = tracker.init(project="p", id="theone")
    for i in range(5):
        run.log({"i": i})
"""


def ended(folder: Path, ending: str, *, status: int) -> tuple[str, int | None, str | None, str | None]:
    """Run the start and then the ending; return state, exit code, signal and error of the record."""
    run_python(folder, START + "\n".join(f"    {line}" for line in ending.splitlines()), status=status)
    record = written(folder).record
    session = record.sessions[0]
    assert record.state == session.state
    assert [row["i"] for row in written(folder).rows()] == [0, 1, 2, 3, 4]
    return session.state, session.exit_code, session.signal, session.error


def test_a_script_that_ends_is_finished_without_finish(git_repo: Path) -> None:
    assert ended(git_repo, "pass", status=0) == ("finished", 0, None, None)


def test_an_exception_is_failed_with_its_type_and_message(git_repo: Path) -> None:
    error = "ValueError: it went wrong"
    assert ended(git_repo, "raise ValueError('it went\\n  wrong')", status=1) == ("failed", 1, None, error)


def test_an_exit_code_is_failed_with_the_code(git_repo: Path) -> None:
    assert ended(git_repo, "sys.exit(3)", status=3) == ("failed", 3, None, None)


@pytest.mark.parametrize("call", ["sys.exit()", "sys.exit(0)", "exit()"])
def test_leaving_with_success_is_finished(git_repo: Path, call: str) -> None:
    assert ended(git_repo, call, status=0) == ("finished", 0, None, None)


def test_leaving_with_a_message_is_failed(git_repo: Path) -> None:
    assert ended(git_repo, "sys.exit('no data')", status=1) == ("failed", 1, None, None)


def test_the_builtin_exit_counts_too(git_repo: Path) -> None:
    assert ended(git_repo, "exit(4)", status=4) == ("failed", 4, None, None)


def test_an_exit_that_was_caught_is_not_the_end(git_repo: Path) -> None:
    code = "try:\n    sys.exit(3)\nexcept SystemExit:\n    pass"
    assert ended(git_repo, code, status=0) == ("finished", 0, None, None)


def test_an_exit_code_that_python_does_not_tell_is_not_made_up(git_repo: Path) -> None:
    assert ended(git_repo, "raise SystemExit(5)", status=5) == ("finished", None, None, None)


def test_an_exception_counts_when_the_script_replaced_the_excepthook(git_repo: Path) -> None:
    code = "sys.excepthook = lambda *a: None\nraise KeyError('x')"
    assert ended(git_repo, code, status=1)[0] == "failed"


def test_an_exception_that_was_handled_is_no_failure(git_repo: Path) -> None:
    code = "try:\n    1 / 0\nexcept ZeroDivisionError:\n    pass"
    assert ended(git_repo, code, status=0) == ("finished", 0, None, None)


def test_an_exception_in_a_thread_is_no_failure_of_the_run(git_repo: Path) -> None:
    code = "import threading\nt = threading.Thread(target=lambda: 1 / 0); t.start(); t.join()"
    assert ended(git_repo, code, status=0)[0] == "finished"


def test_ctrl_c_is_preempted_by_sigint(git_repo: Path) -> None:
    code = "raise KeyboardInterrupt"
    assert ended(git_repo, code, status=-signal.SIGINT) == ("preempted", 130, "SIGINT", None)


def test_a_block_that_an_exception_leaves_is_failed_and_the_script_goes_on(git_repo: Path) -> None:
    run_python(
        git_repo,
        """
        import tracker
        try:
            with tracker.init(project="p") as run:
                run.log({"a": 1})
                raise RuntimeError("inside")
        except RuntimeError:
            pass
        assert tracker.run is None
        """,
    )
    session = written(git_repo).record.sessions[0]
    assert (session.state, session.exit_code, session.error) == ("failed", 1, "RuntimeError: inside")


@pytest.mark.parametrize(("name", "end"), [("SIGTERM", "preempted"), ("SIGHUP", "killed")])
def test_a_signal_ends_the_run_and_the_process_still_dies_of_it(git_repo: Path, name: str, end: str) -> None:
    """SIGTERM is what schedulers send to a job that they will start again."""
    number = getattr(signal, name)
    state = ended(
        git_repo, f"import signal; os.kill(os.getpid(), signal.{name}); time.sleep(60)", status=-number
    )
    assert state == (end, 128 + number, name, None)


def test_a_signal_that_the_script_handles_is_left_to_it(git_repo: Path) -> None:
    run_python(
        git_repo,
        """
        import os, signal, sys
        signal.signal(signal.SIGTERM, lambda *a: sys.exit(7))
        import tracker
        tracker.init(project="p")
        os.kill(os.getpid(), signal.SIGTERM)
        """,
        status=7,
    )
    assert written(git_repo).record.sessions[0].exit_code == 7


def test_signals_are_nobodys_again_after_the_run(git_repo: Path) -> None:
    done = run_python(
        git_repo,
        """
        import signal
        import tracker
        tracker.init(project="p")
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        tracker.finish()
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        """,
    )
    assert done.returncode == 0


def test_a_signal_in_the_middle_of_logging_loses_no_row(git_repo: Path) -> None:
    """The handler interrupts `log` wherever it is, with any lock held."""
    code = """
        import sys, tracker
        run = tracker.init(project="p")
        i = 0
        while True:
            if i == 3000:
                print("ready", flush=True)
            run.log({"i": i}, commit=i % 2 == 0)
            i += 1
    """
    with start_python(git_repo, code) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.terminate()
        assert process.wait() == -signal.SIGTERM
    record = written(git_repo).record
    rows = written(git_repo).rows()
    assert record.state == "preempted"
    assert record.sessions[0].rows == len(rows) > 1400
    assert [row["i"] for row in rows[:1400]] == list(range(0, 2800, 2))


def crashed(folder: Path, run_id: str = "theone") -> None:
    """Check that readers find out, and that nobody wrote it."""
    entry = Catalog(Repo.open(folder).layout).find(run_id)
    assert entry.record.state == "running"
    assert state_of(entry.record) == "crashed"


def test_kill_9_is_found_out_by_readers_and_loses_no_row_but_the_newest(git_repo: Path) -> None:
    code = START + "    run.log({'i': 5}); print('ready', flush=True); sys.stdin.readline()"
    with start_python(git_repo, code) as process:
        assert process.stdout is not None
        process.stdout.readline()
        # Nothing but time makes the rows appear.
        until(lambda: len(written(git_repo).rows()) == 6, process)
        process.kill()
    crashed(git_repo)
    assert [row["i"] for row in written(git_repo).rows()] == [0, 1, 2, 3, 4, 5]


def test_os_exit_is_found_out_by_readers(git_repo: Path) -> None:
    run_python(git_repo, START + "    os._exit(0)")
    crashed(git_repo)


def test_the_next_start_says_in_record_and_ledger_that_a_run_crashed(git_repo: Path) -> None:
    run_python(git_repo, START + "    os._exit(9)", status=9)
    layout = Repo.open(git_repo).layout
    assert len(list(layout.live.iterdir())) == 1
    run_python(git_repo, "import tracker; tracker.init(project='p').finish()")
    record = written(git_repo, "theone").record
    assert (record.state, record.sessions[0].state) == ("crashed", "crashed")
    assert list(layout.live.iterdir()) == []
    diary = [entry.message for entry in Ledger(Git(git_repo), layout).log()]
    assert "run theone crashed" in diary


def test_a_live_run_is_not_called_crashed_by_another_start(git_repo: Path) -> None:
    code = START + "    print('ready', flush=True); sys.stdin.readline()"
    with start_python(git_repo, code) as process:
        assert process.stdout is not None
        process.stdout.readline()
        run_python(git_repo, "import tracker; tracker.init(project='p').finish()")
        assert written(git_repo, "theone").record.state == "running"
        process.communicate("\n")
    assert written(git_repo, "theone").record.state == "finished"


def test_the_ledger_is_a_diary_of_the_run(git_repo: Path) -> None:
    run_python(git_repo, START)
    layout = Repo.open(git_repo).layout
    diary = [entry.message for entry in Ledger(Git(git_repo), layout).log()]
    assert diary == ["run theone finished", "run theone started"]


def test_nothing_of_the_users_repository_changes(git_repo: Path) -> None:
    """Status, index, branches, stash and the working tree are byte for byte the same, dirty as they are."""

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=git_repo, capture_output=True, text=True, check=True
        ).stdout

    (git_repo / "train.py").write_text("print('changed')\n")
    git("stash")
    (git_repo / "train.py").write_text("print('staged')\n")
    git("add", "train.py")
    (git_repo / "train.py").write_text("print('and changed again')\n")
    (git_repo / "new.py").write_text("untracked\n")

    def look() -> object:
        files = {p.name: p.read_bytes() for p in git_repo.iterdir() if p.is_file()}
        heads = {
            p: p.read_bytes() for p in (git_repo / ".git").rglob("*") if p.is_file() and "heads" in str(p)
        }
        index = (git_repo / ".git" / "index").read_bytes()
        return git("status", "--porcelain"), git("stash", "list"), git("branch", "-a"), index, files, heads

    before = look()
    run_python(git_repo, START + "    raise ValueError", status=1)
    assert look() == before
    session = written(git_repo).record.sessions[0]
    assert session.dirty
    assert git("show", f"{session.code_commit}:train.py") == "print('and changed again')\n"
    assert git("show", f"{session.code_commit}:new.py") == "untracked\n"


def test_git_clean_loses_no_finished_run(git_repo: Path) -> None:
    run_python(git_repo, START)
    before = {p.name: p.read_bytes() for p in written(git_repo).files.folder.glob("*.yaml")}
    subprocess.run(["git", "clean", "-fdxq"], cwd=git_repo, check=True)
    assert not (git_repo / ".tracker").exists()
    Repo.open(git_repo)
    assert {p.name: p.read_bytes() for p in written(git_repo).files.folder.glob("*.yaml")} == before
    assert len(written(git_repo).rows()) == 5


def test_a_linked_worktree_records_in_the_main_one(git_repo: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    subprocess.run(["git", "worktree", "add", "-q", "-b", "side", str(linked)], cwd=git_repo, check=True)
    (linked / "train.py").write_text("print('on the side')\n")
    run_python(linked, START)
    session = written(git_repo).record.sessions[0]
    assert (session.branch, session.dirty, session.cwd) == ("side", True, ".")
    assert not (linked / ".tracker").exists()


def test_a_plain_folder_works_and_says_once_what_is_lost(plain_dir: Path) -> None:
    done = run_python(plain_dir, START + "    run.finish(); tracker.init(project='p', id='second')")
    assert done.stderr.count("no git repository") == 1
    record = written(plain_dir, "theone").record
    assert (record.state, record.sessions[0].commit) == ("finished", None)


def test_a_repository_without_a_commit_works(plain_dir: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=plain_dir, check=True)
    (plain_dir / "train.py").write_text("x = 1\n")
    run_python(plain_dir, START)
    session = written(plain_dir).record.sessions[0]
    assert session.commit is None
    assert session.code_commit is not None


def test_python_c_and_a_module_work(git_repo: Path) -> None:
    (git_repo / "job.py").write_text(
        "import tracker\ntracker.init(project='p', id='asmodule').log({'a': 1})\n"
    )
    subprocess.run([sys.executable, "-m", "job"], cwd=git_repo, check=True, capture_output=True)
    code = "import tracker; tracker.init(project='p', id='inline').log({'a': 1})"
    subprocess.run([sys.executable, "-c", code], cwd=git_repo, check=True, capture_output=True)
    for run_id in ("asmodule", "inline"):
        assert written(git_repo, run_id).record.state == "finished"


def test_a_run_may_begin_in_a_thread(git_repo: Path) -> None:
    run_python(
        git_repo,
        """
        import threading, tracker
        def work():
            run = tracker.init(project="p")
            run.log({"a": 1})
        t = threading.Thread(target=work); t.start(); t.join()
        tracker.log({"a": 2})
        """,
    )
    assert [row["a"] for row in written(git_repo).rows()] == [1, 2]
    assert written(git_repo).record.state == "finished"


def test_finish_says_what_was_recorded_and_where_to_look(git_repo: Path) -> None:
    done = run_python(
        git_repo, START + "    run.log({'late': 1}, step=2); run.log({'late': 1}, step=1); run.finish()"
    )
    name = written(git_repo).record.name
    assert f"tracker: run {name} finished: 5 rows" in done.stderr
    assert "2 calls of log not recorded" in done.stderr
    assert "tracker show theone" in done.stderr
    assert done.stderr.count("comes after step") == 1
    assert written(git_repo).record.sessions[0].dropped_rows == 2
    assert done.stdout == ""


@pytest.mark.parametrize(("variable", "lines"), [("TRACKER_SILENT", 0), ("TRACKER_QUIET", 1)])
def test_quiet_leaves_warnings_and_silent_nothing(git_repo: Path, variable: str, lines: int) -> None:
    code = START + "    run.log({'late': 1}, step=2)"
    done = run_python(git_repo, code, **{variable: "true"})
    assert len(done.stderr.splitlines()) == lines


def test_console_output_is_kept(git_repo: Path) -> None:
    run_python(git_repo, START + "    print('hello'); print('oh', file=sys.stderr)")
    text = written(git_repo).files.output.read_text()
    assert "hello\n" in text
    assert "oh\n" in text


def test_secrets_are_masked_before_they_are_written(git_repo: Path) -> None:
    token = "ghp_" + "a1B2" * 9
    code = """
        import tracker
        run = tracker.init(project="p", config={"api_key": "very-secret-1", "lr": 0.1})
        assert run.config.api_key == "very-secret-1"
    """
    with start_python(git_repo, code, "--token", token, "--lr", "0.1") as process:
        process.communicate()
    folder = written(git_repo).files.folder
    for path in folder.rglob("*"):
        if path.is_file():
            assert token.encode() not in path.read_bytes()
            assert b"very-secret-1" not in path.read_bytes()
    assert written(git_repo).yaml("config.yaml") == {"api_key": "***", "lr": 0.1}


def test_the_process_is_as_python_left_it_when_no_run_was_begun(git_repo: Path) -> None:
    run_python(
        git_repo,
        """
        import sys, signal, threading
        hook, leave = sys.excepthook, sys.exit
        import tracker
        tracker.login()
        assert (sys.excepthook, sys.exit) == (hook, leave)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        assert threading.active_count() == 1
        """,
    )


@pytest.mark.slow
def test_a_run_that_lasts_has_system_metrics(git_repo: Path) -> None:
    code = START + "    print('ready', flush=True); sys.stdin.readline()"
    with start_python(git_repo, code, TRACKER_X_STATS_SAMPLING_INTERVAL="1") as process:
        assert process.stdout is not None
        process.stdout.readline()
        until(lambda: len(written(git_repo).rows(which="system")) >= 2, process)
        process.communicate("\n")
    rows = written(git_repo).rows(which="system")
    assert any(key.startswith("system.") for key in rows[0])


def test_a_signal_while_the_run_is_being_ended_lets_it_end(git_repo: Path) -> None:
    run_python(
        git_repo,
        """
        import os, signal, tracker
        from tracker.live import closing
        run = tracker.init(project="p")
        run.log({"a": 1})
        listing = closing.list_files
        def interrupted(*arguments, **options):
            os.kill(os.getpid(), signal.SIGTERM)
            return listing(*arguments, **options)
        closing.list_files = interrupted
        run.finish()
        print("not reached")
        """,
        status=-signal.SIGTERM,
    )
    record = written(git_repo).record
    assert record.state == "finished"
    assert record.files


def test_a_real_ctrl_c_in_the_middle_of_logging_loses_no_row(git_repo: Path) -> None:
    code = """
        import tracker
        run = tracker.init(project="p")
        i = 0
        while True:
            if i == 3000:
                print("ready", flush=True)
            run.log({"i": i})
            i += 1
    """
    with start_python(git_repo, code) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.stdout.close()
        assert process.wait() == -signal.SIGINT
    record = written(git_repo).record
    rows = written(git_repo).rows()
    assert (record.state, record.sessions[0].signal) == ("preempted", "SIGINT")
    assert record.sessions[0].rows == len(rows) >= 3000
    assert [row["i"] for row in rows] == list(range(len(rows)))


def test_a_disk_that_takes_no_more_stops_no_training_and_the_loss_is_told(git_repo: Path) -> None:
    """No file may grow beyond 64 KiB: every later write fails as on a full disk."""
    done = run_python(
        git_repo,
        """
        import resource, signal, time, tracker
        run = tracker.init(project="p", id="abc")
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (65536, resource.RLIM_INFINITY))
        for i in range(20000):
            run.log({"i": i, "text": "x" * 10})
        time.sleep(0.3)
        run.log({"i": -1})
        print("trained to the end")
        run.finish()
        """,
    )
    assert done.stdout == "trained to the end\n"
    assert "rows lost" in done.stderr
    rows = written(git_repo).rows()
    assert [row["i"] for row in rows] == list(range(len(rows)))
    assert len(rows) > 500
    session = written(git_repo).record.sessions[0]
    assert (session.state, session.rows) == ("finished", len(rows))
    assert session.dropped_rows == 20001 - len(rows)


def test_a_history_that_cannot_be_read_stops_a_resume_with_its_name(git_repo: Path) -> None:
    run_python(git_repo, START)
    (segment,) = written(git_repo).files.history.iterdir()
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join([*lines[:3], b"[[[\n", *lines[3:]]))
    code = "import tracker; tracker.init(project='p', id='theone', resume='must')"
    done = run_python(git_repo, code, status=1)
    assert f"{segment.name}, line 4" in done.stderr
    assert written(git_repo).record.state == "finished"


@pytest.mark.parametrize("name", ["run.yaml", "config.yaml"])
def test_a_damaged_record_stops_a_resume_with_its_name(git_repo: Path, name: str) -> None:
    run_python(git_repo, START)
    path = written(git_repo).files.folder / name
    path.write_text("a: [1")
    code = "import tracker; tracker.init(project='p', id='theone', resume='must')"
    assert name in run_python(git_repo, code, status=1).stderr
    assert path.read_text() == "a: [1"

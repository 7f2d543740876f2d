"""Child processes of a training: forked, spawned, terminated, with runs of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tracker.live.conftest import run_python, written


def test_a_forked_child_logs_to_a_rank_of_its_own(git_repo: Path) -> None:
    run_python(
        git_repo,
        """
        import os, tracker
        run = tracker.init(project="p")
        run.log({"from": "parent"})
        pid = os.fork()
        if pid == 0:
            run.log({"from": "child"})
            run.finish()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        run.log({"from": "parent again"})
        """,
    )
    run = written(git_repo)
    assert [row["from"] for row in run.rows()] == ["parent", "parent again"]
    assert [row["from"] for row in run.rows(ranks=None) if row["_rank"] != "0"] == ["child"]
    assert run.record.state == "finished"


def test_a_row_that_is_pending_at_the_fork_is_the_parents(git_repo: Path) -> None:
    run_python(
        git_repo,
        """
        import os, tracker
        run = tracker.init(project="p")
        run.log({"a": "pending"}, commit=False)
        pid = os.fork()
        if pid == 0:
            run.log({"b": "child"})
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        run.log({"b": "parent"})
        """,
    )
    run = written(git_repo)
    assert run.rows() == [{"_step": 0, "a": "pending", "b": "parent"}]
    (child,) = [row for row in run.rows(ranks=None) if row["_rank"] != "0"]
    assert "a" not in child


def test_a_forked_child_that_exits_normally_does_not_end_the_run(git_repo: Path) -> None:
    run_python(
        git_repo,
        """
        import os, sys, time, tracker
        run = tracker.init(project="p")
        pid = os.fork()
        if pid == 0:
            run.log({"a": "child"}, commit=False)
            sys.exit(5)
        assert os.waitpid(pid, 0)[1] >> 8 == 5
        record = open(f".tracker/runs/p/{run.id}/run.yaml").read()
        assert "state: running" in record and "finished" not in record and "failed" not in record
        run.log({"a": "parent"})
        """,
    )
    run = written(git_repo)
    assert run.record.state == "finished"
    assert sorted(row["a"] for row in run.rows(ranks=None)) == ["child", "parent"]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing_work(git_repo: Path, method: str) -> None:
    """A forked child may log; the others are new processes in which no run is live."""
    run_python(
        git_repo,
        f"""
        import multiprocessing as mp, tracker

        def work(queue):
            if tracker.run is not None:
                tracker.log({{"a": "child"}}, commit=False)
            queue.put(tracker.run is None)

        if __name__ == "__main__":
            run = tracker.init(project="p")
            context = mp.get_context("{method}")
            queue = context.Queue()
            child = context.Process(target=work, args=(queue,))
            child.start()
            assert queue.get() is ("{method}" != "fork")
            child.join()
            assert child.exitcode == 0
            run.log({{"a": "parent"}})
        """,
    )
    expected = ["child", "parent"] if method == "fork" else ["parent"]
    assert sorted(row["a"] for row in written(git_repo).rows(ranks=None)) == expected
    assert written(git_repo).record.state == "finished"


def test_terminating_a_forked_child_does_not_touch_the_run(git_repo: Path) -> None:
    run_python(
        git_repo,
        """
        import multiprocessing as mp, signal, time, tracker
        run = tracker.init(project="p")
        child = mp.get_context("fork").Process(target=time.sleep, args=(60,))
        child.start()
        child.terminate()
        child.join()
        assert child.exitcode == -signal.SIGTERM, child.exitcode
        run.log({"a": 1})
        """,
    )
    record = written(git_repo).record
    assert (record.state, len(record.sessions)) == ("finished", 1)


def test_a_forked_child_may_begin_a_run_of_its_own(git_repo: Path) -> None:
    run_python(
        git_repo,
        """
        import os, tracker
        run = tracker.init(project="p", id="parent")
        pid = os.fork()
        if pid == 0:
            own = tracker.init(project="p", id="child")
            assert own is not run and tracker.run is own
            own.log({"a": "child"})
            own.finish()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        tracker.log({"a": "parent"})
        """,
    )
    for name in ("parent", "child"):
        assert [row["a"] for row in written(git_repo, name).rows()] == [name]
        assert written(git_repo, name).record.state == "finished"


def test_a_fork_while_another_thread_logs_does_not_hang(git_repo: Path) -> None:
    """The child may inherit any lock in the state held by a thread that it does not have."""
    run_python(
        git_repo,
        """
        import os, threading, tracker
        run = tracker.init(project="p")
        stop = threading.Event()
        def work():
            while not stop.is_set():
                run.log({"a": 1})
                run.summary["b"] = 2
        thread = threading.Thread(target=work)
        thread.start()
        for _ in range(20):
            pid = os.fork()
            if pid == 0:
                run.log({"c": 1})
                run.summary["d"] = 1
                run.config["e"] = 1
                run.finish()
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
        stop.set()
        thread.join()
        """,
    )
    run = written(git_repo)
    assert run.record.state == "finished"
    assert len([row for row in run.rows(ranks=None) if "c" in row]) == 20


def test_the_children_of_a_subprocess_have_no_run(git_repo: Path) -> None:
    run_python(
        git_repo,
        """
        import subprocess, sys, tracker
        tracker.init(project="p")
        subprocess.run([sys.executable, "-c", "import tracker; assert tracker.run is None"], check=True)
        """,
    )


@pytest.mark.torch
@pytest.mark.slow
def test_workers_of_a_data_loader_leave_the_run_alone(git_repo: Path) -> None:
    pytest.importorskip("torch")
    run_python(
        git_repo,
        """
        import torch, tracker
        from torch.utils.data import DataLoader

        class Data(torch.utils.data.Dataset):
            def __len__(self):
                return 8
            def __getitem__(self, index):
                if index == 3:
                    tracker.log({"worker": index})
                return torch.tensor(index)

        run = tracker.init(project="p")
        for epoch in range(2):
            for batch in DataLoader(Data(), batch_size=2, num_workers=2):
                run.log({"sum": int(batch.sum())})
        """,
    )
    run = written(git_repo)
    assert [row["sum"] for row in run.rows()] == [1, 5, 9, 13] * 2
    assert [row["worker"] for row in run.rows(ranks=None) if "worker" in row] == [3, 3]
    assert run.record.state == "finished"


def test_a_run_that_is_sent_to_a_spawned_process_logs_there(git_repo: Path) -> None:
    """As libraries do that pickle the objects of a script into their workers."""
    run_python(
        git_repo,
        """
        import multiprocessing as mp, pickle, tracker

        def work(run):
            run.log({"a": "child"})
            assert pickle.loads(pickle.dumps(run)) is run

        if __name__ == "__main__":
            run = tracker.init(project="p")
            assert pickle.loads(pickle.dumps(run)) is run
            child = mp.get_context("spawn").Process(target=work, args=(run,))
            child.start()
            child.join()
            assert child.exitcode == 0
            run.log({"a": "parent"})
        """,
    )
    run = written(git_repo)
    assert sorted(row["a"] for row in run.rows(ranks=None)) == ["child", "parent"]
    assert [row["a"] for row in run.rows()] == ["parent"]
    assert (run.record.state, len(run.record.sessions)) == ("finished", 1)

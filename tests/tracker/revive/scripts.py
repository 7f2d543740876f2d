"""Small trainings in a repository, started as users start them."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

from tests.conftest import git

# Counts, keeps its place in checkpoints, and goes on from them; `die=N` kills it at step N, once.
COUNTING = """
    import json, os, sys
    from pathlib import Path
    import tracker

    CODE = 1
    run = tracker.init(project="p", config={"lr": 0.1})
    given = dict(word.split("=") for word in sys.argv[1:] if "=" in word)
    begin = 0
    if run.resumed:
        folder = run.use_artifact(f"{run.id}-checkpoint:latest", type="checkpoint").download()
        begin = json.loads(Path(folder, "state.json").read_text())["next"]
    for i in range(begin, 10):
        run.log({"i": i, "code": CODE})
        if i % 4 == 3:
            artifact = tracker.Artifact(f"{run.id}-checkpoint", "checkpoint")
            with artifact.new_file("state.json") as stream:
                stream.write(json.dumps({"next": i + 1}))
            run.log_artifact(artifact)
        if i == int(given.get("die", -1)) and not run.resumed:
            run._port().flush()
            os.kill(os.getpid(), int(given.get("signal", 9)))
            import time
            time.sleep(60)
    Path("result.txt").write_text(f"{CODE} {begin}")
    sys.exit(int(given.get("status", 0)))
"""


def commit_script(
    folder: Path, code: str = COUNTING, name: str = "train.py", message: str = "training"
) -> str:
    """Commit a script; return the commit."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(code))
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)
    return git(folder, "rev-parse", "HEAD").strip()


def start(folder: Path, *words: str, status: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python with these words in a folder; check its exit status."""
    return _run([sys.executable, *words], folder, status, environment)


def tracker_command(
    folder: Path, *words: str, status: int = 0, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command of ours in a folder; check its exit status."""
    return _run([sys.executable, "-m", "tracker.cli.main", *words], folder, status, environment)


def _run(
    command: list[str], folder: Path, status: int, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def only_run(folder: Path, project: str = "p") -> str:
    """Return the id of the only run."""
    (found,) = [path.name for path in (folder / ".tracker/runs" / project).iterdir() if path.name[0] != "."]
    return found

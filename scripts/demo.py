"""The main job on real input: train, log, version, kill, resume, and see that nothing was lost.

Makes a fresh git repository in `demo/` (or the folder given) and trains the tutorial's
LeNet-5 on real digits there. Everything shown is printed by the commands that a user has.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "lenet5"
KILL_AFTER_STEP = 330  # In the fourth epoch of 94 batches, ten batches after a checkpoint.
MARK = ".made-by-make-demo"


def main() -> int:
    """Run the demo; return the exit status."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "demo").resolve()
    if not make_project(folder):
        return 2
    os.chdir(folder)

    say("Three epochs, whole. Data, script and weights become lenet5-mnist:v0.")
    train("first", 3)
    say(f"Eight epochs, killed with SIGKILL after step {KILL_AFTER_STEP}, in the middle of an epoch.")
    kill_in_the_middle("night", 8)
    tracker("runs")
    say("The same command again: code, data order, optimiser and weights come back from the checkpoint.")
    train("night", 8)
    say("For proof, the same eight epochs without interruption. Equal contents make no new version,")
    say("so if every bit is the same, the weights of this run are lenet5-mnist:v1 again.", heading=False)
    train("straight", 8)

    say("What there is now")
    tracker("runs")
    print()
    tracker("artifact", "ls", "LeNet5/lenet5-mnist")
    say("Lineage: who made lenet5-mnist:v1, from what")
    tracker("show", "LeNet5/lenet5-mnist:v1")
    same = digest_of("night") == digest_of("straight")
    say(
        "The killed and resumed training and the straight one are "
        + ("identical to the bit." if same else "NOT equal.")
    )
    print(f"""
Try next, in {folder}:
  tracker show night                          sessions, config, results
  tracker log                                 what happened, the newest first
  tracker artifact get lenet5-mnist:best out  the weights again
  git status                                  git saw nothing of all this
  git log --oneline refs/tracker/ledger       the records have a history of their own
  git clean -fdxq && tracker runs             and come back from it

The command is {Path(sys.executable).with_name("tracker")}
""")
    return 0 if same else 1


def make_project(folder: Path) -> bool:
    """Make an empty folder a git repository that holds the example; never removes what it did not make."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            print(
                f"{folder} is not empty and was not made by this demo; name another folder", file=sys.stderr
            )
            return False
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for file in sorted(EXAMPLE.glob("*.py")):
        shutil.copy(file, folder)
    (folder / MARK).touch()
    (folder / ".gitignore").write_text(f"{MARK}\n__pycache__/\n/MNIST/\n*.pth\n/artifacts/\n/out/\n")
    identity = ["-c", "user.name=demo", "-c", "user.email=demo@example.org"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], [*identity, "commit", "-q", "-m", "LeNet-5"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return True


def train(run_id: str, epochs: int) -> None:
    """Train to the end in a process of its own."""
    subprocess.run(command(run_id, epochs), check=True)


def kill_in_the_middle(run_id: str, epochs: int) -> None:
    """Start the training and kill it without warning once enough rows are on disk."""
    process = subprocess.Popen(command(run_id, epochs))
    while rows_of(run_id) < KILL_AFTER_STEP:
        if process.poll() is not None:
            raise SystemExit(f"the training ended by itself with status {process.returncode}")
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    print(f"(killed with {rows_of(run_id)} rows on disk)", flush=True)


def rows_of(run_id: str) -> int:
    """Count the rows in the run's history file: lines that are arrays."""
    lines: list[str] = []
    for file in Path(".tracker", "runs", "LeNet5", run_id, "history").glob("*.jsonl"):
        lines += file.read_text().splitlines()
    return sum(line.startswith("[") for line in lines)


def command(run_id: str, epochs: int) -> list[str]:
    return [sys.executable, "train.py", "--run-id", run_id, "--epochs", str(epochs)]


def digest_of(run_id: str) -> str:
    """Return the digest of the weights' version that a run logged."""
    import json

    done = subprocess.run(
        [sys.executable, "-m", "tracker.cli.main", "show", run_id, "--json"],
        check=True,
        capture_output=True,
        text=True,
    )
    logged = [each for each in json.loads(done.stdout)["logged"] if each["artifact"] == "LeNet5/lenet5-mnist"]
    return str(logged[-1]["digest"])


def tracker(*words: str) -> None:
    """Show and run a command of ours."""
    print(f"\n$ tracker {' '.join(words)}", flush=True)
    subprocess.run([sys.executable, "-m", "tracker.cli.main", *words], check=True)


def say(text: str, *, heading: bool = True) -> None:
    print(f"\n=== {text}" if heading else f"    {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())

"""The code blocks of the tutorial itself, where its text is at hand.

The text is not part of this repository. TUTORIAL_FILE names it, or it lies in a
folder `shared` beside the checkout; elsewhere these tests are skipped.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import tracker
from tests.tutorial.conftest import start_script

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.torch, pytest.mark.slow]

BESIDE = Path(__file__).parents[3] / "shared" / "tutorial.md"
TEXT = Path(os.environ.get("TUTORIAL_FILE", BESIDE))

if not TEXT.is_file():
    pytest.skip("the tutorial's text is not at hand", allow_module_level=True)


def blocks() -> list[str]:
    """Return the Python blocks in order, without the indentation of their fences."""
    text = TEXT.read_text(encoding="utf-8")
    found = re.findall(r"^( *)```py(?:thon)?\n(.*?)^ *```", text, re.M | re.S | re.I)
    return ["\n".join(line.removeprefix(indent) for line in body.splitlines()) for indent, body in found]


def whole_scripts() -> list[str]:
    return [block for block in blocks() if re.search(r"^import wandb", block, re.M)]


def block_with(text: str) -> str:
    """Return the last block that contains a text: fragments are repeated whole later on."""
    return [block for block in blocks() if text in block][-1]


@pytest.fixture(params=["changed line", "tracker run"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


WEIGHTS = """
import torch
import wandb
from lenet import LeNet5

wandb.init(project="LeNet5")
model = LeNet5()
for version in range(3):
    torch.nn.init.normal_(model.classifier[2].bias)
    torch.save(model.state_dict(), "lenet5.pth")
    artifact = wandb.Artifact("lenet5-mnist", type="xxx")
    artifact.add_file("lenet5.pth")
    wandb.log_artifact(artifact)
wandb.finish()
"""


def test_there_are_blocks_to_run() -> None:
    assert len(whole_scripts()) >= 4


def test_each_whole_example_without_a_model_runs(
    git_repo: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts = [s for s in whole_scripts() if "wandb.finish()" in s and "torch" not in s]
    assert len(scripts) == 2
    for number, script in enumerate(scripts):
        (git_repo / f"block{number}.py").write_text(script)
        start_script(git_repo, f"block{number}.py", way=way)
    monkeypatch.chdir(git_repo)
    logged, configured = tracker.Api().runs("wandb_demo")
    assert len(logged.history(pandas=False)) == 8
    assert {"loss", "acc"} <= set(logged.summary.keys())
    assert configured.config["batch_size"] == 64


def test_the_artifact_fragment_logs_and_the_reading_block_fetches_v2(
    git_repo: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = git_repo / "MNIST"
    data.mkdir()
    (data / "digits.bin").write_bytes(b"digits")
    fragment = block_with("artifact.add_dir('./MNIST')")
    model = "import torch\nimport wandb\nwandb.init(project='other')\nmodel = torch.nn.Linear(2, 2)\n"
    (git_repo / "wandb_artifact.py").write_text(model + fragment)
    start_script(git_repo, "wandb_artifact.py", way=way)

    prepare(git_repo, way)
    reading = block_with("type='xxx'")
    (git_repo / "reading.py").write_text(reading + "\nimport os; print(os.listdir(artifact_dir))\n")
    done = start_script(git_repo, "reading.py", way=way)
    assert "lenet5.pth" in done.stdout

    monkeypatch.chdir(git_repo)
    files = tracker.Api().artifact("other/lenet5-mnist:latest").manifest.entries
    assert sorted(files) == ["digits.bin", "lenet5.pth", "wandb_artifact.py"]


def test_the_resumed_training_runs_whole(git_repo: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(git_repo, way, tutorial_model=True)
    training = block_with("id='if8bjzd0', resume=True")
    (git_repo / "training.py").write_text(training)
    start_script(git_repo, "training.py", way=way)
    start_script(git_repo, "training.py", way=way)
    monkeypatch.chdir(git_repo)
    run = tracker.Api().run("LeNet5/if8bjzd0")
    rows = run.history(pandas=False)
    assert [row["epoch"] for row in rows] == [*range(5), *range(5)]
    assert [row["_step"] for row in rows] == list(range(10))
    assert "lenet5-mnist:v0" in [artifact.name for artifact in run.used_artifacts()]


def prepare(folder: Path, way: str, *, tutorial_model: bool = False) -> None:
    """Log LeNet5/lenet5-mnist v0 to v2, with the weights that the tutorial's own class expects on demand."""
    script = WEIGHTS
    if tutorial_model:
        source = block_with("class LeNet5(nn.Module)")
        body = source[source.index("class LeNet5") : source.index("model = LeNet5(1, 10)")]
        (folder / "lenet.py").write_text("import torch\nfrom torch import nn\n\n" + body)
        script = script.replace("LeNet5()", "LeNet5(1, 10)").replace("model.classifier[2]", "model.layer3")
    else:
        (folder / "lenet.py").write_text((Path(__file__).parent / "scripts" / "lenet.py").read_text())
    (folder / "weights.py").write_text(script)
    start_script(folder, "weights.py", way=way)

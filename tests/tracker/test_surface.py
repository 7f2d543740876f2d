"""The module `tracker`: light to import, complete, and honest before init."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tracker
from tracker.errors import Error, UsageError

HEAVY = (
    "click",
    "torch",
    "numpy",
    "git",
    "yaml",
    "msgspec",
    "blake3",
    "vcs",
    "pathspec",
    "psutil",
    "asyncio",
)


def test_importing_it_loads_nothing_heavy() -> None:
    code = "import sys, tracker; tracker.run; print('\\n'.join(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not [name for name in loaded if name.split(".")[0] in HEAVY]
    assert {name for name in loaded if name.startswith("tracker")} == {"tracker", "tracker._version"}


def test_importing_and_asking_for_the_run_says_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import tracker; assert tracker.run is None"], capture_output=True, check=True
    )
    assert (done.stdout, done.stderr) == (b"", b"")


@pytest.mark.parametrize("name", [name for name in tracker.__all__ if name != "plot"])
def test_every_name_can_be_had(name: str) -> None:
    getattr(tracker, name)
    assert name in dir(tracker)


def test_plot_can_be_had() -> None:
    assert callable(tracker.plot.line)


def test_the_names_for_editors_are_the_names_that_exist() -> None:
    """What stands under TYPE_CHECKING is what `__getattr__` gives."""
    tree = ast.parse(Path(tracker.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    imported = {a.name for node in block.body if isinstance(node, ast.ImportFrom) for a in node.names}
    declared = {node.target.id for node in block.body if isinstance(node, ast.AnnAssign)}  # type: ignore[union-attr]
    assert imported | declared | {"__version__", "join"} == set(tracker.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(tracker, "agent_of_chaos")


@pytest.mark.parametrize(
    "call", ["log", "log_artifact", "use_artifact", "watch", "save", "define_metric", "alert"]
)
def test_calls_before_init_say_what_to_do(call: str) -> None:
    with pytest.raises(UsageError, match=r"call tracker.init\(\) before tracker." + call):
        getattr(tracker, call)({})


def test_config_and_summary_before_init_say_what_to_do() -> None:
    with pytest.raises(Error, match=r"init\(\) before tracker.config"):
        tracker.config.lr
    with pytest.raises(Error, match=r"init\(\) before tracker.config"):
        tracker.config["lr"] = 3
    with pytest.raises(Error, match=r"init\(\) before tracker.config"):
        tracker.config.update({"lr": 1})
    with pytest.raises(Error, match=r"init\(\) before tracker.summary"):
        tracker.summary["best"] = 3


def test_finish_before_init_is_harmless() -> None:
    tracker.finish()
    assert tracker.run is None


def test_login_succeeds_without_an_account_and_says_so() -> None:
    code = "import tracker; assert tracker.login(key='x', relogin=True) is True; tracker.login()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.count("no account") == 1


def test_require_accepts_anything() -> None:
    tracker.require("core")
    tracker.require(experiment="service")


def test_an_unknown_argument_of_init_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="colour"):
        tracker.init(colour="red")  # type: ignore[call-arg]

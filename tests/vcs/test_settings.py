"""Settings: what is read, what is refused, and what the message names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vcs.artifacts.keep_rules import Best, KeepRule
from vcs.errors import FormatError
from vcs.settings import CodeLimits, VcsSettings, load_settings, parse_size


def write(folder: Path, text: str) -> Path:
    (folder / "tracker.yaml").write_text(text)
    return folder


def test_without_a_file_all_settings_have_their_defaults(plain_dir: Path) -> None:
    """A project needs no settings."""
    assert load_settings(plain_dir) == VcsSettings()


def test_an_empty_file_is_no_settings(plain_dir: Path) -> None:
    """A file with comments only is as good as none."""
    assert load_settings(write(plain_dir, "# nothing yet\n")) == VcsSettings()


def test_every_key_is_read(plain_dir: Path) -> None:
    """All keys of the format arrive under their names."""
    text = (
        "format: 1\nproject: LeNet5\nentity: vision\nstore: ../objects\nremote: s3://bucket/x\n"
        "keep: {p/x-*: 'last 3, best val/loss min', '*': days 1.5}\n"
        "code: {limit: 2MiB, total_limit: 10 MB, files_per_folder: 5}\n"
    )
    assert load_settings(write(plain_dir, text)) == VcsSettings(
        project="LeNet5",
        entity="vision",
        store=plain_dir.parent / "objects",
        remote="s3://bucket/x",
        keep=(
            ("p/x-*", KeepRule("last 3, best val/loss min", last=3, best=(Best("val/loss", "min"),))),
            ("*", KeepRule("days 1.5", days=1.5)),
        ),
        code=CodeLimits(2 << 20, 10_000_000, 5),
    )


def test_the_environment_wins_over_the_file(plain_dir: Path) -> None:
    """TRACKER_STORE names the store of this machine."""
    write(plain_dir, "store: /elsewhere\n")
    assert load_settings(plain_dir, {"TRACKER_STORE": "/scratch"}).store == Path("/scratch")
    assert load_settings(plain_dir, {"TRACKER_STORE": ""}).store == Path("/elsewhere")


def test_the_home_folder_is_expanded(plain_dir: Path) -> None:
    """`~` in a store is the user's home."""
    expected = Path(os.environ["HOME"]) / "objects"
    assert load_settings(write(plain_dir, "store: ~/objects\n")).store == expected


def test_an_unknown_key_names_the_near_one(plain_dir: Path) -> None:
    """A slip of the pen is found, and the key that was meant is named."""
    with pytest.raises(FormatError, match="unknown key 'projekt'") as caught:
        load_settings(write(plain_dir, "projekt: x\n"))
    assert caught.value.hint == "did you mean project?"
    with pytest.raises(FormatError, match="unknown key 'limits' in code"):
        load_settings(write(plain_dir, "code: {limits: 1}\n"))


@pytest.mark.parametrize(
    "text",
    [
        "project: a/b\n",
        "project: 7\n",
        "store: ''\n",
        "keep: last -1\n",
        "keep: 5\n",
        "keep: {x: best loss}\n",
        "keep: {x: every 0}\n",
        "code: {limit: many}\n",
        "- a\n- b\n",
        "just text\n",
        "project: [\n",
        "store: !!python/object/apply:os.system ['true']\n",
        "a: &x [1]\nb: *x\n",
        "format: 2\n",
        "1: 2\n",
    ],
)
def test_a_bad_file_is_refused_with_its_name(plain_dir: Path, text: str) -> None:
    """Whatever is wrong, the message says in which file."""
    with pytest.raises(FormatError) as caught:
        load_settings(write(plain_dir, text))
    assert "tracker.yaml" in str(caught.value)


@pytest.mark.parametrize(
    ("given", "expected"),
    [(0, 0), (5, 5), ("1MiB", 1 << 20), ("1 kib", 1 << 10), ("500kB", 500_000), ("1.5g", 1_500_000_000)],
)
def test_sizes_are_read_with_their_units(given: object, expected: int) -> None:
    """Binary and decimal units, with or without a space and the B."""
    assert parse_size(given) == expected


@pytest.mark.parametrize("given", [-1, True, None, "", "MiB", "1 mile", "-3k", 1.5])
def test_what_is_no_size_is_refused(given: object) -> None:
    """A size is never guessed."""
    with pytest.raises(ValueError, match="a size"):
        parse_size(given)

"""Settings of the hooks and of auto_log in tracker.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest

from vcs.errors import FormatError
from vcs.settings import AutoArtifact, AutoLog, HookSettings, VcsSettings, load_settings


def load(folder: Path, text: str) -> VcsSettings:
    (folder / "tracker.yaml").write_text(text)
    return load_settings(folder, {})


def test_everything_has_a_default(plain_dir: Path) -> None:
    """Ten MiB, nothing allowed beyond, nothing logged."""
    found = load(plain_dir, "")
    assert found.hooks == HookSettings(10 << 20, (), ())
    assert not found.auto_log


def test_every_key_is_read(plain_dir: Path) -> None:
    """One text counts as a list of one."""
    found = load(
        plain_dir,
        "hooks: {max_file: 1MiB, allow: '*.pt', metrics: [acc, loss]}\n"
        "auto_log:\n  params: ./params.yaml\n  metrics: [a.json, 'b/*.csv']\n  project: other\n"
        "  artifacts: [best.pt, {path: report, name: the-report, type: report}]\n",
    )
    assert found.hooks == HookSettings(1 << 20, ("*.pt",), ("acc", "loss"))
    assert found.auto_log == AutoLog(
        ("params.yaml",),
        ("a.json", "b/*.csv"),
        (AutoArtifact("best.pt"), AutoArtifact("report", "the-report", "report")),
        "other",
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("hooks: {max_size: 1MiB}", "unknown key 'max_size'"),
        ("hooks: {max_file: huge}", "max_file in hooks must be a size"),
        ("hooks: {allow: [1]}", "allow in hooks must be text"),
        ("hooks: [1]", "hooks is not a mapping"),
        ("auto_log: {param: x}", "unknown key 'param'"),
        ("auto_log: {params: /etc/passwd}", "a path inside the project"),
        ("auto_log: {metrics: [a, ../b]}", "a path inside the project"),
        ("auto_log: {artifacts: [{name: x}]}", "a path, or a mapping with `path`"),
        ("auto_log: {artifacts: [{path: x, name: a/b}]}", "name in artifacts"),
        ("auto_log: {artifacts: .git/config}", "a path inside the project"),
    ],
)
def test_a_wrong_value_is_refused_by_its_key(plain_dir: Path, text: str, reason: str) -> None:
    """With the file's name."""
    with pytest.raises(FormatError, match=reason) as caught:
        load(plain_dir, text)
    assert "tracker.yaml" in caught.value.message

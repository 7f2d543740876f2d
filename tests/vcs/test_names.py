"""Names that people give, and the text forms that point to an artifact."""

from __future__ import annotations

import pytest

from vcs.errors import UsageError
from vcs.names import (
    ArtifactRef,
    check_alias,
    check_artifact_name,
    check_project,
    check_run_id,
    check_tag,
    check_type,
    near,
    parse_artifact_ref,
    parse_version,
)


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("mnist", ArtifactRef("", "", "mnist", "latest")),
        ("mnist:v2", ArtifactRef("", "", "mnist", "v2")),
        ("mnist:best", ArtifactRef("", "", "mnist", "best")),
        ("mnist@3F9a", ArtifactRef("", "", "mnist", "@3f9a")),
        ("LeNet5/mnist:v0", ArtifactRef("", "LeNet5", "mnist", "v0")),
        ("team/LeNet5/mnist", ArtifactRef("team", "LeNet5", "mnist", "latest")),
        ("team/LeNet5/mnist@abcdef", ArtifactRef("team", "LeNet5", "mnist", "@abcdef")),
        ("my project/mnist:with space", ArtifactRef("", "my project", "mnist", "with space")),
        ("mnist:a@b", ArtifactRef("", "", "mnist", "a@b")),
    ],
)
def test_each_form_of_a_reference_is_read(text: str, ref: ArtifactRef) -> None:
    """The forms of docs/design.md; no suffix means latest."""
    assert parse_artifact_ref(text) == ref


def test_a_selector_is_a_version_a_digest_or_an_alias() -> None:
    """Exactly one of the three."""
    version, digest, alias = (parse_artifact_ref(text) for text in ("x:v12", "x@abcd", "x:best"))
    assert (version.version, version.digest_prefix, version.alias) == (12, None, None)
    assert (digest.version, digest.digest_prefix, digest.alias) == (None, "abcd", None)
    assert (alias.version, alias.digest_prefix, alias.alias) == (None, None, "best")


@pytest.mark.parametrize("text", ["a/b/c:v1", "b/c:latest", "c@abcd", "c:x"])
def test_a_reference_prints_as_it_was_written(text: str) -> None:
    """With latest spelled out."""
    assert str(parse_artifact_ref(text)) == text
    assert str(parse_artifact_ref("c")) == "c:latest"


@pytest.mark.parametrize(
    "text",
    ["", ":v1", "x:", "a/b/c/d", "/x", "x/", "a//x", "x@", "x@abc", "x@xyzw", "x@" + "a" * 65, "../x", "a/..",
     "x:a/b", "x:a:b", "x y", "x@abcd:best", "p#/x", "x:v01", ".hidden/x", "x\n"],
)  # fmt: skip
def test_what_is_no_reference_is_refused(text: str) -> None:
    """Each with a sentence that names what was written."""
    with pytest.raises(UsageError):
        parse_artifact_ref(text)


@pytest.mark.parametrize("value", [None, 3, b"x"])
def test_a_reference_that_is_no_text_is_refused(value: object) -> None:
    """Also for callers without type checks."""
    with pytest.raises(UsageError, match="text"):
        parse_artifact_ref(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["x", "lenet5-mnist", "a.b_c-D", "..x", "x" * 128, "v1", "latest"])
def test_artifact_names_that_can_be(name: str) -> None:
    """The rules of wandb."""
    assert check_artifact_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a:b", "a b", "ä", "x" * 129, "a\n", "a@b", None, 3])
def test_artifact_names_that_cannot_be(name: object) -> None:
    """They would leave the folder, or could not be written in a reference."""
    with pytest.raises(UsageError):
        check_artifact_name(name)  # type: ignore[arg-type]


@pytest.mark.parametrize("alias", ["latest", "best", "production ready", "v", "V1", "v1.0", "1", "ä", "a@b"])
def test_aliases_that_can_be(alias: str) -> None:
    """Nearly any word."""
    assert check_alias(alias) == alias


@pytest.mark.parametrize(
    "alias",
    ["", "a/b", "a:b", "v0", "v12", "v007", " a", "a ", "@abcd", "a\nb", "x" * 129, "\ud800", None, 1],
)
def test_aliases_that_cannot_be(alias: object) -> None:
    """Versions are reserved; `/` and `:` have a meaning in references."""
    with pytest.raises(UsageError):
        check_alias(alias)  # type: ignore[arg-type]


@pytest.mark.parametrize("check", [check_project, check_run_id])
@pytest.mark.parametrize("name", ["LeNet5", "my project", "a.b", "x" * 128, "数字", "a-b_c", "A B (1)"])
def test_projects_and_run_ids_that_can_be(check: object, name: str) -> None:
    """They are folders, and nearly any name of a folder will do."""
    assert check(name) == name  # type: ignore[operator]


@pytest.mark.parametrize("check", [check_project, check_run_id])
@pytest.mark.parametrize(
    "name",
    ["", ".", "..", ".git", "a/b", "a\\b", "a#b", "a?b", "a%b", "a:b", " a", "a ", "a\x00", "a\n", "x" * 129,
     "字" * 86, None, 3],
)  # fmt: skip
def test_projects_and_run_ids_that_cannot_be(check: object, name: object) -> None:
    """Characters of wandb's list, what leaves the folder, and what no file system takes."""
    with pytest.raises(UsageError):
        check(name)  # type: ignore[operator]


def test_types_and_tags() -> None:
    """A type is free text on one line; a tag is words."""
    assert check_type("raw data") == "raw data"
    assert check_tag("for-paper 2026") == "for-paper 2026"
    for bad in ("", "a\nb", "x" * 129):
        with pytest.raises(UsageError):
            check_type(bad)
    for bad in ("", "a/b", " a", "a  b", "a,b"):
        with pytest.raises(UsageError):
            check_tag(bad)


@pytest.mark.parametrize(
    ("text", "number"), [("v0", 0), ("v17", 17), ("v00", None), ("v", None), ("V1", None)]
)
def test_a_version_has_one_spelling(text: str, number: int | None) -> None:
    """So that a name and a file correspond."""
    assert parse_version(text) == number


def test_a_version_of_absurd_length_is_none() -> None:
    """Python refuses to make a number of it; we never made one either."""
    assert parse_version("v" + "9" * 5000) is None


def test_near_names_are_offered() -> None:
    """Also when only the case differs."""
    assert near("lenet", ["LeNet", "resnet50", "x"]) == "did you mean LeNet?"
    assert near("best", ["latest", "bets", "beast"]) == "did you mean beast, bets or latest?"
    assert near("abc", ["xyz"]) is None
    assert near("abc", []) is None

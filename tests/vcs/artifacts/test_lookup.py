"""From the text that a user wrote to a version."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.vcs.versioning import collections_in, listing_of
from vcs.artifacts.collection import Collections
from vcs.errors import NotFoundError, UsageError


@pytest.fixture
def collections(tmp_path: Path) -> Collections:
    """LeNet5/weights has v0 (best), v1 and v2 (latest); other/mnist has v0."""
    made = collections_in(tmp_path)
    for text, aliases in (("A", ["best"]), ("B", []), ("C", [])):
        made.log("LeNet5", "weights", "model", listing_of(text), aliases=aliases)
    made.log("other", "mnist", "dataset", listing_of("M"))
    return made


def find(collections: Collections, ref: str) -> str:
    """Resolve as a script of the project LeNet5 does."""
    return collections.resolve(ref, project="LeNet5").qualified_name


def test_every_form_finds_its_version(collections: Collections) -> None:
    """Version, alias, digest, project and entity."""
    digest = listing_of("B").digest
    expected = {
        "weights": "LeNet5/weights:v2",
        "weights:latest": "LeNet5/weights:v2",
        "weights:v1": "LeNet5/weights:v1",
        "weights:best": "LeNet5/weights:v0",
        f"weights@{digest[:8]}": "LeNet5/weights:v1",
        f"weights@{digest.upper()}": "LeNet5/weights:v1",
        "other/mnist": "other/mnist:v0",
        "team/LeNet5/weights:v1": "LeNet5/weights:v1",
    }
    assert {ref: find(collections, ref) for ref in expected} == expected


@pytest.mark.parametrize(
    ("ref", "message", "hint"),
    [
        ("weights:v7", "LeNet5/weights has no v7; it has 3 versions, v0 to v2", "tracker artifact ls"),
        ("weights:bset", "no alias 'bset'; it has best, latest", "did you mean best?"),
        ("weights:zzz", "no alias 'zzz'; it has best, latest", "tracker artifact ls"),
        ("wieghts", "no artifact 'wieghts' in the project 'LeNet5'", "did you mean weights?"),
        ("mnist", "no artifact 'mnist' in the project 'LeNet5'", "did you mean other/mnist?"),
        ("mnits", "no artifact 'mnits' in the project 'LeNet5'", "did you mean other/mnist?"),
        ("weights@0000000", "begins with 0000000", "tracker artifact ls"),
        ("nothing@abcd", "no artifact 'nothing'", "tracker artifact ls"),
        ("nothing:v0", "no artifact 'nothing'", "tracker artifact ls"),
        ("other/mnist:v1", "other/mnist has no v1; it has v0", "tracker artifact ls"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(
    collections: Collections, ref: str, message: str, hint: str
) -> None:
    """A sentence, and the next command or the name that was meant."""
    with pytest.raises(NotFoundError) as caught:
        find(collections, ref)
    assert message in caught.value.message
    assert hint in str(caught.value.hint)


def test_the_wrong_type_names_both(collections: Collections) -> None:
    """As wandb, a ValueError."""
    with pytest.raises(UsageError, match="LeNet5/weights:v2 is of type 'model', not 'dataset'"):
        collections.resolve("weights", project="LeNet5", type="dataset")
    assert collections.resolve("weights", project="LeNet5", type="model").version == "v2"


def test_an_ambiguous_digest_names_its_versions(tmp_path: Path) -> None:
    """Four characters of many digests: some two agree."""
    made = collections_in(tmp_path)
    seen: dict[str, int] = {}
    for number in range(3000):
        prefix = listing_of(str(number)).digest[:4]
        if prefix in seen:
            break
        seen[prefix] = number
    for each in (seen[prefix], number):
        made.log("P", "x", "model", listing_of(str(each)))
    with pytest.raises(UsageError, match="v0, v1"):
        made.resolve(f"x@{prefix}", project="P")


def test_an_alias_of_a_version_that_is_not_here_says_so(collections: Collections, tmp_path: Path) -> None:
    """For example when a manifest was removed by hand."""
    (tmp_path / ".tracker/artifacts/LeNet5/weights/v0.yaml").unlink()
    with pytest.raises(NotFoundError, match="best names v0, which is not here"):
        find(collections, "weights:best")


def opened_manifests(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> int:
    """Count the manifests that `work` opens."""
    count = 0
    real_open = os.open

    def open_(path: object, *args: Any, **options: Any) -> int:
        nonlocal count
        count += Path(str(path)).name.startswith("v")
        return real_open(path, *args, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", open_)
        work()
    return count


def test_resolving_opens_one_manifest_however_many_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version or an alias costs its own file; deduplication reads each file once in a process."""
    made = collections_in(tmp_path)
    for number in range(30):
        made.log("P", "x", "model", listing_of(str(number)))
    fresh = collections_in(tmp_path)
    assert opened_manifests(monkeypatch, lambda: fresh.resolve("x:v3", project="P")) == 1
    assert opened_manifests(monkeypatch, lambda: fresh.resolve("x", project="P")) == 1
    assert opened_manifests(monkeypatch, lambda: fresh.log("P", "x", "model", listing_of("new"))) == 30
    assert opened_manifests(monkeypatch, lambda: fresh.log("P", "x", "model", listing_of("more"))) == 1

"""Names of artifacts that mean, in this run, what they meant in another.

A run that is resumed or reproduced asks for `mnist:latest` as it did then; that there is
a newer one by now must not change its data. The name is free again once the run itself
logs a version under it.
"""

from __future__ import annotations

from collections.abc import Iterable

from tracker.live.term import say
from tracker.storage.records import RunRecord
from vcs.names import ArtifactRef, parse_artifact_ref


class Pins:
    """Which version each name means; empty for a run that begins anew."""

    def __init__(self, pinned: Iterable[tuple[str, str]] = (), *, spares_aliases: bool = False) -> None:
        """`pinned` are names as `name:selector`, and what they mean: `project/name:v2` or `…@digest`.

        `spares_aliases`: the run is a repetition of another and should not move what
        `latest` and `best` mean for everybody else.
        """
        self.spares_aliases = spares_aliases
        self._pinned = {name: parse_artifact_ref(version) for name, version in pinned}
        self._said: set[str] = set()

    def pin(self, names: Iterable[tuple[str, str]]) -> None:
        """Let names mean versions from here on; nothing is said of these."""
        for name, version in names:
            self._pinned[name] = parse_artifact_ref(version)
            self._said.add(name)

    def meant(self, ref: ArtifactRef) -> ArtifactRef:
        """Return the version that a name means here; the name itself if it is not pinned."""
        name = f"{ref.name}:{ref.selector}"
        pinned = self._pinned.get(name)
        # A link has a project and a name of its own; what was recorded of it is its source.
        if pinned is None or (ref.project not in ("", pinned.project) and ref.name == pinned.name):
            return ref
        if name not in self._said:
            self._said.add(name)
            say(f"{name} means {_short(pinned)} in this run")
        return pinned

    def let_go(self, name: str) -> None:
        """Free the names of an artifact, because the run has logged a version of it."""
        for pinned in [each for each in self._pinned if each.partition(":")[0] == name]:
            del self._pinned[pinned]


def pins_of(
    record: RunRecord,
    *,
    checkpoints: Iterable[str] = (),
    checkpoint: str | None = None,
    spares_aliases: bool = False,
) -> Pins:
    """Return what the inputs of a run meant in its newest session that used them.

    What the run logged itself is no input of it. `checkpoint` is the version that `latest`
    of each of `checkpoints`, and of its own artifact, means.
    """
    own = {logged.artifact for logged in record.logged}
    pinned: dict[str, tuple[int, str]] = {}
    for used in record.used:
        name = used.as_ or ""
        # Of a name that meant two things in one session, the first counts: it was asked for first.
        if ":" in name and used.artifact not in own and used.session > pinned.get(name, (-1, ""))[0]:
            pinned[name] = (used.session, f"{used.artifact}@{used.digest}")
    found = {name: version for name, (_, version) in pinned.items()}
    if checkpoint is not None:
        artifact = parse_artifact_ref(checkpoint).name
        found.update({f"{name}:latest": checkpoint for name in (*checkpoints, artifact)})
    return Pins(found.items(), spares_aliases=spares_aliases)


def _short(ref: ArtifactRef) -> str:
    return f"{ref.project}/{ref.name}{ref.selector[:11] if ref.digest_prefix else f':{ref.selector}'}"

"""Files of a checkout that wait to be written, and what is noted of those that were."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vcs.digest import Digest, digest_bytes
from vcs.files.listing import Entry
from vcs.files.staged import Waiting, WrittenFiles

CONTENTS = [b"", b"one", b"two"]
LONG_AGO_NS = 10**18


@given(st.lists(st.sampled_from(CONTENTS), max_size=12), st.randoms(use_true_random=False))
def test_a_file_waits_until_it_is_removed_whatever_others_hold(contents: list[bytes], random: object) -> None:
    """Some have the same content; they are removed in any order."""
    entries = [Entry(f"{n}", digest_bytes(data), len(data)) for n, data in enumerate(contents)]
    waiting = Waiting()
    for entry in entries:
        waiting.add(entry)
    left = list(entries)
    random.shuffle(entries)  # type: ignore[attr-defined]
    for entry in entries:
        assert sorted(e.path for digest in waiting for e in waiting.of(digest)) == sorted(
            e.path for e in left
        )
        assert entry in waiting.of(Digest(entry.digest))
        waiting.remove(entry)
        left.remove(entry)
    assert not waiting


def test_only_files_that_had_settled_are_known() -> None:
    """One with the time of the moment may change again without a sign."""
    files = WrittenFiles()
    digest = digest_bytes(b"one")
    for name, changed_ns in (("a/old", LONG_AGO_NS), ("a/young", 2 * LONG_AGO_NS)):
        files.add(Entry(name, digest, 3), (LONG_AGO_NS, changed_ns, 7))

    known = files.known(2 * LONG_AGO_NS)
    assert known == {"old": (3, LONG_AGO_NS, LONG_AGO_NS, 7, bytes.fromhex(digest))}

"""Work that other processes share: what they add, and that they are never needed."""

from __future__ import annotations

import errno
import os
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.vcs import helper_work
from vcs import helpers as helpers_module
from vcs.digest import Digest
from vcs.errors import IntegrityError, StoreError
from vcs.files.add import add_tree
from vcs.files.checkout import plan_checkout
from vcs.files.verify import verify_store, verify_tree
from vcs.helper_process import SLOTS
from vcs.helpers import Helpers, Request
from vcs.stores import bulk
from vcs.stores.local import LocalStore


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """One helper, whatever the machine has."""
    monkeypatch.setattr(helpers_module, "cores", lambda: 2)


def call_all(count: int, *, padding: bytes = b"") -> list[tuple[int, int]]:
    """Let all processes do so many pieces; check the buffer of each."""
    found: list[tuple[int, int]] = []

    def done(reply: tuple[int, int], buffer: memoryview) -> None:
        assert int.from_bytes(buffer[:4], "little") == reply[0]
        found.append(reply)

    with Helpers([helper_work.who], 4096, begin_after=0) as helpers:
        for number in range(count):
            helpers.call(Request(0, (number, padding), done, pytest.fail), 1)
        helpers.finish()
    return sorted(found)


@pytest.mark.usefixtures("two_cores")
def test_every_piece_is_done_once_by_whoever_has_time() -> None:
    """The helper gets the first ones, and this process does not wait for it."""
    found = call_all(1000)

    assert [number for number, _ in found] == list(range(1000))
    assert len({pid for _, pid in found}) == 2


@pytest.mark.usefixtures("two_cores")
@pytest.mark.parametrize("program", ["/nowhere/python", "/bin/false", ""])
def test_without_a_python_to_start_all_is_done_here(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing one, one that is something else, and none."""
    monkeypatch.setattr(sys, "executable", program)

    assert {pid for _, pid in call_all(20)} == {os.getpid()}


@pytest.mark.usefixtures("two_cores")
def test_a_request_that_is_too_long_for_the_socket_is_done_here() -> None:
    """Nothing is cut on the way."""
    assert {pid for _, pid in call_all(3, padding=bytes(100_000))} == {os.getpid()}


@pytest.mark.usefixtures("two_cores")
@pytest.mark.parametrize("work", [helper_work.die_unless, helper_work.fail])
def test_what_a_dead_helper_had_is_said(work: object) -> None:
    """Every piece is either done or lost, and a loss is told once."""
    done: list[int] = []
    lost: list[int] = []
    here = os.getpid()

    with Helpers([work], 4096, begin_after=0) as helpers:  # type: ignore[list-item]
        for number in range(SLOTS):  # As many as one helper takes at once.
            arguments = (number, here) if work is helper_work.die_unless else (number,)
            lose = partial(lost.append, number)
            helpers.call(Request(0, arguments, lambda reply, _: done.append(reply), lose), 1)
        helpers.finish()

    assert sorted(done + lost) == list(range(SLOTS))
    assert lost


def make_files(folder: Path, count: int) -> Path:
    """Files of many sizes in a few folders; every tenth is like the one before."""
    for number in range(count):
        path = folder / f"{number % 7}" / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"%d" % (number - (number % 10 == 9)) * (number % 500 + 1))
    (folder / "0" / "0.txt").chmod(0o755)
    (folder / "1" / "large.bin").write_bytes(os.urandom(300_000))
    return folder


def open_store(folder: Path) -> LocalStore:
    return LocalStore(folder / "objects", folder / "packs", folder / "tmp")


@pytest.fixture
def early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Helpers from the first file on."""
    monkeypatch.setattr(bulk, "_HELP_AFTER_FILES", 0)
    monkeypatch.setattr("vcs.files.staging._HELP_AFTER_FILES", 0)


@pytest.mark.usefixtures("early", "two_cores")
def test_with_helpers_a_folder_becomes_the_same_listing_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And each content is stored once."""
    data = make_files(tmp_path / "data", 1500)
    store = open_store(tmp_path / "store")

    listing = add_tree(data, store)
    plan_checkout(listing, tmp_path / "out", store).apply()

    objects = list(store.list())
    assert len(objects) == len(set(objects)) == len({entry.digest for entry in listing})
    assert verify_store(open_store(tmp_path / "store")) == []
    assert verify_tree(listing, tmp_path / "out") == []
    monkeypatch.setattr(helpers_module, "cores", lambda: 1)
    assert add_tree(data, open_store(tmp_path / "other")) == listing


@pytest.mark.usefixtures("early", "two_cores")
@pytest.mark.parametrize("requests", [3, SLOTS + 1, SLOTS + 3, SLOTS + 5])
def test_an_add_goes_on_when_its_helper_is_killed(
    requests: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the helper was to read is read again, and what it was to write is written from here."""
    data = make_files(tmp_path / "data", 1500)
    expected = add_tree(data, open_store(tmp_path / "expected"))
    killed = kill_helpers_after(requests, monkeypatch)

    store = open_store(tmp_path / "store")
    assert add_tree(data, store) == expected
    assert killed
    assert verify_store(store) == []
    assert store.missing(Digest(entry.digest) for entry in expected) == set()


@pytest.mark.usefixtures("early", "two_cores")
def test_what_a_helper_cannot_write_is_written_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or it is seen here why that cannot be."""
    real = bulk.BulkFiles._request

    def request(self: bulk.BulkFiles, *arguments: object) -> Request:
        made = real(self, *arguments)  # type: ignore[arg-type]
        return made._replace(arguments=("/nowhere", *made.arguments[1:]))

    monkeypatch.setattr(bulk.BulkFiles, "_request", request)
    data, store = make_files(tmp_path / "data", 1500), open_store(tmp_path / "store")
    listing = add_tree(data, store)

    assert verify_store(store) == []
    assert store.missing(Digest(entry.digest) for entry in listing) == set()

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwritev", full)
    with pytest.raises(StoreError, match="the disk is full"):
        add_tree(data, open_store(tmp_path / "other"))
    assert list(open_store(tmp_path / "other").list()) == []


@pytest.mark.usefixtures("early", "two_cores")
@pytest.mark.parametrize("requests", [SLOTS + 2, SLOTS + 5])
def test_a_batch_is_whole_though_an_add_in_it_was_interrupted(
    requests: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Places in a pack that its helper did not fill any more are filled from here."""
    data, store = make_files(tmp_path / "data", 1500), open_store(tmp_path / "store")

    with store.batch() as batch:
        kept = batch.put_bytes(b"more")
        kill_helpers_after(requests, monkeypatch, interrupt=True)
        with pytest.raises(KeyboardInterrupt):
            add_tree(data, store, batch=batch)

    assert verify_store(store) == []
    assert store.read_bytes(kept) == b"more"
    assert len(list(store.list())) > 64


@pytest.mark.usefixtures("early", "two_cores")
def test_a_checkout_whose_helper_is_killed_changes_nothing_and_can_be_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the helper wrote last is not known."""
    store = open_store(tmp_path / "store")
    listing = add_tree(make_files(tmp_path / "data", 1500), store)

    with monkeypatch.context() as patch:
        kill_helpers_after(2, patch)
        with pytest.raises(StoreError, match="helped with the checkout"):
            plan_checkout(listing, tmp_path / "out", store).apply()
    assert not (tmp_path / "out").exists()

    plan_checkout(listing, tmp_path / "out", store).apply()
    assert verify_tree(listing, tmp_path / "out") == []


@pytest.mark.usefixtures("early", "two_cores")
def test_a_damaged_object_is_named_also_when_a_helper_found_it(tmp_path: Path) -> None:
    """Nothing of the checkout is there."""
    store = open_store(tmp_path / "store")
    listing = add_tree(make_files(tmp_path / "data", 300), store)
    pack = next((tmp_path / "store" / "packs").glob("*.pack"))
    pack.chmod(0o644)
    content = bytearray(pack.read_bytes())
    content[1000] ^= 1
    pack.write_bytes(content)

    with pytest.raises(IntegrityError, match="cannot check out"):
        plan_checkout(listing, tmp_path / "out", open_store(tmp_path / "store")).apply()
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("early", "two_cores")
def test_an_interrupt_ends_the_helpers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No process is left, and nothing is stored."""
    data = make_files(tmp_path / "data", 1500)
    processes = kill_helpers_after(3, monkeypatch, interrupt=True)

    store = open_store(tmp_path / "store")
    with pytest.raises(KeyboardInterrupt):
        add_tree(data, store)

    assert processes
    for process in processes:
        assert process.returncode is not None  # type: ignore[attr-defined]
    assert list(store.list()) == []


def kill_helpers_after(
    requests: int, monkeypatch: pytest.MonkeyPatch, *, interrupt: bool = False
) -> list[object]:
    """Kill the helper that gets this request, or press Ctrl-C then; return which those were."""
    found: list[object] = []
    real = helpers_module._Helper._send

    def send(self: helpers_module._Helper, *arguments: object) -> bool:
        sent: bool = real(self, *arguments)  # type: ignore[arg-type]
        send.count += sent  # type: ignore[attr-defined]
        if send.count == requests and not found:  # type: ignore[attr-defined]
            found.append(self._process)
            if interrupt:
                raise KeyboardInterrupt
            self._process.kill()
            self._process.wait()
        return sent

    send.count = 0  # type: ignore[attr-defined]
    monkeypatch.setattr(helpers_module._Helper, "_send", send)
    return found

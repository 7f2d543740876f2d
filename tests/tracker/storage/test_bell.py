"""A bell is heard once, and may be rung from within its own ringing."""

from __future__ import annotations

import threading

from tracker.storage.bell import Bell


def test_what_was_rung_before_is_heard_once() -> None:
    bell = Bell()
    bell.ring()
    bell.ring()
    assert bell.wait(0)
    assert not bell.wait(0)


def test_a_waiting_thread_is_woken() -> None:
    bell, heard = Bell(), threading.Event()

    def listen() -> None:
        assert bell.wait(600)
        heard.set()

    thread = threading.Thread(target=listen)
    thread.start()
    bell.ring()
    assert heard.wait(600)
    thread.join()

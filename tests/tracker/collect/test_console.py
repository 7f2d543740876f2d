"""The copy of the console, and that nobody who prints notices it."""

from __future__ import annotations

import errno
import io
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.tracker.collect.conftest import Terminal
from tracker.collect import console
from tracker.collect.console import ConsoleCapture


def test_what_is_printed_is_shown_and_kept(
    capture: ConsoleCapture, log: Path, streams: tuple[Terminal, Terminal]
) -> None:
    """Both streams go into one file, each line whole."""
    print("loss", 0.5)
    print("careful", file=sys.stderr)
    sys.stdout.writelines(["a\n", "b\n"])
    capture.stop()

    assert streams[0].shown == "loss 0.5\na\nb\n"
    assert streams[1].shown == "careful\n"
    assert log.read_text() == "loss 0.5\ncareful\na\nb\n"


def test_streams_stay_what_they_are(capture: ConsoleCapture, streams: tuple[Terminal, Terminal]) -> None:
    """The object, its answers and its other methods."""
    assert sys.stdout is streams[0]
    assert sys.stdout.isatty()
    assert sys.stdout.encoding == "latin-1"
    assert sys.stdout.write("abc") == 3


def test_stop_restores_exactly(log: Path, streams: tuple[Terminal, Terminal]) -> None:
    """Nothing of ours is left on the stream, and later text is not kept."""
    before = dict(vars(streams[0]))
    capture = ConsoleCapture(log)
    capture.start()
    assert vars(streams[0]) != before
    capture.stop()
    print("later")

    assert vars(streams[0]) == before
    assert not log.exists()


def test_start_and_stop_may_be_repeated(log: Path, streams: tuple[Terminal, Terminal]) -> None:
    """Twice is once; after a stop it goes on in the same file."""
    capture = ConsoleCapture(log, session=2)
    capture.start()
    capture.start()
    print("one")
    capture.stop()
    capture.stop()
    capture.start()
    print("two")
    capture.stop()

    assert log.read_text() == "--- session 2 ---\none\ntwo\n"


def test_an_unfinished_line_is_kept_at_the_end(capture: ConsoleCapture, log: Path) -> None:
    """What the last line says when the program ends."""
    print("Password: ", end="")
    capture.stop()
    assert log.read_text() == "Password: \n"


def test_a_progress_bar_is_its_last_state(capture: ConsoleCapture, log: Path) -> None:
    """However often it was drawn."""
    for percent in range(101):
        sys.stderr.write(f"\r{percent}%")
    sys.stderr.write("\n")
    capture.stop()
    assert log.read_text() == "100%\n"


def test_letters_of_all_kinds_are_kept(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is UTF-8; what cannot be encoded at all is spelled out."""
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "utf-8", errors="surrogatepass"))
    capture = ConsoleCapture(log)
    capture.start()
    print("größer 数", "\udcff")
    capture.stop()
    assert log.read_text(encoding="utf-8") == "größer 数 \\udcff\n"


def test_lines_of_many_threads_are_all_there(capture: ConsoleCapture, log: Path) -> None:
    """Whatever order they come in."""

    def work(number: int) -> None:
        for line in range(200):
            sys.stdout.write(f"{number}:{line}\n")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    capture.stop()

    lines = log.read_text().splitlines()
    assert sorted(lines) == sorted(f"{number}:{line}" for number in range(8) for line in range(200))
    for number in range(8):
        own = [line for line in lines if line.startswith(f"{number}:")]
        assert own == [f"{number}:{line}" for line in range(200)]


def test_a_logging_handler_made_before_is_heard(log: Path, streams: tuple[Terminal, Terminal]) -> None:
    """It holds the stream itself, which is still the same."""
    handler = logging.StreamHandler()
    capture = ConsoleCapture(log)
    capture.start()
    handler.emit(logging.LogRecord("x", logging.INFO, "f", 1, "epoch %d", (3,), None))
    capture.stop()
    assert log.read_text() == "epoch 3\n"


class Prefixing:
    """Another library's stream, which writes to the one that was there."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        return int(self.stream.write(text.upper()))

    def flush(self) -> None:
        self.stream.flush()


def test_a_stream_put_over_ours_in_between_stays(
    capture: ConsoleCapture, log: Path, streams: tuple[Terminal, Terminal]
) -> None:
    """What reaches the terminal is kept, and stop does not take the other's stream away."""
    sys.stdout = over = Prefixing(sys.stdout)  # type: ignore[assignment]
    print("loud")
    capture.stop()
    print("later")

    assert sys.stdout is over
    assert streams[0].shown == "LOUD\nLATER\n"
    assert log.read_text() == "LOUD\n"


def test_a_write_wrapped_by_another_in_between_stays(
    capture: ConsoleCapture, log: Path, streams: tuple[Terminal, Terminal]
) -> None:
    """As wandb itself does it: their wrapper stays, ours inside of it falls silent."""
    ours = streams[0].write
    theirs = lambda text: ours(text.upper())  # noqa: E731
    streams[0].write = theirs  # type: ignore[method-assign]
    print("loud")
    capture.stop()
    print("later")

    assert streams[0].write is theirs
    assert streams[0].shown == "LOUD\nLATER\n"
    assert log.read_text() == "LOUD\n"


def test_a_write_wrapped_before_is_put_back(log: Path, streams: tuple[Terminal, Terminal]) -> None:
    """The other's wrapper, not the class's method."""
    original = streams[0].write
    theirs = lambda text: original(text)  # noqa: E731
    streams[0].write = theirs  # type: ignore[method-assign]
    capture = ConsoleCapture(log)
    capture.start()
    print("x")
    capture.stop()
    assert streams[0].write is theirs
    assert log.read_text() == "x\n"


def test_a_stream_that_writes_to_another_is_kept_once(log: Path, streams: tuple[Terminal, Terminal]) -> None:
    """Where stderr is a wrapper around stdout, both are listened to."""
    sys.stderr = Prefixing(sys.stdout)  # type: ignore[assignment]
    capture = ConsoleCapture(log)
    capture.start()
    print("error", file=sys.stderr)
    capture.stop()
    assert log.read_text() == "error\n"


def test_two_captures_both_hear(tmp_path: Path, streams: tuple[Terminal, Terminal]) -> None:
    """Two runs in one program, ended in the order in which they began."""
    before = dict(vars(streams[0]))
    first, second = (ConsoleCapture(tmp_path / name) for name in ("first", "second"))
    first.start()
    print("one")
    second.start()
    print("both")
    first.stop()
    print("two")
    second.stop()

    assert (tmp_path / "first").read_text() == "one\nboth\n"
    assert (tmp_path / "second").read_text() == "both\ntwo\n"
    assert vars(streams[0]) == before


def test_redirected_output_is_not_console_output(
    capture: ConsoleCapture, log: Path, streams: tuple[Terminal, Terminal]
) -> None:
    """A StringIO does not reach the terminal."""
    with redirect_stdout(io.StringIO()) as caught:
        print("inside")
    print("outside")
    capture.stop()
    assert caught.getvalue() == "inside\n"
    assert log.read_text() == "outside\n"


@pytest.mark.parametrize("missing", [None, object()])
def test_a_stream_that_cannot_be_listened_to_is_left_alone(
    log: Path, monkeypatch: pytest.MonkeyPatch, missing: Any
) -> None:
    """No stream at all (pythonw), or one of an odd kind: the other one is kept."""
    out = Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", missing)
    said: list[str] = []
    capture = ConsoleCapture(log, on_error=said.append)
    capture.start()
    print("x")
    capture.stop()
    assert log.read_text() == "x\n"
    assert len(said) == (0 if missing is None else 1)


def test_an_error_of_the_stream_is_the_programs(
    capture: ConsoleCapture, streams: tuple[Terminal, Terminal]
) -> None:
    """print to a closed stream raises what it always raises, and nothing is kept."""
    streams[0].close()
    with pytest.raises(ValueError, match="closed"):
        print("x")


def test_a_full_disk_never_reaches_print_and_loses_nothing_when_there_is_room_again(
    capture: ConsoleCapture, log: Path, monkeypatch: pytest.MonkeyPatch, streams: tuple[Terminal, Terminal]
) -> None:
    """One sentence; half a write that went through is not repeated."""
    said: list[str] = []
    capture._on_error = said.append
    real_write, calls = os.write, []

    def full(descriptor: int, data: bytes) -> int:
        calls.append(data)
        if len(calls) == 1:
            return real_write(descriptor, data[:3])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    print("first")
    capture.flush()
    print("second")
    capture.flush()
    assert said == [f"output cannot be written to {log}: No space left on device"]
    assert log.read_text() == "fir"

    monkeypatch.setattr(os, "write", real_write)
    capture.stop()

    assert log.read_text() == "first\nsecond\n"
    assert streams[0].shown == "first\nsecond\n"


def test_a_callback_that_prints_does_not_go_round_in_circles(
    tmp_path: Path, streams: tuple[Terminal, Terminal]
) -> None:
    """The warning itself goes to a console that is listened to."""
    capture = ConsoleCapture(tmp_path / "missing" / "output.log", on_error=lambda text: print(text))
    capture.start()
    print("x")
    capture.stop()
    assert streams[0].shown.count("cannot be written") == 1


def test_text_that_waits_for_a_disk_is_bounded_and_counted(
    capture: ConsoleCapture, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is worth more than output; the file says what it lacks."""
    monkeypatch.setattr(console, "MOST_WAITING", 100)
    with capture._lock:
        sys.stdout.write("kept\n")
        for _ in range(10):
            sys.stdout.write("x" * 50 + "\n")
    capture.stop()

    text = log.read_text()
    assert text.startswith("kept\n" + "x" * 50 + "\n")
    assert text.endswith("[459 characters of output could not be kept]\n")


def test_a_handler_of_signals_may_print_at_any_moment(capture: ConsoleCapture, log: Path) -> None:
    """Nothing that print does holds a lock of ours."""
    received = []

    def handler(number: int, frame: Any) -> None:
        received.append(number)
        # Python itself forbids a write to a stream from within a write to it.
        with suppress(RuntimeError):
            print("signal")

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        while len(received) < 50:
            print("working")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    capture.stop()
    assert "working\n" in log.read_text()


def run_script(script: str, log: Path, *, kill_after: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program that captures its console to `log`."""
    start = f"""
from pathlib import Path
from tracker.collect.console import ConsoleCapture
capture = ConsoleCapture(Path({str(log)!r}))
capture.start()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", start + script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    if kill_after is not None:
        while not (log.exists() and kill_after in log.read_text()):
            time.sleep(0.02)
        process.kill()
    out, err = process.communicate()
    return subprocess.CompletedProcess([], process.returncode, out, err)


def test_a_killed_program_has_its_output(log: Path) -> None:
    """All but the last quarter of a second is there after kill -9."""
    done = run_script("import time\nprint('one')\nprint('two')\ntime.sleep(60)", log, kill_after="two\n")
    assert done.returncode == -signal.SIGKILL
    assert log.read_text() == "one\ntwo\n"


def test_children_write_whole_lines_and_the_parents_text_once(log: Path) -> None:
    """After fork the child has no thread; what waits in the parent's queue is the parent's."""
    script = """
import os, sys
print("before")
sys.stdout.write("half ")
sys.stdout.flush()
for number in range(3):
    if os.fork() == 0:
        print("child", number, flush=True)
        os._exit(0)
    os.wait()
print("line")
capture.stop()
"""
    done = run_script(script, log)
    assert done.stderr == ""
    lines = sorted(log.read_text().splitlines())
    assert lines == ["before", "child 0", "child 1", "child 2", "half line"]


def test_a_forked_child_may_stop_its_copy(log: Path) -> None:
    """multiprocessing's children end their parent's things too; that must not hang."""
    script = """
import os
pid = os.fork()
if pid == 0:
    capture.stop()
    print("unheard", flush=True)
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
print("parent")
capture.stop()
"""
    assert run_script(script, log).returncode == 0
    assert log.read_text() == "parent\n"


def test_processes_that_are_started_are_not_affected(log: Path) -> None:
    """They write to the descriptor, which is not ours."""
    done = run_script("import subprocess\nsubprocess.run(['echo', 'hello'])\ncapture.stop()", log)
    assert done.stdout == "hello\n"


def test_the_session_line_comes_first(log: Path, streams: tuple[Terminal, Terminal]) -> None:
    """And not for the first session of a run."""
    for session in (0, 1):
        capture = ConsoleCapture(log, session=session)
        capture.start()
        print("text")
        capture.stop()
    assert log.read_text() == "text\n--- session 1 ---\ntext\n"

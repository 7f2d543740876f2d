"""Sound from samples and files."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
import pytest

from tests.tracker.values.conftest import Place
from tracker.values.audio import Audio
from vcs.errors import UsageError


def opened(data: bytes) -> tuple[wave._wave_params, np.ndarray]:
    with wave.open(io.BytesIO(data)) as file:
        kinds = {1: "u1", 2: "<i2", 4: "<i4"}
        raw = np.frombuffer(file.readframes(file.getnframes()), kinds[file.getsampwidth()])
        return file.getparams(), raw.reshape(-1, file.getnchannels())


def test_fractions_become_sixteen_bits(place: Place) -> None:
    """-1..1, cut beyond, NaN is silence."""
    record = Audio(np.array([0, 0.5, 1, -1, 7, np.nan]), sample_rate=8000, caption="beep").to_record(
        place.sink
    )
    params, samples = opened(place.object(record))
    assert (params.framerate, params.nchannels, params.sampwidth) == (8000, 1, 2)
    assert samples[:, 0].tolist() == [0, 16384, 32767, -32767, 32767, 0]
    assert record["_type"] == "audio-file"
    assert record["path"].startswith("media/audio/")
    assert (record["caption"], record["sample_rate"], record["duration"]) == ("beep", 8000, 6 / 8000)


@pytest.mark.parametrize("dtype", ["u1", "i2", "i4"])
def test_whole_numbers_stay_what_they_are(place: Place, dtype: str) -> None:
    """In two channels."""
    data = np.array([[1, 2], [3, 4], [5, 6]], dtype)
    _, samples = opened(place.object(Audio(data, sample_rate=8000).to_record(place.sink)))
    assert samples.tolist() == data.tolist()


def test_signed_bytes_are_moved_to_where_wav_has_them(place: Place) -> None:
    """WAV's eight bits are unsigned."""
    _, samples = opened(place.object(Audio(np.array([-128, 0, 127], np.int8), 8000).to_record(place.sink)))
    assert samples[:, 0].tolist() == [0, 128, 255]


@pytest.mark.torch
def test_a_tensor_has_its_channels_first(place: Place) -> None:
    """As torchaudio gives it."""
    torch = pytest.importorskip("torch")
    audio = Audio(torch.zeros(2, 100), sample_rate=100)
    params, _ = opened(place.object(audio.to_record(place.sink)))
    assert (params.nchannels, params.nframes, audio.duration) == (2, 100, 1.0)


def test_a_file_is_kept_as_it_is(place: Place, tmp_path: Path) -> None:
    """Whatever is in it."""
    (tmp_path / "song.mp3").write_bytes(b"ID3")
    record = Audio(tmp_path / "song.mp3").to_record(place.sink)
    assert (place.object(record), record["format"]) == (b"ID3", "mp3")


def test_samples_need_a_rate() -> None:
    """There is none to guess."""
    with pytest.raises(ValueError, match="sample_rate"):
        Audio(np.zeros(10))


def test_what_is_no_sound_is_refused(tmp_path: Path) -> None:
    """By shape, by type, by suffix."""
    with pytest.raises(ValueError, match="shape"):
        Audio(np.zeros((2, 3, 4)), sample_rate=1)
    with pytest.raises(TypeError, match="complex"):
        Audio(np.zeros(3, complex), sample_rate=1)
    with pytest.raises(TypeError, match="dict"):
        Audio({}, sample_rate=1)
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(UsageError, match="notes"):
        Audio(tmp_path / "notes.txt")

"""Sound, from samples or a file."""

from __future__ import annotations

import io
import wave
from pathlib import Path
from typing import Any, ClassVar

from tracker.values.arrays import Array, TakenArray, is_array
from tracker.values.content import Content, Media, Record, existing_suffix, file_record, is_path
from tracker.values.sink import MediaSink

FILE_TYPES = ("wav", "mp3", "flac", "ogg", "oga", "opus", "m4a", "aac", "aiff", "aif")
# More channels than anybody records; a first dimension up to this is channels in a tensor.
_MAX_CHANNELS = 32


class Audio(Media):
    """Sound; samples become a WAV file, a file is kept as it is.

    Attributes:
        sample_rate: Samples a second; None for a file.
        duration: In seconds; None for a file.
    """

    record_type: ClassVar[str] = "audio-file"
    group_type: ClassVar[str] = "audio"

    def __init__(self, data_or_path: Any, sample_rate: int | None = None, caption: str | None = None) -> None:
        """Take a file, or samples of the shape (samples,) or (samples, channels).

        A tensor of the shape (channels, samples) is taken as torchaudio means it.
        Fractions are -1..1, cut there, and become 16 bits; whole numbers of 8
        (unsigned), 16 or 32 bits stay what they are, and of 64 bits are cut to 32.

        Raises:
            ValueError: Samples without a rate, or of another shape.
            TypeError: Something sound cannot be made from.
            NotFoundError: No such file.
        """
        self.caption = None if caption is None else str(caption)
        self.sample_rate: int | None = None
        self.duration: float | None = None
        if is_path(data_or_path):
            self._suffix = existing_suffix(data_or_path, FILE_TYPES, "audio")
            self._content = Content.of_file(Path(data_or_path))
            return
        if not is_array(data_or_path) and not isinstance(data_or_path, (list, tuple)):
            raise TypeError(f"audio cannot be made from {type(data_or_path).__name__}")
        if sample_rate is None:
            raise ValueError("audio from samples needs sample_rate=, the samples a second")
        rate = self.sample_rate = int(sample_rate)
        taken = TakenArray(data_or_path)
        samples = _check_shape(taken)
        self.duration = samples / rate
        self._suffix = ".wav"
        self._content = Content(make=lambda: wav_bytes(taken, rate))

    def to_record(self, sink: MediaSink) -> Record:
        """Put the sound into the sink; see `Media.to_record`."""
        stored = self._content.put(sink, folder="audio", suffix=self._suffix)
        record = file_record(self.record_type, stored, caption=self.caption)
        if self.sample_rate is not None:
            record |= {"sample_rate": self.sample_rate, "duration": self.duration}
        return record


def wav_bytes(taken: TakenArray, sample_rate: int) -> bytes:
    """Return the WAV file of samples, by the rules of `Audio`."""
    array = taken.numpy()
    if array.ndim == 1:
        array = array[:, None]
    elif _channels_first(taken):
        array = array.T
    samples = _to_pcm(array)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(samples.dtype.itemsize)
        file.setframerate(sample_rate)
        file.writeframes(samples.tobytes())
    return buffer.getvalue()


def _check_shape(taken: TakenArray) -> int:
    """Return the number of samples."""
    if taken.dtype.rpartition(".")[2].startswith(("complex", "bool")):
        raise TypeError(f"audio is made from fractions or whole numbers, not {taken.dtype}")
    shape = taken.shape
    if len(shape) == 1:
        return shape[0]
    if len(shape) == 2:
        samples, channels = reversed(shape) if _channels_first(taken) else shape
        if 1 <= channels <= _MAX_CHANNELS:
            return samples
    raise ValueError(f"audio has the shape (samples,) or (samples, channels), not {shape}")


def _channels_first(taken: TakenArray) -> bool:
    return taken.is_tensor and len(taken.shape) == 2 and taken.shape[0] <= min(_MAX_CHANNELS, taken.shape[1])


def _to_pcm(array: Array) -> Array:
    import numpy

    if array.dtype.kind == "f":
        scaled = numpy.nan_to_num(array.astype(numpy.float64), nan=0.0, posinf=1.0, neginf=-1.0)
        return numpy.rint(scaled.clip(-1, 1) * 32767).astype("<i2")
    if array.dtype.itemsize == 1:
        # WAV's 8 bits are unsigned.
        return array if array.dtype.kind == "u" else (array.astype(numpy.int16) + 128).astype(numpy.uint8)
    if array.dtype == numpy.int16:
        return array.astype("<i2")
    return array.clip(-(1 << 31), (1 << 31) - 1).astype("<i4")

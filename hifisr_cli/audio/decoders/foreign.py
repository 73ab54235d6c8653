"""Recordings that libsndfile does not read: M4A and AAC, ALAC, WMA, AC-3, AMR, the sound of video files.

PyAV decodes them where it is installed (the extra `av`) and does what it did, else the ffmpeg and ffprobe on the PATH.
The content decides which kind a file is, and the decoder is told that kind: nothing that a file says makes it open
another one (playlists are no kind).
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from hifisr_cli.audio.containers.signatures import FileKind
from hifisr_cli.audio.recording import BrokenOffError, RecordingFile, Source
from hifisr_cli.errors import NotAudioError, UnsupportedError

if TYPE_CHECKING:
    from hifisr_cli.audio.recording import Block
    from hifisr_cli.results import AudioInfo

CURE = "install PyAV with: pip install 'hifisr[av]', or put ffmpeg on the PATH"
_OTHER_CURE = "install another version of PyAV (16 to 19 are known to do), or put ffmpeg on the PATH"


@dataclass(frozen=True, slots=True)
class ForeignFile:
    """A file that libsndfile does not read.

    Attributes:
        start: where it begins, behind tags of another kind.
    """

    path: Path
    file: RecordingFile
    start: int
    kind: FileKind

    @property
    def demuxer(self) -> str:
        """ffmpeg's name of its kind."""
        return self.kind.demuxer or ""

    @property
    def container(self) -> str:
        """What the facts about the recording call it."""
        return self.kind.container or self.kind.name


class _Opener(Protocol):
    def __call__(self, foreign: ForeignFile, stack: ExitStack, *, tolerant: bool) -> Source: ...


class _ChangedError(Exception):
    """PyAV is damaged, or its functions are no longer those that were known here."""


class CannotOpenError(Exception):
    """The decoder makes nothing of it; the message says why, as the end of a sentence."""


def has_decoder() -> bool:
    """Whether such recordings can be decoded here."""
    return bool(_openers())


def open_foreign(foreign: ForeignFile, stack: ExitStack, *, tolerant: bool) -> Source:
    """The first sound track of a file, closed with `stack`.

    Args:
        foreign: the file.
        tolerant: skip what is damaged, and tell of it afterwards, instead of ending there.

    Raises:
        UnsupportedError: there is no decoder for it here.
        NotAudioError: it cannot be decoded, or has no sound.
    """
    openers = _openers()
    path, container = foreign.path, foreign.container
    if foreign.kind.demuxer is None:
        raise UnsupportedError(
            f"is a {container} file, for which there is no free decoder",
            path=path,
            hint="export it as WAV from the program that plays it",
        )
    if not openers:
        raise UnsupportedError(f"is a {container} file, which needs another decoder", path=path, hint=CURE)
    strange: Exception | None = None
    for opener in openers:
        try:
            return opener(foreign, stack, tolerant=tolerant)
        except CannotOpenError as error:
            raise NotAudioError(
                f"cannot be decoded: {error}", path=path, hint="copy it again, or convert it to WAV or FLAC"
            ) from error
        except _ChangedError as error:
            strange = error
    raise UnsupportedError(
        f"is a {container} file, which this PyAV does not read as it should: {strange}", path=path, hint=_OTHER_CURE
    ) from strange


def _openers() -> list[_Opener]:
    """What decodes here, the best first."""
    openers: list[_Opener] = []
    if os.environ.get("HIFISR_DECODER") != "ffmpeg" and importlib.util.find_spec("av") is not None:
        openers.append(_open_av)
    if shutil.which("ffmpeg") and shutil.which("ffprobe"):
        openers.append(_open_ffmpeg)
    return openers


def _open_av(foreign: ForeignFile, stack: ExitStack, *, tolerant: bool) -> Source:
    try:
        from hifisr_cli.audio.decoders.pyav import open_av

        return open_av(foreign, stack, tolerant=tolerant)
    except (ImportError, AttributeError, TypeError) as error:
        raise _ChangedError(str(error)) from error


def _open_ffmpeg(foreign: ForeignFile, stack: ExitStack, *, tolerant: bool) -> Source:
    from hifisr_cli.audio.decoders.ffmpeg import open_ffmpeg

    return open_ffmpeg(foreign, stack, tolerant=tolerant)


class Completeness:
    """Counts samples against the length that a container promises, to a tenth of a second and 2 %: few are exact."""

    def __init__(self, seconds: float | None, sample_rate: int) -> None:
        self._seconds, self._rate = seconds, sample_rate
        self._done, self._told = 0, False

    def add(self, frames: int) -> None:
        self._done += frames

    def check(self) -> None:
        """At the end.

        Raises:
            BrokenOffError: there was too little, once.
        """
        done = self._done / self._rate
        if self._seconds is not None and not self._told and done < 0.98 * self._seconds - 0.1:
            self._told = True
            raise BrokenOffError(f"it breaks off after {done:.3f} of {self._seconds:.3f} s")


def first_of(tracks: int) -> tuple[str, ...]:
    """A word about a file of several sound tracks."""
    return (f"the first of {tracks} sound tracks was taken",) if tracks > 1 else ()


def parse_duration(text: object) -> float | None:
    """Seconds from the H:MM:SS.FFF of a Matroska track's tag, None where it is none."""
    match = re.fullmatch(r"(\d{1,6}):(\d\d):(\d\d(?:\.\d+)?)", str(text), re.ASCII)
    return None if match is None else 3600.0 * int(match[1]) + 60.0 * int(match[2]) + float(match[3])


class Gathered:
    """Blocks [C, T] of any length, handed out in the lengths that are asked for."""

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._parts: list[Block] = []
        self.frames = 0

    def put(self, block: Block) -> None:
        self._parts.append(block)
        self.frames += block.shape[1]

    def take(self, frames: int) -> Block:
        """The first `frames` samples, or all that there are."""
        import numpy as np

        joined = np.concatenate(self._parts, axis=1) if self._parts else np.zeros((self._channels, 0), np.float32)
        self._parts = [joined[:, frames:]] if joined.shape[1] > frames else []
        self.frames = max(0, joined.shape[1] - frames)
        return np.ascontiguousarray(joined[:, :frames])


_BITS = {"alac", "flac", "wavpack", "ape", "tta", "mlp", "truehd", "shorten", "tak", "als"}
_LINEAR = {"u8": 8, "s8": 8, "s16": 16, "s24": 24, "s32": 32, "f32": 32, "f64": 64}


def describe(
    container: str, *, codec: str, sample_rate: int, channels: int, stored_bits: int, sample_bits: int
) -> AudioInfo:
    """The facts about a sound track.

    Args:
        codec: ffmpeg's name of it.
        stored_bits: bits a sample that the stream states, 0 where it does not.
        sample_bits: bits a sample that the decoder gives.
    """
    from hifisr_cli.results import AudioInfo

    bits, is_float = None, False
    if codec.startswith("pcm_") and codec not in ("pcm_mulaw", "pcm_alaw"):
        word = codec.removeprefix("pcm_")
        bits = next((size for name, size in _LINEAR.items() if word.startswith(name)), sample_bits)
        is_float = word.startswith("f")
    elif codec in _BITS:
        bits = stored_bits or sample_bits
    elif codec.startswith("dsd"):
        bits = 24
    lossy = bits is None and codec not in ("pcm_mulaw", "pcm_alaw")
    return AudioInfo(container, codec.upper(), sample_rate, channels, None, bits, is_float, lossy)

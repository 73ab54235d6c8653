"""A sound track that PyAV or ffmpeg decodes: what both need to know of its file, and say of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hifisr_cli.audio.containers.extent import WHOLE, Extent
from hifisr_cli.audio.containers.signatures import FileKind
from hifisr_cli.audio.recording import Block, RecordingFile, Source

if TYPE_CHECKING:
    from hifisr_cli.results import AudioInfo

CURE = "install PyAV with: pip install 'hifisr[av]', or put ffmpeg on the PATH"


@dataclass(frozen=True, slots=True)
class ForeignFile:
    """A file that libsndfile does not read.

    Attributes:
        start: where it begins, behind tags of another kind.
        extent: how much there is of it.
    """

    path: Path
    file: RecordingFile
    start: int
    kind: FileKind
    extent: Extent = WHOLE

    @property
    def end(self) -> int:
        """Where it ends: what lies behind is nothing for a decoder."""
        return self.file.size if self.extent.end is None else self.extent.end

    @property
    def demuxer(self) -> str:
        """ffmpeg's name of its kind."""
        return self.kind.demuxer or ""

    @property
    def is_excerpt(self) -> bool:
        """It may begin and end in the middle of a frame, as recordings of broadcasts and parts of a DVD do."""
        return self.kind.name in ("MPEG-PS", "MPEG-TS")

    @property
    def container(self) -> str:
        """What the facts about the recording call it."""
        return self.kind.container or self.kind.name


class CannotOpenError(Exception):
    """The decoder makes nothing of it; the message says why, as the end of a sentence."""


CUT_EDGES = "it begins or ends in the middle of a frame"
"""A word about an excerpt."""


def first_of(tracks: int) -> tuple[str, ...]:
    """A word about a file of several sound tracks."""
    return (f"the first of {tracks} sound tracks was taken",) if tracks > 1 else ()


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


class Trimmed(Source):
    """What a decoder gives without its delay in front and the rest of its last frame behind, which are no sound."""

    def __init__(self, inner: Source, skipped: int, frames: int) -> None:
        self._inner, self._skipped, self._left = inner, skipped, frames
        self.info, self.told = inner.info, inner.told  # type: ignore[method-assign]

    def read(self, frames: int) -> Block:
        while self._skipped and (block := self._inner.read(self._skipped)).shape[1]:
            self._skipped -= block.shape[1]
        block = self._inner.read(min(frames, self._left)) if self._left else self._inner.read(frames)[:, :0]
        self._left -= block.shape[1]
        self.lost, self.notes = self._inner.lost, self._inner.notes
        return block


def plain_words(text: str) -> str:
    """What FFmpeg says of an error, as the end of a sentence."""
    text = text.strip().rstrip(".")
    if text.startswith("Error number"):  # one that it has no words for
        return "there is something else between its frames"
    if "patches welcome" in text:
        return "FFmpeg does not know this form of it"
    return text[:1].lower() + text[1:]

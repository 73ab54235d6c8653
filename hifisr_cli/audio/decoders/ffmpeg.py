"""Decoding through the ffmpeg and ffprobe on the PATH: a process of its own, whose samples come through a pipe."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from contextlib import ExitStack
from typing import IO, Any

import numpy as np

from hifisr_cli.audio.decoders.track import (
    CURE,
    CUT_EDGES,
    CannotOpenError,
    ForeignFile,
    describe,
    first_of,
    plain_words,
)
from hifisr_cli.audio.metadata.told import Told, picture_type
from hifisr_cli.audio.recording import Block, BrokenOffError, Source, check_limits
from hifisr_cli.errors import UnsupportedError
from hifisr_cli.system.files import readable_within

_PROBE_SECONDS, _STALL_SECONDS = 30, 60
_UNDECODED, _EDGES = ("Error while decoding", "[dec:", "Error submitting"), 2
"""How lines about a frame that cannot be decoded begin, of several versions. Of an excerpt two frames may be cut."""
_QUIET = ("-v", "error", "-protocol_whitelist", "file,pipe,subfile")
_FACTS = "codec_type,codec_name,sample_rate,channels,bits_per_raw_sample,bits_per_sample,sample_fmt"
_ENTRIES = f"stream={_FACTS}:stream_disposition=attached_pic:stream_tags:format_tags:chapter=start_time:chapter_tags"


def open_ffmpeg(foreign: ForeignFile, stack: ExitStack, *, tolerant: bool) -> FfmpegSource:
    """The first sound track of a file. Raises CannotOpenError, UnsupportedError."""
    # A process of its own opens the file by its name.
    source = ["-f", foreign.demuxer, "-i", _address(foreign)]
    found = _probe(source)
    tracks = [stream for stream in found.get("streams", []) if stream.get("codec_type") == "audio"]
    if not tracks:
        raise CannotOpenError("it has no sound track")
    facts = tracks[0]
    try:
        rate, channels = int(facts["sample_rate"]), int(facts["channels"])
    except (KeyError, ValueError) as error:
        raise CannotOpenError("its sound track is damaged") from error
    check_limits(foreign.path, sample_rate=rate, channels=channels)
    said = stack.enter_context(tempfile.TemporaryFile(prefix="hifisr-"))  # noqa: SIM115
    process = subprocess.Popen(
        [
            *("ffmpeg", "-nostdin", *_QUIET, *source, "-map", "0:a:0", "-vn", "-sn", "-dn"),
            *("-ar", str(rate), "-ac", str(channels), "-c:a", "pcm_f32le", "-f", "f32le", "pipe:1"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=said,
    )
    stack.callback(_end, process)
    return FfmpegSource(process, said, found, tracks, foreign, tolerant=tolerant)


class FfmpegSource(Source):
    """The samples that an ffmpeg process writes."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        said: IO[bytes],
        found: dict[str, Any],
        tracks: list[dict[str, Any]],
        foreign: ForeignFile,
        *,
        tolerant: bool,
    ) -> None:
        self._process, self._said, self._tolerant = process, said, tolerant
        self._found, facts = found, tracks[0]
        self._track_tags: dict[str, str] = facts.get("tags", {})
        self._ahead, self._is_excerpt = b"", foreign.is_excerpt
        self.notes = first_of(len(tracks))
        form = str(facts.get("sample_fmt", "fltp")).removesuffix("p")
        self.info = describe(
            foreign.container,
            codec=str(facts.get("codec_name", "unknown")),
            sample_rate=int(facts["sample_rate"]),
            channels=int(facts["channels"]),
            stored_bits=_number(facts.get("bits_per_raw_sample")) or _number(facts.get("bits_per_sample")),
            sample_bits={"u8": 8, "s16": 16, "s32": 32}.get(form, 32),
        )
        self._ended = False
        # A version that knows the header but not the codec (32 bits in FLAC, before 6) ends well without any sample.
        self._ahead = self._pull(4 * self.info.channels)
        if not self._ahead and foreign.extent.frames and not self._complaints():
            raise UnsupportedError(
                f"is a {foreign.container} file of a kind that this version of ffmpeg does not decode",
                path=foreign.path,
                hint=CURE,
            )

    def told(self) -> Told:
        others = [of for of in self._found["streams"] if of.get("codec_type") != "audio"]
        covers = [of for of in others if of.get("disposition", {}).get("attached_pic")]
        attached = [of.get("tags", {}).get("filename", "") for of in others if of.get("codec_type") == "attachment"]
        return Told(
            self._found.get("format", {}).get("tags", {}),
            self._track_tags,
            tuple(
                (float(of["start_time"]), of.get("tags", {}).get("title", "")) for of in self._found.get("chapters", [])
            ),
            unread=tuple(picture_type(of.get("codec_name", "")) for of in covers),
            left_out=tuple(attached),
        )

    def read(self, frames: int) -> Block:
        size = 4 * self.info.channels
        data = b"" if self._ended else self._pull(frames * size)
        got = len(data) // size
        if got == 0 and not self._ended:
            self._ended = True
            self._conclude()
        samples = np.frombuffer(data[: got * size], "<f4").astype(np.float32, copy=False)
        return np.ascontiguousarray(samples.reshape(got, self.info.channels).T)

    def _pull(self, size: int) -> bytes:
        pipe = self._process.stdout
        if pipe is None:
            return b""
        data, self._ahead = bytearray(self._ahead), b""
        while len(data) < size:
            if not readable_within(pipe.fileno(), _STALL_SECONDS):
                raise BrokenOffError("the decoder hangs")
            part = os.read(pipe.fileno(), min(size - len(data), 1 << 20))
            if not part:
                break
            data += part
        return bytes(data)

    def _conclude(self) -> None:
        """ffmpeg ends well after an error, too: what it said counts."""
        status = self._process.wait()
        lines = self._complaints()
        if self._is_excerpt and 0 < sum(line.startswith(_UNDECODED) for line in lines) <= _EDGES:
            self.notes += (CUT_EDGES,)
        elif lines and self._tolerant:
            self.lost = f"damaged pieces were skipped: {_last_words(lines[0])}"
        elif lines or status != 0:
            why = _last_words(lines[0]) if lines else f"ffmpeg ended with status {status}"
            raise BrokenOffError(f"the sound cannot be decoded to its end: {why}")

    def _complaints(self) -> list[str]:
        self._process.wait()
        self._said.seek(0)
        return self._said.read(1 << 16).decode("utf-8", "replace").splitlines()


def _probe(source: list[str]) -> dict[str, Any]:
    """What ffprobe says."""
    command = ["ffprobe", *_QUIET, "-show_entries", _ENTRIES, "-of", "json"]
    try:
        ended = subprocess.run(
            [*command, *source], stdin=subprocess.DEVNULL, capture_output=True, timeout=_PROBE_SECONDS, check=False
        )
        found = json.loads(ended.stdout or b"{}")
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise CannotOpenError("ffprobe makes nothing of it") from error
    if ended.returncode != 0:
        lines = ended.stderr.decode("utf-8", "replace").splitlines() or ["ffprobe makes nothing of it"]
        raise CannotOpenError(_last_words(lines[-1]))
    return dict(found)


def _address(foreign: ForeignFile) -> str:
    """The file, or the part of it that a decoder should see, as it seeks in it."""
    part = f"subfile,,start,{foreign.start},end,{foreign.end},,:" if foreign.start or foreign.extent.end else ""
    return f"{part}file:{foreign.path}"


def _last_words(line: str) -> str:
    """A line of ffmpeg's without the names of its parts and files."""
    return plain_words(line.rpartition("] ")[2].rpartition(": ")[2])


def _number(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        return 0


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
    if process.stdout is not None:
        process.stdout.close()
    process.wait()

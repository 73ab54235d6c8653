"""Recordings that libsndfile does not read: M4A and AAC, ALAC, WMA, AC-3, AMR, the sound of video files.

PyAV decodes them where it is installed (the extra `av`) and does what it did, else the ffmpeg and ffprobe on the PATH.
The content decides which kind a file is, and the decoder is told that kind: nothing that a file says makes it open
another one (playlists are no kind).
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

from hifisr_cli.audio.completeness import Damage
from hifisr_cli.audio.containers import counts, frames, videos
from hifisr_cli.audio.containers.chunked import chunked_extent
from hifisr_cli.audio.containers.ebml import matroska_extent
from hifisr_cli.audio.containers.extent import WHOLE, Extent
from hifisr_cli.audio.containers.mp4 import mp4_extent
from hifisr_cli.audio.containers.riff import LAYOUTS
from hifisr_cli.audio.containers.signatures import FileIdentity, ReadAt
from hifisr_cli.audio.decoders.amr import open_speech
from hifisr_cli.audio.decoders.track import CURE, CannotOpenError, ForeignFile, Trimmed
from hifisr_cli.audio.recording import RecordingFile, Source, truncated
from hifisr_cli.errors import NotAudioError, UnsupportedError

_OTHER_CURE = "install another version of PyAV (16 to 19 are known to do), or put ffmpeg on the PATH"


_EXTENTS: dict[str, Callable[[ReadAt, int, int], Extent]] = {
    "MP4": mp4_extent,
    "MATROSKA": matroska_extent,
    "ASF": videos.asf_extent,
    "AVI": videos.avi_extent,
    "FLV": videos.flv_extent,
    "REALMEDIA": videos.real_extent,
    "MPEG-TS": videos.ts_extent,
    "MPEG-PS": videos.ps_extent,
    "AAC": frames.adts_extent,
    "AC3": frames.ac3_extent,
    "EAC3": frames.ac3_extent,
    "DTS": frames.dts_extent,
    "MLP": frames.mlp_extent,
    "TRUEHD": frames.mlp_extent,
    "WAVPACK": counts.wavpack_extent,
    "APE": counts.ape_extent,
    "TTA": counts.tta_extent,
    "TAK": counts.tak_extent,
    "MUSEPACK": counts.musepack_extent,
    "DSF": counts.dsf_extent,
    "FLAC": counts.flac_extent,
    **{kind: partial(chunked_extent, kind) for kind in LAYOUTS},
}
"""How much there is of a file of each kind, by its structure: from where it starts to where the file ends."""


class _OpenWith(Protocol):
    def __call__(self, foreign: ForeignFile, stack: ExitStack, *, tolerant: bool) -> Source: ...


class _ChangedError(Exception):
    """PyAV is damaged, or its functions are no longer those that were known here."""


def has_decoder() -> bool:
    """Whether such recordings can be decoded here."""
    return bool(_openers())


def open_foreign(
    path: Path, file: RecordingFile, what: FileIdentity, stack: ExitStack, *, tolerant: bool
) -> tuple[Source, Damage | None, tuple[str, ...]]:
    """The first sound track of a file of a kind that has a demuxer; what is missing of it, and words about it.

    Args:
        stack: closes it.
        tolerant: take what is damaged, too; skip what cannot be decoded, and tell of it afterwards.

    Raises:
        TruncatedError: something is missing. UnsupportedError: there is no decoder for it here.
        NotAudioError: it cannot be decoded, or has no sound.
    """
    if what.kind is None:
        raise ValueError("a file of no known kind")
    measure = _EXTENTS.get(what.kind.name)
    extent = WHOLE if measure is None else measure(file.at, what.start, file.size)
    if extent.damage is not None and not tolerant:
        raise truncated(path, extent.damage.detail)
    foreign = ForeignFile(path, file, what.start, what.kind, extent)
    decoding = partial(_decode, stack=stack, tolerant=tolerant)
    source = open_speech(foreign, stack, decoding) or decoding(foreign)
    if extent.skipped and extent.frames is not None:
        source = Trimmed(source, extent.skipped, extent.frames)
    info = source.info
    bits = None if info.lossy else extent.bits or info.bits
    source.info = replace(info, frames=extent.frames if info.frames is None else info.frames, bits=bits)
    return source, extent.damage, extent.notes


def _decode(foreign: ForeignFile, stack: ExitStack, *, tolerant: bool) -> Source:
    """What a decoder makes of a file, the best that there is. Raises as `open_foreign`."""
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


def _openers() -> list[_OpenWith]:
    """What decodes here, the best first."""
    openers: list[_OpenWith] = []
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

"""In which format an output is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hifisr_cli.errors import UnsupportedError, UsageError
from hifisr_cli.results import AudioInfo, Container

Requested = Literal["wav", "flac", "raw", "keep"]
BitDepth = Literal["keep", "16", "24", "32f"]

_WRITABLE: dict[str, Container] = {
    ".wav": "wav",
    ".wave": "wav",
    ".bwf": "wav",
    ".rf64": "wav",
    ".flac": "flac",
    ".ogg": "ogg",
    ".oga": "ogg",
    ".opus": "ogg",
    ".mp3": "mp3",
    ".aiff": "aiff",
    ".aif": "aiff",
}
WRITABLE_SUFFIXES = frozenset(_WRITABLE)
"""Suffixes that an output file may have."""

RAW_SUFFIX = ".raw"
"""Suffix of samples without a header, which are written where they are asked for and in no other case."""

# What libsndfile calls the containers that an output can keep.
_FAMILIES: dict[str, Container] = {
    "WAV": "wav",
    "WAVEX": "wav",
    "RF64": "wav",
    "W64": "wav",
    "AIFF": "aiff",
    "FLAC": "flac",
    "OGG": "ogg",
    "MP3": "mp3",
}
_MAX_CHANNELS: dict[Container, int] = {"mp3": 2, "flac": 8}


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """How an output is written, always at 48 kHz.

    Attributes:
        container: the kind of file.
        codec: libsndfile's subtype: PCM_16, PCM_24, PCM_32, FLOAT, VORBIS, OPUS, MPEG_LAYER_III.
        bits: bits a sample; None for lossy codecs.
        suffix: the usual suffix of such a file, with its dot.
    """

    container: Container
    codec: str
    bits: int | None
    suffix: str


def kept_suffix(suffix: str) -> str:
    """Suffix of an output that keeps the format of an input named so: its own where it can be written, else .wav."""
    return suffix if suffix.lower() in _WRITABLE else ".wav"


def check_layer_name(layer: Path, suffix: str) -> None:
    """Refuses the name of a file for the added layer that is not in the format of its output.

    Args:
        suffix: of the output, or of its format.

    Raises:
        UsageError: it has the suffix of another format.
    """
    kinds = {**_WRITABLE, RAW_SUFFIX: "raw"}
    if kinds.get(layer.suffix.lower()) != kinds.get(suffix.lower()):
        raise UsageError("the layer has the format of the output", path=layer, hint=f"name it {suffix}")


def choose_format(
    info: AudioInfo, *, requested: Requested | None, bit_depth: BitDepth, suffix: str | None
) -> OutputFormat:
    """The format of the output of a recording.

    Args:
        info: of the recording.
        requested: "wav", "flac", "raw" (samples without a header), "keep" (the kind of the input where it can be
            written, else WAV), or None.
        bit_depth: "keep" is the input's but at least 24; floating-point inputs stay so in WAV, and get 24 bits in
            containers of integers. Lossy codecs have no bit depth.
        suffix: of the output file, if it has a name; it decides where `requested` is None (WAV without a name), and
            under "keep" it wins over the content of the input, so that the name of the output does not lie.

    Raises:
        UsageError: a suffix that cannot be written or contradicts the request; floating point in FLAC.
        UnsupportedError: too many channels for the container.
    """
    name = None if suffix is None else suffix.lower()
    container = _choose_container(info, requested, name)
    limit = _MAX_CHANNELS.get(container)
    if limit is not None and info.channels > limit:
        raise UnsupportedError(
            f"{container.upper()} holds at most {limit} channels, not {info.channels}", hint="write WAV instead"
        )
    match container:
        case "mp3":
            return OutputFormat("mp3", "MPEG_LAYER_III", None, ".mp3")
        case "ogg":
            opus = name == ".opus" or (requested == "keep" and info.codec == "OPUS")
            return OutputFormat("ogg", "OPUS", None, ".opus") if opus else OutputFormat("ogg", "VORBIS", None, ".ogg")
        case "wav" | "raw":
            return _pcm(container, _wav_bits(info, bit_depth))
        case _:
            if bit_depth == "32f" and requested != "keep":
                raise UsageError(
                    f"{container.upper()} files hold integers here, not floating point",
                    hint="choose --bit-depth 24, or WAV",
                )
            return _pcm(container, 16 if bit_depth == "16" else 24)


def _choose_container(info: AudioInfo, requested: Requested | None, name: str | None) -> Container:
    named = None if name is None else _WRITABLE.get(name)
    if requested == "keep":
        return named or _FAMILIES.get(info.container, "wav")
    if requested is not None:
        if requested == "raw" and name == RAW_SUFFIX:
            return requested
        if named not in (None, requested):
            raise UsageError(
                f"--format {requested} contradicts the suffix {name} of the output", hint="leave one of them out"
            )
        return requested
    if name is None:
        return "wav"
    if named is None:
        raise UsageError(
            f"cannot write {name or 'a file without a suffix'}",
            hint=f"name the output {', '.join(sorted(WRITABLE_SUFFIXES))}, or give --format",
        )
    return named


def _wav_bits(info: AudioInfo, bit_depth: BitDepth) -> Literal[16, 24, 32] | None:
    """Bits of the integers of a WAV file, None for 32-bit floating point."""
    match bit_depth:
        case "16":
            return 16
        case "24":
            return 24
        case "32f":
            return None
        case "keep":
            if info.is_float:
                return None
            return 32 if info.bits is not None and info.bits > 24 else 24


def _pcm(container: Container, bits: Literal[16, 24, 32] | None) -> OutputFormat:
    suffix = f".{container}"
    if bits is None:
        return OutputFormat(container, "FLOAT", 32, suffix)
    return OutputFormat(container, f"PCM_{bits}", bits, suffix)

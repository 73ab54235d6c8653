"""Samples without a header: what `--raw` describes, and what a WAV stream holds after its header."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from hifisr_cli.audio.recording import Block, Source
from hifisr_cli.errors import UsageError
from hifisr_cli.results import AudioInfo


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a sample is stored.

    Attributes:
        name: as ffmpeg calls it.
        bytes: of a sample, or of the least that can be decoded.
        codec: libsndfile's name.
        bits: bits a sample; None for companded and coded ones.
        samples: in those bytes.
    """

    name: str
    bytes: int
    codec: str
    bits: int | None
    samples: int = 1

    @property
    def is_float(self) -> bool:
        return self.codec in ("FLOAT", "DOUBLE")


_LINEAR = (("s16", 2, "PCM_16", 16), ("s24", 3, "PCM_24", 24), ("s32", 4, "PCM_32", 32),
           ("f32", 4, "FLOAT", 32), ("f64", 8, "DOUBLE", 64))  # fmt: skip
_ALL = [
    Encoding("u8", 1, "PCM_U8", 8),
    Encoding("s8", 1, "PCM_S8", 8),
    *(Encoding(name + order, size, codec, bits) for name, size, codec, bits in _LINEAR for order in ("le", "be")),
    Encoding("mulaw", 1, "ULAW", None),
    Encoding("alaw", 1, "ALAW", None),
]
ENCODINGS = {encoding.name: encoding for encoding in _ALL}
"""All encodings by their names: u8, s8, s16le, s16be, s24le, ... f64be, mulaw, alaw."""

_CODED = (
    Encoding("gsm", 33, "GSM610", None, 160),
    Encoding("vox", 1, "VOX_ADPCM", None, 2),
    Encoding("ima", 1, "IMA_ADPCM", None, 2),
    Encoding("g722", 1, "ADPCM_G722", None, 2),
)
CODED = {encoding.name: encoding for encoding in _CODED}
"""Codecs of one channel: GSM full rate, Dialogic's and IMA's ADPCM, G.722 (64 kbit/s)."""

_G722_RATE = 16_000
_NAMES = ENCODINGS | CODED | {"ulaw": ENCODINGS["mulaw"]} | {name: ENCODINGS[f"{name}le"] for name, *_ in _LINEAR}


@dataclass(frozen=True, slots=True)
class RawFormat:
    """What a header would say: Hz, number of channels, how a sample is stored (a name in `ENCODINGS` or `CODED`)."""

    sample_rate: int
    channels: int
    encoding: str

    @property
    def frame_bytes(self) -> int:
        return self.channels * ENCODINGS[self.encoding].bytes

    def describe(self, container: str, frames: int | None) -> AudioInfo:
        """The facts about a recording of this kind."""
        encoding = _NAMES[self.encoding]
        return AudioInfo(
            container=container,
            codec=encoding.codec,
            sample_rate=self.sample_rate,
            channels=self.channels,
            frames=frames,
            bits=encoding.bits,
            is_float=encoding.is_float,
            lossy=encoding.name in CODED,
        )


def parse_raw(text: str) -> RawFormat:
    """The value of `--raw`: RATE,CHANNELS,FORMAT, for example 8000,1,mulaw.

    Raises:
        UsageError: it is none.
    """
    parts = [part.strip().lower() for part in text.split(",")]
    hint = f"say RATE,CHANNELS,FORMAT, for example 16000,1,s16le; formats: {' '.join([*ENCODINGS, *CODED])}"
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) <= 10 for part in parts[:2]):
        raise UsageError(f"--raw {text!r} does not describe samples", hint=hint)
    if parts[2] not in _NAMES:
        raise UsageError(f"--raw {text!r} names an unknown format", hint=hint)
    form = RawFormat(int(parts[0]), int(parts[1]), _NAMES[parts[2]].name)
    if form.encoding in CODED and form.channels != 1:
        raise UsageError(f"--raw {text!r}: {form.encoding} has one channel", hint=f"say {parts[0]},1,{form.encoding}")
    if form.encoding == "g722" and form.sample_rate != _G722_RATE:  # some protocols say 8000 and mean this
        raise UsageError(f"--raw {text!r}: G.722 has {_G722_RATE} Hz", hint=f"say {_G722_RATE},1,g722")
    return form


class RawSource(Source):
    """Samples from bytes.

    Args:
        pull: gives up to that many bytes, none at the end.
        form: of the samples.
        frames: how many there should be; reading stops there. None: to the end.
        container: for the facts.
    """

    def __init__(
        self, pull: Callable[[int], bytes], form: RawFormat, *, frames: int | None = None, container: str = "RAW"
    ) -> None:
        self._pull, self._form, self._left = pull, form, frames
        self.info = form.describe(container, frames)

    def read(self, frames: int) -> Block:
        wanted = frames if self._left is None else min(frames, self._left)
        size = self._form.frame_bytes
        data = bytearray()
        while len(data) < wanted * size:
            part = self._pull(wanted * size - len(data))
            if not part:
                break
            data += part
        got, rest = divmod(len(data), size)
        if rest:
            count = "byte is" if rest == 1 else f"{rest} bytes are"
            self.notes = (f"its last {count} no whole sample and left out",)
        if self._left is not None:
            self._left -= got
        samples = decode_samples(bytes(data[: got * size]), self._form.encoding)
        return np.ascontiguousarray(samples.reshape(got, self._form.channels).T)


def decode_samples(data: bytes, encoding: str) -> npt.NDArray[np.float32]:
    """Whole samples as float32 [N] with full scale 1, as libsndfile scales them."""
    match encoding:
        case "mulaw":
            return _mulaw_table()[np.frombuffer(data, np.uint8)]
        case "alaw":
            return _alaw_table()[np.frombuffer(data, np.uint8)]
        case "u8":
            return (np.frombuffer(data, np.uint8).astype(np.float32) - 128.0) / np.float32(128.0)
        case "s24le" | "s24be":
            octets = np.frombuffer(data, np.uint8).reshape(-1, 3)[:, :: 1 if encoding == "s24le" else -1]
            wide = np.zeros((len(octets), 4), np.uint8)
            wide[:, 1:] = octets
            return wide.view("<i4")[:, 0].astype(np.float32) / np.float32(1 << 31)
    order = ">" if encoding.endswith("be") else "<"
    kind, size = encoding[0], int("".join(filter(str.isdigit, encoding))) // 8
    samples = np.frombuffer(data, np.dtype(f"{order}{'i' if kind == 's' else 'f'}{size}"))
    if kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):  # too large for float32: infinite, which is reported
            return samples.astype(np.float32)
    return samples.astype(np.float32) / np.float32(1 << (8 * size - 1))


@cache
def _mulaw_table() -> npt.NDArray[np.float32]:
    """ITU-T G.711: 8 bits, all inverted: sign, exponent of three bits, mantissa of four."""
    code = ~np.arange(256, dtype=np.uint8)
    exponent, mantissa = (code >> 4 & 7).astype(np.int64), (code & 15).astype(np.int64)
    magnitude = ((2 * mantissa + 33) << exponent) - 33
    return (np.where(code & 128, -magnitude, magnitude) * 4 / 32768).astype(np.float32)


@cache
def _alaw_table() -> npt.NDArray[np.float32]:
    """ITU-T G.711: every other bit inverted: sign (set: positive), exponent, mantissa."""
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent, mantissa = (code >> 4 & 7).astype(np.int64), (code & 15).astype(np.int64)
    magnitude = np.where(exponent == 0, 2 * mantissa + 1, (2 * mantissa + 33) << np.maximum(exponent - 1, 0))
    return (np.where(code & 128, magnitude, -magnitude) * 8 / 32768).astype(np.float32)

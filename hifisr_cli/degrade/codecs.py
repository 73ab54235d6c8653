"""Codecs encode and decode in memory here, as telephones, old files and downloads did with recordings.

Training and the bench share them, so that both speak of the same damage.
"""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hifisr_cli.arrays import Wave
from hifisr_cli.errors import UsageError

_STRONGEST = 0.999  # compression level; libsndfile 1.2 refuses 1.0 for MP3


@dataclass(frozen=True, slots=True)
class Codec:
    """A codec at one setting.

    Attributes:
        container, codec: as libsndfile names them.
        rates: sample rates that it knows, in Hz; empty for any.
        kbps: bit rate; None where the codec has only one.
        kbps_range: from libsndfile's strongest compression to its weakest.
        lead: samples by which the decoded sound is late when its container does not say so.
    """

    container: str
    codec: str
    rates: tuple[int, ...] = ()
    kbps: float | None = None
    kbps_range: tuple[float, float] = (0.0, 0.0)
    lead: int = 0

    def __call__(self, wave: Wave, rate: int) -> Wave:
        """Encodes and decodes a waveform: [T] -> [T], in step with the input."""
        import soundfile

        options: dict[str, object] = {}
        if self.kbps is not None:
            low, high = self.kbps_range
            options["compression_level"] = min(max((high - self.kbps) / (high - low), 0.0), _STRONGEST)
        if self.container == "MP3":
            options["bitrate_mode"] = "CONSTANT"
        buffer = io.BytesIO()
        limited = np.clip(wave, -1.0, 1.0)
        soundfile.write(buffer, limited, rate, format=self.container, subtype=self.codec, **options)
        buffer.seek(0)
        decoded = soundfile.read(buffer, dtype="float32")[0]
        if decoded.size > wave.size + self.lead:
            decoded = decoded[self.lead :]
        return np.asarray(np.pad(decoded[: wave.size], (0, max(wave.size - decoded.size, 0))))


@dataclass(frozen=True, slots=True)
class Aac:
    """AAC-LC as the ffmpeg on the PATH makes it.

    Attributes:
        kbps: bit rate of one channel.
    """

    kbps: float

    def __call__(self, wave: Wave, rate: int) -> Wave:
        """Encodes and decodes a waveform: [T] -> [T], in step with the input.

        Raises:
            UsageError: ffmpeg is not installed.
        """
        program = shutil.which("ffmpeg")
        if program is None:
            raise UsageError("ffmpeg is not installed, which AAC needs", hint="install it, or leave aac out")
        raw = ("-f", "f32le", "-ar", str(rate), "-ac", "1")
        encode = (*raw, "-i", "pipe:0", "-c:a", "aac", "-b:a", f"{self.kbps:.0f}k", "-f", "adts", "pipe:1")
        decode = ("-f", "aac", "-i", "pipe:0", *raw, "pipe:1")
        data = np.clip(wave, -1.0, 1.0).astype("<f4").tobytes()
        for arguments in (encode, decode):
            # one thread and no assembly that differs: the same bytes for the same sound
            command = [program, "-nostdin", "-v", "error", "-threads", "1", "-flags", "+bitexact", *arguments]
            data = subprocess.run(command, input=data, capture_output=True, check=True).stdout
        decoded = np.frombuffer(data, "<f4")[_AAC_LEAD:]
        return np.pad(decoded[: wave.size], (0, max(wave.size - decoded.size, 0))).astype(np.float32)


_AAC_LEAD = 1024  # samples: what ffmpeg's encoder puts before the sound, and a bare stream does not tell


def has_ffmpeg() -> bool:
    """Whether the PATH has an ffmpeg."""
    return shutil.which("ffmpeg") is not None


MPEG1_RATES = (32_000, 44_100, 48_000)  # Hz
MPEG2_RATES = (16_000, 22_050, 24_000)  # Hz


def mp3(kbps: float, rates: tuple[int, ...] = MPEG2_RATES) -> Codec:
    """MPEG-1 or MPEG-2 layer III, by the rates, as LAME makes it at constant bit rate for one channel."""
    kbps_range = (32.0, 320.0) if rates == MPEG1_RATES else (8.0, 160.0)
    # Below some bit rate its frames are too small for the tag that tells of the delay: LAME's and any decoder's.
    return Codec("MP3", "MPEG_LAYER_III", rates, kbps, kbps_range, 576 + 529)


def vorbis(kbps: float) -> Codec:
    """Vorbis of the quality that gives this bit rate, from 64 kbit/s on, with two channels at 44.1 kHz."""
    return Codec("OGG", "VORBIS", (), kbps, (64.0, 224.0))


def opus(kbps: float) -> Codec:
    """Opus at about this bit rate (it varies)."""
    return Codec("OGG", "OPUS", (8_000, 12_000, 16_000, 24_000, 48_000), kbps, (6.0, 256.0))


G711 = Codec("WAV", "ULAW")
GSM = Codec("WAV", "GSM610", (8_000,))  # GSM 06.10 knows this rate only

CODECS: dict[str, Callable[[np.random.Generator], Codec | Aac]] = {
    "mp3": lambda rng: mp3(rng.uniform(32.0, 128.0), MPEG1_RATES),
    "vorbis": lambda rng: vorbis(rng.uniform(64.0, 128.0)),
    "aac": lambda rng: Aac(rng.uniform(24.0, 96.0)),
}
"""Those of downloads and players, at 48 kHz; each call draws another bit rate. A channel has half of what stereo has:
the ranges are stereo files of 48 to 128 kbit/s and mono files of as many, as far as the encoders go down."""

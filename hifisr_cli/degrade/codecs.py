"""Codecs encode and decode in memory here, as telephones and old files did with recordings.

Training and the bench share them, so that both speak of the same damage.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np

from hifisr_cli.arrays import Wave


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
            options["compression_level"] = min(max((high - self.kbps) / (high - low), 0.0), 1.0)
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


def mp3(kbps: float) -> Codec:
    """MPEG-2 layer III, as LAME makes it at constant bit rate."""
    # Below some bit rate its frames are too small for the tag that tells of the delay: LAME's and any decoder's.
    return Codec("MP3", "MPEG_LAYER_III", (16_000, 22_050, 24_000), kbps, (8.0, 160.0), 576 + 529)


def opus(kbps: float) -> Codec:
    """Opus at about this bit rate (it varies)."""
    return Codec("OGG", "OPUS", (8_000, 12_000, 16_000, 24_000, 48_000), kbps, (6.0, 256.0))


G711 = Codec("WAV", "ULAW")
GSM = Codec("WAV", "GSM610", (8_000,))  # GSM 06.10 knows this rate only

"""Recordings inside the page: as data URIs that every browser plays."""

from __future__ import annotations

import base64
import io
from pathlib import Path

EMBED_LIMIT = 200_000_000
"""Bytes of sound in one page; a browser struggles with more."""

_PLAYED_AS_THEY_ARE = {"MP3": "audio/mpeg", "OGG": "audio/ogg", "FLAC": "audio/flac"}


def data_uri(path: Path) -> str:
    """The recording as a data URI. What is not compressed becomes FLAC, which loses nothing up to 24 bits.

    Raises what decoding raises.
    """
    from hifisr_cli.audio.open import open_recording

    with open_recording(path) as recording:
        kind = _PLAYED_AS_THEY_ARE.get(recording.info.container)
        if kind is not None:
            return _uri(kind, path.read_bytes())
        import soundfile

        info, data = recording.info, io.BytesIO()
        few_bits = info.bits is None or (info.bits <= 16 and not info.is_float)
        with soundfile.SoundFile(
            data, "w", info.sample_rate, info.channels, "PCM_16" if few_bits else "PCM_24", format="FLAC"
        ) as file:
            for block in recording.blocks():
                file.write(block.T)
    return _uri("audio/flac", data.getvalue())


def embedded_size(path: Path) -> int:
    """An upper bound of the data URI's length, from the size of the file."""
    return path.stat().st_size * 4 // 3 + 64


def _uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"

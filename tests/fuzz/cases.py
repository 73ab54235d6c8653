"""Cases by number: case N is the same every time. A case is a hostile recording and the options that it is met with."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from tests.fuzz.lies import BITS, BOASTS, CHANNELS, RATES, SIZES, TAGS, boasting, lying_wav
from tests.fuzz.twists import PADDING, Content, Seed, twist

Rng = np.random.Generator

_FRAMES, _RATE = 6_000, 8_000
_EXACT = 0.001  # seconds
_EDGES = (0, 1, 2, 0x7F, 0x80, 0xFF, 1024, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF)
_WRITTEN = (
    ("WAV", "FLOAT"), ("WAV", "DOUBLE"), ("WAV", "ULAW"), ("WAV", "IMA_ADPCM"), ("WAV", "MS_ADPCM"), ("WAV", "GSM610"),
    ("WAV", "PCM_U8"), ("WAVEX", "PCM_24"), ("RF64", "PCM_16"), ("W64", "PCM_16"), ("AIFF", "PCM_24"),
    ("AIFF", "PCM_16", "LITTLE"), ("AIFF", "FLOAT"), ("AIFF", "ULAW"), ("AU", "PCM_16"), ("AU", "ALAW"),
    ("CAF", "PCM_16"), ("CAF", "ALAC_16"), ("FLAC", "PCM_24"), ("FLAC", "PCM_S8"),
    ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"),
)  # fmt: skip
_ENCODED = (
    ("m4a", "aac"), ("m4a", "alac"), ("mkv", "flac"), ("wma", "wmav2"), ("ac3", "ac3"), ("avi", "mp2"),
    ("wv", "wavpack"), ("aac", "aac"), ("tta", "tta"), ("ogg", "flac"), ("webm", "opus"),
)  # fmt: skip
_BARE = ("aac", "ac3", "ogg")  # which may follow each other
_PADDED = frozenset({"aac", "wmav2", "ac3", "mp2", "opus", "GSM610", "IMA_ADPCM", "MS_ADPCM", "MPEG_LAYER_III", "OPUS"})


@dataclass(frozen=True)
class Case:
    """A hostile recording.

    Attributes:
        what: seed and treatment, for whoever reads of a failure.
        data: the bytes of the file.
        how: "look" (`--dry-run`), "restore" (into a folder), or "pipe" (standard input to standard output).
        options: further ones.
        sound: what it holds, where that is known.
    """

    what: str
    data: bytes
    how: str
    options: tuple[str, ...]
    sound: Content | None = None


def seeds(examples: Path) -> list[Seed]:
    """Good recordings to start from: the examples, and a short sound in every format that can be made here."""
    found = [_example(path) for path in sorted(examples.iterdir()) if path.suffix in (".wav", ".flac", ".mp3")]
    sound = np.random.default_rng(1).standard_normal((_FRAMES, 2)) * 0.1
    found += [_written(sound, *form) for form in _WRITTEN]
    if ffmpeg := shutil.which("ffmpeg"):
        wav = _written(sound, "WAV", "PCM_16").data
        found += [seed for form in _ENCODED if (seed := _encoded(ffmpeg, wav, *form)) is not None]
    return found


def _written(sound: np.ndarray, container: str, codec: str, endian: str = "FILE") -> Seed:
    """By libsndfile."""
    file = io.BytesIO()
    channels = sound[:, :1] if codec == "GSM610" else sound
    soundfile.write(file, channels, _RATE, format=container, subtype=codec, endian=endian)
    return _seed(f"{container} {codec} {endian.lower()}", file.getvalue(), codec)


def _encoded(ffmpeg: str, wav: bytes, suffix: str, codec: str) -> Seed | None:
    """By the ffmpeg on the PATH, None where it has no such encoder."""
    made = subprocess.run(
        [ffmpeg, "-v", "error", "-i", "-", "-ar", "48000" if codec in ("ac3", "opus") else "16000", "-strict", "-2",
         "-c:a", codec, *_output(suffix), "pipe:1"],
        input=wav, capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode != 0 or not made.stdout:
        return None
    return _seed(f"{suffix} {codec}", made.stdout, codec, by_ffmpeg=suffix not in _BARE)


def _example(path: Path) -> Seed:
    info = soundfile.info(path)
    slack = PADDING if path.suffix == ".mp3" else _EXACT
    return Seed(path.name, path.read_bytes(), info.frames / info.samplerate, slack)


def _seed(name: str, data: bytes, codec: str, *, by_ffmpeg: bool = False) -> Seed:
    return Seed(name, data, _FRAMES / _RATE, PADDING if codec in _PADDED else _EXACT, by_ffmpeg)


def _output(suffix: str) -> list[str]:
    name = {"m4a": "mp4", "mkv": "matroska", "wma": "asf", "aac": "adts"}.get(suffix, suffix)
    return ["-f", name, *(["-movflags", "frag_keyframe+empty_moov"] if suffix == "m4a" else [])]


def make_case(number: int, good: list[Seed]) -> Case:
    """Case `number`."""
    rng = np.random.default_rng([2_026, number])
    if rng.random() < 0.4:
        what, data, sound = twist(rng, good)
        options = ("--salvage",) if rng.random() < 0.3 else ()
        return Case(f"{number}: {what}", data, str(rng.choice(["restore", "pipe"])), options, sound)
    return _spoiled(rng, number, good)


def _spoiled(rng: Rng, number: int, good: list[Seed]) -> Case:
    what, data = _lie(rng) if rng.random() < 0.25 else _mutate(rng, good)
    how = ("look", "restore", "pipe")[int(rng.choice(3, p=(0.6, 0.2, 0.2)))]
    options: list[str] = []
    if rng.random() < 0.4:
        options.append("--salvage")
    if rng.random() < 0.06:
        options += [
            "--raw",
            f"{rng.choice(RATES)},{rng.choice(CHANNELS)},{rng.choice(['s16le', 's24be', 'f32le', 'f64be', 'mulaw'])}",
        ]
    if rng.random() < 0.2:
        options += ["--format", str(rng.choice(["flac", "keep", "wav"] if how != "pipe" else ["flac", "raw", "wav"]))]
    return Case(f"{number}: {what}", data, how, tuple(options))


def _lie(rng: Rng) -> tuple[str, bytes]:
    kind = int(rng.integers(6))
    if kind == 0:
        name = str(rng.choice(BOASTS))
        return f"boast {name}", boasting(name)
    if kind == 1:
        sound = (rng.standard_normal(4_000) * 0.1).astype(rng.choice(["<f4", "<f8"]))
        sound[rng.integers(4_000, size=3)] = rng.choice([np.nan, np.inf, -np.inf, 1e30, 3e38])
        return "not finite", lying_wav(sound.tobytes(), tag=3, bits=8 * sound.itemsize)
    if kind == 2:
        minutes = int(rng.choice([1, 3, 8]))  # what takes its time honestly is no hang: 15 in a pipe take 9 s
        file = io.BytesIO()
        with soundfile.SoundFile(file, "w", 8_000, 1, "PCM_16", format="FLAC") as flac:
            for _ in range(minutes):
                flac.write(np.zeros(480_000, np.int16))
        return f"{minutes} min of silence in {len(file.getvalue())} bytes", file.getvalue()
    body = rng.bytes(int(rng.integers(0, 5_000)))
    return "lying WAV", lying_wav(
        body,
        tag=int(rng.choice(TAGS)) if rng.random() < 0.5 else 1,
        channels=int(rng.choice(CHANNELS)) if rng.random() < 0.5 else 1,
        rate=int(rng.choice(RATES)) if rng.random() < 0.5 else 8_000,
        bits=int(rng.choice(BITS)) if rng.random() < 0.5 else 16,
        size=int(rng.choice(SIZES)) if rng.random() < 0.5 else None,
        riff=int(rng.choice(SIZES)) if rng.random() < 0.3 else None,
    )


def _mutate(rng: Rng, good: list[Seed]) -> tuple[str, bytes]:
    seed = good[int(rng.integers(len(good)))]
    spoiled = bytearray(seed.data)
    names = []
    for _ in range(int(rng.integers(1, 4))):
        treatment = _TREATMENTS[int(rng.integers(len(_TREATMENTS)))]
        treatment(rng, spoiled)
        names.append(treatment.__name__.strip("_"))
    if rng.random() < 0.05:
        spoiled += good[int(rng.integers(len(good)))].data
        names.append("another recording behind it")
    return f"{seed.name}: {', '.join(names)}", bytes(spoiled)


def _place(rng: Rng, data: bytearray, length: int = 1) -> int:
    """More often in the header than anywhere else."""
    end = max(1, len(data) - length)
    return int(rng.integers(min(end, int(rng.choice([16, 64, 200, 1 << 30])))))


def _cut(rng: Rng, data: bytearray) -> None:
    del data[int(rng.integers(len(data) + 1)) :]


def _flip(rng: Rng, data: bytearray) -> None:
    for _ in range(int(rng.integers(1, 30)) if data else 0):
        data[_place(rng, data)] ^= 1 << int(rng.integers(8))


def _replace(rng: Rng, data: bytearray) -> None:
    length = int(rng.integers(1, 3_000))
    at = _place(rng, data, length) if data else 0
    size = len(data[at : at + length])
    data[at : at + length] = (bytes(size), rng.bytes(size), b"\xff" * size)[int(rng.integers(3))]


def _remove(rng: Rng, data: bytearray) -> None:
    at = _place(rng, data) if data else 0
    del data[at : at + int(rng.integers(1, 3_000))]


def _insert(rng: Rng, data: bytearray) -> None:
    at = _place(rng, data) if data else 0
    data[at:at] = rng.bytes(int(rng.integers(1, 300)))


def _repeat(rng: Rng, data: bytearray) -> None:
    at = _place(rng, data) if data else 0
    part = data[at : at + int(rng.integers(1, 3_000))]
    data[at:at] = part * int(rng.integers(1, 5))


def _edge(rng: Rng, data: bytearray) -> None:
    """A number at the edge of what its field holds."""
    form = str(rng.choice([">I", "<I", ">H", "<H", "B"]))
    if len(data) >= 4:
        struct.pack_into(
            form, data, _place(rng, data, 4), int(rng.choice(_EDGES)) & ((1 << 8 * struct.calcsize(form)) - 1)
        )


_TREATMENTS: tuple[Callable[[Rng, bytearray], None], ...] = (
    _cut,
    _flip,
    _replace,
    _remove,
    _insert,
    _repeat,
    _edge,
    _edge,
)

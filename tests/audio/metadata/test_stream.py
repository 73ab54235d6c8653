"""Tags of a stream are those of the file, and are there before the first sample is decoded."""

from __future__ import annotations

import base64
import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from hifisr_cli.audio.decoders.bytestream import ByteStream
from hifisr_cli.audio.metadata.carried import read_metadata
from hifisr_cli.audio.metadata.stream import tags_ahead
from hifisr_cli.audio.metadata.tags import Picture, Tags
from hifisr_cli.audio.open import open_recording
from hifisr_cli.audio.open_stream import open_stream

mutagen = pytest.importorskip("mutagen")

RATE = 16_000
TEXTS = [("TITLE", "Für Élise 漢"), ("ARTIST", "Ludwig"), ("ARTIST", "Elise"), ("COMMENT", "a = b"), ("CATALOG", "abc")]
COVER = Picture("image/png", 3, "Bild ä", bytes(range(256)) * 300, 4, 5, 24, 0)


class Counted(io.BytesIO):
    """A pipe that counts what was taken from it."""

    def fileno(self) -> int:
        raise OSError


def block() -> Any:
    from mutagen.flac import Picture as Block

    found = Block()
    found.mime, found.type, found.desc, found.data = COVER.mime, COVER.kind, COVER.description, COVER.data
    found.width, found.height, found.depth, found.colors = COVER.width, COVER.height, COVER.depth, COVER.colours
    return found


def tag_flac(path: Path) -> None:
    from mutagen.flac import FLAC

    file = FLAC(path)
    if file.tags is None:
        file.add_tags()
    file.tags.clear()
    file.tags.extend(TEXTS)
    file.add_picture(block())
    file.save()


def tag_ogg(path: Path) -> None:
    file = mutagen.File(path)
    file.tags.clear()
    file.tags.extend([*TEXTS, ("METADATA_BLOCK_PICTURE", base64.b64encode(block().write()).decode())])
    file.save()


def tag_mp3(path: Path) -> None:
    from mutagen.id3 import APIC, COMM, ID3, TIT2, TPE1, TSSE, TXXX

    tag = ID3()
    tag.add(TIT2(encoding=3, text=TEXTS[0][1]))
    tag.add(TPE1(encoding=3, text=["Ludwig", "Elise"]))
    tag.add(COMM(encoding=3, lang="deu", desc="", text="a = b"))
    tag.add(TXXX(encoding=3, desc="CATALOG", text="abc"))
    tag.add(TSSE(encoding=3, text="an encoder"))
    tag.add(APIC(encoding=3, mime=COVER.mime, type=3, desc=COVER.description, data=COVER.data))
    tag.save(path)


KINDS: list[tuple[str, str, Callable[[Path], None]]] = [
    ("FLAC", "PCM_16", tag_flac),
    pytest.param("OGG", "VORBIS", tag_ogg, marks=pytest.mark.posix),
    pytest.param("OGG", "OPUS", tag_ogg, marks=pytest.mark.posix),
    ("MP3", "MPEG_LAYER_III", tag_mp3),
]


def tagged(path: Path, container: str, codec: str, tag: Callable[[Path], None], seconds: float = 20.0) -> bytes:
    """A recording whose tags take 80 kB and more, and whose sound takes much more."""
    sound = np.random.default_rng(0).standard_normal(round(seconds * RATE)) * 0.1
    soundfile.write(path, sound, RATE, format=container, subtype=codec)
    tag(path)
    return path.read_bytes()


@pytest.mark.parametrize(("container", "codec", "tag"), KINDS)
def test_those_of_the_file(tmp_path: Path, container: str, codec: str, tag: Callable[[Path], None]) -> None:
    data = tagged(tmp_path / "a", container, codec, tag)
    with open_recording(tmp_path / "a") as recording:
        expected = read_metadata(recording).tags
    stream, notes = Counted(data), list[str]()
    ahead = ByteStream(stream)
    found = tags_ahead(ahead, notes)
    assert sorted(found.texts) == sorted(expected.texts) == sorted(TEXTS)
    assert [picture.data for picture in found.pictures] == [COVER.data]
    if container != "MP3":  # ID3 has no place for the sizes
        assert found.pictures == expected.pictures == (COVER,)
    assert notes == []
    assert stream.tell() < len(COVER.data) * 4 / 3 + 2 * 65_536, "no more of the stream than that is waited for"
    assert ahead.exactly(len(data) + 1) == data, "the decoder gets all of it"


@pytest.mark.parametrize(("container", "codec", "tag"), KINDS)
def test_they_come_with_the_recording(tmp_path: Path, container: str, codec: str, tag: Callable[[Path], None]) -> None:
    data = tagged(tmp_path / "a", container, codec, tag, 2.0)
    recording = open_stream(ByteStream(Counted(data)), Path("-"))
    assert recording is not None
    assert sorted(recording.tags.texts) == sorted(TEXTS)
    with open_recording(tmp_path / "a") as file:
        expected = np.concatenate(list(file.blocks()), axis=1)
    np.testing.assert_array_equal(np.concatenate(list(recording.blocks(1_600)), axis=1), expected)


@pytest.mark.parametrize(("container", "codec", "tag"), KINDS)
def test_damage_costs_tags_and_never_the_run(
    tmp_path: Path, container: str, codec: str, tag: Callable[[Path], None]
) -> None:
    """Cut anywhere, or with bytes that are others: what comes back is tags, and the stream is as it was."""
    data = tagged(tmp_path / "a", container, codec, tag, 1.0)
    chance = random.Random(3)
    for _ in range(60):
        damaged = bytearray(data[: chance.choice([len(data), chance.randrange(1, 90_000)])])
        for _ in range(chance.randrange(4)):
            damaged[chance.randrange(min(len(damaged), 500))] = chance.randrange(256)
        ahead = ByteStream(Counted(bytes(damaged)))
        assert isinstance(tags_ahead(ahead, []), Tags)
        assert ahead.exactly(len(damaged) + 1) == damaged


def test_tags_that_are_absurdly_long() -> None:
    """They are not waited for."""
    for head in (b"fLaC\x06\xff\xff\xff" * 2, b"ID3\x04\0\0\x7f\x7f\x7f\x7f"):
        stream = Counted(head + bytes(1 << 26))
        notes: list[str] = []
        tags_ahead(ByteStream(stream), notes)
        assert stream.tell() < 36 << 20
        assert notes or head.startswith(b"fLaC")


def test_a_stream_without_tags() -> None:
    for head in (b"RIFF\0\0\0\0WAVE", b"", b"fL", b"fLaC", b"OggS", b"ID3", b"\xff\xfb\x90\x00"):
        notes: list[str] = []
        ahead = ByteStream(Counted(head))
        assert not tags_ahead(ahead, notes)
        assert ahead.exactly(100) == head


def test_tags_at_the_end_of_a_stream_come_too_late_and_that_is_said(tmp_path: Path) -> None:
    data = tagged(tmp_path / "a", "MP3", "MPEG_LAYER_III", tag_mp3, 2.0)
    for end, notes in ((b"", ()), (b"TAG" + bytes(125), ("ID3v1",)), (b"APETAGEX" + bytes(24), ("APE",))):
        recording = open_stream(ByteStream(Counted(data + end)), Path("-"))
        assert recording is not None
        assert sum(block.shape[1] for block in recording.blocks()) == 2 * RATE
        assert recording.notes == tuple(f"what its tags at the end say came too late for a stream: {n}" for n in notes)

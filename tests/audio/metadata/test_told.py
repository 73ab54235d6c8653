"""What FFmpeg tells of a recording: the same whichever way it decodes, in the names of Vorbis comments."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hifisr_cli.audio.metadata.tags import Picture, Tags
from hifisr_cli.audio.metadata.told import MOST_CHAPTERS, Told, chapter_texts, note_attached, tags_told
from hifisr_cli.audio.open import open_recording

BOOK = """;FFMETADATA1
title=Märchen
artist=Reader
shelf mark=Box 12/3
[CHAPTER]
TIMEBASE=1/1000
START=0
END=500
title=One
[CHAPTER]
TIMEBASE=1/1000
START=500
END=1000
title=Zwei: Ä
"""
CHAPTERS = {
    ("CHAPTER001", "00:00:00.000"), ("CHAPTER001NAME", "One"),
    ("CHAPTER002", "00:00:00.500"), ("CHAPTER002NAME", "Zwei: Ä"),
}  # fmt: skip
SOUND = ["-f", "lavfi", "-i", "sine=d=1:r=8000"]
VIDEO = ["-f", "lavfi", "-i", "testsrc=d=1:s=64x48:r=10"]


def make(ffmpeg: str, path: Path, *options: str | Path, inputs: list[str] = SOUND) -> Path:
    book = path.parent / "book.txt"
    book.write_text(BOOK, encoding="utf-8")
    ended = subprocess.run(
        [ffmpeg, "-v", "error", "-y", *inputs, "-i", book, "-map_metadata", str(inputs.count("-i")), *options, path],
        check=False,
        capture_output=True,
        text=True,
    )
    if "Unknown encoder" in ended.stderr:
        pytest.skip(ended.stderr.splitlines()[0])
    assert ended.returncode == 0, ended.stderr
    return path


def told_of(path: Path) -> tuple[Tags, list[str]]:
    notes: list[str] = []
    with open_recording(path) as recording:
        told = recording.told()
        tags = tags_told(told)
        note_attached(told, tags, notes)
        return tags, notes


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mka", "flac"), (".webm", "libvorbis"), (".m4b", "aac"), (".mov", "aac"), (".avi", "ac3")]
)
def test_texts_and_chapters(tmp_path: Path, ffmpeg: str, decoder: str, suffix: str, codec: str) -> None:
    path = make(ffmpeg, tmp_path / f"a{suffix}", "-c:a", codec, "-ar", "48000")
    tags, notes = told_of(path)
    expected = {("TITLE", "Märchen"), ("ARTIST", "Reader")}
    expected |= {("SHELF_MARK", "Box 12/3")} if suffix in (".mka", ".webm") else set()
    expected |= CHAPTERS if suffix != ".avi" else set()
    # RIFF has no artist but IART; what the file's own bytes are is not told, the program that wrote it neither.
    assert {pair for pair in tags.texts if pair[0] not in ("SOFTWARE", "LANGUAGE")} == expected
    assert notes == []


def test_the_track_has_tags_of_its_own(tmp_path: Path, ffmpeg: str, decoder: str) -> None:
    track = ["-metadata:s:a:0", "title=left microphone", "-metadata:s:a:0", "language=ger"]
    tags, _ = told_of(make(ffmpeg, tmp_path / "a.mka", "-c:a", "flac", *track))
    assert {("TITLE", "Märchen"), ("TRACK_TITLE", "left microphone"), ("LANGUAGE", "ger")} <= set(tags.texts)


def test_what_is_attached(tmp_path: Path, ffmpeg: str, decoder: str) -> None:
    for name in ("cover.jpg", "second.png"):
        subprocess.run([ffmpeg, "-v", "error", *VIDEO, "-frames:v", "1", "-update", "1", tmp_path / name], check=True)
    (tmp_path / "notes.txt").write_text("in pencil")
    attached = []
    for number, (name, kind) in enumerate(
        [("cover.jpg", "image/jpeg"), ("second.png", "image/png"), ("notes.txt", "text/plain")]
    ):
        attached += ["-attach", tmp_path / name, f"-metadata:s:t:{number}", f"mimetype={kind}"]
    path = make(ffmpeg, tmp_path / "a.mka", "-c:a", "flac", *attached)
    tags, notes = told_of(path)
    if decoder == "av":
        data = [(tmp_path / name).read_bytes() for name in ("cover.jpg", "second.png")]
        assert tags.pictures == (
            Picture("image/jpeg", 3, "cover.jpg", data[0]), Picture("image/png", 3, "second.png", data[1]),
        )  # fmt: skip
        assert notes == ["what is attached to it was left out: notes.txt"]
    else:
        assert notes == [
            "what is attached to it was left out: a picture (image/jpeg), a picture (image/png), notes.txt"
        ]
    with open_recording(path) as recording:
        assert sum(block.shape[1] for block in recording.blocks()) == 8000


def test_a_video_has_no_pictures(tmp_path: Path, ffmpeg: str, decoder: str) -> None:
    path = make(ffmpeg, tmp_path / "a.mkv", "-c:v", "mpeg4", "-c:a", "flac", inputs=[*SOUND, *VIDEO])
    tags, notes = told_of(path)
    assert (tags.pictures, notes) == ((), [])


def test_names_become_those_of_vorbis_comments() -> None:
    told = Told(
        {"track": "3/12", "album_artist": "Various", "PUBLISHER": "Archive X", "encoder": "Lavf", "major_brand": "M4A"},
        {"title": "t", "language": "und", "BPS": "1", "_STATISTICS_TAGS": "BPS"},
    )
    assert set(tags_told(told).texts) == {
        ("TRACKNUMBER", "3"), ("TRACKTOTAL", "12"), ("ALBUMARTIST", "Various"), ("ORGANIZATION", "Archive X"),
        ("TITLE", "t"),
    }  # fmt: skip


def test_chapters_are_timed_to_the_millisecond() -> None:
    assert [text for _, text in chapter_texts([(3_723.0005, "a"), (360_000.25, "b")])] == [
        "01:02:03.000", "a", "100:00:00.250", "b",
    ]  # fmt: skip
    assert len(chapter_texts([(0.0, "x")] * 2000)) == 2 * MOST_CHAPTERS

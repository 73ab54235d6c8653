"""Nothing that a recording says of itself vanishes: from every kind of file into every other it arrives or is named."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from hifisr_cli.audio.containers.riff import parse_chunks
from hifisr_cli.audio.formats import choose_format
from hifisr_cli.audio.metadata.carried import read_metadata
from hifisr_cli.audio.open import open_recording
from hifisr_cli.audio.output.output import Output

mutagen = pytest.importorskip("mutagen")
for part in ("id3", "mp4", "flac"):
    pytest.importorskip(f"mutagen.{part}")

RATE = 48_000  # which every encoder takes
TITLE, ARTIST, COMMENT, ODD = "Für Élise 漢", "L. Reader", "found in box 3", "QZ 12/3"
WORDS = {"TITLE": TITLE, "ARTIST": ARTIST, "COMMENT": COMMENT, "SHELFMARK": ODD}
TARGETS = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff")


def picture_block(png: bytes) -> Any:
    block = mutagen.flac.Picture()
    block.data, block.mime, block.type, block.desc = png, "image/png", 3, "cover"
    return block


def id3_frames(png: bytes) -> Iterator[Any]:
    from mutagen import id3

    yield from (id3.TIT2(text=[TITLE]), id3.TPE1(text=[ARTIST]), id3.TXXX(desc="SHELFMARK", text=[ODD]))
    yield id3.COMM(lang="deu", desc="", text=[COMMENT])
    yield id3.APIC(mime="image/png", type=3, desc="cover", data=png)


def as_vorbis(path: Path, png: bytes) -> None:
    file = mutagen.File(path)
    for name, text in WORDS.items():
        file[name] = text
    if hasattr(file, "add_picture"):
        file.add_picture(picture_block(png))
    else:
        file["metadata_block_picture"] = base64.b64encode(picture_block(png).write()).decode()
    file.save()


def as_id3(path: Path, png: bytes) -> None:
    tag = mutagen.id3.ID3()
    for frame in id3_frames(png):
        tag.add(frame)
    tag.save(path)


def as_id3_chunk(path: Path, png: bytes) -> None:
    file = mutagen.File(path)
    file.add_tags()
    for frame in id3_frames(png):
        file.tags.add(frame)
    file.save()


def as_id3v1(path: Path, png: bytes) -> None:
    """Which has no place for an odd field, nor for pictures, nor for letters that are not Latin."""
    del png
    fields = (TITLE[:9].encode("latin-1"), 30), (ARTIST.encode(), 30), (b"", 30), (b"1987", 4), (COMMENT.encode(), 30)
    path.write_bytes(path.read_bytes() + b"TAG" + b"".join(text.ljust(size, b"\0") for text, size in fields) + b"\xff")


def as_ape(path: Path, png: bytes) -> None:
    from mutagen.apev2 import APEv2, APEValue

    tag = APEv2()
    tag["Title"], tag["Artist"], tag["Comment"], tag["Shelfmark"] = TITLE, ARTIST, COMMENT, ODD
    tag["Cover Art (Front)"] = APEValue(b"cover.png\0" + png, 1)
    tag.save(path)


def as_mp4(path: Path, png: bytes) -> None:
    file = mutagen.mp4.MP4(path)
    file["\xa9nam"], file["\xa9ART"], file["\xa9cmt"] = [TITLE], [ARTIST], [COMMENT]
    file["----:com.apple.iTunes:SHELFMARK"] = [ODD.encode()]
    file["covr"] = [mutagen.mp4.MP4Cover(png, mutagen.mp4.MP4Cover.FORMAT_PNG)]
    file.save()


def as_asf(path: Path, png: bytes) -> None:
    from mutagen.asf import ASFByteArrayAttribute

    file = mutagen.File(path)
    file["Title"], file["Author"], file["Description"], file["ShelfMark"] = TITLE, ARTIST, COMMENT, ODD
    texts = "image/png\0cover\0".encode("utf-16-le")
    file["WM/Picture"] = ASFByteArrayAttribute(b"\x03" + len(png).to_bytes(4, "little") + texts + png)
    file.save()


def as_it_is(path: Path, png: bytes) -> None:
    """ffmpeg has written what it can."""


ATTACHED = ("-attach", "cover.png", "-metadata:s:t", "mimetype=image/png")
ONLY = ("TITLE", "ARTIST", "COMMENT")
KINDS: dict[str, tuple[list[str], Callable[[Path, bytes], None], tuple[str, ...], bool]] = {
    # file, ffmpeg's options, who writes the tags, what the kind can say, and whether it has pictures
    "a.wav": (["-c:a", "pcm_s16le"], as_id3_chunk, tuple(WORDS), True),
    "a.aiff": (["-c:a", "pcm_s16be"], as_id3_chunk, tuple(WORDS), True),
    "a.flac": (["-c:a", "flac"], as_vorbis, tuple(WORDS), True),
    "id3.flac": (["-c:a", "flac"], as_id3, tuple(WORDS), True),
    "a.ogg": (["-c:a", "libvorbis"], as_vorbis, tuple(WORDS), True),
    "a.opus": (["-c:a", "libopus"], as_vorbis, tuple(WORDS), True),
    "flac.oga": (["-c:a", "flac"], as_vorbis, tuple(WORDS), True),
    "a.spx": (["-c:a", "libspeex", "-ar", "16000"], as_vorbis, tuple(WORDS), True),
    "a.mp3": (["-c:a", "libmp3lame", "-write_id3v2", "0"], as_id3, tuple(WORDS), True),
    "ape.mp3": (["-c:a", "libmp3lame", "-write_id3v2", "0"], as_ape, tuple(WORDS), True),
    "ape.mp2": (["-c:a", "mp2"], as_ape, tuple(WORDS), True),
    "v1.mp3": (["-c:a", "libmp3lame", "-write_id3v2", "0"], as_id3v1, ("ARTIST", "COMMENT"), False),
    "id3.aac": (["-c:a", "aac"], as_id3, tuple(WORDS), True),
    "ape.aac": (["-c:a", "aac"], as_ape, tuple(WORDS), True),
    "v1.ac3": (["-c:a", "ac3"], as_id3v1, ("ARTIST", "COMMENT"), False),
    "a.wv": (["-c:a", "wavpack"], as_ape, tuple(WORDS), True),
    "a.tta": (["-c:a", "tta"], as_ape, tuple(WORDS), True),
    "id3.tta": (["-c:a", "tta"], as_id3, tuple(WORDS), True),
    "a.m4a": (["-c:a", "aac"], as_mp4, tuple(WORDS), True),
    "a.mov": (["-c:a", "pcm_s16le"], as_it_is, ONLY, False),
    "a.wma": (["-c:a", "wmav2"], as_asf, tuple(WORDS), True),
    "a.mka": (["-c:a", "flac", *ATTACHED], as_it_is, tuple(WORDS), True),
    "a.webm": (["-c:a", "libvorbis"], as_it_is, tuple(WORDS), False),
    "a.avi": (["-c:a", "ac3"], as_it_is, ONLY, False),
    "a.flv": (["-c:a", "aac"], as_it_is, tuple(WORDS), False),
    "a.caf": (["-c:a", "pcm_s16be"], as_it_is, tuple(WORDS), False),
    "a.au": (["-c:a", "pcm_s16be"], as_it_is, ("TITLE", "ARTIST"), False),
}  # fmt: skip


@pytest.fixture(scope="module")
def png(tmp_path_factory: pytest.TempPathFactory, ffmpeg: str) -> bytes:
    path = tmp_path_factory.mktemp("png") / "cover.png"
    grey = ["-f", "lavfi", "-i", "color=gray:s=16x16", "-frames:v", "1", "-update", "1"]
    subprocess.run([ffmpeg, "-v", "error", *grey, path], check=True)
    return path.read_bytes()


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory, ffmpeg: str, png: bytes) -> Callable[[str], Path]:
    """A recording of a kind with all that it can say, made when it is asked for."""
    folder = tmp_path_factory.mktemp("sources")
    (folder / "cover.png").write_bytes(png)
    soundfile.write(folder / "plain.wav", 0.1 * np.random.default_rng(0).standard_normal(RATE // 4), RATE)

    def make(name: str) -> Path:
        options, tag, _, _ = KINDS[name]
        path = folder / name
        if path.exists():
            return path
        words = WORDS if tag is as_it_is else {}
        said = [part for pair in words.items() for part in ("-metadata", "=".join(pair))]
        ended = subprocess.run(
            [ffmpeg, "-v", "error", "-i", "plain.wav", *options, *said, name],
            check=False, capture_output=True, text=True, cwd=folder,
        )  # fmt: skip
        if "Unknown encoder" in ended.stderr:
            pytest.skip(ended.stderr.splitlines()[0])
        assert ended.returncode == 0, ended.stderr
        tag(path, png)
        return path

    return make


def convert(source: Path, target: Path) -> str:
    """The recording's metadata in another file; all warnings."""
    with open_recording(source) as recording:
        chosen = choose_format(recording.info, requested=None, bit_depth="keep", suffix=target.suffix)
        carried = read_metadata(recording).for_output(chosen, extended="above 3.9 kHz")
    with Output(target, chosen, channels=1, frames=4800, overwrite=True, carried=carried) as output:
        output.write(np.zeros((1, 4800), np.float32))
    return "\n".join((*carried.warnings, *output.problems))


def found_in(path: Path) -> tuple[str, list[bytes]]:
    """All texts of an output and its pictures, as mutagen and a plain reader of chunks find them."""
    if path.suffix == ".wav":
        chunks = dict(parse_chunks(path.read_bytes(), 12))
        texts = chunks.get(b"LIST", b"").decode("utf-8", "replace")
        tag = mutagen.id3.ID3(io.BytesIO(chunks[b"id3 "])) if b"id3 " in chunks else {}
    else:
        texts, tag = "", mutagen.File(path).tags or {}
    if hasattr(tag, "getall"):
        pictures = [frame.data for frame in tag.getall("APIC")]
        return "\n".join([texts, *(str(frame) for frame in tag.values() if frame.FrameID != "APIC")]), pictures
    blocks = [mutagen.flac.Picture(base64.b64decode(text)) for text in tag.get("metadata_block_picture", [])]
    pictures = [block.data for block in (*blocks, *getattr(mutagen.File(path), "pictures", []))]
    return "\n".join([texts, *(text for values in dict(tag).values() for text in values)]), pictures


@pytest.mark.parametrize("to", TARGETS)
@pytest.mark.parametrize("kind", KINDS)
def test_everything_arrives(tmp_path: Path, sources: Callable[[str], Path], png: bytes, kind: str, to: str) -> None:
    _, _, names, has_picture = KINDS[kind]
    warnings = convert(sources(kind), tmp_path / f"out{to}")
    texts, pictures = found_in(tmp_path / f"out{to}")
    assert warnings == ""
    assert [name for name in names if WORDS[name] not in texts] == []
    assert pictures == [png] * has_picture
    assert "synthetic" in texts


@pytest.mark.parametrize("kind", ["a.m4a", "a.wma", "a.mka", "a.mov", "a.wv", "id3.aac"])
def test_with_ffmpeg_instead_of_pyav(
    tmp_path: Path, sources: Callable[[str], Path], png: bytes, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """It tells of pictures, and does not hand them out: what mutagen does not read either is named."""
    _, _, names, has_picture = KINDS[kind]
    monkeypatch.setenv("HIFISR_DECODER", "ffmpeg")
    warnings = convert(sources(kind), tmp_path / "out.flac")
    texts, pictures = found_in(tmp_path / "out.flac")
    assert [name for name in names if WORDS[name] not in texts] == []
    named = "what is attached to it was left out: a picture (image/png)" if kind == "a.mka" else ""
    assert (warnings, pictures) == (named, [png] * (has_picture and not named))


def test_chunks_of_a_wav_file_of_another_codec(tmp_path: Path, sources: Callable[[str], Path], ffmpeg: str) -> None:
    """Which FFmpeg decodes, and libsndfile does not."""
    path = tmp_path / "a.wav"
    said = ["-write_bext", "1", "-metadata", "description=tape 3", "-metadata", "time_reference=960"]
    subprocess.run([ffmpeg, "-v", "error", "-i", sources("a.wav"), "-c:a", "wmav2", *said, path], check=True)
    data = path.read_bytes() + b"note\4\0\0\0side"
    path.write_bytes(data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:])
    convert(path, tmp_path / "out.wav")
    chunks = dict(parse_chunks((tmp_path / "out.wav").read_bytes(), 12))
    assert chunks[b"bext"][:10] == b"tape 3\0\0\0\0"
    assert int.from_bytes(chunks[b"bext"][338:346], "little") == 960
    assert chunks[b"note"] == b"side"


@pytest.fixture
def no_mutagen(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """As on a base install, until it is undone."""
    for name in [name for name in sys.modules if name.split(".")[0] == "mutagen"]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("id3", "mp4", "asf"):
        monkeypatch.delitem(sys.modules, f"hifisr_cli.audio.metadata.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "mutagen", None)
    return monkeypatch


@pytest.mark.parametrize("to", [".wav", ".flac", ".mp3"])
@pytest.mark.parametrize("kind", KINDS)
def test_without_mutagen_it_arrives_or_is_named(  # noqa: PLR0917
    tmp_path: Path, sources: Callable[[str], Path], png: bytes, request: pytest.FixtureRequest, kind: str, to: str
) -> None:
    _, _, names, has_picture = KINDS[kind]
    source = sources(kind)
    hidden: pytest.MonkeyPatch = request.getfixturevalue("no_mutagen")
    warnings = convert(source, tmp_path / f"out{to}")
    hidden.undo()
    texts, pictures = found_in(tmp_path / f"out{to}")
    # What nothing here reads cannot be named one by one.
    unread = any(words in warnings for words in ("its ID3 tag was not carried", "of its tags only", "FFmpeg tells"))
    lost = [name for name in names if WORDS[name] not in texts and name not in warnings]
    assert not lost or unread
    assert pictures == [png] * has_picture or "a picture (image/png)" in warnings or unread
    assert ("hifisr[tags]" in warnings) == bool(
        lost or (has_picture and not pictures) or "left out" in warnings or unread
    )
    assert "synthetic" in texts

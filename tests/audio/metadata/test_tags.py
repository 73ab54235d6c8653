"""Tags from every container to every other, as independent readers see them, with and without mutagen."""

from __future__ import annotations

import io
import json
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from hifisr_cli.audio.containers.riff import Chunk, Chunks, parse_chunks
from hifisr_cli.audio.formats import choose_format
from hifisr_cli.audio.metadata.carried import Carried, Metadata, read_metadata
from hifisr_cli.audio.metadata.stream import with_tags
from hifisr_cli.audio.metadata.tags import Picture, Tags, parse_info
from hifisr_cli.audio.metadata.treatment import WHERE_LIMITED
from hifisr_cli.audio.open import open_recording
from hifisr_cli.audio.output.output import Output
from hifisr_cli.errors import OutputError
from hifisr_cli.results import AudioInfo
from tests.audio.opened import carried_by, opened

mutagen = pytest.importorskip("mutagen")
resource = pytest.importorskip("resource")

TARGETS = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff")


def tiny_png() -> bytes:
    """One grey pixel, with a comment that makes it 5 kB."""

    def part(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    parts = [
        (b"IHDR", header),
        (b"tEXt", b"Comment\0" + b"x" * 5000),
        (b"IDAT", zlib.compress(b"\0\x80")),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(part(*each) for each in parts)


PNG = tiny_png()
TITLE, ARTIST, ODD = "Für Élise 漢", "Ludwig", "a name = odd"
STATEMENT = "Bandwidth extended above 3.9 kHz by hifisr"


@pytest.fixture(scope="session")
def ffprobe() -> str:
    found = shutil.which("ffprobe")
    if found is None:
        pytest.skip("ffprobe is not installed")
    return found


@pytest.fixture(scope="session")
def mediainfo() -> str:
    found = shutil.which("mediainfo")
    if found is None:
        pytest.skip("mediainfo is not installed")
    return found


@pytest.fixture
def no_mutagen(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "mutagen"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "hifisr_cli.audio.metadata.id3", raising=False)
    monkeypatch.setitem(sys.modules, "mutagen", None)


def sound(path: Path) -> Path:
    kinds = {".ogg": ("OGG", "VORBIS"), ".opus": ("OGG", "OPUS"), ".mp3": ("MP3", "MPEG_LAYER_III")}
    container, codec = kinds.get(path.suffix, (path.suffix[1:].upper(), "PCM_16"))
    soundfile.write(path, np.zeros(8000), 8000, format=container, subtype=codec)
    return path


def vorbis_source(path: Path) -> Path:
    file = mutagen.File(sound(path))
    file["title"], file["artist"], file["tracknumber"], file["tracktotal"] = TITLE, ARTIST, "3", "12"
    file["shelf mark"], file["encoder"], file["replaygain_track_gain"] = ODD, "Lavf", "-3 dB"
    picture = mutagen.flac.Picture()
    picture.data, picture.mime, picture.type, picture.desc = PNG, "image/png", 3, "label"
    if path.suffix == ".flac":
        file.add_picture(picture)
    else:
        import base64

        file["metadata_block_picture"] = base64.b64encode(picture.write()).decode("ascii")
    file.save()
    return path


def id3_tag() -> Any:
    from mutagen import id3

    tag = id3.ID3()
    frames = [
        id3.TIT2(text=[TITLE]), id3.TPE1(text=[ARTIST]), id3.TRCK(text=["3/12"]), id3.TSSE(text=["Lavf"]),
        id3.TXXX(desc="shelf mark", text=[ODD]), id3.TXXX(desc="REPLAYGAIN_TRACK_GAIN", text=["-3 dB"]),
        id3.APIC(mime="image/png", type=3, desc="label", data=PNG), id3.PRIV(owner="me", data=b"\0\1\2"),
    ]  # fmt: skip
    for frame in frames:
        tag.add(frame)
    return tag


def id3_source(path: Path) -> Path:
    sound(path)
    if path.suffix == ".aiff":
        file = mutagen.File(path)
        file.add_tags()
        for frame in id3_tag().values():
            file.tags.add(frame)
        file.save()
    elif path.suffix == ".wav":
        data = io.BytesIO()
        id3_tag().save(data, v2_version=3)
        body = data.getvalue()
        body += bytes(len(body) % 2)
        whole = path.read_bytes() + b"id3 " + len(body).to_bytes(4, "little") + body
        path.write_bytes(whole[:4] + (len(whole) - 8).to_bytes(4, "little") + whole[8:])
    else:
        id3_tag().save(path)
    return path


SOURCES: dict[str, Callable[[Path], Path]] = {
    ".flac": vorbis_source,
    ".ogg": vorbis_source,
    ".opus": vorbis_source,
    ".mp3": id3_source,
    ".aiff": id3_source,
    ".wav": id3_source,
}


def convert(source: Path, target: Path, extended: str | None = "above 3.9 kHz") -> Carried:
    with open_recording(source) as recording:
        chosen = choose_format(recording.info, requested=None, bit_depth="keep", suffix=target.suffix)
        carried = read_metadata(recording).for_output(chosen, extended=extended)
    with Output(target, chosen, channels=1, frames=4800, overwrite=True, carried=carried) as output:
        output.write(np.zeros((1, 4800), np.float32))
    assert soundfile.info(target).frames == 4800
    return replace(carried, warnings=(*carried.warnings, *output.problems))


def probe(ffprobe: str, path: Path) -> dict[str, str]:
    """Tags as ffprobe tells them, with names in small letters; `pictures` counts those."""
    command = [ffprobe, "-v", "quiet", "-show_format", "-show_streams", "-of", "json", str(path)]
    found = json.loads(
        subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=60).stdout
    )
    tags = {**found["format"].get("tags", {}), **found["streams"][0].get("tags", {})}
    return {name.lower(): text for name, text in tags.items()} | {"pictures": str(len(found["streams"]) - 1)}


@pytest.mark.parametrize("to", TARGETS)
@pytest.mark.parametrize("kind", SOURCES)
def test_tags_arrive(tmp_path: Path, ffprobe: str, kind: str, to: str) -> None:
    source = SOURCES[kind](tmp_path / f"in{kind}")
    carried = convert(source, tmp_path / f"out{to}")
    found = probe(ffprobe, tmp_path / f"out{to}")
    if (kind, to) != (".wav", ".wav"):  # there the chunk is left as it is, and ffprobe does not show it beside LIST
        assert found["title"] == TITLE
        assert found["artist"] == ARTIST
        assert found["track"] in ("3", "3/12")
    assert found["pictures"] == "1"
    assert STATEMENT in found["comment"]
    assert "synthetic" in found["comment"]
    if to != ".wav":
        assert found["shelf mark"] == ODD
        assert "replaygain_track_gain" not in found
        assert found.get("encoder") != "Lavf"
        assert ("replay gain" in " ".join(carried.warnings)) == True  # noqa: E712
        file = mutagen.File(tmp_path / f"out{to}")
        data = (
            file.pictures[0].data
            if to == ".flac"
            else file.tags.getall("APIC")[0].data
            if to in (".mp3", ".aiff")
            else PNG
        )
        assert data == PNG


@pytest.mark.parametrize("kind", SOURCES)
def test_wav_outputs_keep_in_id3_what_info_cannot_say(tmp_path: Path, kind: str) -> None:
    source = SOURCES[kind](tmp_path / f"in{kind}")
    convert(source, tmp_path / "out.wav", None)
    chunks = dict(parse_chunks((tmp_path / "out.wav").read_bytes(), 12))
    tag = mutagen.id3.ID3(io.BytesIO(chunks[b"id3 "]))
    assert str(tag["TIT2"]) == TITLE
    assert tag.getall("APIC")[0].data == PNG
    if kind != ".wav":
        assert ("TITLE", TITLE) in parse_info(chunks[b"LIST"])
        assert not tag.getall("TSSE")
    assert STATEMENT.encode() not in (tmp_path / "out.wav").read_bytes()


@pytest.mark.parametrize("to", [".mp3", ".aiff"])
@pytest.mark.parametrize("kind", [".mp3", ".aiff", ".wav"])
def test_id3_frames_without_another_name_survive_in_id3(tmp_path: Path, kind: str, to: str) -> None:
    convert(id3_source(tmp_path / f"in{kind}"), tmp_path / f"out{to}")
    assert mutagen.File(tmp_path / f"out{to}").tags.getall("PRIV")[0].data == b"\0\1\2"


@pytest.mark.parametrize("to", TARGETS)
def test_copies_state_nothing_and_same_bytes_come_twice(tmp_path: Path, ffprobe: str, to: str) -> None:
    source = vorbis_source(tmp_path / "in.flac")
    for name in ("a", "b"):
        convert(source, tmp_path / f"{name}{to}", None)
    assert (tmp_path / f"a{to}").read_bytes() == (tmp_path / f"b{to}").read_bytes()
    assert "comment" not in probe(ffprobe, tmp_path / f"a{to}")
    sound(tmp_path / "plain.flac")
    convert(tmp_path / "plain.flac", tmp_path / f"plain{to}", None)
    assert b"hifisr" not in (tmp_path / f"plain{to}").read_bytes()


def test_broadcast_fields_travel_through_tags(tmp_path: Path, ffprobe: str) -> None:
    fixed = (
        b"a description".ljust(256, b"\0")
        + b"NYPL".ljust(32, b"\0")
        + b"ref 7".ljust(32, b"\0")
        + b"1999-12-3123:59:59"
    )
    bext = fixed + (8000 * 60).to_bytes(8, "little") + b"\1\0" + bytes(254) + b"A=ANALOGUE,M=mono,T=Studer A810\r\n"
    whole = sound(tmp_path / "in.wav").read_bytes() + b"bext" + len(bext).to_bytes(4, "little") + bext
    (tmp_path / "in.wav").write_bytes(whole)
    carried = convert(tmp_path / "in.wav", tmp_path / "a.flac")
    assert carried.warnings == ()
    found = probe(ffprobe, tmp_path / "a.flac")
    assert (found["originator"], found["time_reference"]) == ("NYPL", str(48_000 * 60))
    convert(tmp_path / "a.flac", tmp_path / "b.wav", None)
    back = dict(parse_chunks((tmp_path / "b.wav").read_bytes(), 12))[b"bext"]
    assert back[:338] == fixed
    assert int.from_bytes(back[338:346], "little") == 48_000 * 60
    assert len(back[602:].rstrip(b"\0").splitlines()) == 4  # the deck, the file, the restoration, the copy


@pytest.mark.parametrize("to", TARGETS)
def test_mediainfo_reads_it_too(tmp_path: Path, mediainfo: str, to: str) -> None:
    convert(vorbis_source(tmp_path / "in.flac"), tmp_path / f"out{to}")
    command = [mediainfo, "--Output=JSON", str(tmp_path / f"out{to}")]
    (general, *_) = json.loads(
        subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=60).stdout
    )["media"]["track"]
    assert general["Performer"] == ARTIST
    if to != ".wav":  # LIST INFO has no encoding of its own: UTF-8 here, as with ffmpeg; mediainfo takes it for Latin-1
        assert general["Title"] == TITLE
    assert STATEMENT in general["Comment"]


def test_mp4(tmp_path: Path, ffmpeg: str, ffprobe: str) -> None:
    sound(tmp_path / "in.wav")
    command = [ffmpeg, "-v", "error", "-i", tmp_path / "in.wav", "-metadata", f"title={TITLE}", tmp_path / "in.m4a"]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=60)
    info = AudioInfo("M4A", "AAC", 8000, 1, 8000, None, is_float=False, lossy=True)
    file = mutagen.File(tmp_path / "in.m4a")
    file["trkn"], file["covr"] = [(3, 12)], [mutagen.mp4.MP4Cover(PNG, mutagen.mp4.MP4Cover.FORMAT_PNG)]
    file["----:com.apple.iTunes:Shelf"] = [ODD.encode()]
    file.save()
    with opened(tmp_path / "in.m4a", info) as recording:
        found = read_metadata(recording).tags
    assert dict(found.texts) | {"ENCODER": ""} == {
        "TITLE": TITLE, "TRACKNUMBER": "3", "TRACKTOTAL": "12", "SHELF": ODD, "ENCODER": "",
    }  # fmt: skip
    assert found.pictures[0].data == PNG


@pytest.mark.parametrize("to", TARGETS)
@pytest.mark.parametrize("kind", SOURCES)
def test_without_mutagen(tmp_path: Path, ffprobe: str, request: pytest.FixtureRequest, kind: str, to: str) -> None:
    source = SOURCES[kind](tmp_path / f"in{kind}")
    request.getfixturevalue("no_mutagen")
    carried = convert(source, tmp_path / f"out{to}")
    found = probe(ffprobe, tmp_path / f"out{to}")
    assert STATEMENT in found["comment"]
    if kind not in (".wav", ".aiff"):  # ID3 chunks are more than libsndfile reads
        assert found["author" if to == ".aiff" else "artist"] == ARTIST
    if (kind, to) != (".wav", ".wav"):
        assert any("hifisr[tags]" in warning for warning in carried.warnings)


def test_tags_that_do_not_fit_on_the_disk(tmp_path: Path) -> None:
    import signal

    source = vorbis_source(tmp_path / "in.flac")
    file = mutagen.File(source)
    file["lyrics"] = "la" * 200_000
    file.save()
    (tmp_path / "out").mkdir()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        for suffix in TARGETS:
            with pytest.raises(OutputError):
                convert(source, tmp_path / "out" / f"a{suffix}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.fixture(scope="module")
def heads(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("heads")
    return {kind: make(folder / f"in{kind}").read_bytes() for kind, make in SOURCES.items()}


@given(
    kind=st.sampled_from(sorted(SOURCES)),
    flips=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=8),
    cut=st.integers(10, 20_000),
)
def test_damaged_tags_never_fail_a_file(
    tmp_path_factory: pytest.TempPathFactory,
    heads: dict[str, bytes],
    kind: str,
    flips: list[tuple[int, int]],
    cut: int,
) -> None:
    data = bytearray(heads[kind][:cut])
    for position, value in flips:
        data[position % len(data)] = value
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "in").write_bytes(data)
    info = AudioInfo(kind[1:].upper(), "PCM_16", 8000, 1, 100, 16, is_float=False, lossy=False)
    for suffix in (".wav", ".flac", ".mp3"):
        chosen = choose_format(info, requested=None, bit_depth="keep", suffix=suffix)
        carried = carried_by(folder / "in", info, chosen, extended="above 3.9 kHz")
        with Output(folder / f"out{suffix}", chosen, channels=1, frames=10, overwrite=True, carried=carried) as output:
            output.write(np.zeros((1, 10), np.float32))
        assert STATEMENT.encode() in (folder / f"out{suffix}").read_bytes()


NAMES = st.text(min_size=1, max_size=12)


@given(texts=st.lists(st.tuples(NAMES, st.text(max_size=30)), max_size=5), to=st.sampled_from(TARGETS))
def test_any_text_can_be_written(
    tmp_path_factory: pytest.TempPathFactory, texts: list[tuple[str, str]], to: str
) -> None:
    folder = tmp_path_factory.mktemp("texts")
    info = AudioInfo("FLAC", "PCM_16", 8000, 1, 100, 16, is_float=False, lossy=False)
    chosen = choose_format(info, requested=None, bit_depth="keep", suffix=to)
    tags = Tags().joined(texts)
    carried = Carried(tags=tags, comment="x")
    with Output(folder / f"out{to}", chosen, channels=1, frames=960, overwrite=True, carried=carried) as output:
        output.write(np.zeros((1, 960), np.float32))
    assert output.problems == ()


def test_nothing_but_the_standard_library_is_imported(repository: Path) -> None:
    heavy = ("numpy", "mutagen", "soundfile", "torch")
    code = f"import sys, hifisr_cli.audio.metadata.carried; print([name for name in {heavy} if name in sys.modules])"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=60
        ).stdout.strip()
        == b"[]"
    )


def test_flac_stream_gets_all_tags_in_its_header(tmp_path: Path) -> None:
    audio = np.linspace(-0.5, 0.5, 5000)
    soundfile.write(tmp_path / "plain.flac", audio, 48_000, subtype="PCM_24")
    data = (tmp_path / "plain.flac").read_bytes()
    picture = Picture("image/png", 3, "läbel", PNG, 1, 1, 8, 0)
    tags = Tags((("TITLE", TITLE), ("SHELF MARK", ODD)), (picture,))
    (tmp_path / "tagged.flac").write_bytes(with_tags(data, tags, "a comment"))
    found = mutagen.File(tmp_path / "tagged.flac")
    assert dict(found.tags) == {"title": [TITLE], "shelf mark": [ODD], "comment": ["a comment"]}
    assert found.tags.vendor == mutagen.File(tmp_path / "plain.flac").tags.vendor
    (block,) = found.pictures
    assert (block.mime, block.type, block.desc, block.data, block.depth) == ("image/png", 3, "läbel", PNG, 8)
    np.testing.assert_array_equal(
        soundfile.read(tmp_path / "tagged.flac")[0], soundfile.read(tmp_path / "plain.flac")[0]
    )
    assert with_tags(data[:20], tags, None) == data[:20]


def test_stream_that_is_not_heard_yet_and_loudness(tmp_path: Path) -> None:
    info = AudioInfo("WAV", "PCM_16", 48_000, 1, 100, 16, is_float=False, lossy=False)
    wav = choose_format(info, requested="wav", bit_depth="keep", suffix=None)
    texts = b"".join(c.read() for c in Metadata(info).for_output(wav, extended=WHERE_LIMITED).before)
    assert b"Bandwidth extended where it was limited by hifisr" in texts
    assert b"; bandwidth extended where it was limited; synthetic\r\n" in texts
    levelled = Metadata(info, Chunks([Chunk(b"bext", bytes(602))])).for_output(wav, extended=None, levelled=True)
    assert levelled.before[0].read().rstrip(b"\0").endswith(b"; bandwidth unchanged; loudness changed\r\n")

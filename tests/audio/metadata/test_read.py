"""Tags are found wherever they stand: in the file, in front of it, behind it, or with its decoder."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from hifisr_cli.audio.containers.mpeg import parse_frame
from hifisr_cli.audio.formats import choose_format
from hifisr_cli.audio.metadata.carried import Metadata, read_metadata
from hifisr_cli.audio.open import open_recording
from hifisr_cli.results import AudioInfo
from tests.audio.opened import opened

mutagen = pytest.importorskip("mutagen")
pytest.importorskip("mutagen.id3")

INTERVIEW = {"TITLE": "Interview 7"}
READER = INTERVIEW | {"ARTIST": "B. Reader"}


def read(path: Path) -> Metadata:
    with open_recording(path) as recording:
        return read_metadata(recording)


def plain(path: Path) -> Path:
    kinds = {".ogg": "OGG", ".mp3": "MP3", ".flac": "FLAC", ".wav": "WAV", ".aiff": "AIFF", ".caf": "CAF", ".au": "AU"}
    audio = 0.1 * np.random.default_rng(0).standard_normal(8000)
    soundfile.write(path, audio, 8000, format=kinds[path.suffix])
    return path


def id3(title: str = "Für Élise", **more: str) -> bytes:
    tag = mutagen.id3.ID3()
    tag.add(mutagen.id3.TIT2(text=[title]))
    for name, text in more.items():
        tag.add(mutagen.id3.TXXX(desc=name, text=[text]))
    data = io.BytesIO()
    tag.save(data, v1=0, padding=lambda _: 0)
    return data.getvalue()


def ape(*items: tuple[str, str]) -> bytes:
    from mutagen.apev2 import APEv2

    tag = APEv2()
    for name, text in items:
        tag[name] = text
    data = io.BytesIO()
    tag.save(data)
    return data.getvalue()


def id3v1(title: bytes) -> bytes:
    return b"TAG" + title.ljust(30, b"\0") + bytes(60) + b"1987" + bytes(30) + b"\xff"


CASES = {
    "a.wv": READER | {"DATE": "1987", "COMMENT": "tape 3"},
    "a.tta": READER,
    "a_ape.mp3": {"TITLE": "Interview with B.", "ARTIST": "Someone", "DATE": "1987", "COMMENT": "tape 3 side B"},
    "id3.flac": INTERVIEW,
    "a.mka": READER | {"DATE": "1987", "COMMENT": "tape 3"},
    "a.mov": INTERVIEW,
    "a.wma": READER
    | {"COPYRIGHT": "(c) me", "ORGANIZATION": "Archive X", "ISRC": "QZ1234567890", "MY/SHELFMARK": "Box 12/3"},
}


@pytest.mark.parametrize("name", CASES)
def test_the_cases_of_tags_that_vanished(shared_cases: Path, ffmpeg: str, name: str) -> None:
    found = read(shared_cases / "09-tags-lost-silently" / name)
    assert {key: text for key, text in found.tags.texts if key != "ENCODER"} == CASES[name]
    assert [(picture.mime, picture.kind, len(picture.data)) for picture in found.tags.pictures] == (
        [("image/jpeg", 3, 230)] if name == "a.wma" else []
    )
    assert found.problems == ()


@pytest.mark.parametrize("suffix", [".mp3", ".flac"])
def test_tags_on_both_sides(tmp_path: Path, suffix: str) -> None:
    path = plain(tmp_path / f"a{suffix}")
    path.write_bytes(id3(SHELF="12") + path.read_bytes() + ape(("Title", "Für Élise"), ("Box", "3")) + id3v1(b"x"))
    found = read(path)
    assert {name: text for name, text in found.tags.texts if name != "DATE"} == {
        "TITLE": "Für Élise", "SHELF": "12", "BOX": "3",
    }  # fmt: skip
    assert found.problems == ()


def test_a_second_tag_that_says_something_else(tmp_path: Path) -> None:
    path = plain(tmp_path / "a.mp3")
    path.write_bytes(id3() + path.read_bytes() + ape(("Title", "Alle meine Entchen"), ("Artist", "Ludwig")))
    found = read(path)
    assert found.tags.texts == (("TITLE", "Für Élise"), ("ARTIST", "Ludwig"))
    assert found.problems == ("its APE tag says something else, which was left out: TITLE",)


def test_a_title_cut_to_the_thirty_letters_of_id3v1_is_no_other(tmp_path: Path) -> None:
    path = plain(tmp_path / "a.flac")
    file = mutagen.File(path)
    file["title"] = "An interview with a very long title"
    file.save()
    path.write_bytes(path.read_bytes() + id3v1(b"An interview with a very long "))
    found = read(path)
    assert found.tags.values("TITLE") == ["An interview with a very long title"]
    assert found.problems == ()


def test_two_id3_tags_in_front(tmp_path: Path) -> None:
    path = plain(tmp_path / "a.mp3")
    path.write_bytes(id3(A="1") + id3(A="1", B="2") + path.read_bytes())
    assert read(path).tags.texts == (("TITLE", "Für Élise"), ("A", "1"), ("B", "2"))


def test_an_id3_tag_in_front_of_a_wav_file_becomes_its_chunk(tmp_path: Path) -> None:
    path = plain(tmp_path / "a.wav")
    path.write_bytes(id3() + path.read_bytes())
    with open_recording(path) as recording:
        info, found = recording.info, read_metadata(recording)
    wav = choose_format(info, requested="wav", bit_depth="keep", suffix=None)
    (chunk,) = found.for_output(wav, extended=None).after
    assert (chunk.name, chunk.read()) == (b"id3 ", id3())
    flac = choose_format(info, requested="flac", bit_depth="keep", suffix=None)
    assert found.for_output(flac, extended=None).tags.values("TITLE") == ["Für Élise"]


def test_lyrics_between_are_told_of(tmp_path: Path) -> None:
    path = plain(tmp_path / "a.mp3")
    lyrics = b"LYRICSBEGININD00002100LYR00005la la"
    lyrics += str(len(lyrics)).zfill(6).encode() + b"LYRICS200"
    path.write_bytes(path.read_bytes() + ape(("Artist", "Ludwig")) + lyrics + id3v1(b"Lied"))
    found = read(path)
    assert (found.tags.values("TITLE"), found.tags.values("ARTIST")) == (["Lied"], ["Ludwig"])
    assert found.problems == ("its Lyrics3 tag was left out",)


def test_binary_items_of_an_ape_tag_are_named(tmp_path: Path) -> None:
    from mutagen.apev2 import APEv2, APEValue

    path = plain(tmp_path / "a.mp3")
    tag = APEv2()
    tag["Artist"], tag["Track"] = ["Ludwig", "Elise"], "3/12"
    tag["Fingerprint"] = APEValue(b"\0\1\2", 1)
    tag.save(path)
    found = read(path)
    assert sorted(found.tags.texts) == [
        ("ARTIST", "Elise"), ("ARTIST", "Ludwig"), ("TRACKNUMBER", "3"), ("TRACKTOTAL", "12"),
    ]  # fmt: skip
    assert found.problems == ("binary items of its APE tag were left out: FINGERPRINT",)


def test_frames_that_only_id3_can_hold(tmp_path: Path) -> None:
    from mutagen.id3 import CHAP, ID3, POPM, PRIV, TIPL, TIT2, TMCL

    path = plain(tmp_path / "a.mp3")
    tag = ID3()
    for frame in (PRIV(owner="me", data=b"\0"), POPM(email="a@b", rating=3), TMCL(people=[["flute", "Elise"]])):
        tag.add(frame)
    tag.add(TIPL(people=[["engineer", "Max"]]))
    for number, title in enumerate(("Intro", "Verse")):
        start = 1500 * number
        tag.add(CHAP(element_id=f"c{number}", start_time=start, end_time=start + 1500, sub_frames=[TIT2(text=[title])]))
    tag.save(path)
    with open_recording(path) as recording:
        info, found = recording.info, read_metadata(recording)
    assert dict(found.tags.texts) == {
        "PERFORMER": "Elise (flute)", "INVOLVEDPEOPLE": "Max (engineer)",
        "CHAPTER001": "00:00:00.000", "CHAPTER001NAME": "Intro",
        "CHAPTER002": "00:00:01.500", "CHAPTER002NAME": "Verse",
    }  # fmt: skip
    for container, warnings in (
        ("flac", ("of its ID3 tag was left out what FLAC has no place for: PRIV, POPM",)),
        ("wav", ()),
    ):
        chosen = choose_format(info, requested=container, bit_depth="keep", suffix=None)
        carried = found.for_output(chosen, extended=None)
        assert carried.warnings == warnings
        if container == "wav":
            (chunk,) = [chunk for chunk in carried.before if chunk.name == b"id3 "]
            assert b"PRIV" in chunk.read()
            assert b"CHAP" in chunk.read()


def test_all_fields_of_mp4(tmp_path: Path, ffmpeg: str) -> None:
    plain(tmp_path / "a.wav")
    subprocess.run([ffmpeg, "-v", "error", "-i", tmp_path / "a.wav", "-c:a", "aac", tmp_path / "a.m4a"], check=True)
    from mutagen.mp4 import MP4, MP4Cover

    gif = b"GIF89a" + bytes(30)
    file = MP4(tmp_path / "a.m4a")
    file["\xa9cpy"], file["\xa9enc"], file["soar"], file["sonm"] = (
        ["me"],
        ["A. Clerk"],
        ["Reader, B."],
        ["Interview 07"],
    )
    file["\xa9too"], file["trkn"], file["cpil"], file["pgap"] = ["Max Muster"], [(3, 12)], True, True
    file["tmpo"], file["stik"], file["tvsh"], file["\xa9xyz"] = [0], [2], ["Radio"], ["+52.5+013.4/"]
    file["covr"] = [MP4Cover(gif, 12)]
    file.save()
    found = read(tmp_path / "a.m4a")
    assert {name: text for name, text in found.tags.texts if name != "ENCODED-BY"} == {
        "COPYRIGHT": "me",
        "ARTISTSORT": "Reader, B.", "TITLESORT": "Interview 07",
        "TRACKNUMBER": "3", "TRACKTOTAL": "12", "COMPILATION": "1", "MEDIATYPE": "2", "SHOW": "Radio",
        "XYZ": "+52.5+013.4/",
    }  # fmt: skip
    assert sorted(found.tags.values("ENCODED-BY")) == ["A. Clerk", "Max Muster"]
    assert (found.tags.pictures[0].mime, found.tags.pictures[0].data) == ("image/gif", gif)
    file["\xa9too"] = ["qaac 2.83, CoreAudioToolbox 7.10"]
    file.save()
    assert "qaac 2.83, CoreAudioToolbox 7.10" not in read(tmp_path / "a.m4a").tags.values("ENCODED-BY")


def test_attributes_of_asf_that_are_no_text(tmp_path: Path, ffmpeg: str) -> None:
    plain(tmp_path / "a.wav")
    subprocess.run([ffmpeg, "-v", "error", "-i", tmp_path / "a.wav", "-c:a", "wmav2", tmp_path / "a.wma"], check=True)
    from mutagen.asf import ASF, ASFByteArrayAttribute

    file = ASF(tmp_path / "a.wma")
    file["WM/Year"], file["WM/TrackNumber"], file["WM/MCDI"] = "1987", 3, ASFByteArrayAttribute(b"\1\2")
    file["WM/Picture"] = ASFByteArrayAttribute(b"\x03\xff\0\0\0")  # cut
    file.save()
    found = read(tmp_path / "a.wma")
    assert dict(found.tags.texts) == {"DATE": "1987", "TRACKNUMBER": "3"}
    assert sorted(found.problems[0].removeprefix("attributes that are no text were left out: ").split(", ")) == [
        "WM/MCDI", "WM/Picture",
    ]  # fmt: skip


def test_tags_between_two_recordings_are_told_of(tmp_path: Path) -> None:
    sound = plain(tmp_path / "a.mp3").read_bytes()
    frame = parse_frame(sound[:4])
    assert frame is not None
    for second, words in (
        (sound, "with the tags of the first"),
        (
            sound[frame.length :],
            "tags in the middle of it were left out: ID3v1, ID3",
        ),  # nothing says that it is another
    ):
        between = id3v1(b"one") + id3("second")
        (tmp_path / "b.mp3").write_bytes(id3() + sound + between + second + ape(("Artist", "Ludwig")))
        with open_recording(tmp_path / "b.mp3") as recording:
            found = read_metadata(recording)
            assert sum(block.shape[1] for block in recording.blocks()) > 15_000
        assert (found.tags.values("TITLE"), found.tags.values("ARTIST")) == (["Für Élise"], ["Ludwig"])
        assert words in " ".join(recording.notes)


def test_what_programs_keep_in_flac_is_named(tmp_path: Path) -> None:
    path = plain(tmp_path / "a.flac")
    data = path.read_bytes()
    blocks = [b"riffRIFF\0\0\0\0WAVE", b"rifffmt \0\0\0\0", b"riffbext\2\0\0\0ab", b"PEEM1234"]
    more = b"".join(b"\2" + len(block).to_bytes(3, "big") + block for block in blocks)
    path.write_bytes(data[:42] + more + data[42:])
    assert read(path).problems == ("what programs keep in its FLAC application blocks was left out: bext, PEEM",)


def caf(path: Path) -> dict[str, str]:
    data = plain(path).read_bytes()
    strings = b"title\0Lied\0track number\x003\0comments\0schr\xc3\xa4g\0encoding application\0Rec 1\0"
    body = (4).to_bytes(4, "big") + strings
    place = data.index(b"data") if b"data" in data else len(data)
    path.write_bytes(data[:place] + b"info" + len(body).to_bytes(8, "big") + body + data[place:])
    return {"TITLE": "Lied", "TRACKNUMBER": "3", "COMMENT": "schräg", "ENCODER": "Rec 1"}


def au(path: Path) -> dict[str, str]:
    data = plain(path).read_bytes()
    note = b"a tape, found in box 3\0\0"
    path.write_bytes(data[:4] + (24 + len(note)).to_bytes(4, "big") + data[8:24] + note + data[24:])
    return {"COMMENT": "a tape, found in box 3"}


def aiff(path: Path) -> dict[str, str]:
    data = plain(path).read_bytes()
    words = b"side B "
    comment = (1).to_bytes(2, "big") + bytes(6) + len(words).to_bytes(2, "big") + words + b"\0"
    more = b"COMT" + len(comment).to_bytes(4, "big") + comment + b"AUTH\0\0\0\6Ludwig"
    path.write_bytes(data[:4] + (len(data) - 8 + len(more)).to_bytes(4, "big") + data[8:] + more)
    return {"COMMENT": "side B", "ARTIST": "Ludwig"}


@pytest.mark.parametrize(("name", "write"), [("a.caf", caf), ("a.au", au), ("a.aiff", aiff)])
def test_texts_in_headers(tmp_path: Path, name: str, write: Callable[[Path], dict[str, str]]) -> None:
    expected = write(tmp_path / name)
    found = read(tmp_path / name)
    assert dict(found.tags.texts) == expected
    assert found.problems == ()


def test_chunks_of_aiff_that_are_not_carried_are_named(tmp_path: Path) -> None:
    path = plain(tmp_path / "a.aiff")
    data = path.read_bytes() + b"MARK\0\0\0\2\0\0" + b"bext\0\0\0\2\0\0"
    path.write_bytes(data[:4] + (len(data) - 8).to_bytes(4, "big") + data[8:])
    assert read(path).problems == ("chunks that are not carried were left out: MARK, bext",)


def test_plain_files_need_no_mutagen(tmp_path: Path) -> None:
    """It takes longer to import than such a file takes to open."""
    for suffix in (".flac", ".mp3", ".ogg", ".wav"):
        path = plain(tmp_path / f"a{suffix}")
        code = (
            "import sys; from pathlib import Path; from hifisr_cli.audio.open import open_recording\n"
            "from hifisr_cli.audio.metadata.carried import read_metadata\n"
            "with open_recording(Path(sys.argv[1])) as recording: read_metadata(recording)\n"
            "print([name for name in sys.modules if name.startswith('mutagen')])"
        )
        ended = subprocess.run([sys.executable, "-c", code, path], check=True, capture_output=True, text=True)
        assert ended.stdout == "[]\n"


def test_without_tags_there_are_none(tmp_path: Path) -> None:
    for suffix in (".flac", ".mp3", ".ogg", ".aiff", ".caf", ".au"):
        found = read(plain(tmp_path / f"a{suffix}"))
        assert [pair for pair in found.tags.texts if pair[0] != "ENCODER"] == []
        assert (found.tags.pictures, found.problems) == ((), ())


def opened_as(path: Path, data: bytes) -> Metadata:
    """A file whose sound is of no concern."""
    path.write_bytes(data)
    with opened(path, AudioInfo("?", "?", 8000, 1, 100, 16, is_float=False, lossy=False)) as recording:
        return read_metadata(recording)


def test_the_id3_tag_of_dsf(tmp_path: Path) -> None:
    sound = bytes(100)
    place = 28 + len(sound)
    head = b"DSD " + b"".join(value.to_bytes(8, "little") for value in (28, place + len(id3()), place))
    assert opened_as(tmp_path / "a.dsf", head + sound + id3()).tags.texts == (("TITLE", "Für Élise"),)
    assert opened_as(tmp_path / "b.dsf", head[:20] + bytes(8) + sound).tags.texts == ()


@pytest.mark.parametrize("first", [b"MAC \x96\x0f", b"MPCK", b"wvpk", b"TTA1", b"\x0b\x77\0\0\0\x40", b"#!AMR\n"])
def test_an_ape_tag_behind_anything(tmp_path: Path, first: bytes) -> None:
    found = opened_as(tmp_path / "a", first + bytes(600) + ape(("Title", "Lied"), ("Year", "1987")))
    assert set(found.tags.texts) == {("TITLE", "Lied"), ("DATE", "1987")}


def test_an_ape_tag_longer_than_its_file(tmp_path: Path) -> None:
    whole = ape(("Title", "Lied"))
    footer = whole[-32:-20] + (1 << 20).to_bytes(4, "little") + whole[-16:]
    found = opened_as(tmp_path / "a", b"fLaC" + bytes(100) + footer)
    assert found.problems == ("its APE tag is longer than can be and was left out",)


def test_texts_of_voc_and_sphere(tmp_path: Path) -> None:
    audio = 0.1 * np.random.default_rng(0).standard_normal(8000)
    soundfile.write(tmp_path / "a.voc", audio, 8000, format="VOC", subtype="PCM_U8")
    data = (tmp_path / "a.voc").read_bytes()
    text = b"recorded at home\0"
    (tmp_path / "a.voc").write_bytes(data[:26] + b"\x05" + len(text).to_bytes(3, "little") + text + data[26:])
    assert read(tmp_path / "a.voc").tags.texts == (("COMMENT", "recorded at home"),)
    soundfile.write(tmp_path / "a.sph", audio, 8000, format="NIST", subtype="PCM_16")
    data = (tmp_path / "a.sph").read_bytes()
    head = data[:1024].replace(b"end_head\n", b"speaker_id -s4 ab 7\nend_head\n")[:1024]
    (tmp_path / "a.sph").write_bytes(head + data[1024:])
    assert read(tmp_path / "a.sph").tags.texts == (("SPEAKER_ID", "ab 7"),)


def test_chunks_of_a_big_endian_wav_file_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(800), 8000, format="WAV", subtype="PCM_16", endian="BIG")
    data = path.read_bytes() + b"LIST\0\0\0\4INFO"
    path.write_bytes(data[:4] + (len(data) - 8).to_bytes(4, "big") + data[8:])
    assert read(path).problems == ("chunks that are not carried were left out: LIST",)


HEADS = (
    b"fLaC\x04\0\0\x40", b"OggS\0\2" + bytes(20) + b"\1\x40\x01vorbis", b"caff\0\1\0\0info" + bytes(7) + b"\x40",
    b".snd\0\0\1\0",
    b"FORM\0\0\1\0AIFFCOMT\0\0\0\x40", b"FORM\0\0\1\x008SVXNAME\0\0\0\x40",
    b"Creative Voice File\x1a\x1a\0", b"NIST_1A\n   1024\n",
    b"DSD " + bytes(16) + b"\x20" + bytes(7), b"\0\0\0\x14ftypM4A \0\0\0\0moov",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c",
    b"wvpk", b"ID3\x04\0\0\0\0\0\x40", b"\xff\xfb\x90\0", b"RIFF\0\1\0\0WAVE",
)  # fmt: skip
ENDS = (b"", b"TAG" + bytes(125), b"APETAGEX\xd0\x07\0\0\x40\0\0\0\2\0\0\0" + bytes(12), b"000016LYRICS200")


@given(head=st.sampled_from(HEADS), body=st.binary(max_size=300), end=st.sampled_from(ENDS))
@settings(max_examples=200)
def test_whatever_stands_there_nothing_fails(
    tmp_path_factory: pytest.TempPathFactory, head: bytes, body: bytes, end: bytes
) -> None:
    found = opened_as(tmp_path_factory.mktemp("any") / "a", head + body + end)
    for container in ("wav", "flac"):
        chosen = choose_format(found.info, requested=container, bit_depth="keep", suffix=None)
        found.for_output(chosen, extended="above 3.0 kHz")


def test_an_id3_tag_that_says_nothing_hides_no_tags(shared_cases: Path, ffmpeg: str, tmp_path: Path) -> None:
    source = shared_cases / "09-tags-lost-silently" / "a.mka"
    path = tmp_path / "a.mka"
    path.write_bytes(b"ID3\x03\0\0\0\0\0\x0a" + bytes(10) + source.read_bytes())
    assert read(path).tags.texts == read(source).tags.texts

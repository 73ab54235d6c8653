"""Ogg Vorbis and Opus: every link, every page, from a file and from a pipe, or a word about what is missing."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.audio.containers.ogg import OggPage, OggPages
from hifisr_cli.audio.decoders.bytestream import ByteStream
from hifisr_cli.audio.open import open_recording
from hifisr_cli.audio.open_stream import open_stream
from hifisr_cli.audio.recording import Block, Recording
from hifisr_cli.errors import FileError, TruncatedError

CHAIN = "it is a chain of 2 recordings: all were joined, with the tags of the first"
CODECS = ["VORBIS", "OPUS"]
OPUS_PAGE = 48_000  # samples, as libsndfile writes them


def as_file(data: bytes, path: Path, *, salvage: bool = False) -> tuple[Block, Recording]:
    path.write_bytes(data)
    with open_recording(path, salvage=salvage) as recording:
        return np.concatenate(list(recording.blocks(10_000)), axis=1), recording


def as_stream(data: bytes, path: Path, *, salvage: bool = False) -> tuple[Block, Recording]:
    recording = open_stream(ByteStream(io.BytesIO(data)), path, salvage=salvage)
    assert recording is not None
    return np.concatenate(list(recording.blocks(10_000)), axis=1), recording


both_ways = pytest.mark.parametrize("read", [as_file, pytest.param(as_stream, marks=pytest.mark.posix)])
Read = Callable[..., tuple[Block, Recording]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "recording"


@cache
def encode(codec: str, seconds: float = 5.3, channels: int = 1, rate: int = 48_000, seed: int = 0) -> bytes:
    noise = 0.1 * np.random.default_rng(seed).standard_normal((round(seconds * rate), channels))
    file = io.BytesIO()
    soundfile.write(file, noise, rate, format="OGG", subtype=codec)
    return file.getvalue()


def plainly(data: bytes) -> Block:
    """What libsndfile makes of one link."""
    return soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)[0].T


def pages_of(data: bytes) -> list[OggPage]:
    return list(iter(OggPages(iter([data])).next, None))


def joined(pages: list[OggPage]) -> bytes:
    return b"".join(page.data for page in pages)


@both_ways
@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("channels", [1, 2])
def test_a_plain_file_gives_the_samples_that_libsndfile_gives(
    read: Read, path: Path, codec: str, channels: int
) -> None:
    data = encode(codec, channels=channels)
    found, recording = read(data, path)
    np.testing.assert_array_equal(found, plainly(data))
    assert found.shape == (channels, 254_400)
    assert (recording.notes, recording.salvaged) == ((), False)
    assert recording.info.frames in (None, 254_400)


@both_ways
@pytest.mark.parametrize("codec", CODECS)
def test_all_links_of_a_chain(read: Read, path: Path, codec: str) -> None:
    links = [encode(codec, seconds, seed=round(seconds)) for seconds in (1.3, 4.0)]
    for salvage in (False, True):
        found, recording = read(b"".join(links), path, salvage=salvage)
        np.testing.assert_array_equal(found, np.concatenate([plainly(link) for link in links], axis=1))
        assert (recording.notes, recording.salvaged) == ((CHAIN,), False)
    assert recording.info.frames in (None, 254_400)


def test_links_of_other_forms_in_a_file(path: Path) -> None:
    mono, stereo = encode("VORBIS", 1.0, 1, 24_000), encode("OPUS", 1.0, 2)
    found, recording = as_file(mono + stereo, path)
    assert found.shape == (2, 96_000)
    np.testing.assert_array_equal(found[:, 48_000:], plainly(stereo))
    np.testing.assert_array_equal(found[0, :48_000], found[1, :48_000])
    assert recording.notes == (
        "it is a chain of 2 recordings: all were joined, at 48000 Hz in 2 channels, with the tags of the first",
    )


@pytest.mark.posix
def test_a_wider_link_in_a_stream(path: Path) -> None:
    data = encode("VORBIS", 1.0) + encode("VORBIS", 1.0, 2)
    with pytest.raises(TruncatedError, match="its part 2 has 2 channels, the first 1: save it to a file first"):
        as_stream(data, path)


@both_ways
@pytest.mark.parametrize("rate", [0, 8_000, 44_100, 0xFFFFFFFF])
def test_the_rate_in_the_head_of_opus_is_not_the_one_to_decode_at(read: Read, path: Path, rate: int) -> None:
    data = encode("OPUS")
    first, *others = pages_of(data)
    body = first.body[:12] + rate.to_bytes(4, "little") + first.body[16:]
    found, recording = read(joined([first.changed(body=body), *others]), path)
    np.testing.assert_array_equal(found, plainly(data))
    assert recording.info.sample_rate == 48_000


@both_ways
@pytest.mark.parametrize("codec", CODECS)
def test_positions_that_begin_later(read: Read, path: Path, codec: str) -> None:
    data = encode(codec)
    later = [page.changed(granule=page.granule + 123_456_789) if page.granule else page for page in pages_of(data)]
    found, recording = read(joined(later), path)
    np.testing.assert_array_equal(found, plainly(data))
    assert recording.notes == ()


@both_ways
def test_a_live_stream_that_was_joined(read: Read, path: Path) -> None:
    """What is skipped at its beginning is skipped, and nothing is missing."""
    data = encode("OPUS")
    pages = pages_of(data)
    found, recording = read(joined(pages[:2] + pages[4:]), path)
    skipped = int.from_bytes(pages[0].body[10:12], "little")
    assert found.shape[1] == 254_400 - (pages[3].granule - skipped) - skipped
    settled = plainly(data)[:, -found.shape[1] :]
    assert np.corrcoef(found[0, 9_600:], settled[0, 9_600:])[0, 1] > 0.9999
    assert recording.notes == ("it begins in the middle of a stream, all of which from there on was taken",)


@both_ways
@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("how", ["missing", "damaged"])
def test_a_page_less(read: Read, path: Path, codec: str, how: str) -> None:
    """libogg passes over both without a word."""
    pages = pages_of(encode(codec))
    middle = joined(pages[4:5])
    middle = b"" if how == "missing" else middle[:60] + bytes([middle[60] ^ 1]) + middle[61:]
    data = joined(pages[:4]) + middle + joined(pages[5:])
    with pytest.raises(TruncatedError, match="incomplete: a page of it is missing"):
        read(data, path)
    found, recording = read(data, path, salvage=True)
    assert 254_400 - 2 * OPUS_PAGE < found.shape[1] < 254_400
    assert recording.salvaged
    assert recording.notes[0].endswith("readable (a page of it is missing)")


@both_ways
@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("how", ["cut", "not marked"])
def test_a_link_that_does_not_end(read: Read, path: Path, codec: str, how: str) -> None:
    whole = encode(codec)
    pages = pages_of(whole)
    part = whole[: pages[-2].position + 100] if how == "cut" else joined(pages[:-1])
    for data, which in ((part, ""), (whole + part, "in its part 2: "), (part + whole, "in its part 1: ")):
        with pytest.raises(TruncatedError, match="it ends in the middle"):
            read(data, path)
        found, recording = read(data, path, salvage=True)
        assert recording.salvaged
        assert recording.notes[-1].endswith(f"s readable ({which}it ends in the middle)")
        lost = found.shape[1] - (0 if data is part else 254_400)
        assert 254_400 - 2 * OPUS_PAGE < lost < 254_400
    np.testing.assert_array_equal(found[:, -254_400:], plainly(whole))


@both_ways
@pytest.mark.parametrize("codec", CODECS)
def test_what_is_no_page_is_told(read: Read, path: Path, codec: str) -> None:
    data = encode(codec)
    at = pages_of(data)[4].position
    found, recording = read(data[:at] + bytes(70) + data[at:] + b"behind", path)
    np.testing.assert_array_equal(found, plainly(data))
    assert recording.notes == ("76 bytes between or behind its pages are no sound and were left out",)


def test_an_id3_tag_in_front(path: Path) -> None:
    data = encode("OPUS")
    found, _ = as_file(b"ID3\4\0\0\0\0\0\x10" + bytes(16) + data, path)
    np.testing.assert_array_equal(found, plainly(data))


@both_ways
def test_the_second_link_is_of_a_codec_that_is_not_known(read: Read, path: Path) -> None:
    data = encode("VORBIS")
    first, *others = pages_of(data)
    speex = first.changed(body=b"Speex   " + first.body[8:])
    with pytest.raises(TruncatedError, match="its part 2 cannot be decoded: Speex in Ogg"):
        read(data + joined([speex, *others]), path)
    found, recording = read(data + joined([speex, *others]), path, salvage=True)
    np.testing.assert_array_equal(found, plainly(data))
    assert "Speex in Ogg" in recording.notes[-1]


@both_ways
def test_the_first_of_two_streams_of_sound(read: Read, path: Path) -> None:
    data, other = encode("VORBIS"), encode("OPUS", 1.0, 2)
    one, two = pages_of(data), pages_of(other)
    woven = [one[0], two[0], one[1], two[1], *one[2:-1], *two[2:], one[-1]]
    found, recording = read(joined(woven), path)
    np.testing.assert_array_equal(found, plainly(data))
    assert recording.notes == ("the first of 2 sound tracks was taken",)


@both_ways
def test_other_streams_are_passed_over(read: Read, path: Path) -> None:
    """Pictures that begin before the sound, or end after it."""
    data = encode("OPUS")
    pages = pages_of(data)
    picture = pages_of(encode("VORBIS", 1.0))
    picture[0] = picture[0].changed(body=b"\x80theora" + picture[0].body[7:])
    woven = [picture[0], *pages[:3], *picture[1:-1], *pages[3:], picture[-1]]
    for data_of_two, notes in ((joined(woven), ()), (joined(woven) * 2, (CHAIN,))):
        found, recording = read(data_of_two, path)
        np.testing.assert_array_equal(found, np.concatenate([plainly(data)] * (1 + len(notes)), axis=1))
        assert recording.notes == notes


@both_ways
@pytest.mark.parametrize("codec", CODECS)
def test_no_page_but_the_first(read: Read, path: Path, codec: str) -> None:
    with pytest.raises((FileError, AssertionError)):  # as a stream it is left to those who can have a file
        read(pages_of(encode(codec))[0].data, path)


@both_ways
@pytest.mark.parametrize(("name", "frames"), [("chain_v.ogg", 2 * 516_940), ("chain_o.opus", 946_656)])
def test_chained_recordings_that_were_restored_in_part(
    read: Read, path: Path, shared_cases: Path, name: str, frames: int
) -> None:
    data = (shared_cases / "01-chained-ogg" / name).read_bytes()
    found, recording = read(data, path)
    place = data.index(b"OggS\0\2", 1)
    np.testing.assert_array_equal(found, np.concatenate([plainly(data[:place]), plainly(data[place:])], axis=1))
    assert found.shape[1] == frames
    assert recording.notes == (CHAIN,)


def test_a_chain_whose_links_have_other_channels(path: Path, shared_cases: Path) -> None:
    found, recording = as_file((shared_cases / "01-chained-ogg" / "chain_vs.ogg").read_bytes(), path)
    assert found.shape == (2, 2 * 516_940)
    assert recording.info.frames == 2 * 516_940


@both_ways
def test_opus_whose_header_names_another_rate(read: Read, path: Path, shared_cases: Path, ffmpeg: str) -> None:
    folder = shared_cases / "03-opus-header-rate"
    raw = subprocess.run(
        [ffmpeg, "-v", "error", "-i", folder / "n48.opus", "-f", "f32le", "-"], check=True, capture_output=True
    )
    expected = np.frombuffer(raw.stdout, np.float32)[None]
    for name in ("n48.opus", "n48_as0.opus", "n48_as8000.opus"):
        found, recording = read((folder / name).read_bytes(), path)
        assert found.shape == expected.shape
        assert np.corrcoef(found[0], expected[0])[0, 1] > 0.999999
        assert recording.info.sample_rate == 48_000


@pytest.fixture(scope="module")
def flac_in_ogg(ffmpeg: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Block]:
    """A file, and what is in it."""
    folder = tmp_path_factory.mktemp("flac")
    audio = np.round(0.1 * np.random.default_rng(0).standard_normal((2, 100_000)) * 2**15) / 2**15
    soundfile.write(folder / "a.wav", audio.T, 16_000, subtype="PCM_16")
    subprocess.run([ffmpeg, "-v", "error", "-i", folder / "a.wav", "-c:a", "flac", folder / "a.oga"], check=True)
    return (folder / "a.oga").read_bytes(), audio.astype(np.float32)


flac_both_ways = pytest.mark.parametrize("read", [as_file, as_stream])


@flac_both_ways
@pytest.mark.parametrize("salvage", [False, True])
def test_flac_in_ogg_is_decoded_to_the_bit(
    read: Read, path: Path, flac_in_ogg: tuple[bytes, Block], salvage: bool
) -> None:
    data, audio = flac_in_ogg
    found, recording = read(data, path, salvage=salvage)
    np.testing.assert_array_equal(found, audio)
    assert (recording.notes, recording.info.container, recording.info.codec) == ((), "OGG", "FLAC")
    assert (recording.info.bits, recording.info.lossy) == (16, False)
    found, recording = read(data * 2, path, salvage=salvage)
    np.testing.assert_array_equal(found, np.concatenate([audio, audio], axis=1))
    assert recording.notes == (CHAIN,)


@flac_both_ways
def test_flac_in_ogg_whose_header_counts_too_few(read: Read, path: Path, flac_in_ogg: tuple[bytes, Block]) -> None:
    data, audio = flac_in_ogg
    first, *others = pages_of(data)
    body = first.body[:31] + (33_000).to_bytes(4, "big") + first.body[35:]
    found, recording = read(joined([first.changed(body=body), *others]), path)
    np.testing.assert_array_equal(found, audio)
    assert recording.notes == ("its header counts 2.062 s of sound, but 6.250 s are there: all of it was taken",)


@flac_both_ways
@pytest.mark.parametrize(("left_out", "words"), [(4, "a page of it is missing"), (-1, "it ends in the middle")])
def test_flac_in_ogg_without_one_of_its_pages(
    read: Read, path: Path, flac_in_ogg: tuple[bytes, Block], left_out: int, words: str
) -> None:
    data, audio = flac_in_ogg
    pages = pages_of(data)
    del pages[left_out]
    with pytest.raises(TruncatedError, match=words):
        read(joined(pages), path)
    found, recording = read(joined(pages), path, salvage=True)
    assert recording.salvaged
    assert words in recording.notes[-1]
    np.testing.assert_array_equal(found[:, :10_000], audio[:, :10_000])


@flac_both_ways
def test_a_live_stream_of_flac_that_was_joined(read: Read, path: Path, flac_in_ogg: tuple[bytes, Block]) -> None:
    data, audio = flac_in_ogg
    pages = pages_of(data)
    found, recording = read(joined(pages[:2] + pages[4:]), path)
    assert 0 < found.shape[1] < audio.shape[1]
    np.testing.assert_array_equal(found, audio[:, -found.shape[1] :])
    assert recording.notes == ("it begins in the middle of a stream, all of which from there on was taken",)


@both_ways
def test_what_stands_behind_flac_in_ogg_is_told(read: Read, path: Path, flac_in_ogg: tuple[bytes, Block]) -> None:
    data, samples = flac_in_ogg
    found, recording = read(data + b".snd" + bytes(range(1, 101)), path)
    np.testing.assert_array_equal(found, samples)
    assert recording.notes == ("104 bytes between or behind its pages are no sound and were left out",)

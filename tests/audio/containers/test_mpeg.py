from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.audio.containers.mpeg import MpegScan, MpegWalk, scan_mpeg
from hifisr_cli.audio.containers.mpeg_frames import RUN

FRAME = b"\xff\xfb\x90\x64" + b"\x55" * 413  # MPEG 1, layer III, 44.1 kHz, joint stereo
MONO = b"\xff\xfb\x92\xc4" + b"\x55" * 414
OTHER = b"\xff\xf3\x80\xc4" + b"\x55" * 204  # MPEG 2, 22.05 kHz
ID3 = b"ID3\x04\0\0\0\0\x01\0" + b"\xff\xfb\x90\x64" * 32
APE_ITEM = b"\x05\0\0\0\0\0\0\0Title\0hello"
APE = APE_ITEM + b"APETAGEX\xd0\x07\0\0" + (len(APE_ITEM) + 32).to_bytes(4, "little") + b"\x01\0\0\0" + bytes(12)
LYRICS = b"LYRICSBEGININD0000200000048LYRICS200"
ID3V1 = b"TAG" + b"x" * 125


def scan(data: bytes, start: int = 0) -> MpegScan:
    return scan_mpeg(lambda place, count: data[place : place + count], start, len(data))


def counts(found: MpegScan) -> list[tuple[int, int, int]]:
    return [(part.kind.rate, part.kind.channels, part.frames) for part in found.parts]


@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
@pytest.mark.parametrize(("rate", "channels"), [(48000, 2), (44100, 1), (22050, 1), (11025, 2)])
def test_frames_are_counted(tmp_path: Path, mode: str, rate: int, channels: int) -> None:
    path, length = tmp_path / "a.mp3", 50_077
    audio = (np.random.default_rng(0).standard_normal((length, channels)) * 0.1).astype(np.float32)
    with soundfile.SoundFile(path, "w", rate, channels, format="MP3", compression_level=0.5, bitrate_mode=mode) as file:
        file.write(audio)
    found = scan(path.read_bytes())
    assert [(part.kind.rate, part.kind.channels) for part in found.parts] == [(rate, channels)]
    (part,) = found.parts
    assert part.samples == (1152 if rate > 24000 else 576)
    assert part.start.length == length == part.start.left_of(part.decoded)
    assert found.notes == ()


def test_tags_around_and_between_frames_are_no_loss() -> None:
    for tag in (ID3, ID3V1, APE, LYRICS, LYRICS + ID3V1, APE + ID3V1, bytes(400) + ID3V1, ID3V1 + ID3):
        found = scan(tag + FRAME * 20 + tag)
        assert (counts(found), found.notes) == ([(44_100, 2, 20)], ()), tag[:20]
        if not tag.startswith(b"\0"):
            assert (counts(scan(FRAME * 20 + tag + FRAME * 20)), found.notes) == ([(44_100, 2, 40)], ()), tag[:20]


def test_only_frames_are_in_the_runs() -> None:
    data = b"x" * 700 + FRAME * 10 + b"y" * 900 + FRAME * 5 + ID3V1
    found = scan(data)
    (runs,) = found.runs
    assert b"".join(data[begin:end] for begin, end in zip(runs[::2], runs[1::2], strict=True)) == FRAME * 15
    assert found.size == 15 * len(FRAME)
    assert found.notes == ("1600 bytes in 2 places are no frames of MPEG audio and were left out",)


def test_less_than_a_frame_is_no_loss() -> None:
    for data in (FRAME[5:] + FRAME * 10, b"\0" * 10 + FRAME * 10, bytes(8000) + FRAME * 10 + bytes(400)):
        assert (counts(scan(data)), scan(data).notes) == ([(44_100, 2, 10)], ())


def test_what_may_be_left_of_a_frame_is_a_loss() -> None:
    for rest in (bytes(417), FRAME[100:], FRAME[-24:]):
        assert scan(FRAME * 10 + rest + FRAME * 10).notes != ()
    assert scan(FRAME * 10 + b"\0" + FRAME * 10).notes == ()  # as recorders of streams leave it behind


def test_sound_that_has_become_zeros_is_a_loss() -> None:
    for zeros in (FRAME * 10 + bytes(9000), bytes(9000) + FRAME * 10):
        assert scan(zeros).notes == ("9000 bytes in 1 place are no frames of MPEG audio and were left out",)


def test_a_header_alone_is_no_recording() -> None:
    start = b"\xff\xfb\x90\x64" + bytes(32) + b"Info" + bytes(377)
    for data in (FRAME * 10 + start, FRAME * 10 + start * 5000 + OTHER * 20, start + FRAME * 10):
        found = scan(data)
        assert counts(found)[0] == (44_100, 2, 10)
        assert found.notes == ()
    assert scan(start * 3).parts == ()


def test_a_cut_frame_is_told_and_not_counted() -> None:
    for cut in (1, 3, 4, 5, 416):
        found = scan(FRAME * 10 + FRAME[:cut])
        assert counts(found) == [(44_100, 2, 10)]
        assert found.notes == ("its last frame is cut and was left out",)


def test_frames_of_another_kind_are_another_recording() -> None:
    assert counts(scan(FRAME * 10 + OTHER * 10 + MONO * RUN)) == [(44_100, 2, 10), (22_050, 1, 10), (44_100, 1, RUN)]


def test_a_few_frames_of_another_kind_are_damage() -> None:
    found = scan(FRAME * 10 + OTHER * (RUN - 1) + FRAME * 10)
    assert counts(found) == [(44_100, 2, 20)]
    assert found.notes == (f"{(RUN - 1) * 208} bytes in 1 place are no frames of MPEG audio and were left out",)


def test_a_header_of_a_recording_begins_another_one() -> None:
    start = b"\xff\xfb\x90\x64" + bytes(32) + b"Info\0\0\0\x01\0\0\0\x0a" + bytes(369)
    found = scan(start + FRAME * 10 + start + FRAME * 12)
    assert counts(found) == [(44_100, 2, 10), (44_100, 2, 12)]
    assert [part.start.length for part in found.parts] == [11_520, 11_520]


def test_nothing_but_tags() -> None:
    for data in (b"", ID3, ID3 + ID3V1, bytes(5000)):
        assert (scan(data).parts, scan(data).solid) == ((), False)
    for data in (FRAME, FRAME + ID3V1):  # one frame alone is sound
        assert counts(scan(data)) == [(44_100, 2, 1)]
    assert scan(FRAME[:200]).parts == ()


def test_in_a_stream_of_pieces_as_in_a_file() -> None:
    rng = np.random.default_rng(0)
    data = rng.bytes(3000) + FRAME * 30 + ID3 + FRAME * 3 + bytes(500) + OTHER * 20 + APE + OTHER * 5 + ID3V1
    for size in (1, 7, 100, 417, 10_000):
        pieces = iter([data[at : at + size] for at in range(0, len(data), size)])
        walk, found, sound = MpegWalk(lambda pieces=pieces: next(pieces, b"")), [], b""
        while (part := walk.next_part()) is not None:
            sound += b"".join(piece for _, piece in walk.runs(part))
            found.append((part.kind.rate, part.kind.channels, part.frames))
        assert (found, walk.word()) == (counts(scan(data)), scan(data).notes)
        assert sound == FRAME * 33 + OTHER * 25


def test_a_stream_is_given_up_where_no_frame_begins() -> None:
    received = 0

    def endless() -> bytes:
        nonlocal received
        received += 1000
        return b"z" * 1000

    assert MpegWalk(endless, within=50_000).next_part() is None
    assert received < 60_000

from __future__ import annotations

import pytest

from hifisr_cli.audio.containers.mpeg_frames import FrameKind, MpegStart, has_start, parse_frame

HEAD = b"\xff\xfb\x90\x64"  # MPEG 1, layer III, 128 kbit/s, 44.1 kHz, joint stereo
FRAME = HEAD + bytes(413)


@pytest.mark.parametrize(
    ("head", "length", "samples", "kind"),
    [
        (HEAD, 417, 1152, FrameKind(1, 3, 44_100, 2)),
        (b"\xff\xfb\x92\xc4", 418, 1152, FrameKind(1, 3, 44_100, 1)),
        (b"\xff\xf3\x80\xc4", 208, 576, FrameKind(2, 3, 22_050, 1)),
        (b"\xff\xe3\x18\xc4", 72, 576, FrameKind(3, 3, 8_000, 1)),
        (b"\xff\xfd\xc4\x00", 768, 1152, FrameKind(1, 2, 48_000, 2)),
        (b"\xff\xff\x14\x00", 32, 384, FrameKind(1, 1, 48_000, 2)),
    ],
)
def test_what_a_header_says(head: bytes, length: int, samples: int, kind: FrameKind) -> None:
    frame = parse_frame(head)
    assert frame is not None
    assert (frame.length, frame.samples, frame.kind) == (length, samples, kind)


def test_what_is_no_frame() -> None:
    for data in (b"", b"\xff", b"RIFF", b"\xff\xff\xff\xff", b"\xff\xfb\xf0\0", b"\xff\xf1\x50\x80", b"\xff\xfb\x9c\0"):
        assert parse_frame(data) is None


def test_a_header_of_a_recording_is_told_from_sound_with_such_a_word_in_it() -> None:
    frame = parse_frame(HEAD)
    assert frame is not None
    for mark, at in ((b"Xing\0\0\0\x0f", 36), (b"Info\0\0\0\x01", 36), (b"VBRI\0\1", 36)):
        assert has_start(FRAME[:at] + mark + FRAME[at + len(mark) :], 0, frame)
    for mark, at in ((b"Xing\0\0\0\x0f", 35), (b"Xing\x37\0\0\x0f", 36), (b"VBRI\x91\1", 36), (b"", 36)):
        assert not has_start(FRAME[:at] + mark + FRAME[at + len(mark) :], 0, frame)


def test_what_was_added_at_the_end_is_only_taken_off_where_the_end_is() -> None:
    start = MpegStart(skip_begin=1105, skip_end=500, length=10_000)
    assert start.left_of(11_605) == 10_000  # everything is there
    assert start.left_of(11_605 - 400) == 10_000
    assert start.left_of(11_605 - 1152) == 11_605 - 1152 - 1105  # the last frame is not
    assert start.left_of(11_605 + 1152) == 11_605 + 1152 - 1105  # something follows
    assert start.left_of(1000) == 0
    assert MpegStart().left_of(1152) == 1152

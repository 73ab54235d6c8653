"""MPEG audio gives every sample that its encoder was given, from files and from streams."""

from __future__ import annotations

import io
import struct
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.audio.containers.frames_in_step import SEARCHED
from hifisr_cli.audio.containers.mpeg_frames import MpegFrame, parse_frame
from hifisr_cli.audio.decoders.bytestream import ByteStream
from hifisr_cli.audio.open import open_recording
from hifisr_cli.audio.open_stream import open_stream
from hifisr_cli.audio.recording import Block, Recording
from hifisr_cli.errors import EmptyAudioError, FileError, NotAudioError, TruncatedError

LENGTH = 90_077
DELAY = 1105  # of encoder and decoder
CUT = "its last frame is cut and was left out"


def tone_mp3(rate: int = 48_000, channels: int = 2, *, mode: str = "VARIABLE", length: int = LENGTH) -> bytes:
    rng = np.random.default_rng(rate)
    audio = rng.standard_normal((length, channels)).astype(np.float32) * 0.1
    audio[: length // 2] *= 0.001  # so that variable rates vary
    file = io.BytesIO()
    with soundfile.SoundFile(
        file, "w", rate, channels, format="MP3", subtype="MPEG_LAYER_III", compression_level=0.5, bitrate_mode=mode
    ) as sound:
        sound.write(audio)
    return file.getvalue()


def head_of(data: bytes) -> MpegFrame:
    head = parse_frame(data[:4])
    assert head is not None
    return head


def taken(recording: Recording) -> tuple[Block, tuple[str, ...]]:
    with recording:
        return np.concatenate(list(recording.blocks(5000)), axis=1), recording.notes


def from_file(data: bytes, folder: Path, *, salvage: bool = False) -> tuple[Block, tuple[str, ...]]:
    path = folder / "a.mp3"
    path.write_bytes(data)
    return taken(open_recording(path, salvage=salvage))


def from_stream(data: bytes, *, salvage: bool = False) -> tuple[Block, tuple[str, ...]]:
    recording = open_stream(ByteStream(io.BytesIO(data)), Path("-"), salvage=salvage)
    assert recording is not None
    return taken(recording)


def decode(data: bytes, folder: Path, *, salvage: bool = False) -> tuple[Block, tuple[str, ...]]:
    """What is taken of it as a file, which is what is taken of it as a stream."""
    found, notes = from_file(data, folder, salvage=salvage)
    streamed, _ = from_stream(data, salvage=salvage)
    np.testing.assert_array_equal(streamed, found)
    return found, notes


@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
def test_read_whole_without_a_header_frame(tmp_path: Path, mode: str) -> None:
    data = tone_mp3(mode=mode)
    reference, _ = decode(data, tmp_path)
    assert reference.shape == (2, LENGTH)
    found, notes = decode(data[head_of(data).length :], tmp_path)
    assert found.shape[1] % 1152 == 0
    np.testing.assert_array_equal(found[:, DELAY : DELAY + LENGTH], reference)
    assert notes == ()


def test_the_header_of_other_encoders_is_no_sound_either(tmp_path: Path) -> None:
    data = tone_mp3(44_100)
    head = head_of(data)
    sound = data[head.length :]
    decoded, _ = decode(sound, tmp_path)
    for wrong in (0, 1, -1):  # some count the frame of the header as well, some forget one
        frames = decoded.shape[1] // 1152 + wrong
        vbri = b"VBRI" + struct.pack(">HHHII", 1, 2609, 75, len(data), frames)
        found, notes = decode(data[:4] + bytes(32) + vbri + bytes(head.length - 54) + sound, tmp_path)
        np.testing.assert_array_equal(found, decoded)
        assert bool(notes) == (wrong < 0)


@pytest.mark.parametrize(
    "front",
    [b"\0", bytes(417), b"ID3\x04\0\0\0\0\x10\0" + bytes(2049), b"\xff\xd8\xff\xe0" + bytes(range(256)) * 80],
    ids=["a byte", "zeros", "tag", "junk"],
)
def test_bytes_before_the_first_frame(tmp_path: Path, front: bytes) -> None:
    data = tone_mp3()
    reference, _ = decode(data, tmp_path)
    found, notes = decode(front + data, tmp_path)
    np.testing.assert_array_equal(found, reference)
    assert notes == (
        (f"{len(front)} bytes in 1 place are no frames of MPEG audio and were left out",) * (b"1" in front)
    )


def test_cut_within_the_first_frame(tmp_path: Path) -> None:
    data = tone_mp3(mode="CONSTANT")
    length = head_of(data).length
    whole, _ = decode(data[2 * length :], tmp_path)
    found, notes = decode(data[length + 100 :], tmp_path)
    np.testing.assert_array_equal(found, whole)
    assert notes == ()


def test_a_whole_file_with_tags_around_it(tmp_path: Path) -> None:
    data = tone_mp3()
    reference, _ = decode(data, tmp_path)
    found, notes = decode(b"ID3\x04\0\0\0\0\x10\0" + bytes(2048) + data + b"TAG" + bytes(125), tmp_path)
    np.testing.assert_array_equal(found, reference)
    assert notes == ()


def test_several_files_in_one_are_read_whole(tmp_path: Path) -> None:
    first, second = tone_mp3(), tone_mp3(length=50_000)
    found, notes = decode(first + b"TAG" + bytes(125) + second, tmp_path)
    parts = [decode(data, tmp_path)[0] for data in (first, second)]
    np.testing.assert_array_equal(found, np.concatenate(parts, axis=1))
    assert found.shape[1] == LENGTH + 50_000
    assert notes == ("it is a chain of 2 recordings: all were joined, with the tags of the first",)


def test_a_file_of_another_rate_behind_it(tmp_path: Path) -> None:
    first, second = tone_mp3(48_000), tone_mp3(24_000, 1)
    found, notes = decode(first + second, tmp_path)
    assert found.shape == (2, LENGTH + 2 * LENGTH)
    np.testing.assert_array_equal(found[:, :LENGTH], decode(first, tmp_path)[0])
    assert "chain of 2" in notes[0]
    narrow, notes = from_file(second + first, tmp_path)
    np.testing.assert_array_equal(narrow[:, 2 * LENGTH :], decode(first, tmp_path)[0])
    with pytest.raises(TruncatedError, match="save it to a file first"):
        from_stream(second + first)


def test_a_header_that_counts_too_few_frames(tmp_path: Path) -> None:
    data = tone_mp3()
    reference, _ = decode(data, tmp_path)
    bare, _ = decode(data[head_of(data).length :], tmp_path)
    stale = bytearray(data)
    struct.pack_into(">I", stale, 44, 40)
    found, (note,) = decode(bytes(stale), tmp_path)
    np.testing.assert_array_equal(found, bare[:, DELAY:])
    np.testing.assert_array_equal(found[:, :LENGTH], reference)
    assert "all of it was taken" in note


@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
def test_cut_files(tmp_path: Path, mode: str) -> None:
    data = tone_mp3(mode=mode)
    reference, _ = decode(data, tmp_path)
    half = data[: len(data) * 2 // 3 + 100]
    for read in (lambda data: from_file(data, tmp_path), from_stream):
        with pytest.raises(TruncatedError, match="breaks off after"):
            read(half)
    found, notes = decode(half, tmp_path, salvage=True)
    np.testing.assert_array_equal(found, reference[:, : found.shape[1]])
    assert found.shape[1] > 0.5 * LENGTH
    assert notes[0] == CUT
    assert "salvaged" in notes[1]


def test_less_than_a_frame_missing_is_told_and_no_fault(tmp_path: Path) -> None:
    data = tone_mp3()
    reference, _ = decode(data, tmp_path)
    bare = data[head_of(data).length :]
    for content in (data, bare):
        found, notes = decode(content[:-1], tmp_path)
        begin = 0 if content is data else DELAY
        assert 0 <= begin + LENGTH - found.shape[1] < 1152
        np.testing.assert_array_equal(found[:, begin:], reference[:, : found.shape[1] - begin])
        assert notes == (CUT,)
    found, notes = decode(bare[: len(bare) // 2], tmp_path)  # nothing says how long it was
    assert notes == (CUT,)


def test_damage_in_the_middle_is_told(tmp_path: Path) -> None:
    data = tone_mp3(mode="CONSTANT")[480:]
    length = head_of(data).length
    whole, _ = decode(data, tmp_path)
    found, notes = decode(data[: 50 * length] + bytes(3 * length) + data[53 * length :], tmp_path)
    assert found.shape[1] == whole.shape[1] - 3 * 1152
    assert notes == (f"{3 * length} bytes in 1 place are no frames of MPEG audio and were left out",)


def test_nothing_to_be_heard(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    tag = b"ID3\x04\0\0\0\0\x10\0" + bytes(2048)
    data = tone_mp3()
    head = data[: head_of(data).length]
    for content, error, words in (
        (tag, EmptyAudioError, "has no sound: there are only tags in it"),
        (tag[:100], EmptyAudioError, "has no sound"),
        (tag + b"TAG" + bytes(125), EmptyAudioError, "has no sound"),
        (tag + b"some words" * 1000, NotAudioError, "no frames of MPEG audio"),
        (head[:150], TruncatedError, "ends within its first frame"),
        (head, TruncatedError, "only the header is there"),
    ):
        for salvage in (False, True):
            path.write_bytes(content)
            with pytest.raises(FileError, match=words) as caught:
                open_recording(path, salvage=salvage)
            assert isinstance(caught.value, error)
        assert open_stream(ByteStream(io.BytesIO(content)), Path("-")) is None  # left to those who have a file


def test_a_tag_that_says_it_is_longer_than_the_file(tmp_path: Path) -> None:
    data = tone_mp3()
    found, _ = from_file(b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + bytes(2048) + data, tmp_path)
    np.testing.assert_array_equal(found, decode(data, tmp_path)[0])


def in_wav(data: bytes, form: bytes, *chunks: bytes) -> bytes:
    body = b"fmt " + struct.pack("<I", len(form)) + form
    body += b"fact" + struct.pack("<II", 4, 10**6)  # with what the encoder has added, or anything else
    body += b"".join(chunks) + b"data" + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


@pytest.mark.parametrize("tag", [b"\x55\0", b"\x50\0", b"\xfe\xff"])
def test_mpeg_audio_in_wav(tmp_path: Path, tag: bytes) -> None:
    form = tag + struct.pack("<HIIHHH", 2, 48_000, 16_000, 1, 0, 22) + bytes(6) + b"\x55\0" + bytes(14)
    data = tone_mp3()
    note = b"bext" + struct.pack("<I", 602) + b"a description".ljust(602, b"\0")
    wav, reference = in_wav(data, form, note), decode(data, tmp_path)[0]
    found, notes = from_file(wav, tmp_path)
    np.testing.assert_array_equal(found, reference)
    assert notes == ()
    with open_recording(tmp_path / "a.mp3") as recording:
        assert recording.info.container == "WAV"
        assert recording.chunks is not None
        assert b"bext" in [chunk.name for chunk in recording.chunks.before]
    with pytest.raises(TruncatedError):
        from_file(wav[: len(wav) // 2], tmp_path)
    assert 0 < from_file(wav[: len(wav) // 2], tmp_path, salvage=True)[0].shape[1] < LENGTH
    assert CUT in from_file(wav[:-2], tmp_path)[1]


def test_mpeg_audio_in_a_riff_file_of_its_own(tmp_path: Path) -> None:
    data = tone_mp3()
    riff = b"RIFF" + struct.pack("<I", 12 + len(data)) + b"RMP3data" + struct.pack("<I", len(data)) + data
    np.testing.assert_array_equal(from_file(riff, tmp_path)[0], decode(data, tmp_path)[0])


@pytest.mark.parametrize("codec", ["libmp3lame", "mp2"])
@pytest.mark.parametrize(("rate", "channels"), [(48_000, 2), (44_100, 1), (22_050, 2), (16_000, 1)])
def test_as_ffmpeg_decodes_it(tmp_path: Path, ffmpeg: str, codec: str, rate: int, channels: int) -> None:
    path, audio = tmp_path / "a.wav", np.random.default_rng(0).standard_normal((LENGTH, channels)) * 0.1
    soundfile.write(path, audio, rate)
    made = [ffmpeg, "-v", "error", "-i", path, "-c:a", codec, "-b:a", "64k", "-f", codec[-3:].replace("ame", "mp3")]
    subprocess.run([*made, tmp_path / "made"], check=True)
    raw = [ffmpeg, "-v", "error", "-i", tmp_path / "made", "-f", "f32le", "-"]
    expected = np.frombuffer(subprocess.run(raw, check=True, capture_output=True).stdout, np.float32)
    found, notes = decode((tmp_path / "made").read_bytes(), tmp_path)
    assert notes == ()
    assert found.shape == (channels, len(expected) // channels)
    assert np.abs(found - expected.reshape(-1, channels).T).max() < 1e-3


def test_a_live_stream_that_begins_within_a_frame_is_heard_at_once() -> None:
    data = tone_mp3(mode="CONSTANT") * 20

    class Live(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 500))

        def fileno(self) -> int:
            raise OSError

    live = Live(data[700:])
    recording = open_stream(ByteStream(live), Path("-"))
    assert recording is not None
    assert live.tell() < SEARCHED  # by as much as the pipe to the decoder holds, at the most
    next(recording.blocks(1000))


def test_leaving_early(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(tone_mp3() * 3)
    before = threading.active_count()
    for _ in range(3):
        with open_recording(path) as recording:
            next(recording.blocks(1000))
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("name", "samples"),
    [
        ("02-mp3-vbri/vbri.mp3", 518_400),
        ("11-mp3-bytes-before-first-frame/a_cutfront300.mp3", 259_200),
        ("11-mp3-bytes-before-first-frame/a_gap1.mp3", 258_470),
        ("11-mp3-bytes-before-first-frame/a_gap417.mp3", 258_470),
        ("11-mp3-bytes-before-first-frame/a_zero10.mp3", 258_470),
        ("22-stderr-of-mpg123/m_zero.mp3", 258_470),
    ],
)
def test_recordings_of_the_world(shared_cases: Path, tmp_path: Path, name: str, samples: int) -> None:
    found, notes = decode((shared_cases / name).read_bytes(), tmp_path)
    assert found.shape == (1, samples)
    assert notes == ()


def test_mp3_in_wav_of_the_world(shared_cases: Path, tmp_path: Path) -> None:
    for name in ("mp3in.wav", "rmp.mp3"):
        found, notes = from_file((shared_cases / "13-mp3-in-wav" / name).read_bytes(), tmp_path)
        assert (found.shape, notes) == ((1, 259_776), ())

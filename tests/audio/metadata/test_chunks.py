"""Chunks from WAV-like inputs to WAV and RF64 outputs: kept to the byte, or changed exactly for the new rate."""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from hifisr_cli.audio.containers.riff import MOST_CHUNKS, FileSlice, parse_chunks
from hifisr_cli.audio.formats import OutputFormat
from hifisr_cli.audio.metadata.carried import Carried, Metadata
from hifisr_cli.audio.open import open_recording
from hifisr_cli.audio.output.output import Output
from hifisr_cli.audio.output.wav import WavSink, wav_header
from hifisr_cli.errors import TruncatedError
from hifisr_cli.results import AudioInfo
from tests.audio.opened import carried_by

WAV = OutputFormat("wav", "PCM_24", 24, ".wav")
HISTORY = b"A=ANALOGUE,M=mono,T=Studer A810; SN 1234; 7.5 ips; open reel tape\r\n"
DONE = "A=PCM,F=48000,W=24,M=mono,T=hifisr "


def about(rate: int = 8000, channels: int = 1) -> AudioInfo:
    return AudioInfo("WAV", "PCM_16", rate, channels, 100, 16, is_float=False, lossy=False)


def chunk(name: bytes, body: bytes, *, padding: bytes = b"\0") -> bytes:
    return name + struct.pack("<I", len(body)) + body + (padding if len(body) % 2 else b"")


def wav(*before: bytes, after: tuple[bytes, ...] = (), rate: int = 8000, samples: int = 100) -> bytes:
    fmt = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, rate, 2 * rate, 2, 16))
    body = b"WAVE" + fmt + b"".join(before) + chunk(b"data", bytes(2 * samples)) + b"".join(after)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def bext(
    *, time: int = 0, version: int = 1, umid: bytes = b"", loudness: bytes = b"", history: bytes = HISTORY
) -> bytes:
    fixed = b"a description".ljust(256, b"\0") + b"NYPL".ljust(32, b"\0") + b"ref 7".ljust(32, b"\0")
    fixed += b"1999-12-3123:59:59" + struct.pack("<QH", time, version) + umid.ljust(64, b"\0")
    return fixed + loudness.ljust(10, b"\0") + bytes(180) + history


def carry(folder: Path, data: bytes, *, rate: int = 8000, extended: str | None = "above 3.9 kHz") -> Carried:
    path = folder / "in.wav"
    path.write_bytes(data)
    return carried_by(path, about(rate), WAV, extended=extended)


def written(folder: Path, carried: Carried, frames: int = 101) -> list[tuple[bytes, bytes]]:
    """The chunks of an output as a plain reader finds them, once libsndfile is content with it."""
    path = folder / "out.wav"
    with Output(path, WAV, channels=1, frames=frames, overwrite=True, carried=carried) as output:
        output.write(np.full((1, frames), 0.25, np.float32))
    data = path.read_bytes()
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
    sound, rate = soundfile.read(path)
    assert rate == 48_000
    np.testing.assert_array_equal(sound, np.full(frames, 0.25))
    return parse_chunks(data, 12)


def body(carried: Carried, name: bytes) -> bytes:
    (found,) = [c for c in (*carried.before, *carried.after) if c.name == name]
    return found.read()


NAMES = st.binary(min_size=4, max_size=4).map(lambda b: bytes(0x61 + byte % 26 for byte in b)).filter(
    lambda name: name not in (b"data", b"fact", b"junk", b"levl", b"bext", b"cart", b"plst", b"smpl", b"umid", b"strc")
    and name not in (b"wavl", b"slnt")
)  # fmt: skip
CHUNKS = st.lists(st.tuples(NAMES, st.binary(max_size=40)), max_size=6)


@given(
    before=CHUNKS,
    after=CHUNKS,
    rate=st.sampled_from([8000, 44_100, 48_000]),
    extended=st.sampled_from([None, "above 3.9 kHz"]),
)
def test_unknown_chunks_survive_to_the_byte(
    tmp_path_factory: pytest.TempPathFactory,
    before: list[tuple[bytes, bytes]],
    after: list[tuple[bytes, bytes]],
    rate: int,
    extended: str | None,
) -> None:
    folder = tmp_path_factory.mktemp("chunks")
    data = wav(*(chunk(*c) for c in before), after=tuple(chunk(*c) for c in after), rate=rate)
    carried = carry(folder, data, rate=rate, extended=extended)
    assert carried.warnings == ()
    found = written(folder, carried)
    names = [name for name, _ in found]
    place = names.index(b"data")
    ours = (b"fmt ", b"bext", b"LIST")
    assert [c for c in found[:place] if c[0] not in ours] == before
    assert found[place + 1 :] == after
    assert (b"bext" in names, b"LIST" in names) == (extended is not None, extended is not None)


@given(data=st.binary(max_size=300), start=st.booleans())
def test_no_bytes_break_the_reading(tmp_path_factory: pytest.TempPathFactory, data: bytes, start: bool) -> None:
    folder = tmp_path_factory.mktemp("noise")
    carried = carry(folder, wav(after=(data,)) if start else b"RIFF\xff\xff\xff\xffWAVE" + data)
    assert b"bext" in [name for name, _ in written(folder, carried)]


@given(
    name=st.sampled_from([b"bext", b"iXML", b"cue ", b"smpl", b"plst", b"cart", b"LIST"]), data=st.binary(max_size=99)
)
def test_no_damage_in_known_chunks_breaks_the_output(
    tmp_path_factory: pytest.TempPathFactory, name: bytes, data: bytes
) -> None:
    folder = tmp_path_factory.mktemp("damage")
    kinds = (b"INFO", b"adtl") if name == b"LIST" else (b"",)
    for kind in kinds:
        written(folder, carry(folder, wav(chunk(name, kind + data))))


@pytest.mark.parametrize("cut", [4, 9, 20])
def test_cut_chunk_is_reported(tmp_path: Path, cut: int) -> None:
    data = wav(after=(chunk(b"good", b"1234"), chunk(b"iXML", b"x" * 30)))
    carried = carry(tmp_path, data[:-cut])
    assert [c.name for c in carried.after] == [b"good"]
    assert "iXML" in carried.warnings[0]


def test_missing_and_odd_padding(tmp_path: Path) -> None:
    after = (
        chunk(b"odd1", b"abc", padding=b""),
        chunk(b"odd2", b"abc", padding=b"\xff"),
        chunk(b"last", b"xyz", padding=b""),
    )
    carried = carry(tmp_path, wav(after=after))
    assert [(c.name, c.read()) for c in carried.after] == [(b"odd1", b"abc"), (b"odd2", b"abc"), (b"last", b"xyz")]
    assert carried.warnings == ()


def test_what_is_no_chunk_is_left_out(tmp_path: Path) -> None:
    assert carry(tmp_path, wav(after=(chunk(b"good", b"12"), bytes(500)))).warnings == ()
    carried = carry(tmp_path, wav(after=(chunk(b"good", b"12"), b"\x01\x02\x03\x04" * 32)))
    assert [c.name for c in carried.after] == [b"good"]
    assert "128 bytes" in carried.warnings[0]


@pytest.mark.parametrize("name", [b"RIFF", b"RF64", b"FORM"])
def test_another_recording_behind_it_is_left_out(tmp_path: Path, name: bytes) -> None:
    carried = carry(tmp_path, wav(after=(chunk(b"good", b"12"), chunk(name, b"WAVE" + bytes(60)), chunk(b"late", b""))))
    assert [c.name for c in carried.after] == [b"good"]
    assert "another recording" in carried.warnings[0]


def test_a_file_of_nothing_but_chunks_ends(tmp_path: Path) -> None:
    carried = carry(tmp_path, wav(after=(chunk(b"none", b"") * (MOST_CHUNKS + 10),)))
    assert len(carried.after) < MOST_CHUNKS
    assert "no chunks" in carried.warnings[0]


def test_rf64_and_open_lengths(tmp_path: Path) -> None:
    inner = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 8000, 16_000, 2, 16))
    sound = b"data\xff\xff\xff\xff" + bytes(10)
    ds64 = chunk(b"ds64", struct.pack("<QQQI", 0, 10, 5, 0))
    rest = chunk(b"good", b"12")
    long = carry(tmp_path, b"RF64\xff\xff\xff\xffWAVE" + ds64 + inner + sound + rest)
    assert [c.name for c in long.after] == [b"good"]
    endless = carry(tmp_path, b"RIFF\xff\xff\xff\xffWAVE" + chunk(b"abcd", b"1") + inner + sound + rest)
    assert (b"abcd" in [c.name for c in endless.before], endless.after) == (True, ())


def test_wave64(tmp_path: Path) -> None:
    tail = bytes.fromhex("f3acd3118cd100c04f8edb8a")

    def long_chunk(name: bytes, data: bytes, end: bytes = tail) -> bytes:
        return name + end + struct.pack("<Q", 24 + len(data)) + data + bytes(-len(data) % 8)

    head = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000") + bytes(8) + b"wave" + tail
    parts = [long_chunk(b"data", bytes(20)), long_chunk(b"abcd", b"12345"), long_chunk(b"mark", b"", bytes(12))]
    carried = carry(tmp_path, head + b"".join(parts))
    assert [(c.name, c.read()) for c in carried.after] == [(b"abcd", b"12345")]
    assert "Wave64" in carried.warnings[0]
    soundfile.write(tmp_path / "real.w64", np.zeros(10), 8000)
    with open_recording(tmp_path / "real.w64") as recording:
        assert recording.chunks is not None
        assert recording.chunks.problems == []


def test_bext_is_kept_but_for_what_changed(tmp_path: Path) -> None:
    time = 8000 * 3600 * 10 + 1
    data = wav(after=(chunk(b"bext", bext(time=time, umid=b"u" * 64)),))
    carried = carry(tmp_path, data)
    assert carried.before[0].name == b"bext"  # it belongs in front of the samples
    found, old = body(carried, b"bext"), bext(time=time)
    assert found[:338] == old[:338]
    assert struct.unpack("<Q", found[338:346])[0] == time * 6
    assert found[346:602] == old[346:602]  # no UMID
    lines = found[602:].rstrip(b"\0").decode("ascii").split("\r\n")
    assert lines[0].encode() + b"\r\n" == HISTORY
    assert lines[1] == "A=PCM,F=8000,W=16,M=mono,T=source as found; WAV"
    assert lines[2].startswith(DONE)
    assert lines[2].endswith("; bandwidth extended above 3.9 kHz; synthetic")
    assert lines[3:] == [""]
    assert [w for w in carried.warnings if "UMID" in w]


def test_bext_of_a_copy_keeps_its_identity(tmp_path: Path) -> None:
    history = b"A=PCM,F=48000,W=24,M=mono,T=Prism\0\0\0"
    old = bext(time=12345, umid=b"u" * 64, version=2, loudness=b"12345678ab", history=history)
    carried = carry(tmp_path, wav(chunk(b"bext", old), rate=48_000), rate=48_000, extended=None)
    found = body(carried, b"bext")
    assert found[:602] == old[:602]
    lines = found[602:].rstrip(b"\0").decode("ascii").split("\r\n")
    assert [lines[0].encode(), *lines[2:]] == [history.rstrip(b"\0"), ""]
    assert lines[1].startswith(DONE)
    assert lines[1].endswith("; bandwidth unchanged")
    assert carried.warnings == ()
    assert len(carried.before) == 1


def test_loudness_of_the_input_is_not_inherited(tmp_path: Path) -> None:
    carried = carry(tmp_path, wav(chunk(b"bext", bext(version=2, loudness=b"12345678ab"))))
    assert body(carried, b"bext")[412:422] == b"\xff\x7f" * 5
    assert "loudness" in carried.warnings[0]


def test_impossible_time_is_left(tmp_path: Path) -> None:
    carried = carry(tmp_path, wav(chunk(b"bext", bext(time=(1 << 64) - 1))))
    assert body(carried, b"bext")[338:346] == b"\xff" * 8
    assert "impossible" in carried.warnings[0]


@pytest.mark.parametrize(("channels", "field"), [(1, "M=mono"), (2, "M=stereo"), (6, "6 channels")])
def test_history_line_has_no_comma_in_its_text(tmp_path: Path, channels: int, field: str) -> None:
    lines = Metadata(about(16_000, channels)).for_output(WAV, extended="above 7.0 kHz")
    text = lines.before[0].read()[602:].rstrip(b"\0").decode("ascii")
    for line in text.splitlines():
        parts = line.split(",")
        assert all(part[1] == "=" and part[0] in "AFBWMT" for part in parts)
        assert [part[0] for part in parts] == sorted({part[0] for part in parts}, key="AFBWMT".index)
        assert field in line


@given(value=st.integers(0, 2**32 // 14), rate=st.sampled_from([4000, 8000, 11_025, 44_100, 96_000, 192_000]))
def test_positions_are_rounded_exactly(tmp_path_factory: pytest.TempPathFactory, value: int, rate: int) -> None:
    cue = struct.pack("<I", 1) + struct.pack("<II4sIII", 7, value, b"data", 0, 0, value)
    carried = carry(tmp_path_factory.mktemp("cue"), wav(chunk(b"cue ", cue)), rate=rate)
    name, position, where, start, block, offset = struct.unpack("<II4sIII", body(carried, b"cue ")[4:])
    assert (name, where, start, block) == (7, b"data", 0, 0)
    assert position == offset
    assert 2 * abs(position * rate - value * 48_000) <= rate


def test_labels_loops_playlists_and_timers(tmp_path: Path) -> None:
    label = chunk(b"labl", struct.pack("<I", 1) + b"take\0")
    text = chunk(b"ltxt", struct.pack("<II4sHHHH", 1, 801, b"rgn ", 0, 0, 0, 0))
    sampler = struct.pack("<9I", 1, 2, 125_000, 60, 0, 0, 0, 1, 0) + struct.pack("<6I", 0, 0, 100, 199, 0, 0)
    playlist = struct.pack("<4I", 1, 1, 500, 2)
    timers = struct.pack("<4sI", b"SEGs", 10) + bytes(56)
    cart = b"0101".ljust(680, b"c") + struct.pack("<i", 32_768) + timers + bytes(1300)
    carried = carry(
        tmp_path,
        wav(
            chunk(b"LIST", b"adtl" + label + text),
            chunk(b"smpl", sampler),
            chunk(b"plst", playlist),
            chunk(b"cart", cart),
        ),
        extended=None,
    )
    assert body(carried, b"LIST") == b"adtl" + label + text.replace(struct.pack("<I", 801), struct.pack("<I", 4806))
    found = struct.unpack("<15I", body(carried, b"smpl"))
    assert found[2] == 20_833
    assert found[11:13] == (600, 1199)  # 100 samples become 600
    assert struct.unpack("<4I", body(carried, b"plst")) == (1, 1, 3000, 2)
    assert body(carried, b"cart") == cart.replace(b"SEGs\x0a\0\0\0", b"SEGs\x3c\0\0\0")


def test_positions_that_do_not_fit_any_more(tmp_path: Path) -> None:
    cue = struct.pack("<I", 1) + struct.pack("<II4sIII", 1, 0, b"data", 0, 0, 1 << 31)
    carried = carry(tmp_path, wav(chunk(b"cue ", cue)))
    assert "cue chunk was left out" in carried.warnings[0]
    assert b"cue " not in [c.name for c in carried.before]


def test_at_48_khz_nothing_is_counted_anew(tmp_path: Path) -> None:
    damaged = [chunk(b"cue ", b"\xff" * 7), chunk(b"smpl", b"x"), chunk(b"LIST", b"adtlltxt\xff\xff\xff\xff")]
    carried = carry(tmp_path, wav(*damaged, rate=48_000), rate=48_000, extended=None)
    assert b"".join(part for c in carried.before for part in c.parts()) == b"".join(damaged)


IXML = """<?xml version="1.0" encoding="UTF-8"?>
<BWFXML><PROJECT>Töne, Ärger</PROJECT><FILE_UID>abc</FILE_UID>
<SPEED><FILE_SAMPLE_RATE>44100</FILE_SAMPLE_RATE><DIGITIZER_SAMPLE_RATE> 44056 </DIGITIZER_SAMPLE_RATE>
<AUDIO_BIT_DEPTH>16</AUDIO_BIT_DEPTH><TIMESTAMP_SAMPLE_RATE>44100</TIMESTAMP_SAMPLE_RATE>
<TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI>0</TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI>
<TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO>4200000000</TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO></SPEED>
<SYNC_POINT_LIST><SYNC_POINT><SYNC_POINT_LOW>441</SYNC_POINT_LOW><SYNC_POINT_HIGH>0</SYNC_POINT_HIGH>
<SYNC_POINT_EVENT_DURATION>147</SYNC_POINT_EVENT_DURATION></SYNC_POINT></SYNC_POINT_LIST>
<BEXT><BWF_TIME_REFERENCE_LOW>0</BWF_TIME_REFERENCE_LOW><BWF_TIME_REFERENCE_HIGH>1</BWF_TIME_REFERENCE_HIGH></BEXT>
</BWFXML>"""


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16"])
def test_ixml(tmp_path: Path, encoding: str) -> None:
    carried = carry(tmp_path, wav(chunk(b"iXML", IXML.encode(encoding)), rate=44_100), rate=44_100)
    text = body(carried, b"iXML").decode(encoding)
    time = round(4_200_000_000 * 48_000 / 44_100)
    reference = ((1 << 32) * 2 * 48_000 + 44_100) // (2 * 44_100)
    changes = {
        "FILE_SAMPLE_RATE>44100": "FILE_SAMPLE_RATE>48000",
        "RATE> 44056 <": f"RATE> {round(44_056 * 48_000 / 44_100)} <",
        ">16<": ">24<",
        "TIMESTAMP_SAMPLE_RATE>44100": "TIMESTAMP_SAMPLE_RATE>48000",
        "_HI>0<": f"_HI>{time >> 32}<",
        ">4200000000<": f">{time & 0xFFFFFFFF}<",
        ">441<": ">480<",
        ">147<": ">160<",
        "BWF_TIME_REFERENCE_LOW>0<": f"BWF_TIME_REFERENCE_LOW>{reference & 0xFFFFFFFF}<",
        ">abc<": "><",
    }
    expected = IXML
    for old, new in changes.items():
        assert old in expected
        expected = expected.replace(old, new)
    assert text == expected
    assert "FILE_UID" in carried.warnings[0]


def test_info_keeps_all_and_gets_a_comment(tmp_path: Path) -> None:
    parts = chunk(b"INAM", b"Lied") + chunk(b"ICMT", b"found in box 3\0") + chunk(b"IXYZ", "ä".encode())
    carried = carry(tmp_path, wav(after=(chunk(b"LIST", b"INFO" + parts),)))
    (info,) = carried.after  # stays where it was
    found = dict(parse_chunks(info.read(), 4))
    assert (found[b"INAM"], found[b"IXYZ"]) == (b"Lied", "ä".encode())
    assert found[b"ICMT"].startswith(b"found in box 3; Bandwidth extended above 3.9 kHz by hifisr")
    assert found[b"ICMT"].endswith(b"synthetic\0")
    unchanged = carry(tmp_path, wav(after=(chunk(b"LIST", b"INFO" + parts),)), extended=None)
    assert unchanged.after[0].read() == b"INFO" + parts


def test_what_describes_the_old_samples_goes(tmp_path: Path) -> None:
    stale = [chunk(name, b"0123456789abcdef") for name in (b"fact", b"PEAK", b"JUNK", b"MD5 ", b"levl", b"umid")]
    carried = carry(tmp_path, wav(*stale))
    assert [c.name for c in carried.before] == [b"bext", b"LIST"]
    assert carried.warnings == ("chunks that describe the input's samples were left out: MD5, levl, umid",)


def test_large_chunks_stay_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "in.wav"
    with path.open("wb") as file:  # 100 MB of a hole
        head = wav(samples=100)
        file.write(head + b"hole" + struct.pack("<I", 100_000_000))
        file.truncate(len(head) + 8 + 100_000_000)
    carried = carried_by(path, about(), WAV, extended="above 3.9 kHz")
    (hole,) = carried.after
    assert isinstance(hole.body, FileSlice)
    assert max(map(len, hole.parts())) <= 1 << 20
    assert sum(map(len, hole.parts())) == hole.length


def test_input_that_shrinks_meanwhile_fails_and_leaves_nothing(tmp_path: Path) -> None:
    carried = carry(tmp_path, wav(after=(chunk(b"good", bytes(1000)),)))
    os.truncate(tmp_path / "in.wav", 300)
    with (
        pytest.raises(TruncatedError),
        Output(tmp_path / "out.wav", WAV, channels=1, frames=1, overwrite=False, carried=carried) as output,
    ):
        output.write(np.zeros((1, 1), np.float32))
    assert [p.name for p in tmp_path.iterdir()] == ["in.wav"]


def test_streams_have_all_chunks_first(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    carried = carry(tmp_path, wav(after=(chunk(b"good", b"123"),)))
    with Output(None, WAV, channels=1, frames=10, overwrite=False, carried=carried) as output:
        output.write(np.zeros((1, 10), np.float32))
    data = capfdbinary.readouterr().out
    assert [name for name, _ in parse_chunks(data, 12)] == [b"fmt ", b"bext", b"LIST", b"good", b"data"]
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8


def test_rf64_counts_the_chunks(tmp_path: Path) -> None:
    frames = (0xFFFFFFFF - 36) // 2
    plain = {"channels": 1, "bits": 16, "is_float": False}
    assert wav_header(frames, **plain)[:4] == b"RIFF"  # type: ignore[arg-type]
    for extra in ({"before": 100}, {"after": 100}):
        assert wav_header(frames, **plain, **extra)[:4] == b"RF64"  # type: ignore[arg-type]


def test_rf64_with_chunks_is_read_by_others(tmp_path: Path, ffmpeg: str) -> None:
    parts = [chunk(b"even", b"1234"), chunk(b"odd ", b"123"), chunk(b"iXML", b"<BWFXML/>")]
    carried = carry(tmp_path, wav(*parts, after=(chunk(b"odd2", b"12345"),)))
    long, path = 800_000_000, tmp_path / "long.wav"
    with path.open("w+b") as file:  # 4.8 GB of stereo in 24 bits, as a hole
        sink = WavSink(file.fileno(), WAV, channels=2, frames=long, seekable=True, carried=carried)
        os.lseek(file.fileno(), long * 6, os.SEEK_CUR)
        sink.finish()
    info = soundfile.info(path)
    assert (info.format, info.frames) == ("RF64", long)
    with open_recording(path) as recording:
        found = recording.chunks
    assert found is not None
    assert struct.unpack("<Q", path.open("rb").read(28)[20:])[0] == path.stat().st_size - 8
    # libsndfile does not find the samples behind a chunk of an odd length, so those follow them here.
    assert [c.name for c in found.before] == [b"fmt ", b"bext", b"even", b"LIST"]
    assert [(c.name, c.read()) for c in found.after] == [
        (b"odd2", b"12345"),
        (b"iXML", b"<BWFXML/>"),
        (b"odd ", b"123"),
    ]
    probed = subprocess.run(
        [ffmpeg, "-hide_banner", "-i", str(path)], check=False, capture_output=True, text=True
    ).stderr
    assert "Duration: 04:37:46.67" in probed
    assert "synthetic" in probed


@pytest.mark.parametrize("history", [b"odd", b"even"])
def test_rf64_with_any_chunk_before_its_samples_is_read(tmp_path: Path, history: bytes) -> None:
    """libsndfile does not find the samples of the odd one."""
    samples = np.arange(1000, dtype="<i2")
    inner = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 8000, 16_000, 2, 16)) + chunk(b"bext", bytes(602) + history)
    inner += b"data\xff\xff\xff\xff" + samples.tobytes() + chunk(b"abcd", b"12345678")
    ds64 = chunk(b"ds64", struct.pack("<QQQI", 4 + 36 + len(inner), 2000, 1000, 0))
    (tmp_path / "in.wav").write_bytes(b"RF64\xff\xff\xff\xffWAVE" + ds64 + inner)
    with open_recording(tmp_path / "in.wav") as recording:
        found = np.concatenate(list(recording.blocks()), axis=1)
        assert (recording.info.codec, recording.info.frames) == ("PCM_16", 1000)
    np.testing.assert_array_equal(found[0] * 2**15, samples)

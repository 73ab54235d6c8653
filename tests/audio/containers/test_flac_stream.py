"""FLAC streams on their way to a decoder: nothing of them is lost, wherever they are cut into pieces."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
import pytest
import soundfile

from hifisr_cli.audio.containers.flac import walk_blocks
from hifisr_cli.audio.containers.flac_stream import FlacBytes, FlacPart, find_streams, frame_ends

FRAMES = 50_000
LAST = FRAMES % 4096
"""Samples of the last frame, as libsndfile writes them here."""


@cache
def stream(seed: int = 0) -> bytes:
    file = io.BytesIO()
    noise = np.random.default_rng(seed).standard_normal(FRAMES) * 0.1
    soundfile.write(file, noise, 16_000, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def split(data: bytes, piece: int) -> list[tuple[FlacPart, bytes]]:
    source = FlacBytes(iter([data[start : start + piece] for start in range(0, len(data), piece)]))
    return [(part, b"".join(part.pieces)) for part in iter(source.next_part, None)]


def uncounted(data: bytes) -> bytes:
    return data[:21] + bytes([data[21] & 0xF0]) + bytes(4) + data[26:]


@pytest.mark.parametrize("piece", [1, 7, 1_000, 1 << 20])
def test_each_stream_is_handed_on_without_its_count(piece: int) -> None:
    streams = [stream(0), stream(1), stream(2)]
    found = split(b"".join(streams), piece)
    assert [data for _, data in found] == [uncounted(data) for data in streams]
    for part, data in found:
        assert (part.promised, part.length) == (FRAMES, len(data))
        assert part.frames[-1].first + part.frames[-1].samples == FRAMES
        assert part.frames[-1].samples == LAST
        tail = part.last_frames(FRAMES - 1, FRAMES)
        assert tail is not None
        assert (tail.data, tail.length) == (data[part.frames[-1].offset :], len(data) - part.frames[-1].offset)
        assert len(data) - part.frames[-1].offset in list(frame_ends(tail.data, 0))
        assert part.is_over(FRAMES)
        assert not part.is_over(FRAMES - 1)
        assert (part.goes_on(FRAMES), part.goes_on(FRAMES - 1)) == (False, True)


def test_where_the_streams_of_a_file_begin() -> None:
    data = b"a tag" + stream(0) + b"fLaC" + stream(1)
    first = len(b"a tag")
    assert find_streams(lambda at, count: data[at : at + count], first) == [first, first + len(stream(0)) + 4]


@pytest.mark.parametrize("piece", [100, 1 << 20])
def test_a_block_may_hold_a_stream(piece: int) -> None:
    """A picture is anything."""
    data = stream(0)
    other = stream(1)[:200]
    blocks = list(walk_blocks(lambda at, count: data[at : at + count]))
    end = blocks[-1].start + blocks[-1].size
    head = data[: blocks[-1].start - 4] + bytes([blocks[-1].kind]) + data[blocks[-1].start - 3 : end]
    held = head + b"\x82" + len(other).to_bytes(3, "big") + other + data[end:]
    ((part, found),) = split(held, piece)
    assert found == uncounted(held)
    assert part.is_over(FRAMES)
    assert find_streams(lambda at, count: held[at : at + count], 0) == [0]


def test_what_is_no_stream_passes() -> None:
    ((part, found),) = split(b"fLaC" + bytes(100), 30)
    assert found == b"fLaC" + bytes(100)
    assert not part.is_over(0)

"""Links of a chain, page by page: what each promises, and what is missing of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.audio.containers.ogg import OggPage, OggPages
from hifisr_cli.audio.containers.ogg_links import OggChain, OggLink, opus_samples


def pages(path: Path, codec: str, seconds: float = 3.3) -> list[OggPage]:
    sound = np.random.default_rng(0).standard_normal(round(48_000 * seconds)) * 0.1
    soundfile.write(path, sound, 48_000, subtype=codec, format="OGG")
    found = OggPages(iter([path.read_bytes()]))
    return list(iter(found.next, None))


def walk(parts: list[OggPage], *, strict: bool = False) -> tuple[list[tuple[OggLink, list[OggPage]]], OggChain]:
    chain = OggChain(OggPages(page.data for page in parts), strict=strict)
    return [(link, list(link.pages())) for link in iter(chain.next, None)], chain


@pytest.mark.parametrize(
    ("packet", "samples"),
    [
        (b"", 0),
        (bytes([0 << 3]), 480),  # SILK, 10 ms
        (bytes([11 << 3 | 1]), 2 * 2880),
        (bytes([12 << 3]), 480),  # hybrid
        (bytes([15 << 3 | 2]), 2 * 960),
        (bytes([16 << 3]), 120),  # CELT, 2.5 ms
        (bytes([31 << 3]), 960),
        (bytes([31 << 3 | 3, 0x80 | 5]), 5 * 960),
        (bytes([31 << 3 | 3]), 0),
    ],
)
def test_samples_of_an_opus_packet(packet: bytes, samples: int) -> None:
    assert opus_samples(packet) == samples


@pytest.mark.parametrize("codec", ["VORBIS", "OPUS"])
def test_links_one_after_the_other(tmp_path: Path, codec: str) -> None:
    one = pages(tmp_path / "a", codec)
    links, chain = walk(one * 3)
    assert len(links) == 3
    for link, found in links:
        assert [page.data for page in found] == [page.data for page in one]
        assert link.damage is None
    assert (chain.damage, chain.left_out) == (None, 0)


def test_opus_promises_its_last_position_less_its_start_and_what_is_skipped(tmp_path: Path) -> None:
    one = pages(tmp_path / "a", "OPUS")
    later = [page.changed(granule=page.granule + 10**9) if page.granule else page for page in one]
    for parts in (one, later):
        ((link, found),), _ = walk(parts)
        assert link.promised == round(48_000 * 3.3)
        assert [page.granule for page in found] == [page.granule for page in one]


def test_a_page_that_is_missing(tmp_path: Path) -> None:
    one = pages(tmp_path / "a", "VORBIS")
    ((link, found),), _ = walk(one[:5] + one[6:])
    assert link.damage == "a page of it is missing"
    assert len(found) == len(one) - 1
    ((link, found),), _ = walk(one[:5] + one[8:])
    assert link.damage == "3 pages of it are missing"
    ((link, found),), _ = walk(one[:5] + one[8:], strict=True)
    assert len(found) == 5, "nothing behind it"


def test_who_joins_a_live_stream_misses_nothing(tmp_path: Path) -> None:
    one = pages(tmp_path / "a", "OPUS")
    ((link, found),), _ = walk(one[:2] + one[4:])
    assert (link.damage, link.joined) == (None, True)
    lengths = [opus_samples(packet) for packet, _ in found[2].fragments]
    assert found[2].granule == sum(lengths), "its first sample stands at 0"


@pytest.mark.parametrize("codec", ["VORBIS", "OPUS"])
def test_the_last_page_is_marked(tmp_path: Path, codec: str) -> None:
    one = pages(tmp_path / "a", codec)
    (first, second), _ = walk([*one[:-1], *one])
    assert (first[0].damage, second[0].damage) == ("it ends in the middle", None)


def test_pages_of_a_stream_that_does_not_begin(tmp_path: Path) -> None:
    one = pages(tmp_path / "a", "OPUS")
    links, chain = walk([*one, *one[3:]])
    assert [link.damage for link, _ in links] == [None]
    assert chain.damage == f"{len(one) - 3} pages of it belong to no stream that begins in it"

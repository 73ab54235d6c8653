"""Headers that count samples, written by their formats' own descriptions."""

from __future__ import annotations

from pathlib import Path

from hifisr_cli.audio.containers import counts
from hifisr_cli.audio.containers.extent import Extent


def little(*fields: tuple[int, int]) -> bytes:
    return b"".join(value.to_bytes(size, "little") for value, size in fields)


def of(measure: str, data: bytes) -> Extent:
    found: Extent = getattr(counts, f"{measure}_extent")(lambda place, count: data[place : place + count], 0, len(data))
    return found


def test_wavpack_counts_40_bits_and_may_leave_them_open() -> None:
    def head(low: int, high: int) -> bytes:
        return b"wvpk" + little((100, 4), (0x410, 2), (0, 1), (high, 1), (low, 4), (0, 4), (1000, 4), (2, 4), (0, 4))

    assert (of("wavpack", head(48_000, 0)).frames, of("wavpack", head(48_000, 0)).bits) == (48_000, 24)
    assert of("wavpack", head(7, 1)).frames == (1 << 32) + 6  # all ones are no count: one less for each turn
    assert of("wavpack", head(0xFFFFFFFF, 0)).frames is None


def test_monkeys_audio_counts_frames_and_the_samples_of_the_last() -> None:
    header = little((2000, 2), (0, 2), (73_728, 4), (1_234, 4), (3, 4), (24, 2), (2, 2), (44_100, 4))
    data = b"MAC " + little((3_990, 2), (0, 2), (52, 4)) + bytes(40) + header
    assert of("ape", data) == Extent(2 * 73_728 + 1_234, 24)
    assert of("ape", b"MAC " + little((3_950, 2)) + bytes(60)) == Extent()  # an older header


def test_true_audio_counts_samples_and_the_bytes_of_every_frame() -> None:
    sizes = (400, 500, 300)  # frames of 8359 samples at 8 kHz
    head = b"TTA1" + little((1, 2), (1, 2), (16, 2), (8_000, 4), (17_000, 4), (0, 4))
    data = head + little(*((size, 4) for size in sizes), (0, 4)) + bytes(sum(sizes))
    assert of("tta", data) == Extent(17_000, 16)
    assert of("tta", data[:-1]).damage is not None
    assert of("tta", data[:30]).damage is not None


def test_dsf_counts_bits_and_knows_its_size() -> None:
    form = little((1, 4), (0, 4), (2, 4), (2, 4), (2_822_400, 4), (1, 4), (2_822_400, 8), (4_096, 4), (0, 4))
    data = b"DSD " + little((28, 8), (180, 8), (0, 8)) + b"fmt " + little((52, 8)) + form + bytes(100)
    assert of("dsf", data).frames == 352_800
    assert of("dsf", data[:-1]).damage is not None


def test_flac_says_it_in_its_first_block(shared_cases: Path) -> None:
    for name, bits in (("v12in16", 12), ("v32", 32)):
        data = (shared_cases / "17-flac-depths" / f"{name}.flac").read_bytes()
        assert of("flac", data) == Extent(516_940, bits)


def test_tak_says_it_in_its_block_of_information() -> None:
    packed = 1 | 3 << 10 | 123_456 << 14 | 1 << 49 | (44_100 - 6_000) << 52 | (24 - 8) << 70 | 1 << 75
    data = b"tBaK" + b"\1" + (13).to_bytes(3, "little") + packed.to_bytes(10, "little") + bytes(3) + bytes(4)
    assert of("tak", data) == Extent(123_456, 24)


def test_musepack_counts_samples_and_has_a_last_packet() -> None:
    """Its numbers have seven bits a byte: 145,530 samples here, 100 of silence in front."""
    stream = b"SH\x0e" + bytes(4) + bytes.fromhex("0888f07a641b1b")
    data = b"MPCK" + stream + b"AP\x85\x04" + bytes(640) + b"SE\x03"
    found = of("musepack", data)
    assert (found.frames, found.skipped, found.damage) == (145_430, 581, None)
    for end in (len(data) - 1, len(data) - 3, len(data) // 2):
        assert of("musepack", data[:end]).damage is not None


def test_wavpack_ends_with_its_last_block() -> None:
    block = b"wvpk" + little((92, 4), (0x410, 2), (0, 2), (0, 4), (0, 4), (1000, 4), (2, 4), (0, 4)) + bytes(68)
    assert of("wavpack", 5 * block) == Extent()  # a count of 0 is none
    for behind, words in ((bytes(40), 0), (b"APETAGEX" + bytes(60), 0), (b"\x31\x99\x70" * 200, 1)):
        found = of("wavpack", 5 * block + behind)
        assert (found.end, len(found.notes)) == (500, words)
    assert of("wavpack", 5 * block + b"\x31\x99\x70" * 200 + 5 * block).end is None


def test_true_audio_behind_true_audio_is_told() -> None:
    data = b"TTA1" + little((1, 2), (1, 2), (16, 2), (8_000, 4), (8_000, 4), (0, 4), (400, 4), (0, 4)) + bytes(400)
    tag = b"APETAGEX" + little((2_000, 4), (40, 4)) + bytes(56)
    assert (of("tta", data + tag).notes, of("tta", data + tag).end) == ((), len(data))
    for between in (b"", tag):
        found = of("tta", data + between + data)
        assert found.notes == (f"{len(data)} bytes at its end are another recording and were left out",)

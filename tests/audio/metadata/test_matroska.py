"""All tags of a Matroska file, several of one name and those within others among them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hifisr_cli.audio.metadata.carried import read_metadata
from hifisr_cli.audio.metadata.matroska import matroska_texts
from hifisr_cli.audio.open import open_recording


def element(kind: int, body: bytes) -> bytes:
    return kind.to_bytes((kind.bit_length() + 7) // 8, "big") + (1 << 28 | len(body)).to_bytes(4, "big") + body


def simple(name: str, text: str, *within: bytes) -> bytes:
    return element(0x67C8, element(0x45A3, name.encode()) + element(0x4487, text.encode()) + b"".join(within))


TAGS = element(
    0x1254C367,
    element(0x7373, element(0x63C0, b"") + simple("ARTIST", "Ludwig") + simple("ARTIST", "Elise"))
    + element(0x7373, simple("COMPOSER", "Max", simple("SORT_WITH", "Muster, Max")))
    + element(0x7373, element(0x63C0, element(0x63CA, b"ALBUM")) + simple("TITLE", "Lieder"))
    + element(0x7373, element(0x63C0, element(0x63C4, b"\1")) + simple("TITLE", "of a chapter")),
)
EXPECTED = [
    ("ARTIST", "Ludwig"), ("ARTIST", "Elise"), ("COMPOSER", "Max"), ("COMPOSER/SORT_WITH", "Muster, Max"),
    ("ALBUM/TITLE", "Lieder"),
]  # fmt: skip


def texts(data: bytes) -> list[tuple[str, str]]:
    return matroska_texts(lambda position, count: data[position : position + count])


def test_every_tag_of_the_recording() -> None:
    head = element(0x1A45DFA3, b"")
    assert texts(head + element(0x18538067, element(0x1F43B675, bytes(99)) + TAGS)) == EXPECTED
    assert texts(head + b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff" + TAGS) == EXPECTED  # of unknown length


@pytest.mark.parametrize("cut", range(0, 200, 7))
def test_damage_costs_what_is_behind_it(cut: int) -> None:
    whole = element(0x1A45DFA3, b"") + element(0x18538067, TAGS)
    found = texts(whole[:cut])
    assert all(
        name == known and text in whole.decode("latin-1")
        for (name, text), (known, _) in zip(found, EXPECTED, strict=False)
    )
    texts(whole[:cut] + bytes(20) + whole[cut:])


def test_both_artists_of_a_file(tmp_path: Path, ffmpeg: str) -> None:
    source = ["-f", "lavfi", "-i", "sine=d=1:r=8000", "-metadata", "title=Lied", "-metadata", "artist=Elise"]
    subprocess.run([ffmpeg, "-v", "error", *source, "-c:a", "flac", tmp_path / "a.mka"], check=True)
    data = (tmp_path / "a.mka").read_bytes()
    place = data.index(b"\x18\x53\x80\x67") + 4
    size = int.from_bytes(data[place + 1 : place + 8], "big")  # which ffmpeg writes in eight bytes
    longer = data[:place] + b"\1" + (size + len(TAGS)).to_bytes(7, "big") + data[place + 8 :] + TAGS
    (tmp_path / "a.mka").write_bytes(longer)
    with open_recording(tmp_path / "a.mka") as recording:
        found = read_metadata(recording)
    assert found.problems == ()
    assert sorted(found.tags.values("ARTIST")) == ["Elise", "Ludwig"]
    assert found.tags.values("TITLE") == ["Lied"]
    assert {("COMPOSER", "Max"), ("COMPOSER/SORT_WITH", "Muster, Max"), ("ALBUM/TITLE", "Lieder")} <= set(
        found.tags.texts
    )

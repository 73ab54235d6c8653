"""Bags, judged by the Library of Congress's own package."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hifisr_cli.errors import OutputError, UsageError
from hifisr_cli.provenance.bagit import check_bag, is_bag, manifest_name, seal, seal_tags
from tests.report.conftest import RESULT, Restored, failed, record, write_journal

bagit = pytest.importorskip("bagit", reason="the Library of Congress's bagit is not installed")


def judged(folder: Path) -> None:
    """Raises where the bag is not valid."""
    bagit.Bag(str(folder)).validate()


@pytest.fixture
def bag(tmp_path: Path, restored: Restored) -> Path:
    records = [restored(name, seconds=0.1, below="data") for name in ("a.wav", "sub dir/ä.wav")]
    folder = write_journal(tmp_path / "out", [*records, failed("b.wav")])
    return seal(folder)


def test_a_sealed_folder_is_a_valid_bag(bag: Path) -> None:
    judged(bag)
    found = bagit.Bag(str(bag))
    assert set(found.payload_entries()) == {"data/a.wav", "data/sub dir/ä.wav"}
    assert "hifisr-journal.jsonl" in found.tagfile_entries()
    assert found.info["Bag-Software-Agent"].startswith("hifisr")
    assert "synthetic" in found.info["External-Description"]
    assert sorted(path.name for path in bag.iterdir() if path.is_file()) == [
        "bag-info.txt",
        "bagit.txt",
        "hifisr-journal.jsonl",
        "manifest-sha256.txt",
        "tagmanifest-sha256.txt",
    ]


def test_what_happens_to_an_output_later_is_noticed(bag: Path) -> None:
    """The manifest holds what was written, not what stands there by the time of sealing."""
    path = bag / "data" / "a.wav"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    seal(bag)
    with pytest.raises(bagit.BagValidationError):
        judged(bag)


def test_a_bag_grows_and_stays_valid(bag: Path, restored: Restored) -> None:
    (bag / "data" / "a.wav.sha256").write_text("a sidecar", encoding="utf-8")
    write_journal(bag, [restored("new.wav", seconds=0.1, below="data")])
    with pytest.raises(bagit.BagValidationError):
        judged(bag)
    check_bag(bag)
    seal(bag)
    judged(bag)
    assert len(bagit.Bag(str(bag)).payload_entries()) == 4


def test_a_report_may_be_added_to_a_bag(bag: Path) -> None:
    (bag / "report.html").write_text("new", encoding="utf-8")
    seal_tags(bag)
    judged(bag)
    assert "report.html" in bagit.Bag(str(bag)).tagfile_entries()


def test_what_somebody_added_to_the_bag_info_is_kept(bag: Path) -> None:
    info = bag / "bag-info.txt"
    with info.open("a", encoding="utf-8") as file:
        file.write("Source-Organization: An Archive\n  in two lines\nContact-Name: N. N.\n")
    seal(bag)
    judged(bag)
    found = bagit.Bag(str(bag)).info
    assert found["Source-Organization"].split() == ["An", "Archive", "in", "two", "lines"]
    assert found["Contact-Name"] == "N. N."
    assert info.read_text(encoding="utf-8").count("Payload-Oxum") == 1


def test_the_library_leaves_bags_alone(bag: Path, tmp_path: Path) -> None:
    from hifisr_cli.batch.folder import restore_folder

    with pytest.raises(UsageError, match="BagIt"):
        restore_folder(tmp_path / "in", bag, model=None)  # type: ignore[arg-type]
    judged(bag)


def test_an_empty_bag(tmp_path: Path) -> None:
    write_journal(tmp_path, [failed("b.wav")])
    seal(tmp_path)
    judged(tmp_path)


def test_names_as_the_standard_wants_them() -> None:
    assert manifest_name("data/100%\r\n.wav", Path()) == "data/100%25%0D%0A.wav"
    with pytest.raises(OutputError, match="not UTF-8"):
        manifest_name(os.fsdecode(b"data/\xef.wav"), Path("x"))


def test_folders_that_cannot_be_a_bag_of_this_run(tmp_path: Path) -> None:
    plain = write_journal(tmp_path / "plain", [record(RESULT, "a.wav")])
    with pytest.raises(UsageError, match="without --bagit"):
        check_bag(plain)
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.txt").write_text("payload", encoding="utf-8")
    bagit.make_bag(str(other))
    assert is_bag(other)
    with pytest.raises(UsageError, match="did not make"):
        check_bag(other)
    judged(other)

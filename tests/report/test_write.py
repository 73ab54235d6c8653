"""The page as a file: what is in it, what it refers to, and that no name can break out of it."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest

from hifisr_cli.errors import JournalError, OutputExistsError
from hifisr_cli.report.write import write_report
from tests.report.conftest import EVIL, RESULT, Restored, failed, record, write_journal


class Elements(HTMLParser):
    """Tags with attributes, and the text of the data."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.data = ""
        self._inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = dict(attrs).get("id") == "data"

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.data += data


def page(folder: Path, **arguments: Any) -> tuple[Elements, list[dict[str, Any]], str]:
    written = write_report(folder, **arguments)
    text = written.path.read_text(encoding="utf-8")
    elements = Elements(text)
    rows: list[dict[str, Any]] = json.loads(elements.data)["rows"]
    assert written.files == len(rows)
    return elements, rows, text


def test_a_row_says_what_the_journal_says(tmp_path: Path, restored: Restored) -> None:
    loud = {"loudness_lufs": -26.0, "output_loudness_lufs": -23.5}
    one = restored("a.wav", seconds=0.5, warnings=("the cutoff is uncertain",), **loud)
    folder = write_journal(tmp_path / "out", [one, failed("b.wav")])
    _, (first, second), text = page(folder)
    assert (first["name"], first["status"], first["cutoff"], first["kept"]) == ("a.wav", "restored", 3400.0, -100.0)
    assert first["loudness"] == pytest.approx(2.5)
    assert first["warnings"] == ["the cutoff is uncertain"]
    assert first["sha256"] == [one.input.sha256, one.output and one.output.sha256]
    assert first["measured"] and first["after"] > 20_000
    assert [picture.partition(",")[0] for picture in first["picture"]] == ["data:image/webp;base64"] * 2
    assert second["error"]["message"] == "the recording has no samples"
    assert "picture" not in second
    head = text[: text.index('id="files"')]
    assert "1 file failed" in head and "the recording has no samples" in head, "failures stand before the table"
    assert "ab" * 32 in head, "the model is named by its hash"


@pytest.mark.posix
def test_the_references_lead_to_the_recordings(tmp_path: Path, restored: Restored) -> None:
    names = ["a b.wav", "100%?#&.wav", "ä/ö.wav", EVIL, os.fsdecode(b"na\xefve.wav")]
    folder = write_journal(tmp_path / "out", [restored(name, seconds=0.1) for name in names])
    for target in (folder / "report.html", tmp_path / "elsewhere" / "deep" / "page.html"):
        _, rows, _ = page(folder, target=target, pictures=0)
        for row, name in zip(rows, names, strict=True):
            for reference, base in zip(row["audio"], ("in", "out"), strict=True):
                assert reference.isascii() and not re.search(r"[ ?#<>\"']", reference)
                assert reference.startswith(("./", "../"))
                found = Path(os.fsdecode(os.fsencode(target.parent) + b"/" + unquote_to_bytes(reference)))
                assert found.samefile(tmp_path / base / name)


@pytest.mark.posix
def test_no_name_breaks_out_of_the_page(tmp_path: Path) -> None:
    names = [EVIL, "</script><script>alert(2)</script>.wav", "<!--<script>", "a\u2028b\n.wav", "]]>&amp;.wav"]
    nasty = [failed(name, f"{name} cannot be read") for name in names]
    warned = record(replace(RESULT, warnings=(EVIL,)), "warned.wav")
    folder = write_journal(tmp_path / "<b>out", [*nasty, warned])
    elements, rows, text = page(folder)
    tags = [tag for tag, _ in elements.tags]
    assert tags.count("script") == 2 and "img" not in tags
    assert text.count("</script>") == 2
    assert not any(name.startswith("on") for _, attributes in elements.tags for name in attributes)
    assert [row["name"] for row in rows] == [*names, "warned.wav"]


def test_nothing_comes_from_elsewhere(tmp_path: Path, restored: Restored) -> None:
    elements, _, text = page(write_journal(tmp_path / "out", [restored("a.wav", seconds=0.1)]))
    policy = next(a["content"] for tag, a in elements.tags if "http-equiv" in a)
    assert policy is not None and policy.startswith("default-src 'none'") and "http" not in policy
    assert not [a for tag, a in elements.tags if tag == "script" and "src" in a]
    links = [str(a["href"]) for _, a in elements.tags if "href" in a]
    assert all(link.startswith(("#", "data:")) for link in links)
    assert not re.search(r"(?:src|href|url\()\s*=?\s*[\"']?https?:", text)


def test_a_sample_is_drawn_warnings_first(tmp_path: Path, restored: Restored) -> None:
    plain, warned = restored("a.wav", seconds=0.1), restored("b.wav", seconds=0.1, warnings=("look here",))
    worst = restored("c.wav", seconds=0.1, kept_band_error_db=-20.0)
    folder = write_journal(tmp_path / "out", [plain, warned, worst])
    for count, drawn in ((1, ["b.wav"]), (2, ["b.wav", "c.wav"])):
        _, rows, text = page(folder, pictures=count)
        assert [row["name"] for row in rows if "picture" in row] == drawn
        assert f"Pictures were drawn of {count} of 3 outputs" in text


def test_all_pictures_go_into_a_folder(tmp_path: Path, restored: Restored) -> None:
    folder = write_journal(tmp_path / "out", [restored(name, seconds=0.1) for name in ("a.wav", "b.wav")])
    _, rows, _ = page(folder, pictures="all")
    files = {file.name for file in (folder / "report-pictures").iterdir()}
    assert {row["picture"][side].removeprefix("./report-pictures/") for row in rows for side in (0, 1)} == files


def test_embedded_sound_is_the_recording(tmp_path: Path, restored: Restored) -> None:
    import base64
    import io

    import soundfile

    folder = write_journal(tmp_path / "out", [restored("a.wav", seconds=0.2)])
    _, (row,), _ = page(folder, embed=True)
    for uri, path in zip(row["audio"], (tmp_path / "in" / "a.wav", folder / "a.wav"), strict=True):
        kind, data = uri.split(",")
        assert kind == "data:audio/flac;base64"
        inside, rate = soundfile.read(io.BytesIO(base64.b64decode(data)), dtype="int16")
        expected, expected_rate = soundfile.read(path, dtype="int16")
        assert rate == expected_rate
        assert (inside == expected).all()


def test_recordings_that_are_gone_or_changed_are_said_to_be(tmp_path: Path, restored: Restored) -> None:
    gone, changed = restored("gone.wav", seconds=0.1), restored("changed.wav", seconds=0.1)
    folder = write_journal(tmp_path / "out", [gone, changed])
    (tmp_path / "in" / "gone.wav").rename(tmp_path / "moved.wav")
    with (tmp_path / "in" / "changed.wav").open("ab") as file:
        file.write(b"more")
    _, rows, _ = page(folder)
    assert rows[0]["audio"][0] is None and rows[0]["picture"][0] is None and rows[0]["picture"][1] is not None
    assert rows[1]["changed"] is True
    (tmp_path / "other").mkdir()
    (tmp_path / "moved.wav").rename(tmp_path / "other" / "gone.wav")
    _, rows, _ = page(folder, originals=tmp_path / "other")
    assert rows[0]["audio"][0] == "../other/gone.wav"


def test_the_last_record_of_a_file_counts(tmp_path: Path) -> None:
    folder = write_journal(tmp_path, [failed("a.wav"), record(RESULT, "a.wav")])
    _, rows, _ = page(folder)
    assert [row["status"] for row in rows] == ["restored"]


def test_only_pages_of_its_own_are_replaced(tmp_path: Path) -> None:
    folder = write_journal(tmp_path, [failed("a.wav")])
    write_report(folder)
    write_report(folder)
    (folder / "report.html").write_text("<p>my notes</p>", encoding="utf-8")
    with pytest.raises(OutputExistsError):
        write_report(folder)
    assert (folder / "report.html").read_text(encoding="utf-8") == "<p>my notes</p>"


def test_a_folder_without_a_journal(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="no journal"):
        write_report(tmp_path)

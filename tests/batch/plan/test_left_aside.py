from __future__ import annotations

from collections.abc import Iterable

import pytest

from hifisr_cli.batch.plan.left_aside import LeftAside


def line(names: Iterable[str], *, raw: bool = False) -> str | None:
    aside = LeftAside(raw=raw)
    for name in names:
        base, dot, suffix = name.rpartition(".")
        aside.note(name, f".{suffix}" if dot and base else "")
    return aside.line


def test_the_most_frequent_kinds_come_first() -> None:
    names = [f"{index}.xyz" for index in range(7)] + ["a.abc", "b.abc", "c"]
    assert line(names) == "10 files in the folder were not looked at: 7 .xyz, 2 .abc, 1 without a suffix"
    assert line(["a.xyz"]) == "1 file in the folder was not looked at: 1 .xyz"


def test_those_that_raw_reads_are_told() -> None:
    assert line(["a.gsm", "b.gsm", "c.xyz"]) == (
        "3 files in the folder were not looked at: 2 .gsm, 1 .xyz (--raw reads .gsm, one kind at a time)"
    )
    assert line(["a.gsm"], raw=True) == "1 file in the folder was not looked at: 1 .gsm"


@pytest.mark.parametrize(
    "name", ["a.txt", "cover.jpg", "a.wav.hifisr.json", "hifisr-journal.jsonl", "a.wav.sha256", ".hidden", "._a.gsm",
             "a.wav.orig", ".hifisr-0.part", "README", "Thumbs.db", "list.m3u8"],
)  # fmt: skip
def test_companions_are_not_counted(name: str) -> None:
    assert line([name]) is None


def test_many_kinds_and_odd_ones_are_summed_up() -> None:
    names = [f"a.k{index}" for index in range(10)] + ["a.\x1b[31m", "b.new\nline", "c." + "x" * 200]
    found = line(names)
    assert found is not None
    assert found.endswith("1 .k7, 5 of other kinds")
    assert found.isprintable()
    assert len(found) < 200

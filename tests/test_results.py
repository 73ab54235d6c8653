"""The cutoffs of a recording in a few words."""

from __future__ import annotations

import pytest

from hifisr_cli.results import Bandwidth, Stretch, cutoff_range, cutoffs_in_words, restored_from_hz

NARROW, WIDE = Bandwidth(3_400.0, 0.9, "edge"), Bandwidth(15_000.0, 0.9, "edge")
WHOLE, SILENT, RUMBLE = (
    Bandwidth(24_000.0, 1.0, "full-band"),
    Bandwidth(0.0, 1.0, "silence"),
    Bandwidth(80.0, 1, "edge"),
)


def stretches(*parts: tuple[int | None, Bandwidth]) -> tuple[Stretch, ...]:
    return tuple(Stretch(channel, at, at + 1.0, bandwidth) for at, (channel, bandwidth) in enumerate(parts))


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([(None, NARROW)], "3.4 kHz"),
        ([(None, NARROW), (None, WIDE)], "3.4 to 15.0 kHz (changes once)"),
        ([(None, WIDE), (None, SILENT), (None, NARROW)], "3.4 to 15.0 kHz (changes 2 times)"),
        ([(None, NARROW), (None, WHOLE), (None, NARROW)], "3.4 kHz to full band (changes 2 times)"),
        ([(1, NARROW), (2, WIDE)], "3.4 to 15.0 kHz (by channel)"),
        ([(1, NARROW), (1, RUMBLE), (2, WIDE)], "3.4 to 15.0 kHz (by channel and time)"),
    ],
)
def test_in_words(parts: list[tuple[int | None, Bandwidth]], words: str) -> None:
    told = stretches(*parts)
    assert cutoffs_in_words(told) == words
    assert cutoff_range(told) == words.partition(" (")[0]
    assert restored_from_hz(told) == 3_400.0


@pytest.mark.parametrize("bandwidth", [WHOLE, SILENT, RUMBLE])
def test_where_nothing_is_restored_nothing_is_said(bandwidth: Bandwidth) -> None:
    told = stretches((None, bandwidth))
    assert cutoffs_in_words(told) is cutoff_range(told) is restored_from_hz(told) is None

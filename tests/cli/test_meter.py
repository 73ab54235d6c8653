"""How much time is left. The clock is moved instead of waited for."""

from __future__ import annotations

import pytest

from hifisr_cli.cli import meter as module
from hifisr_cli.cli.meter import Meter
from hifisr_cli.results import FileFinished, FileProgressed, FileResult, FileStarted


class Clock:
    """Seconds that pass when they are told to."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


def finish(meter: Meter, index: int, seconds: float, status: str = "restored") -> None:
    meter.take(FileFinished(index, 0, FileResult("x", "y", status, seconds=seconds)))  # type: ignore[arg-type]


def test_starting_up_is_not_taken_for_slowness(clock: Clock) -> None:
    meter = Meter([1_000] * 10)
    assert meter.seconds_left is None
    clock.now = 100.0  # the model is loaded, a hundred thousand files are found done
    for index in range(5):
        meter.take(FileStarted(index, 10, "x", None))
        clock.now += 2.0
        finish(meter, index, 20.0)
    assert meter.seconds_left == pytest.approx(10.0)


def test_kinds_of_files_hold_different_lengths_to_a_byte(clock: Clock) -> None:
    """The MP3 files come last and hold ten times as much sound to a byte."""
    meter = Meter([1_000] * 4, ["a.wav", "b.wav", "c.mp3", "d.mp3"])
    for index, seconds in enumerate((10.0, 10.0, 100.0)):
        meter.take(FileStarted(index, 4, "x", None))
        clock.now += seconds
        finish(meter, index, seconds)
    assert meter.seconds_left == pytest.approx(100.0)


def test_several_files_at_once(clock: Clock) -> None:
    meter = Meter([1_000, 1_000, 1_000, 1_000])
    for index in range(3):
        meter.take(FileStarted(index, 4, f"{index}.wav", None))
    assert (meter.current, meter.more) == ("0.wav", 2)
    meter.take(FileProgressed(1, "1.wav", "restore", 5.0, 10.0))
    clock.now = 10.0
    meter.take(FileProgressed(0, "0.wav", "restore", 10.0, 10.0))
    finish(meter, 0, 10.0)
    assert (meter.current, meter.more) == ("1.wav", 1)
    assert meter.fraction == pytest.approx(0.55)
    assert meter.whole == pytest.approx((1.0 + 0.55) / 4)
    finish(meter, 1, 10.0)
    finish(meter, 2, 0.0, "failed")
    assert meter.more == 0
    assert meter.whole == pytest.approx(2 / 3)
    assert meter.files_done == 3


def test_the_speed_of_late_counts(clock: Clock) -> None:
    meter = Meter([1_000] * 30)
    for index in range(20):
        clock.now += 1.0 if index < 10 else 100.0
        meter.take(FileStarted(index, 30, "x", None))
        finish(meter, index, 10.0)
    assert meter.seconds_left == pytest.approx(1_000.0, rel=0.1)


def test_the_end(clock: Clock) -> None:
    meter = Meter([1_000, 0])
    clock.now = 5.0
    finish(meter, 0, 5.0)
    finish(meter, 1, 0.0, "skipped")
    assert meter.whole == 1.0
    assert meter.seconds_left == pytest.approx(0.0)


def test_what_is_left_of_the_first_file(clock: Clock) -> None:
    """The survey, which takes no time to speak of, says how long it is; the first window is still at work."""
    meter = Meter([1_000, 3_000])
    meter.take(FileStarted(0, 2, "0.wav", None))
    meter.take(FileProgressed(0, "0.wav", "survey", 100.0, None))
    for share in range(1, 4):
        clock.now += 10.0
        meter.take(FileProgressed(0, "0.wav", "restore", float(share), 100.0))
    assert meter.seconds_left == pytest.approx(10.0 * (97.0 + 300.0))

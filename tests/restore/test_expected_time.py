"""How long it would take, with a clock that is moved instead of waited for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from torch import Tensor

from hifisr_cli.engines.protocol import Geometry, WindowBatch
from hifisr_cli.restore import expected_time as module
from hifisr_cli.restore.expected_time import window_seconds, windows_of
from hifisr_cli.results import AudioInfo, FileResult
from tests.restore.conftest import Unchanged


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


@dataclass
class Slow(Unchanged):
    """Takes 40 seconds for a window, and tells so."""

    clock: Clock = field(default_factory=Clock)
    tells: bool = True

    def generate(self, windows: WindowBatch) -> Tensor:
        for tenth in range(1, 11):
            self.clock.now += 4.0
            if self.tells:
                windows.on_progress(tenth / 10)
        return super().generate(windows)


def test_a_part_of_a_window_is_enough(clock: Clock) -> None:
    assert window_seconds(Slow(clock=clock)) == pytest.approx(40.0)
    assert clock.now == pytest.approx(8.0)


def test_who_does_not_tell_is_waited_for(clock: Clock) -> None:
    assert window_seconds(Slow(clock=clock, tells=False)) == pytest.approx(40.0)


def test_every_channel_of_every_window_counts() -> None:
    info = AudioInfo("WAV", "PCM_16", 16_000, 2, None, 16, is_float=False, lossy=False)
    planned = FileResult("a", "b", "planned", info, seconds=10.0, kept_hz=4000.0)
    engine = Unchanged(Geometry(480, 960, core=192_000))
    assert windows_of(planned, engine) == 2 * 3
    assert windows_of(planned, Unchanged()) == 2 * 4
    assert windows_of(replace(planned, kept_hz=None), engine) == 0

"""Clipping: runs at full scale, counted once however the recording is cut."""

from __future__ import annotations

import numpy as np
import pytest

from hifisr_cli.dsp.inspection.clipping import ClippingMeter, full_scale

TOP = np.float32(32_767 / 32_768)


def counted(wave: np.ndarray, block: int, limit: float | None = None) -> tuple[int, int, int]:
    meter = ClippingMeter(full_scale(16) if limit is None else limit)
    for start in range(0, wave.shape[1], block):
        meter.push(wave[:, start : start + block].astype(np.float32))
    return meter.runs, meter.samples, meter.longest


@pytest.mark.parametrize("block", [1, 2, 3, 5, 7, 100])
def test_runs_of_three_and_more(block: int) -> None:
    wave = np.zeros((2, 60))
    wave[0, 5:7] = TOP  # two are no run
    wave[0, 10:13] = TOP
    wave[0, 20:30] = -1.0
    wave[0, 30:34] = TOP  # the other side: another run
    wave[1, 0:4] = TOP
    wave[1, 55:60] = -1.0
    wave[1, 40:45] = 0.9  # flat, but not at full scale
    assert counted(wave, block) == (5, 3 + 10 + 4 + 4 + 5, 10)


@pytest.mark.parametrize("block", [1, 999, 65_536])
def test_a_clipped_sine_has_a_run_at_every_crest(block: int) -> None:
    samples = 4800 if block == 1 else 48_000
    sine = np.clip(1.5 * np.sin(2 * np.pi * 100 * np.arange(samples) / 48_000 + 0.1), -1.0, TOP)[None]
    runs, inside, longest = counted(sine, block)
    assert runs == 2 * 100 * samples // 48_000
    assert longest == pytest.approx(480 * (np.pi / 2 - np.arcsin(1 / 1.5)) / np.pi, abs=2)
    assert inside == pytest.approx(runs * longest, rel=0.05)


def test_a_full_sine_has_none() -> None:
    sine = np.rint(32_767 * np.sin(2 * np.pi * 997 * np.arange(48_000) / 48_000)) / 32_768
    assert counted(sine[None], 4096) == (0, 0, 0)


def test_the_limit_is_the_largest_code_of_the_format() -> None:
    assert full_scale(16) == TOP
    assert full_scale(24) == full_scale(None) == TOP
    assert full_scale(8) == 127 / 128
    assert full_scale(None, "ULAW") == 32_124 / 32_768
    assert full_scale(None, "ALAW") == 32_256 / 32_768

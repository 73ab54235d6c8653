"""SBR: what it copies, how loud, and that neither cuts nor neighbours show."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from hifisr_cli.engines.protocol import WindowBatch
from hifisr_cli.evaluate.replicator import Replicator

CUTOFF_HZ = 6_000.0
HOP = 512


def generated(waves: Tensor, starts: tuple[int, ...]) -> Tensor:
    cutoffs = torch.full((waves.shape[0], waves.shape[1] // HOP), CUTOFF_HZ)
    return Replicator().generate(WindowBatch(waves, cutoffs, starts, ("speech",) * len(starts)))


def low_passed_noise(seconds: float = 4.0) -> Tensor:
    rng = np.random.default_rng(3)
    spectrum = np.fft.rfft(rng.standard_normal(int(seconds * 48_000) // HOP * HOP))
    spectrum[np.fft.rfftfreq(2 * spectrum.size - 2, 1 / 48_000) > CUTOFF_HZ] = 0
    return torch.from_numpy(np.fft.irfft(spectrum).astype(np.float32))[None]


def level_db(wave: Tensor, low_hz: float, high_hz: float) -> float:
    power = torch.fft.rfft(wave[0]).abs().square()
    frequency = torch.fft.rfftfreq(wave.shape[1], 1 / 48_000)
    return float(10 * torch.log10(power[(frequency > low_hz) & (frequency < high_hz)].mean()))


def test_it_falls_by_nine_decibels_an_octave() -> None:
    """White below the cutoff: every copied place lies so many dB below the place that it was copied from."""
    wave = low_passed_noise()
    out = generated(wave, (0,))
    reference = level_db(wave[:, HOP:-HOP], 3_000, 5_500)
    for low, high, copies in ((6_500, 7_000, 1), (12_500, 13_000, 3), (18_500, 19_000, 5)):
        middle = (low + high) / 2
        expected = reference - 9.0 * np.log2(middle / (middle - copies * 3_000))
        assert abs(level_db(out, low, high) - expected) < 1.0


def test_below_the_cutoff_is_the_input() -> None:
    wave = low_passed_noise(1.0)
    error = generated(wave, (0,)) - wave[:, HOP:-HOP]
    assert level_db(error, 0, 5_000) < level_db(wave, 0, 5_000) - 50, "windows leak a little"


def test_neither_cuts_nor_neighbours_show() -> None:
    wave = low_passed_noise(1.0)
    whole = generated(wave, (0,))
    cut = 40 * HOP
    later = generated(wave[:, cut:].repeat(2, 1), (cut, cut))
    assert torch.allclose(later[0], whole[0, cut:], atol=1e-6)
    assert torch.equal(later[0], later[1])

"""A generator is validated while it trains by the LSD of short excerpts, all in memory."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from hifisr_cli.degrade.band_limit import BandLimit, apply
from hifisr_cli.dsp.crossover import replace_low_band
from hifisr_cli.dsp.metrics.lsd import lsd
from hifisr_cli.engines.hifisr.noise import positional_noise
from hifisr_cli.engines.upsampler import Upsampler
from hifisr_cli.results import SAMPLE_RATE
from hifisr_cli.train.clips import Clip

RATES = (4_000, 8_000, 16_000, 24_000)  # Hz, of the inputs: those that published figures are of
_SOFTNESS = 0.03  # of the band limit's edge, as that of a good resampler; figures of another cannot be compared
_EXCERPT = 2 * SAMPLE_RATE  # samples of a recording: memory and time against how well the score is known
_MOST = 24  # recordings, at least half as many; the same trade
_MOST_CONTEXT = SAMPLE_RATE // 2  # samples of silence around an excerpt, which is what a file begins and ends with


def excerpts(clips: list[Clip]) -> list[NDArray[np.float32]]:
    """Returns the first two seconds of some of the clips, at the level that the network expects."""
    return [clip.wave(slice(0, _EXCERPT)) for clip in clips[:: max(len(clips) // _MOST, 1)]]


@torch.inference_mode()
def validate(
    generator: Upsampler, excerpts: list[NDArray[np.float32]], rates: tuple[int, ...] = RATES
) -> dict[str, float]:
    """Measures the mean LSD for each input rate, keyed "lsd@4000", and their mean as "score".

    Args:
        excerpts: full-band waveforms [T] at 48 kHz, at the level that the network expects.
    """
    training = generator.training
    generator.eval()
    figures: dict[str, float] = {}
    for rate in rates:
        scores = [lsd(*restored(generator, excerpt, rate)).full for excerpt in excerpts]
        figures[f"lsd@{rate}"] = float(np.mean(scores))
    figures["score"] = float(np.mean(list(figures.values())))
    generator.train(training)
    return figures


@torch.inference_mode()
def restored(generator: Upsampler, excerpt: NDArray[np.float32], rate: int) -> tuple[Tensor, Tensor]:
    """Returns an excerpt [T] band-limited to what `rate` carries and restored, and the excerpt itself, both [T].

    As when a file is restored, there is digital silence around it.
    """
    wave = excerpt[: excerpt.size // generator.hop * generator.hop]
    cutoff = rate / 2
    limit = BandLimit("resample", cutoff, softness=_SOFTNESS)
    device = next(generator.parameters()).device
    degraded = torch.from_numpy(apply(wave, limit.response(wave.size)))[None].to(device)
    around = min(generator.context, _MOST_CONTEXT) // generator.hop * generator.hop
    drawn = positional_noise(-around, wave.size + 2 * around, calm=generator.calm)
    noise = torch.from_numpy(drawn)[None].to(device)
    generated = generator(pad(degraded, (around, around)), torch.tensor([cutoff], device=device), noise)
    generated = generated[:, around : around + wave.size]
    return replace_low_band(generated, degraded, cutoff)[0].cpu(), torch.from_numpy(wave)

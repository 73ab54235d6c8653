"""The evaluation of TFNet's paper (Lim et al., ICASSP 2018), as its authors' code does it (moodoki/tfnet), beside ours.

At a sampling rate of 16 kHz a recording is low-passed and thinned out by 4, 6 or 8, and what restores it is scored in
patches of 8192 samples. Two departures: whole recordings are filtered, while the authors filter patch by patch, which
puts transients at both ends of each; and silent patches do not count, where theirs cut silence off before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from hifisr_cli.arrays import Wave
from hifisr_cli.audio.resample import resample
from hifisr_cli.batch.history.record import plain
from hifisr_cli.dsp.metrics.lsd import lsd
from hifisr_cli.errors import UsageError
from hifisr_cli.evaluate.bench import read_full_band
from hifisr_cli.evaluate.measures import snr_db
from hifisr_cli.restore.array import restore_array
from hifisr_cli.results import SAMPLE_RATE

if TYPE_CHECKING:
    from hifisr_cli.engines.protocol import Engine

RATE = 16_000
PATCH = 8_192
FACTORS = (4, 6, 8)

_LEAST_ERROR = 1e-6  # power that the authors add to that of the error: it bounds the SNR of quiet patches
_SILENT_DB = -60.0  # below the loudest patch of a recording; the authors' threshold, which they apply to its ends


@dataclass(frozen=True, slots=True)
class PatchScore:
    """One recording, one factor, one way of restoring it; everything up to 8 kHz.

    Attributes:
        recording: path relative to the data folder.
        factor: by which it was thinned out.
        system: "resampled input", "cubic spline" or the model's name.
        patch_snr_db, patch_lsd: by the definition of the authors, see below.
        snr_db, lsd: by ours: of the whole waveform at 16 kHz, and of its spectrum with a floor (`dsp.metrics.lsd`).
    """

    recording: str
    factor: int
    system: str
    patch_snr_db: float
    patch_lsd: float
    snr_db: float
    lsd: float


def evaluate_patches(
    folder: Path,
    recordings: Sequence[Path],
    model: Engine,
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[PatchScore]:
    """Scores a model and two ways of doing nothing; recordings shorter than a patch are left out.

    Args:
        on_progress: called with how many recordings are scored, and how many there are.

    Raises:
        UsageError: SciPy is not installed.
        FileError: one of them cannot be read.
    """
    if find_spec("scipy") is None:
        raise UsageError("SciPy is not installed", hint="pip install 'hifisr[train]'")
    scores = []
    for index, path in enumerate(recordings):
        full_band = read_full_band(path)
        reference = resample(full_band[None], SAMPLE_RATE, RATE)[0]
        if reference.size >= PATCH:
            name = path.relative_to(folder).as_posix()
            for factor in FACTORS:
                scores += [
                    PatchScore(name, factor, system, *_measured(estimate, reference, full_band))
                    for system, estimate in _estimates(reference, factor, model)
                ]
        if on_progress is not None:
            on_progress(index + 1, len(recordings))
    return scores


def _estimates(reference: Wave, factor: int, model: Engine) -> Iterator[tuple[str, Wave]]:
    """Every way to restore a recording [T] at 16 kHz that was thinned out, by name."""
    thin = thinned(reference, factor)
    given = resampled_back(thin, factor)[: reference.size]
    yield "resampled input", given
    yield "cubic spline", spline(thin, factor)[: reference.size]
    restored = restore_array(given, RATE, model=model, cutoff_hz=RATE / 2 / factor).audio
    yield model.identity.name, resample(restored[None], SAMPLE_RATE, RATE)[0]


def thinned(wave: Wave, factor: int) -> Wave:
    """Low-passed (Chebyshev of order 8, forwards and backwards), then every so manyth sample: [T] -> [T / factor]."""
    from scipy.signal import decimate

    return np.asarray(decimate(wave.astype(np.float64), factor, zero_phase=True), np.float32)


def resampled_back(thin: Wave, factor: int) -> Wave:
    """Nothing above the old Nyquist frequency, by FFT: [T] -> [factor T]."""
    from scipy.signal import resample as fft_resample

    return np.asarray(fft_resample(thin.astype(np.float64), thin.size * factor), np.float32)


def spline(thin: Wave, factor: int) -> Wave:
    """A cubic spline through the samples: [T] -> [factor T]."""
    from scipy.interpolate import CubicSpline

    places = np.arange(thin.size * factor) / factor
    return np.asarray(CubicSpline(np.arange(thin.size), thin.astype(np.float64))(places), np.float32)


def _measured(estimate: Wave, reference: Wave, full_band: Wave) -> tuple[float, float, float, float]:
    """The four measures of a `PatchScore`: [T] and [T] at 16 kHz, [T] at 48 kHz."""
    length = min(estimate.size, reference.size)
    estimate, reference = estimate[:length], reference[:length]
    wide = resample(estimate[None], RATE, SAMPLE_RATE)[0]
    both = min(wide.size, full_band.size)
    ours = lsd(torch.from_numpy(wide[:both]), torch.from_numpy(full_band[:both]), RATE / 2)
    pairs = _patches(estimate, reference)
    return patch_snr_db(*pairs), patch_lsd(*pairs), snr_db(estimate, reference), ours.low


def _patches(estimate: Wave, reference: Wave) -> tuple[Wave, Wave]:
    """Those that are not silent in the reference: [T], [T] -> [P, 8192] each."""
    count = reference.size // PATCH
    cut = [wave[: count * PATCH].reshape(count, PATCH) for wave in (estimate, reference)]
    power = np.square(cut[1]).mean(axis=1)
    heard = power > power.max() * 10.0 ** (_SILENT_DB / 10.0)
    return cut[0][heard], cut[1][heard]


def patch_snr_db(estimates: Wave, references: Wave) -> float:
    """Mean over patches of their SNR in dB: [P, N], [P, N]."""
    error = np.square(references.astype(np.float64) - estimates).mean(axis=1)
    signal = np.square(references.astype(np.float64)).mean(axis=1)
    return float(np.mean(10.0 * np.log10(signal / (error + _LEAST_ERROR))))


def patch_lsd(estimates: Wave, references: Wave) -> float:
    """Mean over patches of the root of the mean square, over bins, of the difference of log10 powers: [P, N], [P, N].

    One transform a patch, without window and without floor: what fills empty bins with anything at all gains much.
    """
    difference = _log_power(estimates) - _log_power(references)
    return float(np.sqrt(np.square(difference).mean(axis=1)).mean())


def _log_power(patches: Wave) -> Wave:
    power = np.square(np.abs(np.fft.rfft(patches.astype(np.float64))))
    return np.asarray(np.log10(power + np.finfo(np.float64).tiny))


def summarize_patches(scores: Sequence[PatchScore]) -> list[dict[str, Any]]:
    """One row a factor and system, in the order of appearance by factor: means over recordings."""
    measures = ("patch_snr_db", "patch_lsd", "snr_db", "lsd")
    rows = []
    for factor in FACTORS:
        of_factor = [score for score in scores if score.factor == factor]
        for system in dict.fromkeys(score.system for score in of_factor):
            own = [score for score in of_factor if score.system == system]
            means = {name: float(np.mean([getattr(score, name) for score in own])) for name in measures}
            rows.append({"condition": f"{factor}x, {system}", "recordings": len(own), **means})
    return rows


def patches_json(scores: Sequence[PatchScore], model: str, parameter_hash: str) -> dict[str, Any]:
    """Everything that was measured, ready for `json.dumps`."""
    finite: dict[str, Any] = plain(
        {
            "version": 3,
            "protocol": "tfnet",
            "model": model,
            "parameter_sha256": parameter_hash,
            "summary": summarize_patches(scores),
            "scores": [asdict(score) for score in scores],
        }
    )
    return finite

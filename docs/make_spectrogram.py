"""The picture in the README: a recording before and after `hifisr upsample`.

python docs/make_spectrogram.py [RECORDING [PNG]]        (needs matplotlib)
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib as mpl
import numpy as np
import soundfile
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
N_FFT, HOP = 1024, 128
FLOOR_DB, TOP_DB = -110.0, -20.0


def spectrogram(path: Path) -> tuple[NDArray[np.float64], float, int]:
    """Power in dB [K, F], the duration in seconds and the rate of a recording's first channel."""
    wave, rate = soundfile.read(path, always_2d=True)
    n_fft = N_FFT * rate // 48_000
    hop = max(HOP * rate // 48_000, 1)
    window = np.hanning(n_fft)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(wave[:, 0], n_fft // 2), n_fft)[::hop] * window
    power = np.abs(np.fft.rfft(frames, axis=1).T / window.sum()) ** 2
    return 10 * np.log10(power + 1e-14), len(wave) / rate, rate


def main() -> None:
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "examples" / "telephone.wav"
    picture = Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT / "docs" / "spectrogram.png"
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    with tempfile.TemporaryDirectory() as folder:
        restored = Path(folder) / "restored.wav"
        command = [sys.executable, "-m", "hifisr_cli", "upsample", "-q", str(source), "-o", str(restored)]
        subprocess.run(command, check=True)
        figure, axes = plt.subplots(1, 2, figsize=(10, 3.6), sharey=True, layout="constrained")
        for axis, path, title in zip(axes, (source, restored), ("before", "after"), strict=True):
            power, seconds, rate = spectrogram(path)
            axis.set_facecolor("black")
            image = axis.imshow(
                power,
                origin="lower",
                aspect="auto",
                extent=(0, seconds, 0, rate / 2000),
                vmin=FLOOR_DB,
                vmax=TOP_DB,
                cmap="magma",
            )
            axis.set(title=f"{title}: {rate / 1000:g} kHz", xlabel="s", xlim=(0, seconds), ylim=(0, 24))
        axes[0].set_ylabel("kHz")
        figure.colorbar(image, ax=axes, label="dBFS")
        figure.savefig(picture, dpi=100)


if __name__ == "__main__":
    main()

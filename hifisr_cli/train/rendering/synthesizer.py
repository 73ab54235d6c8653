"""The program `fluidsynth` plays scores with a sound font."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from hifisr_cli.arrays import Wave
from hifisr_cli.errors import UsageError
from hifisr_cli.results import SAMPLE_RATE
from hifisr_cli.train.rendering.midi import Event, midi_file

_DRY = ("-R", "0", "-C", "0")  # rooms and choruses are made later, and differ every time
_ONLY_WHAT_IS_PLAYED = ("-o", "synth.dynamic-sample-loading=1")  # of the font: 0.2 instead of 0.4 CPU s for 7 s


def render(events: Iterable[Event], font: Path, seconds: float) -> Wave:
    """Plays a score: mono, dry, [T] at 48 kHz.

    Raises:
        UsageError: there is no fluidsynth or no such font, or it cannot be played with it.
    """
    import soundfile

    synthesizer = shutil.which("fluidsynth")
    if synthesizer is None:
        raise UsageError("fluidsynth is not installed, which renders music", hint="install it, or set pieces = 0")
    if not font.is_file():
        raise UsageError("no such sound font", path=font, hint="install fluid-soundfont-gm, or name another")
    with tempfile.TemporaryDirectory(prefix="hifisr-") as folder:
        score, sound = Path(folder, "score.mid"), Path(folder, "sound.wav")
        score.write_bytes(midi_file(events))
        options = ("-niq", *_DRY, *_ONLY_WHAT_IS_PLAYED, "-r", str(SAMPLE_RATE), "-O", "float", "-F", str(sound))
        done = subprocess.run([synthesizer, *options, str(font), str(score)], capture_output=True, check=False)
        said = done.stderr.decode(errors="replace").splitlines()
        errors = [line for line in said if "error" in line]  # it plays silence where it cannot read a font
        if done.returncode or errors or not sound.is_file():
            raise UsageError(f"fluidsynth failed: {(errors or said or ['it does not say why'])[0]}", path=font)
        wave = soundfile.read(sound, dtype="float32", always_2d=True)[0].mean(axis=1)
    samples = round(seconds * SAMPLE_RATE)
    return np.pad(wave[:samples], (0, max(samples - wave.size, 0))).astype(np.float32)

"""Makes the recordings of this folder: espeak-ng speech, band-limited the ways that archives know.

Needs espeak-ng on the PATH, and numpy, scipy and soundfile. Run it as `python examples/make_examples.py [FOLDER]`;
the same versions of these give the same bytes.
"""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy import signal

Audio = NDArray[np.float64]  # [T] for one channel, [T, C] for several, as soundfile has it


def speak(text: str, voice: str, seconds: float, *, words_per_minute: int = 165) -> tuple[Audio, int]:
    """Speech [T] of the given length, peaking at -6 dBFS, and its sample rate (22,050 Hz with espeak-ng)."""
    command = ["espeak-ng", "-v", voice, "-s", str(words_per_minute), "--stdout", text]
    wav = subprocess.run(command, check=True, capture_output=True).stdout
    speech, rate = soundfile.read(io.BytesIO(wav))
    length = round(seconds * rate)
    if np.abs(speech[length:]).max(initial=0.0) > 0.01:
        raise ValueError(f"{len(speech) / rate:.2f} s of speech do not fit into {seconds} s: {text}")
    speech = np.pad(speech[:length], (0, max(0, length - len(speech))))
    fade = round(0.02 * rate)
    speech[-fade:] *= np.linspace(1.0, 0.0, fade)
    return speech * (0.5 / np.abs(speech).max()), rate


def at_rate(audio: Audio, rate_in: int, rate_out: int) -> Audio:
    """Band-limited resampling of the whole clip by its spectrum; half a second of padding keeps the ends apart."""
    pad = rate_in // 2
    padded = np.pad(audio, (0, pad))
    resampled = signal.resample(padded, round(len(padded) * rate_out / rate_in))
    return np.asarray(resampled[: round(len(audio) * rate_out / rate_in)])


def filtered(audio: Audio, rate: int, order: int, edge: float | tuple[float, float]) -> Audio:
    """Butterworth low-pass (one edge in Hz) or band-pass (two)."""
    kind = "bandpass" if isinstance(edge, tuple) else "lowpass"
    return np.asarray(signal.sosfilt(signal.butter(order, edge, kind, fs=rate, output="sos"), audio, axis=0))


def quantised(audio: Audio, bits: int, rng: np.random.Generator) -> NDArray[np.int16]:
    """TPDF-dithered integers of `bits` bits, left-aligned in 16."""
    scale = 2.0 ** (bits - 1)
    dither = rng.uniform(-0.5, 0.5, audio.shape) + rng.uniform(-0.5, 0.5, audio.shape)
    steps = np.clip(np.rint(audio * scale + dither), -scale, scale - 1)
    return np.asarray(steps * 2 ** (16 - bits), dtype=np.int16)


def with_wow(audio: Audio, rate: int) -> Audio:
    """The speed of a tired tape machine: 0.15 % at 0.7 Hz."""
    t = np.arange(len(audio)) / rate
    shift = 0.0015 * np.sin(2 * np.pi * 0.7 * t) / (2 * np.pi * 0.7)
    return np.interp(t + shift, t, audio)


def telephone(folder: Path, rng: np.random.Generator) -> None:
    """300 to 3,400 Hz, mu-law at 8 kHz: a telephone line."""
    speech, rate = speak("Hello? This is the operator. Please hold the line.", "en-gb", 3.6)
    line = filtered(at_rate(speech, rate, 8_000), 8_000, 4, (300.0, 3_400.0))
    soundfile.write(folder / "telephone.wav", quantised(line, 16, rng), 8_000, subtype="ULAW")


def dictation(folder: Path, rng: np.random.Generator) -> None:
    """16 kHz, 16 bits: content up to 8 kHz."""
    speech, rate = speak("Sixteen thousand samples a second, and not a breath above.", "en-us", 3.6)
    soundfile.write(folder / "dictation.flac", quantised(at_rate(speech, rate, 16_000), 16, rng), 16_000)


def narrow(folder: Path, rng: np.random.Generator) -> None:
    """A 48 kHz file with a soft (Butterworth) edge at 4 kHz: the sample rate says nothing of the content."""
    speech, rate = speak("The file says forty-eight. It holds only four.", "en-gb-x-rp", 3.1)
    wide = filtered(at_rate(speech, rate, 48_000), 48_000, 8, 4_000.0)
    soundfile.write(folder / "narrow-48k.wav", quantised(wide, 16, rng), 48_000, subtype="PCM_16")


def old_digital(folder: Path, rng: np.random.Generator) -> None:
    """Two voices in stereo at 11,025 Hz and 8 bits: early multimedia."""
    left, rate = speak("The multimedia encyclopedia, on compact disc.", "en-us", 3.2)
    right, _ = speak("Press any key to continue. Any key will do.", "en+f3", 3.2)
    pair = np.stack([0.8 * left + 0.2 * right, 0.2 * left + 0.8 * right], axis=1)
    low = np.stack([at_rate(channel, rate, 11_025) for channel in pair.T], axis=1)
    soundfile.write(folder / "old-digital.wav", quantised(low, 8, rng), 11_025, subtype="PCM_U8")


def voice_mail(folder: Path, rng: np.random.Generator) -> None:
    """MP3 at 32 kbit/s, whose encoder cuts at about 8 kHz."""
    speech, rate = speak("You have one new message, thirty-two kilobits a second.", "en+f2", 3.6)
    soundfile.write(
        folder / "voice-mail.mp3",
        quantised(speech, 16, rng),
        rate,
        format="MP3",
        subtype="MPEG_LAYER_III",
        bitrate_mode="CONSTANT",
        compression_level=0.85,
    )


def tape(folder: Path, rng: np.random.Generator) -> None:
    """44.1 kHz, a soft edge at 7 kHz, hiss over the whole band and some wow: a cassette transfer."""
    speech, rate = speak("Reel two, side one. My grandmother's village.", "en-gb-scotland", 3.2)
    played = with_wow(filtered(at_rate(speech, rate, 44_100), 44_100, 6, 7_000.0), 44_100)
    hiss = 10 ** (-58 / 20) * rng.standard_normal(len(played))
    soundfile.write(folder / "tape.flac", quantised(played + hiss, 16, rng), 44_100)


def main() -> None:
    """Makes them all, each from its own seed."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    folder.mkdir(parents=True, exist_ok=True)
    makers = (telephone, dictation, narrow, old_digital, voice_mail, tape)
    for seed, make in enumerate(makers):
        make(folder, np.random.default_rng(seed))
        print(f"made {make.__name__.replace('_', '-')}")


if __name__ == "__main__":
    main()

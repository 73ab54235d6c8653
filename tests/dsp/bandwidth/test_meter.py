"""The cutoff: physics on synthetic sound, and a few real recordings where they are at hand."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt
import pytest
from scipy import signal

from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.classifier import CUTOFFS_HZ, WEIGHTS, Verdict, judge
from hifisr_cli.dsp.bandwidth.features import CHANNELS, GRID_HZ, GROUPS, POSITIONS, features
from hifisr_cli.dsp.bandwidth.meter import BandwidthMeter, decide
from hifisr_cli.results import Bandwidth

Audio = npt.NDArray[np.float32]
RATE = 48_000
TRAINER = "train_cutoff_judge.py"


def measure(audio: npt.NDArray[np.floating], rate: int = RATE, blocks: int = 65_536) -> Bandwidth:
    meter = BandwidthMeter(rate)
    data = np.atleast_2d(audio).astype(np.float32)
    for start in range(0, data.shape[1], blocks):
        meter.push(data[:, start : start + blocks])
    return meter.result()


def babble(seconds: float = 5.0, rate: int = RATE, seed: int = 0) -> npt.NDArray[np.float64]:
    """Speech-like sound: noise that falls by 6 dB an octave, in syllables, with a weak hiss beneath it."""
    rng = np.random.default_rng(seed)
    count = round(seconds * rate)
    spectrum = np.fft.rfft(rng.standard_normal(count))
    frequency = np.fft.rfftfreq(count, 1 / rate)
    spectrum /= 1 + frequency / 800
    knots = np.arange(0, seconds + 0.1, 0.1)
    levels = rng.choice([-60.0, -40.0, -20.0, -6.0, 0.0], len(knots))
    envelope = 10 ** (np.interp(np.arange(count) / rate, knots, levels) / 20)
    sound = np.fft.irfft(spectrum, count) * envelope
    return 0.1 * sound / sound.std() + 1e-4 * rng.standard_normal(count)


def brick_wall(audio: npt.NDArray[np.float64], cutoff: float, rate: int = RATE) -> npt.NDArray[np.float64]:
    spectrum = np.fft.rfft(audio)
    spectrum[np.fft.rfftfreq(len(audio), 1 / rate) > cutoff] = 0
    return np.fft.irfft(spectrum, len(audio))


def near(found: Bandwidth, cutoff: float) -> bool:
    return abs(found.cutoff_hz - cutoff) <= max(0.08 * cutoff, 300.0)


@pytest.mark.parametrize("cutoff", [1500, 2000, 3400, 4000, 5500, 8000, 11000, 12000, 16000])
def test_brick_wall_is_found(cutoff: int) -> None:
    found = measure(brick_wall(babble(), cutoff))
    assert found.source == "edge"
    assert near(found, cutoff), found


@pytest.mark.parametrize("cutoff", [2000, 4000, 8000, 12000])
def test_chebyshev_is_found(cutoff: int) -> None:
    found = measure(signal.sosfilt(signal.cheby1(8, 0.5, cutoff, fs=RATE, output="sos"), babble()))
    assert near(found, cutoff), found


@pytest.mark.parametrize("cutoff", [2000, 4000, 8000])
def test_noise_after_the_low_pass_does_not_hide_the_edge(cutoff: int) -> None:
    noise = 10 ** (-50 / 20) * np.random.default_rng(1).standard_normal(5 * RATE)
    found = measure(brick_wall(babble(), cutoff) + noise)
    assert found.source == "edge"
    assert near(found, cutoff), found


@pytest.mark.parametrize("cutoff", [3400, 8000])
def test_hum_changes_nothing(cutoff: int) -> None:
    sound = brick_wall(babble(), cutoff)
    hum = 0.1 * np.sqrt(0.2) * np.sin(2 * np.pi * 50 * np.arange(len(sound)) / RATE)
    plain, hummed = measure(sound), measure(sound + hum)
    assert near(hummed, cutoff), hummed
    assert hummed.cutoff_hz == pytest.approx(plain.cutoff_hz, rel=0.03)


def test_full_band_is_recognised() -> None:
    found = measure(babble())
    assert found.full_band
    assert found.source == "full-band"


@pytest.mark.parametrize("blocks", [1, 777, 4096, 1_000_000])
def test_result_does_not_depend_on_the_blocks(blocks: int) -> None:
    sound = brick_wall(babble(0.7), 5000)
    assert measure(sound, blocks=blocks) == measure(sound, blocks=65_536)


@pytest.mark.parametrize("gain_db", [-40.0, -20.0, 20.0])
def test_level_does_not_matter(gain_db: float) -> None:
    sound = brick_wall(babble(), 5500)
    loud, quiet = measure(sound), measure(sound * 10 ** (gain_db / 20))
    assert quiet.source == loud.source
    assert quiet.cutoff_hz == pytest.approx(loud.cutoff_hz, rel=0.02)


def test_channels_count_together() -> None:
    sound = brick_wall(babble(), 5500)
    assert measure(np.stack([sound, sound])) == measure(sound)
    assert near(measure(np.stack([sound, np.zeros_like(sound)])), 5500)


@pytest.mark.parametrize("silence", [1, 1000, 48_000, 200_001])
def test_appended_silence_is_no_part_of_it(silence: int) -> None:
    audio = brick_wall(babble(3.0), 4000)
    longer = np.concatenate([audio, np.zeros(silence)])
    assert measure(longer) == measure(audio)
    assert measure(longer, blocks=4_800) == measure(audio)


@pytest.mark.parametrize("length", [0, 1, 15, 100, 48_000])
def test_silence(length: int) -> None:
    found = measure(np.zeros((2, length)))
    assert found.source == "silence"
    assert found.full_band


def test_shorter_than_one_window() -> None:
    for length in (16, 100, 500, 2047, 2048, 2049):
        found = measure(babble()[:length])
        assert 0 < found.cutoff_hz <= RATE / 2
    assert near(measure(brick_wall(babble(), 4000)[RATE : RATE + 1900]), 4000)


@pytest.mark.parametrize("rate", [4000, 8000, 11_025, 16_000, 22_050, 32_000])
def test_content_up_to_nyquist_of_a_low_rate(rate: int) -> None:
    sound = babble(rate=rate)
    hum = 0.03 * np.sin(2 * np.pi * 50 * np.arange(len(sound)) / rate)
    noise = 0.003 * np.random.default_rng(2).standard_normal(len(sound))
    for audio in (sound, sound + hum, sound + noise):
        found = measure(audio, rate)
        assert found.source == "nyquist", found
        assert found.cutoff_hz == rate / 2


def test_telephone_band_in_a_telephone_file() -> None:
    found = measure(brick_wall(babble(rate=8000), 3000, 8000), 8000)
    assert found.source == "edge"
    assert near(found, 3000), found


@pytest.mark.parametrize("low", [8000, 16_000])
def test_a_low_rate_brought_up_again_ends_at_its_nyquist_frequency(low: int) -> None:
    """Also by a converter with a short filter, which leaves images above."""
    up, taps = RATE // low, 32
    down = signal.resample_poly(babble(), 1, up)
    short = np.asarray(signal.firwin(taps * up + 1, 0.97 / up, window=("kaiser", 9.0))) * up
    assert near(measure(signal.upfirdn(short, down, up)), low / 2)
    assert near(measure(signal.resample_poly(down, up, 1)), low / 2)


@pytest.mark.parametrize("rate", [48_000, 44_100, 8000, 192_000])
def test_any_signal_gets_an_answer(rate: int) -> None:
    rng = np.random.default_rng(3)
    time = np.arange(rate) / rate
    impulse = np.zeros(rate)
    impulse[rate // 2] = 1
    square = np.sign(np.sin(2 * np.pi * 220 * time))
    broken = rng.standard_normal(rate)
    broken[100:200] = np.nan
    signals = [
        rng.standard_normal(rate),
        1e-5 * rng.standard_normal(rate),
        np.sin(2 * np.pi * 50 * time),
        np.sin(2 * np.pi * 1000 * time),
        np.ones(rate),
        impulse,
        square,
        np.cumsum(rng.standard_normal(rate)),
        brick_wall(rng.standard_normal(rate), 0.1 * rate, rate),
        broken,
        1e4 * rng.standard_normal(rate),
    ]
    for audio in signals:
        found = measure(0.1 * audio, rate)
        assert 0 < found.cutoff_hz <= rate / 2
        assert 0 <= found.confidence <= 1


def test_steady_noise_has_its_edge_too() -> None:
    noise = np.random.default_rng(4).standard_normal(5 * RATE)
    assert near(measure(0.1 * brick_wall(noise, 6000)), 6000)


def test_memory_is_constant() -> None:
    levels = BandLevels(RATE)
    size = levels.sums.nbytes + levels.counts.nbytes
    for _ in range(20):
        levels.push(np.zeros((1, 10_000), np.float32))
    assert levels.sums.nbytes + levels.counts.nbytes == size < 2_000_000


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="sample_rate"):
        BandwidthMeter(0)
    with pytest.raises(ValueError, match="channels"):
        BandwidthMeter(RATE).push(np.zeros(100, np.float32))


def test_features_do_not_know_the_gain() -> None:
    seen = []
    for gain in (1.0, 0.1):
        levels = BandLevels(RATE)
        levels.push((gain * babble())[None].astype(np.float32))
        seen.append(features(levels))
    # a frame may fall into another class of loudness: a fraction of a decibel
    assert np.mean(np.abs(seen[0] - seen[1])) < 0.02


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100, 48_000, 96_000])
def test_features_have_one_shape_and_end_at_nyquist(rate: int) -> None:
    levels = BandLevels(rate)
    levels.push(babble(1.0, rate)[None].astype(np.float32))
    seen = features(levels)
    assert seen.shape == (CHANNELS, POSITIONS)
    above = min(rate / 2, 24_000) < GRID_HZ
    assert not seen[:-2, above].any()
    assert seen[-3, ~above].all()


def test_bands_go_up_and_down_together_only_where_there_is_content() -> None:
    levels = BandLevels(RATE)
    hiss = 10 ** (-50 / 20) * np.random.default_rng(5).standard_normal(5 * RATE)
    levels.push((brick_wall(babble(), 4000) + hiss)[None].astype(np.float32))
    together = features(levels)[-3 - 2 * GROUPS : -3]
    content, floor = (GRID_HZ > 2000) & (GRID_HZ < 3700), (GRID_HZ > 4600) & (GRID_HZ < 22_000)
    beside_below = together[0]
    assert beside_below[content].min() > 0.5
    assert np.abs(beside_below[floor]).max() < 0.4
    assert np.abs(np.mean(beside_below[floor])) < 0.06


def test_frames_may_come_one_by_one() -> None:
    density = np.random.default_rng(6).exponential(1e-4, (50, len(BandLevels(RATE).cells)))
    density[7] = 0.0
    whole, single = BandLevels(RATE), BandLevels(RATE)
    whole.add(density)
    for row in density:
        single.add(row[None])
    assert whole.frames == single.frames == 49
    for name in ("counts", "sums", "histogram", "total", "products"):
        np.testing.assert_allclose(getattr(single, name), getattr(whole, name), rtol=1e-9, err_msg=name)
    np.testing.assert_allclose(whole.products, (density**0.25).T @ density**0.25, rtol=1e-9)


def trainer_module() -> ModuleType:
    """The script that trains the judge; skips where it is not at hand."""
    pytest.importorskip("torch")
    spec = importlib.util.spec_from_file_location("trainer", Path(__file__).parents[3] / "benchmarks" / TRAINER)
    if spec is None or spec.loader is None or not Path(str(spec.origin)).is_file():
        pytest.skip("the trainer is not part of this installation")
    trainer = importlib.util.module_from_spec(spec)
    sys.modules["trainer"] = trainer
    spec.loader.exec_module(trainer)
    return trainer


def test_cases_made_of_spectra_are_like_those_that_went_through_audio() -> None:
    """A low-pass and noise, applied to a spectrogram, give the band levels that filtered and noisy sound has."""
    trainer_module()
    from cutoff_spectra import ENERGY, Simulator, make_bank, power_db, spectrogram

    simulator = Simulator(make_bank([], 0))
    sound = babble()
    noisy = brick_wall(sound, 6000) + 1e-3 * np.random.default_rng(7).standard_normal(len(sound))
    heard = BandLevels(RATE)
    heard.push(noisy[None].astype(np.float32))
    power = 10 ** (power_db(spectrogram(sound.astype(np.float32))).astype(np.float32) / 10) / ENERGY
    power[:, np.arange(power.shape[1]) * RATE / 2048 > 6000] = 0
    made = BandLevels(RATE)
    made.add(
        np.asarray(simulator.with_noise(power, -60.0, None, np.random.default_rng(8)) @ simulator.bands(RATE, RATE))
    )
    assert made.frames == pytest.approx(heard.frames, abs=1)
    clear = np.abs(np.log2(heard.centres_hz / 6000)) > 0.1
    ratio = (made.total / made.frames) / (heard.total / heard.frames)
    assert np.abs(40 * np.log10(ratio[clear])).max() < 0.5  # dB; the sums are of power ** 0.25


def test_judge_is_the_network_that_was_trained() -> None:
    torch = pytest.importorskip("torch")
    trainer = trainer_module()
    net = trainer.Judge().eval()
    with np.load(WEIGHTS) as stored:
        net.load_state_dict({name: torch.from_numpy(stored[name].astype(np.float32)) for name in stored.files})
    levels = BandLevels(RATE)
    levels.push(brick_wall(babble(), 6000)[None].astype(np.float32))
    seen = features(levels)
    with torch.inference_mode():
        expected = trainer.masked(net(torch.from_numpy(seen)[None]), torch.tensor([24_000.0]))[0].exp().numpy()
    verdict = judge(seen, 24_000.0)
    np.testing.assert_allclose(np.append(verdict.cutoffs, verdict.complete), expected, atol=1e-4)


@pytest.mark.parametrize("cutoff", [3400, 8000])
def test_real_speech(shared_speech: Path, cutoff: int) -> None:
    import soundfile

    for path in sorted((shared_speech / "validation").rglob("*_0000.flac"))[8:14]:
        audio, rate = soundfile.read(path)
        assert measure(audio, rate).full_band, path.name
        assert near(measure(brick_wall(audio, cutoff, rate), rate), cutoff), path.name


@pytest.mark.parametrize(
    ("likely", "complete", "whole"),
    [(0.4, 0.2, True), (0.4, 0.1, False), (0.55, 0.4, True), (0.7, 0.2, False)],
)
def test_a_near_tie_keeps_the_whole_recording_and_so_does_doubt(likely: float, complete: float, whole: bool) -> None:
    rest = (1.0 - likely - complete) / (len(CUTOFFS_HZ) - 1)
    cutoffs = np.where(np.arange(len(CUTOFFS_HZ)) == 60, likely, rest)
    cutoff, confidence = decide(Verdict(cutoffs, complete), 24_000.0)
    assert (cutoff == 24_000.0) == whole
    assert confidence == pytest.approx(complete) if whole else confidence >= likely

"""A change of cutoff is found, in time and by channel; what only sounds darker, stops or is cut otherwise is none."""

from __future__ import annotations

import numpy as np
import pytest

from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.meter import bandwidth_of
from hifisr_cli.dsp.bandwidth.track import Change, Track, TrackMeter
from tests.dsp.bandwidth.conftest import RATE, Audio, babble, brick_wall

FOUND_SECONDS = 0.5
FIELDS = ("counts", "sums", "histogram", "total", "spectrum", "products")


def heard(audio: np.ndarray, block: int = 65_536, rate: int = RATE) -> TrackMeter:
    meter = TrackMeter(rate)
    data = np.atleast_2d(audio).astype(np.float32)
    for start in range(0, data.shape[1], block):
        meter.push(data[:, start : start + block])
    return meter


def track(audio: np.ndarray, block: int = 65_536, rate: int = RATE) -> Track:
    return heard(audio, block, rate).result()


def of(levels: BandLevels) -> float:
    """The cutoff of a line."""
    return bandwidth_of(levels).cutoff_hz


def spliced(seconds: float = 5.0, cutoff: float = 3_400.0) -> np.ndarray:
    """Wide, narrow, wide."""
    parts = [babble(seconds, seed=seed) for seed in range(3)]
    return np.concatenate([parts[0], brick_wall(parts[1], cutoff), parts[2]])


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("cutoff", [3_400.0, 8_000.0, None])
def test_a_uniform_recording_has_one_stretch_and_the_levels_that_it_had(channels: int, cutoff: float | None) -> None:
    audio = np.stack([babble(30.0, seed=seed) for seed in range(channels)])
    if cutoff is not None:
        audio = np.stack([brick_wall(channel, cutoff) for channel in audio])
    levels = BandLevels(RATE)
    data = audio.astype(np.float32)
    for start in range(0, data.shape[1], 65_536):
        levels.push(data[:, start : start + 65_536])
    found = track(audio)
    assert found.channels == ((Change(0, 0),),)
    (line,) = found.lines
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(line, name), getattr(levels, name), err_msg=name)


@pytest.mark.parametrize("cutoff", [3_400.0, 7_000.0])
@pytest.mark.parametrize("seconds", [2.0, 5.0])
def test_a_change_is_found_where_it_is_and_a_line_that_comes_back_is_the_same(cutoff: float, seconds: float) -> None:
    found = track(spliced(seconds, cutoff))
    (changes,) = found.channels
    assert [change.line for change in changes] == [0, 1, 0]
    assert [change.start / RATE for change in changes] == pytest.approx([0, seconds, 2 * seconds], abs=FOUND_SECONDS)
    assert of(found.lines[0]) == 24_000.0
    assert of(found.lines[1]) == pytest.approx(cutoff, rel=0.08)
    frames = round(3 * seconds * RATE) // found.lines[0].hop - 1
    assert sum(line.frames for line in found.lines) == frames


def test_the_blocks_do_not_matter() -> None:
    audio = np.stack([spliced(), babble(15.0, seed=9)])
    whole, parts = track(audio, audio.shape[1]), track(audio, 9_973)
    assert whole.channels == parts.channels
    for one, other in zip(whole.lines, parts.lines, strict=True):
        for name in FIELDS:
            np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-9, atol=1e-9, err_msg=name)


def test_each_channel_has_its_own_line() -> None:
    wide, narrow = babble(12.0, seed=1), brick_wall(babble(12.0, seed=2), 3_400.0)
    narrow[: 3 * RATE] = 0.0  # who has not spoken yet came over the same line
    found = track(np.stack([wide, narrow]))
    assert found.channels == ((Change(0, 0),), (Change(0, 1),))
    assert of(found.lines[0]) == 24_000.0
    assert of(found.lines[1]) == pytest.approx(3_400.0, rel=0.08)


def test_channels_may_change_apart_and_share_lines() -> None:
    found = track(np.stack([spliced(), brick_wall(babble(15.0, seed=5), 3_400.0)]))
    assert [[change.line for change in changes] for changes in found.channels] in ([[0, 1, 0], [1]], [[1, 0, 1], [0]])


def test_long_silence_within_moves_nothing() -> None:
    first, second = babble(6.0, seed=1), brick_wall(babble(6.0, seed=2), 3_400.0)
    gap = 7.3
    found = track(np.concatenate([first, np.zeros(round(gap * RATE)), second]))
    (changes,) = found.channels
    assert [change.line for change in changes] == [0, 1]
    assert 6.0 - FOUND_SECONDS < changes[1].start / RATE < 6.0 + gap + FOUND_SECONDS


@pytest.mark.parametrize("darker", [0.5, 1.0, 2.0])
def test_darker_sound_is_no_other_line(darker: float) -> None:
    audio = babble(18.0)
    middle = slice(6 * RATE, 12 * RATE)
    spectrum = np.fft.rfft(audio[middle])
    frequency = np.fft.rfftfreq(6 * RATE, 1 / RATE)
    audio[middle] = np.fft.irfft(spectrum / (1 + (frequency / 2_000) ** 2) ** (darker / 2), 6 * RATE)
    assert track(audio).channels == ((Change(0, 0),),)


@pytest.mark.parametrize("rate", [100, 4_000, 8_000, 16_000])
def test_low_rates_and_short_recordings_have_one_line(rate: int) -> None:
    rng = np.random.default_rng(0)
    for samples in (0, 10, 30, rate // 10, 12 * rate):
        audio = 0.1 * rng.standard_normal((2, samples))
        found = track(audio, rate=rate)
        levels = BandLevels(rate)
        levels.push(audio.astype(np.float32))
        assert found.channels == ((Change(0, 0),),)
        assert len(found.lines) == 1
        assert found.lines[0].frames == levels.finished().frames


def test_silence_has_one_line() -> None:
    assert track(np.zeros((2, 5 * RATE))).channels == ((Change(0, 0),),)


def test_memory_is_constant() -> None:
    meter = TrackMeter(RATE)
    waiting = []
    audio: Audio = babble(5.0).astype(np.float32)
    for _ in range(20):
        meter.push(audio[None])
        waiting.append(sum(frames.powers.nbytes for frames in meter._undecided()))
    assert max(waiting) < 4_000_000


def test_sound_far_below_what_any_format_holds_is_silence() -> None:
    """Not all zeros, and yet no frame of it counts."""
    found = track(np.full((2, 5 * RATE), 1e-30))
    assert found.channels == ((Change(0, 0),),)
    assert found.lines[0].frames == 0


def test_asking_on_the_way_changes_nothing() -> None:
    audio = spliced().astype(np.float32)[None]
    asked = TrackMeter(RATE)
    for start in range(0, audio.shape[1], 2 * RATE):
        asked.push(audio[:, start : start + 2 * RATE])
        asked.result()
    assert asked.result().channels == track(audio, 2 * RATE).channels

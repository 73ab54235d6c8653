"""Colours and pictures: even steps, fixed scale, the cutoff where it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from hifisr_cli.dsp.spectrogram import SpectrogramMeter
from hifisr_cli.errors import NotAudioError, OutputExistsError
from hifisr_cli.report.comparison import draw_comparison
from hifisr_cli.report.picture import FLOOR_DB, TOP_DB, Panel, drawn, painted, palette, time_ticks
from hifisr_cli.results import Bandwidth, Stretch


def test_the_colours_grow_lighter_evenly() -> None:
    linear = (palette() / 255.0) ** 2.2
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance) > -2e-3).all()
    lightness = np.cbrt(luminance)
    steps = np.diff(lightness[::16])
    assert steps.min() > 0.4 * steps.mean()
    assert luminance[0] < 0.01 and luminance[-1] > 0.85


def test_the_scale_is_fixed() -> None:
    levels = np.array([[-np.inf, FLOOR_DB, (FLOOR_DB + TOP_DB) / 2, TOP_DB, 0.0]], np.float32)
    assert painted(levels).tolist() == [[0, 0, 128, 255, 255]]


@pytest.mark.parametrize(("seconds", "last"), [(0.02, "0.020"), (3.6, "3"), (75, "1:15"), (7_200, "2:00:00")])
def test_the_times_are_round(seconds: float, last: str) -> None:
    ticks = time_ticks(seconds)
    assert 2 <= len(ticks) <= 7
    assert ticks[-1][1] == last
    assert ticks[-1][0] <= seconds * (1 + 1e-9)


@pytest.fixture
def tones(tmp_path: Path) -> tuple[Path, Path]:
    """Two seconds of a tone at 2 kHz: at 8 kHz, and at 48 kHz with another one at 20 kHz."""
    t = np.arange(96_000) / 48_000
    low, high = tmp_path / "low.wav", tmp_path / "high.wav"
    soundfile.write(low, 0.5 * np.sin(2 * np.pi * 2_000 * t[::6]), 8_000)
    soundfile.write(high, 0.5 * np.sin(2 * np.pi * 2_000 * t) + 0.5 * np.sin(2 * np.pi * 20_000 * t), 48_000)
    return low, high


def bright_rows(picture: Path, part: slice) -> np.ndarray:
    """Rows with bright pixels all along, as fractions of the panel's height from its top."""
    pixels = np.asarray(Image.open(picture).convert("L"), float)
    top, bottom = 60, pixels.shape[0] - 76
    panel = pixels[top:bottom, part]
    return np.flatnonzero(np.median(panel, axis=1) > 120) / (bottom - top)


def test_a_pair_stands_on_one_scale(tones: tuple[Path, Path], tmp_path: Path) -> None:
    draw_comparison(tones, tmp_path / "pair.png", mark_cutoff=False)
    width = Image.open(tmp_path / "pair.png").width
    left, right = (
        bright_rows(tmp_path / "pair.png", slice(200, 900)),
        bright_rows(tmp_path / "pair.png", slice(1200, 1900)),
    )
    assert width > 2_000
    assert left.mean() == pytest.approx(1 - 2 / 24, abs=0.01)
    assert right.min() == pytest.approx(1 - 20 / 24, abs=0.015)
    assert right.max() == pytest.approx(1 - 2 / 24, abs=0.015)


def test_the_cutoff_is_drawn_where_it_is_given(tones: tuple[Path, Path], tmp_path: Path) -> None:
    plain, marked = tmp_path / "plain.png", tmp_path / "marked.png"
    draw_comparison(tones[:1], plain, mark_cutoff=False)
    draw_comparison(tones[:1], marked, cutoff_hz=12_000.0)
    differs = np.argwhere(
        (np.asarray(Image.open(plain).convert("RGB")) != np.asarray(Image.open(marked).convert("RGB"))).any(axis=2)
    )
    height = Image.open(plain).height
    assert (differs[:, 0].max() - 60) / (height - 136) == pytest.approx(0.5, abs=0.01)


@pytest.fixture
def silence() -> Panel:
    """Four seconds of it."""
    meter = SpectrogramMeter(8_000, 1_024)
    meter.push(np.zeros((1, 32_000), np.float32))
    return Panel("silence", meter.result())


def lines_of(panel: Panel, stretches: tuple[Stretch, ...], at_second: float) -> list[float]:
    """Hz at which a picture has lines at a time, a dash long."""
    plain, marked = (np.asarray(drawn([panel], told).convert("L"), int) for told in ((), stretches))
    left = 88 + round(960 * at_second / 4)
    differs = (plain != marked)[60:-76, left : left + 28].sum(axis=1)
    rows = np.flatnonzero(differs >= 12)
    return [24_000 * (1 - row / 560) for row in rows[np.diff(rows, prepend=-9) > 1]]


def test_the_line_moves_with_the_cutoff(silence: Panel) -> None:
    cutoffs = (4_000.0, 12_000.0, 24_000.0, 8_000.0)
    moved = tuple(
        Stretch(None, at, at + 1.0, Bandwidth(hertz, 0.9, "edge" if hertz < 24_000 else "full-band"))
        for at, hertz in enumerate(cutoffs)
    )
    for at, hertz in enumerate(cutoffs):
        wanted = [] if hertz == 24_000 else [pytest.approx(hertz, abs=90)]
        assert lines_of(silence, moved, at + 0.8) == wanted


def test_every_channel_has_its_line(silence: Panel) -> None:
    legs = tuple(Stretch(number, 0.0, 4.0, Bandwidth(4_000.0 * number, 0.9, "edge")) for number in (1, 2, 3))
    assert lines_of(silence, legs, 3.0) == pytest.approx([12_000.0, 8_000.0, 4_000.0], abs=90)


def test_it_refuses_what_it_cannot_do(tones: tuple[Path, Path], tmp_path: Path) -> None:
    draw_comparison(tones[:1], tmp_path / "a.png")
    with pytest.raises(OutputExistsError):
        draw_comparison(tones[:1], tmp_path / "a.png")
    draw_comparison(tones[:1], tmp_path / "a.png", overwrite=True)
    (tmp_path / "text.wav").write_text("no recording", encoding="utf-8")
    with pytest.raises(NotAudioError):
        draw_comparison([tmp_path / "text.wav"], tmp_path / "b.png")
    assert not (tmp_path / "b.png").exists()

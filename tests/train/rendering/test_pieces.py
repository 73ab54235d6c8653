"""Rendered pieces: the same for a seed, rendered once, as bright as the instruments that were measured."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hifisr_cli.errors import UsageError
from hifisr_cli.train.rendering import pieces
from hifisr_cli.train.rendering.instruments import PROGRAMS, instruments
from hifisr_cli.train.rendering.midi import note, program
from hifisr_cli.train.rendering.pieces import Rendering, rendered_clips
from hifisr_cli.train.rendering.synthesizer import render

FONT = Path(Rendering().fonts[0])
needs_synthesizer = pytest.mark.skipif(
    not FONT.is_file() or shutil.which("fluidsynth") is None, reason="no fluidsynth or no sound font here"
)


@needs_synthesizer
def test_pieces_are_their_seed_and_rendered_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rendering = Rendering(pieces=2, seconds=1.0, folder=str(tmp_path / "one"))
    one, two = rendered_clips(rendering)
    assert (one.seconds, one.kind) == (1.0, "rendered")
    assert not np.array_equal(one.samples, two.samples)
    again = rendered_clips(replace(rendering, folder=str(tmp_path / "two")))
    assert [np.array_equal(a.samples, b.samples) for a, b in zip((one, two), again, strict=True)] == [True, True]
    (other, _) = rendered_clips(replace(rendering, seed=2))
    assert not np.array_equal(one.samples, other.samples)
    assert len(list((tmp_path / "one").iterdir())) == 4
    second = rendered_clips(replace(rendering, folder=str(tmp_path / "three")), rank=1, processes=2)
    assert [clip.path[-12:] for clip in second] == [clip.path[-12:] for clip in (one, two)], "in the same order"
    monkeypatch.setattr(pieces, "render", None)  # would fail if it were called
    assert np.array_equal(rendered_clips(rendering)[0].samples, one.samples)


@needs_synthesizer
def test_instruments_reach_as_far_as_they_sound() -> None:
    """A piano has no treble to learn from; a distorted guitar and cymbal-like synths have."""
    found = instruments(FONT)
    assert [each.program for each in found] == list(range(PROGRAMS))
    piano, guitar, cello = found[0], found[29], found[42]
    assert not piano.is_bright
    assert guitar.is_bright
    assert cello.is_bright
    assert 30 < sum(each.is_bright for each in found) < 100
    assert sum(each.is_dark_by_nature for each in found) > 10


@needs_synthesizer
def test_notes_sound_at_their_pitch_and_time() -> None:
    wave = render([program(0.0, 0, 73), *note(0.5, 1.4, 0, 69, 100)], FONT, 2.0)  # a flute's A
    assert wave.size == 96_000
    assert np.abs(wave[:23_000]).max() < 1e-3 * np.abs(wave).max()
    power = np.abs(np.fft.rfft(wave[36_000:60_000] * np.hanning(24_000)))
    assert 2 * int(np.argmax(power)) == pytest.approx(440, abs=6)


def test_what_is_missing_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match="fluidsynth is not installed"):
        render([], FONT, 1.0)
    with pytest.raises(UsageError, match="unknown keys"):
        Rendering.from_dict({"piece": 3})
    assert rendered_clips(Rendering(folder=str(tmp_path / "none"))) == []
    assert not (tmp_path / "none").exists()


@needs_synthesizer
def test_a_font_that_is_none_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such sound font"):
        render([], tmp_path / "no.sf2", 1.0)
    (tmp_path / "bad.sf2").write_bytes(b"RIFF")
    with pytest.raises(UsageError, match="fluidsynth failed"):
        render(note(0.0, 0.5, 0, 60, 100), tmp_path / "bad.sf2", 1.0)

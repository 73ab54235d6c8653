from __future__ import annotations

import pytest
import torch
from torch import Tensor

from hifisr_cli.dsp.added_layer import FRAME, MARGIN, MOST_RAISED_DB, added_layer

SECOND = 48_000
INSIDE = slice(MARGIN, -MARGIN)


def noise(seed: int, level_db: float = 0.0, length: int = SECOND) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(length, generator=generator) * 10 ** (level_db / 20)


def background(level_db: float) -> Tensor:
    return torch.full((FRAME // 2 + 1,), 10 ** (level_db / 10))


NONE = background(-200.0)


def level_db(signal: Tensor) -> float:
    return float(10 * torch.log10(signal[INSIDE].square().mean()))


def test_nothing_is_added_to_what_is_there() -> None:
    x = noise(0)
    assert added_layer(x, x, NONE, start=0, lowest_hz=0.0).abs().max() < 1e-6


def test_background_makes_room_for_the_whole_of_the_engines_sound() -> None:
    x, g = noise(0, -40.0), noise(1, -20.0)
    layer = added_layer(g, x, background(-30.0), start=0, lowest_hz=0.0)
    assert (x + layer - g)[INSIDE].abs().max() < 1e-6


def test_what_is_louder_than_the_engines_sound_stays_as_it_is() -> None:
    """Averaged over 250 Hz and 40 ms the louder one is louder everywhere."""
    x, g = noise(0, 0.0), noise(1, -20.0)
    assert level_db(added_layer(g, x, NONE, start=0, lowest_hz=0.0)) < -60.0


@pytest.mark.parametrize("below_db", [3.0, 10.0, MOST_RAISED_DB - 3.0])
def test_what_a_filter_has_lowered_is_raised_and_not_replaced(below_db: float) -> None:
    g, lowered = noise(1, -20.0), noise(0, -20.0 - below_db)
    found = lowered + added_layer(g, lowered, NONE, start=0, lowest_hz=0.0)
    assert abs(level_db(found) + 20.0) < 0.5
    likeness = torch.nn.functional.cosine_similarity(found[INSIDE], lowered[INSIDE], dim=0)
    assert likeness > 0.95


def test_deeper_down_the_engine_fills_up() -> None:
    g, lowered = noise(1, -20.0), noise(0, -80.0)
    found = lowered + added_layer(g, lowered, NONE, start=0, lowest_hz=0.0)
    assert abs(level_db(found) + 20.0) < 0.1
    assert torch.nn.functional.cosine_similarity(found[INSIDE], g[INSIDE], dim=0) > 0.99


def test_loud_sound_far_below_is_not_taken_for_content() -> None:
    """A vowel below a steep edge, over no noise at all, and a faint sound of the engine's above."""
    spectrum = torch.fft.rfft(noise(0, 10.0))
    hz = torch.linspace(0.0, 24_000.0, len(spectrum))
    loud, g = torch.fft.irfft(spectrum * (hz < 2_000.0)), noise(1, -70.0)
    found = loud + added_layer(g, loud, NONE, start=0, lowest_hz=3_000.0)
    window = torch.hann_window(SECOND - 2 * MARGIN)
    found, wanted = (torch.fft.rfft(signal[INSIDE] * window) for signal in (found, g))
    above = torch.linspace(0.0, 24_000.0, len(wanted)) > 4_000.0
    assert (found - wanted)[above].abs().square().mean() < 0.01 * wanted[above].abs().square().mean()


def test_nothing_is_added_below_the_lowest_frequency() -> None:
    layer = added_layer(noise(1), noise(0, -200.0), NONE, start=0, lowest_hz=8_000.0)
    spectrum = torch.fft.rfft(layer[INSIDE] * torch.hann_window(SECOND - 2 * MARGIN)).abs().square()
    hz = torch.linspace(0.0, 24_000.0, len(spectrum))
    assert spectrum[hz < 7_500.0].mean() < 1e-6 * spectrum[hz > 8_500.0].mean()


@pytest.mark.parametrize("cut", [0, 1, 479, 480, 5_000, 12_345])
def test_cuts_do_not_show(cut: int) -> None:
    x, g = noise(0, -30.0), noise(1, -20.0)
    whole = added_layer(g, x, background(-28.0), start=-700, lowest_hz=4_000.0)
    part = added_layer(g[cut:], x[cut:], background(-28.0), start=cut - 700, lowest_hz=4_000.0)
    assert (part - whole[cut:])[INSIDE].abs().max() < 1e-6


def test_the_layer_is_weighed_by_what_is_missing() -> None:
    """What an edge left alone stays, and half of the layer is half of it."""
    x, g = noise(0, -30.0), noise(1, -20.0)
    whole, half, nothing = (
        added_layer(g, x, NONE, torch.full((FRAME // 2 + 1,), share), start=0, lowest_hz=0.0)
        for share in (1.0, 0.5, 0.0)
    )
    assert torch.equal(whole, added_layer(g, x, NONE, start=0, lowest_hz=0.0))
    assert torch.allclose(half, 0.5 * whole, atol=1e-6)
    assert nothing.abs().max() == 0.0

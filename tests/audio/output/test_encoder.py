"""Output minus layer is the input: as integers always, as floating point wherever there are two such numbers."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from hifisr_cli.arrays import Wave
from hifisr_cli.audio.formats import OutputFormat
from hifisr_cli.audio.output.encoder import Encoder
from hifisr_cli.audio.output.quantise import Dither, quantise

FLOAT = OutputFormat("wav", "FLOAT", 32, ".wav")
INTEGERS = [OutputFormat("wav", f"PCM_{bits}", bits, ".wav") for bits in (16, 24, 32)]
VORBIS = OutputFormat("ogg", "VORBIS", None, ".ogg")

levels = st.sampled_from([1e-9, 1e-6, 1e-3, 0.1, 1.0, 3.0])
seeds = st.integers(0, 2**32 - 1)


def noise(seed: int, level: float) -> Wave:
    """[2, 3000]"""
    return (np.random.default_rng(seed).standard_normal((2, 3_000)) * level).astype(np.float32)


@given(seed=seeds, level=levels, added=levels, chosen=st.sampled_from(INTEGERS))
def test_integers_give_the_input_back_to_the_bit(seed: int, level: float, added: float, chosen: OutputFormat) -> None:
    """Whatever their levels, beyond full scale as well: it is the input as it would have been written alone."""
    original = noise(seed, level)
    restored = original + noise(seed + 1, added)
    encoded = Encoder(chosen).encode(restored, original)
    alone = Encoder(chosen).encode(original, None)
    assert np.array_equal(encoded.samples.astype(np.int64) - encoded.layer, alone.samples)
    assert not alone.layer.any()
    full = 1 << ((chosen.bits or 0) - 1)
    assert encoded.layer.min() >= -full
    assert encoded.layer.max() < full


@given(seed=seeds, level=levels, chosen=st.sampled_from(INTEGERS))
def test_an_output_of_integers_is_what_it_would_be_without_its_layer(
    seed: int, level: float, chosen: OutputFormat
) -> None:
    """But where the layer itself exceeds full scale."""
    original = noise(seed, 0.1)
    restored = np.clip(original + noise(seed + 1, level), original - 0.99, original + 0.99)
    bits = chosen.bits or 0
    expected = quantise(restored, bits, Dither() if bits == 16 else None)
    assert np.array_equal(Encoder(chosen).encode(restored, original).samples, expected)


@pytest.mark.parametrize("chosen", INTEGERS)
def test_a_layer_beyond_full_scale_is_limited_and_counted(chosen: OutputFormat) -> None:
    encoder = Encoder(chosen)
    original, restored = np.array([[-0.9, 0.9, 0.5]], np.float32), np.array([[0.9, -0.9, 0.25]], np.float32)
    encoded = encoder.encode(restored, original)
    assert encoder.clipped == 2
    kept = quantise(original, chosen.bits or 0, Dither() if chosen.bits == 16 else None)
    assert np.array_equal(encoded.samples - encoded.layer.astype(np.int64), kept)
    assert encoded.heard[0] == pytest.approx([0.1, -0.1, 0.25], abs=1e-4)


def test_overs_are_counted_but_never_in_floating_point() -> None:
    loud = np.array([[1.0, -1.0, 1.5, -7.0, 1e9, 0.5]], np.float32)
    for chosen, count in ((INTEGERS[0], 3), (INTEGERS[1], 3), (VORBIS, 3), (FLOAT, 0)):
        encoder = Encoder(chosen)
        encoder.encode(loud, None)
        encoder.encode(loud, loud.copy())
        assert encoder.clipped == 2 * count


@given(
    original=arrays.arrays(np.int32, (1, 500), elements=st.integers(-(2**24), 2**24)),
    restored=arrays.arrays(np.float32, (1, 500), elements=st.floats(-0.9990234375, 0.9990234375, width=32)),
)
def test_floats_give_back_every_multiple_of_a_step_of_25_bits(original: np.ndarray, restored: Wave) -> None:
    """All of 16 and 24 bits, below full scale, whatever has become of them; in either precision."""
    known = (original * 2.0**-24).astype(np.float32)
    encoded = Encoder(FLOAT).encode(restored, known)
    assert np.array_equal(encoded.samples - encoded.layer, known)
    assert np.array_equal(encoded.samples.astype(np.float64) - encoded.layer, known)
    assert np.abs(encoded.heard - restored).max() <= 2.0**-24


@given(seed=seeds, level=levels, added=levels)
def test_floats_give_the_input_back_wherever_float32_can(seed: int, level: float, added: float) -> None:
    """Exactly where the layer or the output has the last bit of the input, else to the rounding of the output."""
    original = noise(seed, level)
    restored = original + noise(seed + 1, added)
    encoded = Encoder(FLOAT).encode(restored, original)
    samples, layer = encoded.samples.astype(np.float64), encoded.layer.astype(np.float64)
    error = np.abs(samples - layer - original)
    assert (error <= np.spacing(np.abs(encoded.samples)) / 2).all()
    possible = np.minimum(np.abs(samples), np.abs(layer)) < 2.0**24 * last_bit(original)
    assert not error[possible].any()
    assert error[~possible].all(), "two floats above that are multiples of twice that bit, as their difference is"
    assert np.abs(samples - restored).max() <= np.spacing(np.float32(max(np.abs(restored).max(), np.abs(layer).max())))


def last_bit(wave: Wave) -> np.ndarray:
    """The largest power of two that each sample is a multiple of."""
    mantissa, exponent = np.frexp(wave.astype(np.float64))
    whole = (mantissa * 2.0**24).astype(np.int64)
    return np.ldexp((whole & -whole).astype(np.float64), exponent - 24)


@pytest.mark.parametrize("chosen", [*INTEGERS, FLOAT, VORBIS], ids=lambda chosen: chosen.codec)
def test_nothing_added_is_silence_and_changes_nothing(chosen: OutputFormat) -> None:
    original = noise(0, 0.1)
    original[:, ::7] = -0.0
    known, same = (Encoder(chosen).encode(original, other) for other in (None, original.copy()))
    assert not known.layer.any()
    assert not same.layer.any()
    assert np.array_equal(known.samples, same.samples)
    if chosen is FLOAT:
        assert known.samples.tobytes() == original.tobytes()


@pytest.mark.parametrize("chosen", [*INTEGERS, FLOAT, VORBIS], ids=lambda chosen: chosen.codec)
@given(cuts=st.lists(st.integers(0, 3_000), max_size=5).map(sorted))
def test_the_same_for_every_split(chosen: OutputFormat, cuts: list[int]) -> None:
    original = noise(0, 0.1)
    restored = original + noise(1, 0.1)
    whole = Encoder(replace(chosen)).encode(restored, original)
    encoder = Encoder(chosen)
    parts = [encoder.encode(restored[:, a:b], original[:, a:b]) for a, b in pairwise([0, *cuts, 3_000])]
    for name in ("samples", "layer", "heard"):
        joined = np.concatenate([getattr(part, name) for part in parts], axis=1)
        assert np.array_equal(joined, getattr(whole, name))

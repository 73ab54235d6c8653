"""The engine: equivalences that hold for any network with bounded context."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hifisr_cli.engines.hifisr.engine import Model
from hifisr_cli.restore.batches import restore_blocks
from tests.restore.conftest import Identity

Wave = np.ndarray


def run(wave: Wave, network: object, chunk_seconds: float, batch_size: int = 1, block: int = 30_000) -> Wave:
    blocks = [wave[:, i : i + block] for i in range(0, wave.shape[1], block)]
    finished = restore_blocks(
        blocks,
        network,
        cutoff_hz=4000.0,
        gain=2.0,
        chunk_seconds=chunk_seconds,
        batch_size=batch_size,  # type: ignore[arg-type]
    )
    return np.concatenate([stretch.output for stretch in finished], axis=1)


@settings(max_examples=20)
@given(
    samples=st.integers(1, 200_000),
    chunk=st.floats(0.01, 6.0),
    batch=st.integers(1, 5),
    block=st.integers(500, 70_000),
    channels=st.integers(1, 3),
)
def test_identity_network_survives_any_chunk_plan(
    samples: int, chunk: float, batch: int, block: int, channels: int
) -> None:
    wave = np.random.default_rng(samples).standard_normal((channels, samples)).astype(np.float32)
    assert np.array_equal(run(wave, Identity(), chunk, batch, block), wave)


def test_batches_never_exceed_their_size(identity: Identity, rng: np.random.Generator) -> None:
    run(rng.standard_normal((3, 100_000)).astype(np.float32), identity, 0.3, batch_size=4)
    assert max(identity.batches) <= 4
    assert 4 in identity.batches


def difference_db(a: Wave, b: Wave) -> float:
    return float(20 * np.log10(np.sqrt(np.mean((a - b) ** 2)) / np.sqrt(np.mean(b**2)) + 1e-12))


@pytest.mark.parametrize("chunk_seconds", [0.25, 1.0, 2.0])
def test_chunks_cannot_be_measured(tiny_model: Model, speech_like, chunk_seconds: float) -> None:  # type: ignore[no-untyped-def]
    wave = speech_like(5.0)
    whole = run(wave, tiny_model, 10.0)
    assert difference_db(whole, wave) > -60  # the network does something
    assert difference_db(run(wave, tiny_model, chunk_seconds), whole) < -100


def test_default_network_has_bounded_context(compact_model: Model, speech_like) -> None:  # type: ignore[no-untyped-def]
    wave = speech_like(4.0)
    assert difference_db(run(wave, compact_model, 1.0), run(wave, compact_model, 10.0)) < -100


def test_appended_silence_changes_nothing_before_it(tiny_model: Model, speech_like) -> None:  # type: ignore[no-untyped-def]
    wave = speech_like(2.0)[:, :95_000]
    longer = np.pad(wave, ((0, 0), (0, 60_000)))
    assert np.abs(run(longer, tiny_model, 10.0)[:, :95_000] - run(wave, tiny_model, 10.0)).max() < 1e-5


def test_batch_size_does_not_change_the_output(tiny_model: Model, speech_like) -> None:  # type: ignore[no-untyped-def]
    wave = speech_like(3.0, channels=2)
    single, several = run(wave, tiny_model, 0.5, 1), run(wave, tiny_model, 0.5, 7)
    assert np.abs(single - several).max() < 1e-5


def test_equal_channels_stay_equal(tiny_model: Model, speech_like) -> None:  # type: ignore[no-untyped-def]
    wave = speech_like(2.0)
    left, right = run(np.concatenate([wave, wave]), tiny_model, 0.7, 2)
    assert np.array_equal(left, right)

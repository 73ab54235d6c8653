from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.classifier import WEIGHTS, judge
from hifisr_cli.dsp.bandwidth.features import features
from tests.conftest import ROOT
from tests.dsp.bandwidth.conftest import RATE, babble, brick_wall

TRAINER = "train_cutoff_judge.py"


def trainer_module() -> ModuleType:
    """The script that trains the judge; skips where it is not at hand."""
    pytest.importorskip("torch")
    spec = importlib.util.spec_from_file_location("trainer", ROOT / "benchmarks" / TRAINER)
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

"""Trains what tells speech from other sound (`hifisr_cli.dsp.sound`), and counts what it gets wrong.

    python benchmarks/train_sound_judge.py --cache runs/sound --count 6000
    python benchmarks/train_sound_judge.py --cache runs/sound --count 6000 --mend hifisr_cli/dsp/sound/classifier.npz

Crops of 1 to 8 s of the recordings below --speech and --sound and of rendered music, and random notes of one or two
instruments, go through what training data goes
through (`hifisr_cli.train.data`): productions, floors, media, codecs, band limits; then to any usual rate. Features are
kept in --cache, so a stopped run goes on. Singing is other sound. The recordings of --validation are judged whole, from
8, 16, 24 and 48 kHz, and are not trained on. Needs the extra `train`, and the program `fluidsynth` with FluidR3_GM.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent))
from cutoff_sounds import instrument

from hifisr_cli.audio.resample import resample
from hifisr_cli.dsp.bandwidth.frames import Framing
from hifisr_cli.dsp.sound.meter import FEATURES, SPEECH_FROM, SoundMeter
from hifisr_cli.evaluate.bench import find_recordings, read_full_band
from hifisr_cli.evaluate.kinds import kind_of
from hifisr_cli.results import SAMPLE_RATE
from hifisr_cli.train.clips import load_clips
from hifisr_cli.train.config import TrainConfig
from hifisr_cli.train.data import Batches
from hifisr_cli.train.rendering.pieces import rendered_clips
from hifisr_cli.train.rendering.production import produced

RATES = (8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
JUDGED_RATES = (8_000, 16_000, 24_000, 48_000)
SOURCES = ("speech", "speech", "sound", "rendered", "speech", "rendered", "sound", "singing")  # they take turns
SECONDS = (1.0, 8.0)
AT_ONCE = 200
SPEECH_LOGIT = np.log(SPEECH_FROM / (1.0 - SPEECH_FROM))
NARROWED = 0.6  # of the crops went over a medium or a band limit
HIDDEN, STEPS, BATCH, RATE, DECAY = 24, 2_000, 256, 3e-3, 0.1
BLUR = 0.4  # noise on the features, in standard deviations of each
CERTAIN = 0.98  # no case is quite sure
NETWORKS = 5  # whose mean counts: one network of as many times the units


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, default=Path("../shared/speech/train"))
    parser.add_argument("--sound", type=Path, default=Path("../shared/sound/train"))
    parser.add_argument(
        "--validation",
        type=Path,
        nargs="*",
        default=[Path("../shared/speech/validation"), Path("../shared/sound/validation")],
    )
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--count", type=int, default=6_000)
    parser.add_argument("--mend", type=Path, help="where to write the weights")
    given = parser.parse_args()
    torch.set_num_threads(1)
    seen, is_speech = cases(given)
    networks = [fit(seen, is_speech, seed) for seed in range(NETWORKS)]
    weights = joined(networks, seen)
    judged(weights, list(validation(given.validation)))
    if given.mend is not None:
        np.savez_compressed(given.mend, **weights)


def cases(given: argparse.Namespace) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Features [N, FEATURES] of training crops, and whether they are speech [N]."""
    given.cache.mkdir(parents=True, exist_ok=True)
    made = Made(given)
    crops = kept(given.cache / "cases.npz", given.count, made.crop)
    played = kept(given.cache / "instruments.npz", given.count // 9, made.instrument)
    is_speech = [SOURCES[number % len(SOURCES)] == "speech" for number in range(given.count)]
    seen, truth = np.concatenate([crops, played]), np.array([*is_speech, *[False] * len(played)])
    heard = np.isfinite(seen).all(axis=1)
    return seen[heard], truth[heard]


def kept(path: Path, count: int, make: Callable[[int], NDArray[np.float32]]) -> NDArray[np.float32]:
    """So many cases [N, FEATURES]; those that are not in the file yet are made."""
    done = np.load(path)["features"] if path.is_file() else np.empty((0, FEATURES), np.float32)
    while len(done) < count:
        some = [make(number) for number in range(len(done), min(len(done) + AT_ONCE, count))]
        done = np.concatenate([done, np.stack(some)])
        np.savez(path, features=done)
        print(f"{path.stem}: {len(done)} of {count}", flush=True)
    return done[:count]


class Made:
    """Makes the cases."""

    def __init__(self, given: argparse.Namespace) -> None:
        config = TrainConfig.read(Path(__file__).parents[1] / "examples" / "general-2.toml")
        rendering = replace(config.rendering, folder=str(given.cache / "rendered"))
        config = replace(config, rendering=rendering, crop_seconds=SECONDS[1], mixed=0.0, sources={})
        self._clips = load_clips([given.speech, given.sound]) + rendered_clips(rendering)
        self._batches = Batches(self._clips, config)
        self._kinds = np.array(["singing" if "singing" in clip.path else clip.kind for clip in self._clips])
        self._speakers = np.array([clip.speaker for clip in self._clips])

    def crop(self, number: int) -> NDArray[np.float32]:
        """Of one crop, [FEATURES]; not numbers where nothing is to be heard in it."""
        rng, batches = np.random.default_rng((77, number)), self._batches
        among = np.flatnonzero(self._kinds == SOURCES[number % len(SOURCES)])
        speaker = rng.choice(np.unique(self._speakers[among]))
        among = among[self._speakers[among] == speaker]
        batches.probabilities = np.bincount(among, minlength=len(self._clips)) / len(among)
        batches.crop = int(SAMPLE_RATE * rng.uniform(*SECONDS))
        return self._features(*batches._made(rng), rng)

    def instrument(self, number: int) -> NDArray[np.float32]:
        """The same of some notes of one or two instruments."""
        rng = np.random.default_rng((78, number))
        return self._features(produced(instrument(number).astype(np.float32), rng), SAMPLE_RATE / 2, rng)

    def _features(
        self, wave: NDArray[np.float32], bandwidth_hz: float, rng: np.random.Generator
    ) -> NDArray[np.float32]:
        if rng.random() < NARROWED:
            wave = self._batches._narrowed(wave, bandwidth_hz, rng).wave
        rate = int(rng.choice(RATES))
        found = features_of(resample(wave[None].astype(np.float32), SAMPLE_RATE, rate)[0], rate)
        return np.full(FEATURES, np.nan, np.float32) if found is None else found


def features_of(wave: NDArray[np.float32], rate: int) -> NDArray[np.float32] | None:
    framing, meter = Framing(rate), SoundMeter(rate)
    for frames in framing.push(wave[None]):
        meter.push(frames)
    return meter.features()


def fit(seen: NDArray[np.float32], is_speech: NDArray[np.bool_], seed: int) -> nn.Sequential:
    """One network of the classifier's shape."""
    torch.manual_seed(seed)
    mean, scale = standard(seen)
    x, y = torch.tensor((seen - mean) / scale), torch.tensor(is_speech, dtype=torch.float32)
    weights = torch.where(y > 0, 0.5 / y.mean(), 0.5 / (1.0 - y.mean()))
    network = nn.Sequential(nn.Linear(FEATURES, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, 1))
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        chosen = torch.randint(len(x), (BATCH,))
        blurred = x[chosen] + BLUR * torch.randn(BATCH, FEATURES)
        target: Tensor = CERTAIN * y[chosen] + (1.0 - CERTAIN) * (1.0 - y[chosen])
        each = nn.functional.binary_cross_entropy_with_logits(network(blurred)[:, 0], target, reduction="none")
        optimizer.zero_grad()
        (each * weights[chosen]).mean().backward()
        optimizer.step()
        schedule.step()
    return network


def standard(seen: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return seen.mean(axis=0), seen.std(axis=0) + np.float32(1e-3)


def joined(networks: list[nn.Sequential], seen: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """The mean of the networks as one, with the scales of its features."""
    mean, scale = standard(seen)
    state = [{key: value.numpy() for key, value in network.state_dict().items()} for network in networks]
    return {
        "mean": mean,
        "scale": scale,
        "enter.weight": np.concatenate([each["0.weight"] for each in state]),
        "enter.bias": np.concatenate([each["0.bias"] for each in state]),
        "leave.weight": np.concatenate([each["2.weight"] for each in state], axis=1) / len(state),
        "leave.bias": np.mean([each["2.bias"] for each in state], axis=0),
    }


def validation(folders: list[Path]) -> Iterator[tuple[str, str, int, NDArray[np.float32]]]:
    """Name, kind, rate and features of whole recordings."""
    for folder in folders:
        for path in find_recordings(folder):
            wave = read_full_band(path)
            for rate in JUDGED_RATES:
                found = features_of(resample(wave[None], SAMPLE_RATE, rate)[0], rate)
                if found is not None:
                    yield path.relative_to(folder).as_posix(), kind_of(path), rate, found


def judged(weights: dict[str, NDArray[np.float32]], found: list[tuple[str, str, int, NDArray[np.float32]]]) -> None:
    """Prints how many recordings are taken for what they are not."""
    wrong: dict[tuple[str, int], list[bool]] = {}
    for name, kind, rate, seen in found:
        hidden = np.tanh(
            weights["enter.weight"] @ ((seen - weights["mean"]) / weights["scale"]) + weights["enter.bias"]
        )
        logit = float((weights["leave.weight"] @ hidden + weights["leave.bias"])[0])
        mistaken = (logit >= SPEECH_LOGIT) != (kind == "speech")
        wrong.setdefault((kind, rate), []).append(mistaken)
        if mistaken:
            print(f"{kind}: {name} from {rate} Hz ({logit:+.1f})")
    for (kind, rate), each in sorted(wrong.items()):
        print(f"{kind} from {rate} Hz: {sum(each)} of {len(each)} wrong")


if __name__ == "__main__":
    main()

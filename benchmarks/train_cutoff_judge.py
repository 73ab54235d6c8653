"""Trains the judge of `hifisr_cli.dsp.bandwidth.meter`: simulated cases to features, features to weights.

    python benchmarks/train_cutoff_judge.py spectra --cache runs/cutoff --count 25000
    python benchmarks/train_cutoff_judge.py cases --cache runs/cutoff --count 1000
    cp hifisr_cli/dsp/bandwidth/classifier.npz runs/before.npz
    python benchmarks/train_cutoff_judge.py fit --cache runs/cutoff --start runs/before.npz --steps 2800 --rate 5e-4
    python benchmarks/train_cutoff_judge.py mix --start runs/before.npz

Reads `train` and `train-narrow` below --data, and `train` below --sound, only; it needs the program `fluidsynth` with
the sound font FluidR3_GM, too. `cases` go through audio (codecs, other rates; 90 ms of processor time each), `spectra`
through power spectrograms (9 ms). Every case has its own seed, so a stopped run goes on, and the cases are the same.
`fit --start` goes on from weights that there are: the shipped ones came about so, in several rounds over changing
cases (`classifier.md`), and no single command makes them again. `mix` writes the mean of these and of what they became
over the second. Needs the extra `train`.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import torch
import torch.nn.functional as F
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent))
from cutoff_cases import FORMATS, Case, chance, log_uniform, make_case
from cutoff_sounds import RATE, instrument, natural_sound
from cutoff_spectra import Simulator, levels_of, made_sounds, make_bank, recorded
from cutoff_variation import varied

from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.classifier import (
    CUTOFFS_HZ,
    DILATIONS,
    FINER,
    FULL_BAND_HZ,
    OPEN_SHARE,
    Verdict,
    open_from_hz,
)
from hifisr_cli.dsp.bandwidth.features import CHANNELS, features
from hifisr_cli.dsp.bandwidth.meter import decide

CASES_A_FILE = 250
CLEAN_SHARE = 0.6  # of cases from uncompressed recordings, which are few
HELD_OUT = ("vctk-p234", "vctk-p314", "vctk-p317", "sdap-Karen-Cenon", "a4a-es", "art-de", "art-pl")
NAMES = ("features", "truth", "nyquist", "kind", "speaker")
Row = tuple[npt.NDArray[np.float16], float, float, str, str]
SOUND_SHARE = 0.4  # of cases through audio: music and effects
MADE_SHARE = 0.45  # of these: synthetic, or played
MADE = 300  # sounds of each kind, half as many instruments
WIDTH, DROPOUT, BATCH = 48, 0.05, 96
LEAST_FRAMES = 8
REPORT = 500  # steps
LOW_PASSES = 5000
CODED_WEIGHT = 2.5  # of cases through a codec, which are few
KIND_WEIGHTS = {"resampled": 1.8, "bessel": 1.2}
FINE_SHARE = 0.4  # of the loss: where exactly; the rest: within the tolerance
CELLS_HZ = torch.from_numpy(CUTOFFS_HZ).float()


def known(data: Path, *folders: str) -> list[tuple[Path, float, str]]:
    """Path, bandwidth in Hz and speaker of all training recordings in these folders."""
    with (data / "sources.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["path"].startswith(folders)]
    return [(data / row["path"], float(row["bandwidth_hz"]), row["speaker"]) for row in rows]


def draw(voices: list[tuple[Path, float, str]], sounds: list[tuple[Path, float, str]], seed: int) -> tuple[Case, str]:
    """Case number `seed` through audio, and its speaker."""
    rng = np.random.default_rng([53, seed])
    sound = chance(rng, SOUND_SHARE)
    clean = chance(rng, CLEAN_SHARE)
    some = sounds if sound else [row for row in voices if any(n in str(row[0]) for n in ("vctk-", "sdap")) == clean]
    if sound and chance(rng, MADE_SHARE):
        made = instrument if chance(rng, 0.3) else natural_sound
        audio, rate, bandwidth, speaker = made(int(rng.integers(MADE))), RATE, RATE / 2, "made"
    else:
        path, bandwidth, speaker = some[rng.integers(len(some))]
        audio, rate = soundfile.read(path)
    count = round(min(log_uniform(rng, 1.5, 6.0) * rate, len(audio)))
    start = rng.integers(len(audio) - count + 1)
    if rate == 44_100 and chance(rng, 0.5):
        bandwidth, rate = bandwidth * 48 / 44.1, 48_000
    return make_case(audio[start : start + count], rate, bandwidth, rng, sound=sound), speaker


def row_of(levels: BandLevels, truth: float, kind: str, speaker: str) -> Row | None:
    """What is kept of a case; None of one with hardly any sound."""
    if levels.frames < LEAST_FRAMES:
        return None
    return features(levels).astype(np.float16), truth, levels.sample_rate / 2, kind, speaker


def simulate(data: Path, sound: Path, cache: Path, count: int, *, audio: bool) -> None:
    """Writes features in files of CASES_A_FILE cases, those not there yet."""
    cache.mkdir(parents=True, exist_ok=True)
    voices, sounds = known(data, "train/", "train-narrow/"), known(sound, "train/")
    simulator = None
    if not audio:
        recordings = [*recorded(voices, sounds=False), *recorded(sounds, sounds=True), *made_sounds(MADE, MADE // 2)]
        simulator = Simulator(make_bank(recordings, LOW_PASSES))
    for start in range(0, count, CASES_A_FILE):
        target = cache / f"{'audio' if audio else 'spectra'}-{start:06d}.npz"
        if target.exists():
            continue
        rows, began = [], time.perf_counter()
        for seed in range(start, start + CASES_A_FILE):
            if simulator is None:
                case, speaker = draw(voices, sounds, seed)
                levels = BandLevels(case.rate)
                levels.push(case.audio[None].astype(np.float32))
                rows.append(row_of(levels.finished(), case.truth, case.kind, speaker))
            else:
                drawn = simulator.draw(np.random.default_rng([59, seed]))
                rows.append(row_of(levels_of(drawn), drawn.truth, drawn.kind, drawn.speaker))
        columns = list(zip(*(row for row in rows if row is not None), strict=True))
        np.savez(target, **{n: np.array(c) for n, c in zip(NAMES, columns, strict=True)})
        print(f"{target.name}: {time.perf_counter() - began:.0f} s", flush=True)


class Judge(nn.Module):
    """What `classifier.judge` computes, to be trained: [B, CHANNELS, POSITIONS] to logits [B, cells + 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Conv1d(CHANNELS, WIDTH, 1)
        self.blocks = nn.ModuleList(nn.Conv1d(WIDTH, WIDTH, 3, padding=d, dilation=d) for d in DILATIONS)
        self.contexts = nn.ModuleList(nn.Linear(WIDTH, WIDTH, bias=False) for _ in DILATIONS)
        self.leave = nn.Conv1d(WIDTH, FINER, 1)
        self.complete = nn.Linear(WIDTH, 1)

    def forward(self, seen: Tensor) -> Tensor:
        inside = seen[:, -3:-2]
        x = F.dropout(self.enter(seen), DROPOUT, self.training)
        for block, context in zip(self.blocks, self.contexts, strict=True):
            y = block(F.relu(x)) + context(pooled(x, inside))[:, :, None]
            x = x + F.dropout(F.relu(y), DROPOUT, self.training)
        logits = self.leave(x).transpose(1, 2).flatten(1)
        return torch.cat([logits, self.complete(pooled(x, inside))], dim=1)


def pooled(x: Tensor, inside: Tensor) -> Tensor:
    return (F.relu(x) * inside).sum(2) / inside.sum(2)


@dataclass
class Examples:
    """Features [N, CHANNELS, POSITIONS], cutoffs [N] and Nyquist frequencies [N] in Hz, kinds and speakers."""

    features: Tensor
    truth: Tensor
    nyquist: Tensor
    kind: npt.NDArray[np.str_]
    speaker: npt.NDArray[np.str_]

    def __getitem__(self, chosen: npt.NDArray[np.bool_]) -> Examples:
        return Examples(*(getattr(self, name)[chosen] for name in NAMES))


def load(cache: Path) -> Examples:
    """All cases of a cache."""
    parts = [np.load(path, allow_pickle=False) for path in sorted(cache.glob("*.npz"))]
    whole = {name: np.concatenate([part[name] for part in parts]) for name in NAMES}
    truth, nyquist = (torch.from_numpy(whole[name].astype(np.float32)) for name in NAMES[1:3])
    return Examples(torch.from_numpy(whole["features"]), truth, nyquist, whole["kind"], whole["speaker"])


def masked(logits: Tensor, nyquist: Tensor) -> Tensor:
    """Log probabilities, none where the file counts as complete."""
    top = torch.clamp(OPEN_SHARE * nyquist, max=FULL_BAND_HZ)
    closed = CELLS_HZ[None] < top[:, None]
    return F.log_softmax(torch.cat([logits[:, :-1].masked_fill(~closed, -1e9), logits[:, -1:]], 1), 1)


def loss_of(logits: Tensor, truth: Tensor, nyquist: Tensor) -> Tensor:
    """Mean over a batch: cross-entropy with the true cutoff blurred by 2 % or 60 Hz, and with all that is tolerated."""
    log_probability = masked(logits, nyquist)
    top = torch.clamp(OPEN_SHARE * nyquist, max=FULL_BAND_HZ)
    complete, closed = (truth >= top)[:, None], CELLS_HZ[None] < top[:, None]
    blur = torch.clamp(60 / truth, min=0.02) / np.log(2)
    distance = (torch.log2(CELLS_HZ)[None] - torch.log2(truth)[:, None]) / blur[:, None]
    target = torch.exp(-0.5 * distance**2) * closed
    target = target / (target.sum(1, keepdim=True) + 1e-9)
    fine = -(torch.cat([target * ~complete, complete.float()], 1) * log_probability).sum(1)
    near = (CELLS_HZ[None] - truth[:, None]).abs() <= 0.9 * torch.clamp(0.08 * truth, min=300)[:, None]
    right = torch.cat([near & closed & ~complete, complete], 1)
    within = -torch.logsumexp(log_probability.masked_fill(~right, -1e4), 1)
    return (FINE_SHARE * fine + (1 - FINE_SHARE) * within.clamp(max=12)).mean()


def hits(log_probability: Tensor, some: Examples) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    """Whether the judge is right, and how sure it is, per case."""
    right, sure = [], []
    for row, truth, nyquist in zip(log_probability.exp().double().numpy(), some.truth, some.nyquist, strict=True):
        cutoff, confidence = decide(Verdict(row[:-1], float(row[-1])), float(nyquist))
        top = open_from_hz(float(nyquist))
        close = abs(cutoff - truth) <= max(0.08 * truth, 300)
        right.append(bool(cutoff >= top if truth >= top else cutoff < top and close))
        sure.append(confidence)
    return np.array(right), np.array(sure)


def running_mean(mean: Tensor, new: Tensor, count: Tensor | int) -> Tensor:
    """Exponential, with a short memory at first."""
    return mean + (new - mean) * max(0.003, 1 / (2 + 0.2 * float(count)))


def fit(cache: Path, weights: Path, steps: int, rate: float, start: Path | None) -> None:
    """Trains for so many steps of BATCH cases and writes the averaged weights."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rng, pick = torch.Generator().manual_seed(0), np.random.default_rng(0)
    every = load(cache)
    away = np.isin(every.speaker, HELD_OUT)
    train, test = every[~away], every[away]
    coded = np.array([kind.split()[-1] in FORMATS for kind in train.kind])
    share = np.where(coded, CODED_WEIGHT, 1.0)
    share *= np.array([KIND_WEIGHTS.get(kind.split()[0], 1.0) for kind in train.kind])
    share /= share.sum()
    net = Judge()
    if start is not None:
        with np.load(start) as stored:
            net.load_state_dict({name: torch.from_numpy(stored[name].astype(np.float32)) for name in stored.files})
    average = torch.optim.swa_utils.AveragedModel(net, avg_fn=running_mean)
    optimiser = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.06)
    size = sum(p.numel() for p in net.parameters())
    print(f"{len(train.truth)} cases, {len(test.truth)} held out, {size} parameters")
    total = 0.0
    for step in range(1, steps + 1):
        net.train()
        rows = torch.from_numpy(pick.choice(len(share), BATCH, p=share))
        chosen = (train.features[rows].float(), train.truth[rows], train.nyquist[rows])
        seen, truth, nyquist = varied(*chosen, rng)
        loss = loss_of(net(seen), truth, nyquist)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        average.update_parameters(net)
        total += float(loss.detach())
        if step % REPORT == 0 or step == steps:
            average.eval()
            with torch.inference_mode():
                logits = torch.cat([average(part.float()) for part in test.features.split(500)])
                right, _ = hits(masked(logits, test.nyquist), test)
            print(f"step {step}: {total / REPORT:.3f}, {100 * right.mean():.1f} % of held out right", flush=True)
            total = 0.0
            state = {n: p.detach().half().numpy() for n, p in average.module.state_dict().items()}
            np.savez_compressed(weights, **state)


def mix(start: Path, weights: Path) -> None:
    """Writes the mean of two sets of weights over the second."""
    with np.load(start) as first, np.load(weights) as last:
        mean = {name: (first[name].astype(np.float32) + last[name].astype(np.float32)) / 2 for name in last.files}
    np.savez_compressed(weights, **{name: value.astype(np.float16) for name, value in mean.items()})


def main() -> None:
    """Reads the arguments, then simulates, trains or mixes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stage", choices=("cases", "spectra", "fit", "mix"))
    parser.add_argument("--data", type=Path, default=Path("../shared/speech"))
    parser.add_argument("--sound", type=Path, default=Path("../shared/sound"))
    parser.add_argument("--cache", type=Path, default=Path("runs/cutoff"))
    parser.add_argument("--weights", type=Path, default=Path("hifisr_cli/dsp/bandwidth/classifier.npz"))
    parser.add_argument("--start", type=Path, help="weights to go on from")
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--steps", type=int, default=12_000)
    parser.add_argument("--rate", type=float, default=1.2e-3, help="the highest learning rate")
    options = parser.parse_args()
    if options.stage == "mix":
        mix(options.start, options.weights)
    elif options.stage == "fit":
        fit(options.cache, options.weights, options.steps, options.rate, options.start)
    else:
        simulate(options.data, options.sound, options.cache, options.count, audio=options.stage == "cases")


if __name__ == "__main__":
    main()

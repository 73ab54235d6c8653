"""Trains the judge of `hifisr_cli.dsp.bandwidth`: simulated cases to features, features to weights.

    python benchmarks/train_cutoff_judge.py cases --data ../shared/speech --cache runs/cutoff --count 6000
    python benchmarks/train_cutoff_judge.py fit --cache runs/cutoff --weights hifisr_cli/dsp/bandwidth_judge.npz

Reads `train` and `train-narrow` below --data only. Every case has its own seed, so several processes can share the
work (--first, --step), a stopped run goes on, and the cases are the same. Needs the extra `train`.
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
from cutoff_variation import filtered, low_passes, varied

from hifisr_cli.dsp.bandwidth import decide
from hifisr_cli.dsp.bandwidth_bands import BandLevels
from hifisr_cli.dsp.bandwidth_features import CHANNELS, features
from hifisr_cli.dsp.bandwidth_judge import (
    CUTOFFS_HZ,
    DILATIONS,
    FINER,
    FULL_BAND_HZ,
    OPEN_SHARE,
    Verdict,
    open_from_hz,
)

CASES_A_FILE = 100
CLEAN_SHARE = 0.5  # of cases from uncompressed recordings, which are few
HELD_OUT = ("vctk-p234", "vctk-p314", "vctk-p317", "sdap-Karen-Cenon", "a4a-es", "art-de", "art-pl")
NAMES = ("features", "truth", "nyquist", "kind", "speaker")
WIDTH, DROPOUT, RATE, BATCH = 48, 0.05, 2e-3, 64
LOW_PASSES = 6000
CELLS_HZ = torch.from_numpy(CUTOFFS_HZ).float()


def recordings(data: Path) -> list[tuple[Path, float, str]]:
    """Path, bandwidth in Hz and speaker of all training recordings."""
    with (data / "sources.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["path"].startswith(("train/", "train-narrow/"))]
    return [(data / row["path"], float(row["bandwidth_hz"]), row["speaker"]) for row in rows]


def draw(known: list[tuple[Path, float, str]], seed: int) -> tuple[Case, str]:
    """Case number `seed` and its speaker."""
    rng = np.random.default_rng([17, seed])
    clean = chance(rng, CLEAN_SHARE)
    some = [row for row in known if any(name in str(row[0]) for name in ("vctk-", "sdap")) == clean]
    path, bandwidth, speaker = some[rng.integers(len(some))]
    audio, rate = soundfile.read(path)
    count = round(min(log_uniform(rng, 1.0, 10.0) * rate, len(audio)))
    start = rng.integers(len(audio) - count + 1)
    if rate == 44_100 and chance(rng, 0.5):
        bandwidth, rate = bandwidth * 48 / 44.1, 48_000
    elif rate == 48_000 and chance(rng, 0.2):
        bandwidth, rate = bandwidth * 44.1 / 48, 44_100
    return make_case(audio[start : start + count], rate, bandwidth, rng), speaker


def simulate(data: Path, cache: Path, first: int, step: int, count: int) -> None:
    """Writes features in files of CASES_A_FILE cases: every `step`-th file from `first` on, those not there yet."""
    cache.mkdir(parents=True, exist_ok=True)
    known = recordings(data)
    for start in range(first * CASES_A_FILE, count, step * CASES_A_FILE):
        target = cache / f"{start:06d}.npz"
        if target.exists():
            continue
        rows, began = [], time.perf_counter()
        for seed in range(start, start + CASES_A_FILE):
            case, speaker = draw(known, seed)
            levels = BandLevels(case.rate)
            levels.push(case.audio[None].astype(np.float32))
            levels = levels.finished()
            if levels.frames:
                rows.append((features(levels).astype(np.float16), case.truth, case.rate / 2, case.kind, speaker))
        columns = list(zip(*rows, strict=True))
        np.savez(target, **{n: np.array(c) for n, c in zip(NAMES, columns, strict=True)})
        print(f"{start}: {time.perf_counter() - began:.0f} s", flush=True)


class Judge(nn.Module):
    """What `bandwidth_judge.judge` computes, to be trained: [B, CHANNELS, POSITIONS] to logits [B, cells + 1]."""

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
    parts = [np.load(path, allow_pickle=False) for path in sorted(cache.glob("*.npz"))]
    whole = {name: np.concatenate([part[name] for part in parts]) for name in NAMES}
    numbers = [torch.from_numpy(whole[name].astype(np.float32)) for name in NAMES[:3]]
    return Examples(*numbers, whole["kind"], whole["speaker"])


def masked(logits: Tensor, nyquist: Tensor) -> Tensor:
    """Log probabilities, none where the file counts as complete."""
    top = torch.clamp(OPEN_SHARE * nyquist, max=FULL_BAND_HZ)
    closed = CELLS_HZ[None] < top[:, None]
    return F.log_softmax(torch.cat([logits[:, :-1].masked_fill(~closed, -1e9), logits[:, -1:]], 1), 1)


def loss_of(logits: Tensor, truth: Tensor, nyquist: Tensor) -> Tensor:
    """Cross-entropy with the true cutoff blurred by 2 % or 60 Hz; the mean over a batch."""
    log_probability = masked(logits, nyquist)
    top = torch.clamp(OPEN_SHARE * nyquist, max=FULL_BAND_HZ)
    blur = torch.clamp(60 / truth, min=0.02) / np.log(2)
    distance = (torch.log2(CELLS_HZ)[None] - torch.log2(truth)[:, None]) / blur[:, None]
    target = torch.exp(-0.5 * distance**2) * (CELLS_HZ[None] < top[:, None])
    target = target / (target.sum(1, keepdim=True) + 1e-9)
    complete = (truth >= top)[:, None]
    target = torch.cat([target * ~complete, complete.float()], 1)
    return -(target * log_probability).sum(1).mean()


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


def fit(cache: Path, weights: Path, epochs: int) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rng = torch.Generator().manual_seed(0)
    every = load(cache)
    away = np.isin(every.speaker, HELD_OUT)
    train, test = every[~away], every[away]
    coded = np.array([kind.split()[-1] in FORMATS for kind in train.kind])
    whole = train.features[~coded & (train.truth >= FULL_BAND_HZ).numpy() & (train.nyquist >= 23_900).numpy()]
    passes = low_passes(LOW_PASSES)
    net = Judge()
    average = torch.optim.swa_utils.AveragedModel(net, avg_fn=running_mean)
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=0.02)
    steps = epochs * (len(train.truth) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps, pct_start=0.1)
    size = sum(p.numel() for p in net.parameters())
    print(f"{len(train.truth)} cases ({len(whole)} complete), {len(test.truth)} held out, {size} parameters")
    for epoch in range(epochs):
        net.train()
        total, began = 0.0, time.perf_counter()
        for rows in torch.randperm(len(train.truth), generator=rng)[: steps // epochs * BATCH].view(-1, BATCH):
            some = train[rows.numpy()]
            more, cutoffs = filtered(whole[torch.randint(len(whole), (BATCH,), generator=rng)], passes, rng)
            seen, truth, nyquist = varied(
                torch.cat([some.features, more]),
                torch.cat([some.truth, cutoffs]),
                torch.cat([some.nyquist, torch.full((BATCH,), 24_000.0)]),
                rng,
            )
            loss = loss_of(net(seen), truth, nyquist)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            average.update_parameters(net)
            total += float(loss.detach())
        average.eval()
        with torch.inference_mode():
            logits = average(test.features)
            right, _ = hits(masked(logits, test.nyquist), test)
            held = float(loss_of(logits, test.truth, test.nyquist))
        print(
            f"epoch {epoch}: {total * epochs / steps:.3f}, held out {held:.3f}, {100 * right.mean():.1f} % right, "
            f"{time.perf_counter() - began:.0f} s",
            flush=True,
        )
    state = {n: p.detach().half().numpy() for n, p in average.module.state_dict().items()}
    np.savez_compressed(weights, **state)


def main() -> None:
    """Reads the arguments, then simulates or trains."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stage", choices=("cases", "fit"))
    parser.add_argument("--data", type=Path, default=Path("../shared/speech"))
    parser.add_argument("--cache", type=Path, default=Path("runs/cutoff"))
    parser.add_argument("--weights", type=Path, default=Path("hifisr_cli/dsp/bandwidth_judge.npz"))
    parser.add_argument("--count", type=int, default=6000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=20)
    options = parser.parse_args()
    if options.stage == "cases":
        simulate(options.data, options.cache, options.first, options.step, options.count)
    else:
        fit(options.cache, options.weights, options.epochs)


if __name__ == "__main__":
    main()

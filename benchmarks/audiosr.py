"""AudioSR at the published sizes: a window of 5.12 s by this engine, and by a plain forward pass of the same weights.

    python benchmarks/audiosr.py [--model FILE] [--threads 1 2] [--calls N] [--memory-seconds S ...]

Without a model, random weights are written to a temporary file (2.7 GB): they decide neither the time nor the memory.
The plain pass computes what the published program does by default, in its order and in float32: the encoder twice,
50 steps of two calls of the denoiser each, the decoder, the vocoder. Fewer calls than the 100 can be timed (`--calls`)
and are counted in proportion. This engine takes its default settings. Everything runs in one process, one after the
other. Differences are those of one stage, one call of the denoiser, both given the same input. Memory: `hifisr
upsample` on recordings of several lengths, a process each, as the operating system counted it.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from memory import make, peak_mb
from torch import Tensor

from hifisr_cli.checkpoints.frozen import FrozenInfo, write
from hifisr_cli.engines.audiosr.config import AudioSrConfig
from hifisr_cli.engines.audiosr.diffusion import Diffusion
from hifisr_cli.engines.audiosr.engine import AudioSrEngine
from hifisr_cli.engines.audiosr.network import AudioSr, load_network
from hifisr_cli.engines.audiosr.settings import Settings
from hifisr_cli.engines.load import load_model
from hifisr_cli.system.machine import has_bfloat16

FRAMES, SECONDS = 512, 5.12
PUBLISHED_CALLS = 100
Timed = tuple[float, float]
"""Processor seconds and wall seconds."""


def make_checkpoint(path: Path) -> None:
    torch.manual_seed(0)
    config = AudioSrConfig()
    info = FrozenInfo("random-audiosr", "audiosr", config.to_dict(), "none", "CC0-1.0", "none")
    write(AudioSr(config).state_dict(), info, path, half=False)


def timed(work: Callable[[], Tensor]) -> tuple[Timed, Tensor]:
    wall, cpu = time.perf_counter(), time.process_time()
    made = work()
    return (time.process_time() - cpu, time.perf_counter() - wall), made


class Inputs:
    """What each stage is given, the same in every way of computing it."""

    def __init__(self, network: AudioSr) -> None:
        source = torch.Generator().manual_seed(0)
        vae = network.config.vae
        shape = (1, vae.latent, FRAMES // vae.reduction, network.config.latent_rows)
        self.log_mel = torch.randn(1, FRAMES, network.config.mel.bands, generator=source) - 5.0
        self.noise, self.condition = (torch.randn(shape, generator=source) for _ in range(2))

    def stages(self, network: AudioSr, spare: int) -> dict[str, Callable[[], Tensor]]:
        """One of each."""
        return {
            "encoder": lambda: network.condition(self.log_mel).mean.float(),  # noqa: PLW0108  it is no call that it makes
            "denoiser": lambda: network.velocity(self.noise, torch.tensor([500]), self.condition).float(),
            "decoder": lambda: network.decode(self.condition).float(),
            "vocoder": lambda: network.vocode(self.log_mel, spare=spare).float(),
        }


def plain(network: AudioSr, given: Inputs, calls: int) -> tuple[dict[str, Timed], dict[str, Tensor]]:
    """Times of all that the published program does, and what each stage makes."""
    taken, made = dict[str, Timed](), dict[str, Tensor]()
    counts = {"encoder": (2, 2), "denoiser": (calls, PUBLISHED_CALLS), "decoder": (1, 1), "vocoder": (1, 1)}
    for name, stage in given.stages(network, 0).items():
        timed_count, count = counts[name]
        if name == "denoiser":
            stage()  # the first call sets things up
        (cpu, wall), made[name] = timed(lambda stage=stage, k=timed_count: [stage() for _ in range(k)][-1])  # type: ignore[misc]
        taken[name] = cpu * count / timed_count, wall * count / timed_count
    return taken, made


def ours(engine: AudioSrEngine, given: Inputs) -> tuple[dict[str, Timed], dict[str, Tensor]]:
    """Times of what this engine does for a window, and what each stage makes."""
    network, diffusion = engine.network, Diffusion(engine.settings)
    stages = given.stages(network, engine.geometry.trim // engine.geometry.grid)
    taken, made = dict[str, Timed](), dict[str, Tensor]()
    with engine.autocast():
        for name, stage in stages.items():
            taken[name], made[name] = timed(stage)
            if name == "denoiser":
                taken[name], _ = timed(lambda: diffusion.latent(network, given.condition, lambda _: given.noise))
    return taken, made


def difference_db(made: Tensor, right: Tensor) -> float:
    """Of the rows that both have, in decibels below what is right."""
    edge = (right.shape[1] - made.shape[1]) // 2
    right = right[:, edge : right.shape[1] - edge]
    return float(10 * torch.log10((made - right).square().sum() / right.square().sum() + 1e-20))


def speed(model: Path, threads: list[int], calls: int) -> None:
    precisions = ["float32", "bfloat16"] if has_bfloat16() else ["float32"]
    reference = load_network(model)
    given = Inputs(reference)
    for count in threads:
        torch.set_num_threads(count)
        print(f"\n## {count} thread{'s' if count > 1 else ''}, {torch.backends.cpu.get_cpu_capability()}\n")
        print("| way | part | CPU s | wall s | times less CPU | times less wall | difference |")
        print("|---|---|---|---|---|---|---|")
        with torch.inference_mode():
            slow, right = plain(reference, given, calls)
            table("plain", slow)
            for precision in precisions:
                engine = load_model(str(model), device="cpu", precision=precision, threads=count)  # type: ignore[arg-type]
                assert isinstance(engine, AudioSrEngine)
                fast, made = ours(engine, given)
                table(precision, fast, slow, {name: difference_db(made[name], right[name]) for name in made})
                core = (engine.geometry.core or 0) / 48_000
        print(f"\nOf the {SECONDS} s of a window {core:g} s are new; the rest is context.")


def table(
    way: str, taken: dict[str, Timed], slow: dict[str, Timed] | None = None, apart: dict[str, float] | None = None
) -> None:
    for name, (cpu, wall) in [*taken.items(), ("all", total(taken))]:
        gains = " | |"
        if slow is not None:
            slow_cpu, slow_wall = total(slow) if name == "all" else slow[name]
            gains = f" {slow_cpu / cpu:.1f} | {slow_wall / wall:.1f} |"
        difference = f" {apart[name]:.0f} dB" if apart is not None and name in apart else ""
        print(f"| {way} | {name} | {cpu:.1f} | {wall:.1f} |{gains}{difference} |", flush=True)


def total(taken: dict[str, Timed]) -> Timed:
    return sum(cpu for cpu, _ in taken.values()), sum(wall for _, wall in taken.values())


def memory(model: Path, lengths: list[float]) -> None:
    if lengths:
        print("\n| seconds | peak memory | CPU s |\n|---|---|---|")
    for seconds in lengths:
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder) / "in.wav", Path(folder) / "out.wav"
            make(source, seconds / 60)
            upsample = [sys.executable, "-m", "hifisr_cli", "upsample", "-q", "--threads", "1", "--device", "cpu"]
            peak, cpu = peak_mb([*upsample, "--model", str(model), str(source), "-o", str(target)])
        print(f"| {seconds:g} | {peak:.0f} MB | {cpu:.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--calls", type=int, default=PUBLISHED_CALLS)
    parser.add_argument("--memory-seconds", type=float, nargs="*", default=[])
    arguments = parser.parse_args()
    print(f"default settings: {Settings()}")
    with tempfile.TemporaryDirectory() as folder:
        model = arguments.model or Path(folder) / "random.safetensors"
        if arguments.model is None:
            make_checkpoint(model)
        speed(model, arguments.threads, arguments.calls)
        memory(model, arguments.memory_seconds)


if __name__ == "__main__":
    main()

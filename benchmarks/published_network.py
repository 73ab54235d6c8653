"""The published full-size network and the default one: our inference against a plain PyTorch forward pass.

    python benchmarks/published_network.py [--network published|compact] [--seconds S] [--repetitions N]
        [--threads 1 2] [--durations 10 30 60] [--parts speed memory]

Weights are random: they decide neither the time nor the memory. Speed: the network as PyTorch computes it and prepared
in each way (head plain or in the frequency domain, in float32 or bfloat16) in one process, one after the other in each
repetition, on the same window; the best of the repetitions counts. Workers are threads of one
core each on windows of their own. Memory: `hifisr upsample` on recordings of several lengths, a process each, as the
operating system counted it; the plain network in one pass beside it. Where there is a GPU its turn comes next:
float32, bfloat16 and float16, batches of windows.
"""

from __future__ import annotations

import argparse
import copy
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import soundfile
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from hifisr_cli.engines.hifisr.accelerate import accelerate, plain_is_faster
from hifisr_cli.engines.hifisr.config import COMPACT, PUBLISHED
from hifisr_cli.engines.hifisr.generator import Generator, freeze, load_generator
from hifisr_cli.results import SAMPLE_RATE
from hifisr_cli.system.machine import has_bfloat16

CONFIGS = {"published": PUBLISHED, "compact": COMPACT}
CUTOFF_HZ = 4000.0


def make_checkpoint(network: str, path: Path) -> None:
    """Random weights, with an output that is about as loud as speech."""
    torch.manual_seed(0)
    generator = Generator(CONFIGS[network], normed=False).eval().requires_grad_(requires_grad=False)
    generator.head.leave.weight.mul_(5.0)
    freeze(
        generator, path, name=f"random-{network}", training="none", licence="Apache-2.0", resampler="none", half=False
    )


def make_recording(path: Path, seconds: float) -> None:
    """Syllables of low-passed noise at 16 kHz."""
    rng, rate = np.random.default_rng(0), 16_000
    with soundfile.SoundFile(path, "w", rate, 1, "PCM_16") as file:
        for _ in range(round(seconds)):
            noise = np.convolve(rng.standard_normal(rate), np.ones(4) / 4, mode="same")
            file.write((0.1 * np.abs(np.sin(np.pi * 4 * np.arange(rate) / rate)) ** 2 * noise).astype(np.float32))


def inputs(generator: Generator, seconds: float, batch: int = 1, device: str = "cpu") -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(1)
    samples = round(seconds * SAMPLE_RATE / generator.hop) * generator.hop
    wave, noise = 0.05 * torch.randn(batch, samples), torch.randn(batch, samples)
    return wave.to(device), torch.full((batch,), CUTOFF_HZ, device=device), noise.to(device)


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    yield
    torch.set_num_threads(before)


def timed(work: Callable[[], object], *, sync: bool = False) -> tuple[float, float]:
    """Wall and processor seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    if sync:
        torch.cuda.synchronize()
    return time.perf_counter() - wall, time.process_time() - cpu


def matrix_peak() -> float:
    """The best that a float32 matrix product reaches with the current threads, in GFLOP/s."""
    best = 0.0
    for size in (512, 1024, 2048):
        a, b, out = torch.randn(size, size), torch.randn(size, size), torch.empty(size, size)
        torch.mm(a, b, out=out)
        for _ in range(8):
            wall, _ = timed(lambda a=a, b=b, out=out: torch.mm(a, b, out=out))  # type: ignore[misc]
            best = max(best, 2.0 * size**3 / wall / 1e9)
    return best


def speed(network: str, path: Path, seconds: float, repetitions: int, thread_counts: list[int]) -> None:
    """Every way in which a processor can compute the network, side by side: what all takes, and the head alone."""
    original = load_generator(path)
    ways = {
        "PyTorch as it is": original,
        "float32, plain head": accelerate(copy.deepcopy(original), plain=True),
        "float32, frequency domain": accelerate(copy.deepcopy(original), plain=False),
        "bfloat16 head": accelerate(copy.deepcopy(original), bfloat16=True),
    }
    chosen = "float32, plain head" if plain_is_faster(original.head.config) else "float32, frequency domain"
    given = inputs(original, seconds)
    seconds = given[0].shape[1] / SAMPLE_RATE
    with torch.inference_mode():
        with FlopCounterMode(display=False) as counter:
            expected = original(*given)
        flops = counter.get_total_flops() / seconds / 1e9
        latent = original.latent(original.featurize(*given[:2]))
        vectors = torch.backends.cpu.get_cpu_capability()
        print(f"\n## {network}: one window of {seconds:.3f} s, {vectors}\n")
        print(f"Direct convolution takes {flops:.1f} GFLOP for a second of audio. In float32 the choice here would be")
        print(f"{chosen!r}; bfloat16 is {'native' if has_bfloat16() else 'not native'}.\n")
        print("| way | threads | wall s / s | CPU s / s | head, CPU s / s | difference |")
        print("|---|---|---|---|---|---|")
        for count in thread_counts:
            with threads(count):
                peak = matrix_peak()
                whole: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
                head: dict[str, list[float]] = {name: [] for name in ways}
                for _ in range(repetitions):
                    for name, generator in ways.items():
                        whole[name].append(timed(lambda: generator(*given)))  # noqa: B023  called at once
                        head[name].append(timed(lambda: generator.head.draw(latent))[1])  # noqa: B023
                for name, generator in ways.items():
                    wall, cpu = (min(column) / seconds for column in zip(*whole[name], strict=True))
                    error = (generator(*given) - expected).square().mean() / expected.square().mean()
                    difference = f"{10 * torch.log10(error):.0f} dB"
                    alone = min(head[name]) / seconds
                    print(f"| {name} | {count} | {wall:.4f} | {cpu:.4f} | {alone:.4f} | {difference} |", flush=True)
            print(f"| floor of direct convolution at {peak:.0f} GFLOP/s | {count} | {flops / peak:.4f} | | | |")
        for count in (each for each in thread_counts if each > 1):
            for name in list(ways)[1:]:
                wall, cpu = workers(ways[name], given, count, repetitions)
                print(f"| {name} | {count} workers of 1 | {wall / seconds:.4f} | {cpu / seconds:.4f} | | |", flush=True)


def workers(
    network: Generator, given: tuple[Tensor, Tensor, Tensor], count: int, repetitions: int
) -> tuple[float, float]:
    """Wall and processor seconds for a window, with as many windows at a time as there are workers."""

    def one(_: int) -> Tensor:
        with torch.inference_mode():
            result: Tensor = network(*given)
        return result

    with ThreadPoolExecutor(count, initializer=lambda: torch.set_num_threads(1)) as pool:
        list(pool.map(one, range(count)))
        taken = [timed(lambda: list(pool.map(one, range(count)))) for _ in range(repetitions)]
    return min(wall for wall, _ in taken) / count, min(cpu for _, cpu in taken) / count


def peak_of(command: list[str]) -> tuple[float, float, float]:
    """Peak resident memory in MB, wall and processor seconds of a command."""
    started = time.perf_counter()
    with subprocess.Popen(command) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}")
    return usage.ru_maxrss / 1024, time.perf_counter() - started, usage.ru_utime + usage.ru_stime


def memory(network: str, path: Path, durations: list[float], one_pass: list[float]) -> None:
    print(f"\n## {network}: whole command\n")
    print("| what | seconds | peak memory | wall s / s | CPU s / s |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.wav", Path(folder) / "out.wav"
        for duration in durations:
            make_recording(source, duration)
            upsample = [sys.executable, "-m", "hifisr_cli", "upsample", "-q", "--overwrite", "--device", "cpu"]
            peak, wall, cpu = peak_of([*upsample, "--model", str(path), str(source), "-o", str(target)])
            print(f"| hifisr upsample | {duration:g} | {peak:.0f} MB | {wall / duration:.3f} | {cpu / duration:.3f} |")
    for duration in one_pass:
        peak, wall, cpu = peak_of([sys.executable, __file__, "--one-pass", str(path), "--seconds", str(duration)])
        print(f"| plain, one pass | {duration:g} | {peak:.0f} MB | {wall / duration:.3f} | {cpu / duration:.3f} |")


def run_one_pass(path: Path, seconds: float) -> None:
    """What the published program does with recordings of up to 20 s."""
    plain = load_generator(path)
    with torch.inference_mode():
        plain(*inputs(plain, seconds))


def gpu(network: str, path: Path, seconds: float, repetitions: int) -> None:
    generator = load_generator(path).to("cuda")
    print(f"\n## {network}: {torch.cuda.get_device_name()}, windows of {seconds:.3f} s\n")
    print(
        "| precision | windows at a time | x real time | peak memory | difference to float32 |\n|---|---|---|---|---|"
    )
    with torch.inference_mode():
        for batch in (1, 8, 32):
            given = inputs(generator, seconds, batch, "cuda")
            expected = generator(*given)
            for name in ("float32", "bfloat16", "float16"):
                context = nullcontext() if name == "float32" else torch.autocast("cuda", getattr(torch, name))
                torch.cuda.reset_peak_memory_stats()
                with context:
                    got = generator(*given)
                    taken = [timed(lambda given=given: generator(*given), sync=True)[0] for _ in range(repetitions)]  # type: ignore[misc]
                peak = torch.cuda.max_memory_allocated() / 2**20
                fast = batch * seconds / min(taken)
                difference = float((got.float() - expected.float()).abs().max())
                print(f"| {name} | {batch} | {fast:.0f} | {peak:.0f} MB | {difference:.1e} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", nargs="+", choices=list(CONFIGS), default=list(CONFIGS))
    parser.add_argument("--seconds", type=float, default=4.096)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, os.cpu_count() or 1])
    parser.add_argument("--durations", type=float, nargs="*", default=[10, 30, 60])
    parser.add_argument("--one-pass-durations", type=float, nargs="*", default=[10])
    parser.add_argument("--parts", nargs="+", choices=["speed", "memory"], default=["speed", "memory"])
    parser.add_argument("--one-pass", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one_pass is not None:
        run_one_pass(options.one_pass, options.seconds)
        return
    if not torch.cuda.is_available():
        print("No GPU here: not measured on one.")
    for network in options.network:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.safetensors"
            make_checkpoint(network, path)
            if "memory" in options.parts:
                memory(network, path, options.durations, options.one_pass_durations)
            if "speed" in options.parts:
                speed(network, path, options.seconds, options.repetitions, sorted(set(options.threads)))
                if torch.cuda.is_available():
                    gpu(network, path, options.seconds, options.repetitions)


if __name__ == "__main__":
    main()

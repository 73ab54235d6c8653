"""Our network, fed with weights in the published form by the importer, computes what the original code computes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from hifisr_cli.engines.audiosr.config import AudioSrConfig
from hifisr_cli.engines.audiosr.diffusion import Diffusion, Guidance
from hifisr_cli.engines.audiosr.importing import import_published
from hifisr_cli.engines.audiosr.network import AudioSr, load_network
from hifisr_cli.engines.audiosr.noise import FIRST_STEP, START
from hifisr_cli.engines.audiosr.published import is_needed, published_key
from hifisr_cli.engines.audiosr.sampler import alpha_sigma, call_times, solve
from hifisr_cli.engines.audiosr.schedule import published_alpha_bars
from hifisr_cli.engines.audiosr.settings import Settings
from hifisr_cli.engines.audiosr.unet import time_sinusoids
from hifisr_cli.engines.hifigan.mel import LogMel

PARITY = {torch.float64: (1e-10, 1e-10), torch.float32: (1e-5, 3e-6)}
"""How near latents and mels, and how near waves come. Of float32: what another implementation differs by."""

ROUNDED = 1e-7
"""The original computed in float64 what is stored as float32, of values around 1."""


@dataclass(frozen=True)
class Case:
    """The network in one precision and what the original made of its inputs."""

    network: AudioSr
    dtype: torch.dtype
    tensors: dict[str, Tensor]

    def given(self, name: str) -> Tensor:
        return self.tensors[name].to(self.dtype)

    def matches(self, ours: Tensor, name: str, *, is_wave: bool = False) -> bool:
        theirs = self.given(name)
        bound = max(PARITY[self.dtype][is_wave], ROUNDED if self.tensors[name].dtype == torch.float32 else 0.0)
        return ours.dtype == self.dtype and float((ours - theirs).abs().max()) < bound


@pytest.fixture(scope="module")
def checkpoint(shared_audiosr: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("audiosr") / "small.safetensors"
    import_published([shared_audiosr / "pytorch_model.bin"], path)
    return path


@pytest.fixture(scope="module", params=PARITY, ids=str)
def case(request: pytest.FixtureRequest, checkpoint: Path, shared_audiosr: Path) -> Case:
    tensors = load_file(shared_audiosr / "tensors.safetensors")
    return Case(load_network(checkpoint).to(request.param), request.param, tensors)


@torch.inference_mode()
def test_condition(case: Case) -> None:
    found = case.network.condition(case.given("prepare.mel_lowpass")[None])
    scale = case.network.scale
    assert case.matches(found.mean / scale, "condition.mean")
    assert case.matches(2.0 * torch.log(found.std / scale), "condition.logvar")
    assert case.matches(found.sample(case.given("noise.condition")) / scale, "condition.latent")


@torch.inference_mode()
@pytest.mark.parametrize("call", ["a", "b", "c"])
def test_denoiser(case: Case, call: str) -> None:
    noisy, condition = case.given(f"unet.{call}.input").chunk(2, dim=1)
    v = case.network.velocity(noisy, case.tensors[f"unet.{call}.t"], condition)
    assert case.matches(v, f"unet.{call}.output")


@torch.inference_mode()
def test_decoder(case: Case) -> None:
    assert case.matches(case.network.decode(case.given("ddim.guided.x3"))[:, None], "decode.mel")


@torch.inference_mode()
def test_vocoder(case: Case) -> None:
    known = int(case.tensors["replace.cutoff_mel_bin"])
    log_mel = case.given("decode.mel")[:, 0].clone()
    log_mel[..., :known] = case.given("prepare.mel_lowpass")[:, :known]
    assert case.matches(case.network.vocode(log_mel)[:, None], "vocoder.wave", is_wave=True)
    alone = case.network.vocode(case.given("vocoder.short.mel").transpose(1, 2))
    assert case.matches(alone[:, None], "vocoder.short.wave", is_wave=True)


@torch.inference_mode()
@pytest.mark.parametrize("kind", ["", "_lowpass"])
def test_front_end(case: Case, kind: str) -> None:
    """Theirs is float32, which above the cutoff holds little but its own rounding, so magnitudes are compared, too."""
    front_end = LogMel(case.network.config.mel, epsilon=0.0)
    if case.dtype == torch.float64:
        front_end.double()
    ours, theirs = front_end(case.given(f"prepare.wave{kind}"))[0].T, case.given(f"prepare.mel{kind}")
    assert float((ours.exp() - theirs.exp()).abs().max() / theirs.exp().max()) < 3e-7
    assert float((ours - theirs).abs()[theirs > -5.0].max()) < 2e-5


def test_schedule(case: Case) -> None:
    """But for the last one, where they have 0."""
    assert torch.allclose(published_alpha_bars(), case.tensors["schedule.alphas_cumprod"], rtol=0.0, atol=1e-32)


def test_embedded_time(case: Case) -> None:
    assert torch.equal(time_sinusoids(torch.tensor([1, 21, 501, 981]), 32), case.tensors["unet.time_embedding"])


def test_every_published_key_has_its_place(shared_audiosr: Path) -> None:
    """Of the full-size file, by name, shape and number."""
    published = {}
    for line in (shared_audiosr.parent / "keys.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            key, rest = line.split(" ", 1)
            published[key] = tuple(int(n) for n in rest.split(")")[0].strip("(").split(",") if n.strip())
    config = AudioSrConfig()
    with torch.device("meta"):
        ours = {published_key(key, config): tuple(value.shape) for key, value in AudioSr(config).state_dict().items()}
    needed = {key: shape for key, shape in published.items() if is_needed(key)}
    del needed["alphas_cumprod"]
    assert ours == needed
    assert sum(math.prod(shape) for shape in needed.values()) == 672_012_547


@pytest.mark.parametrize(("guidance", "name"), [(3.5, "guided"), (1.0, "plain")])
@torch.inference_mode()
def test_original_sampler(case: Case, guidance: float, name: str) -> None:
    """Four steps of it. In float32 its 1.8e-5 is the rounding of eight calls."""

    def draw(number: int) -> Tensor:
        return case.given("noise.x_T" if number == START else f"noise.step{number - FIRST_STEP}")

    condition = case.given("condition.latent") * case.network.scale
    settings = Settings(steps=4, guidance=guidance, sampler="original")
    ours = Diffusion(settings).latent(case.network, condition, draw)
    bound = {torch.float64: 1e-10, torch.float32: 3e-5}[case.dtype]
    assert float((ours - case.given(f"ddim.{name}.x3")).abs().max()) < bound


@pytest.mark.parametrize(
    ("grid", "steps", "guidance", "name"),
    [("trailing", 6, 1.0, "2m_trailing6_plain"), ("lambda", 8, 3.5, "2m_lambda8_guided")],
)
@torch.inference_mode()
def test_solver(case: Case, grid: str, steps: int, guidance: float, name: str) -> None:
    """Another implementation of it, which was not the original's, and ends at t = 0."""
    condition = case.given("condition.latent") * case.network.scale

    def velocity(x: Tensor, time: int) -> Tensor:
        t = torch.full((1,), time)
        v, plain = (case.network.velocity(x, t, each) for each in (condition, case.network.no_condition(condition)))
        return Guidance(guidance).guided(v, plain)

    ours = solve(velocity, case.given("noise.x_T"), call_times(grid, steps), end=alpha_sigma(0))
    bound = {torch.float64: 1e-10, torch.float32: 3e-5}[case.dtype]
    assert float((ours - case.given(f"solver.{name}")).abs().max()) < bound

"""The whole network: what each branch decides, and that it learns."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hifisr_cli.engines.tfnet.config import PUBLISHED, TfnetConfig
from hifisr_cli.engines.tfnet.network import Tfnet, freeze, load_network
from hifisr_cli.errors import ModelError

SMALL = TfnetConfig(patch=1024, filters=(4, 8), taps=(9, 5), residual=False)
CUTOFF = torch.tensor([4000.0])


def network(config: TfnetConfig = SMALL, balance: float = 0.0) -> Tfnet:
    torch.manual_seed(0)
    made = Tfnet(config).eval().requires_grad_(requires_grad=False)
    for unet in (made.time, made.frequency):
        if unet is not None:
            unet.last.weight.mul_(100.0)  # they begin near silence
    if made.fusion is not None:
        made.fusion.balance.fill_(balance)
    return made


def patch(seed: int = 0) -> torch.Tensor:
    torch.manual_seed(seed)
    return 0.05 * torch.randn(1, SMALL.patch)


def spectrum(wave: torch.Tensor) -> torch.Tensor:
    return torch.fft.rfft(wave, norm="ortho")


def test_the_size_of_the_published_preset() -> None:
    """As counted twice from the authors' code."""
    with torch.device("meta"):
        assert sum(weight.numel() for weight in Tfnet(PUBLISHED).parameters()) == 28_214_405


def test_the_mean_passes_by_the_frequency_branch() -> None:
    """Exactly where the time branch has no say; otherwise it is mixed in like all else."""
    for config in (SMALL, replace(SMALL, branches="frequency")):
        wave = patch() + 0.02
        made = network(config, -math.inf).of_patches(wave, CUTOFF)
        assert float(spectrum(made)[0, 0].abs()) == pytest.approx(float(spectrum(wave)[0, 0].abs()), rel=1e-4)


def test_fused_with_all_weight_on_time_it_is_the_time_branch() -> None:
    both = network(balance=math.inf)
    alone = network(replace(SMALL, branches="time"))
    assert both.time is not None
    assert alone.time is not None
    alone.time.load_state_dict(both.time.state_dict())
    assert torch.allclose(both.of_patches(patch(), CUTOFF), alone.of_patches(patch(), CUTOFF), atol=1e-6)


def test_the_phase_is_that_of_the_time_branch() -> None:
    both = network(balance=-math.inf)
    assert both.time is not None
    timed, made = spectrum(both.time(patch())), spectrum(both.of_patches(patch(), CUTOFF))
    inner = slice(1, -1)  # the outermost bins are real
    loud = made[0, inner].abs() > 1e-4
    turn = (made[0, inner] / timed[0, inner]).angle()[loud]
    assert int(loud.sum()) > 400
    assert float(turn.abs().max()) < 1e-2


def test_the_cutoff_decides_what_is_copied() -> None:
    """Whatever lies above it in the input is not looked at by the frequency branch."""
    alone = network(replace(SMALL, branches="frequency"))
    given = spectrum(patch())
    cut = given.clone()
    cut[:, 101:] = 0.0
    waves = [torch.fft.irfft(each, SMALL.patch, norm="ortho") for each in (given, cut)]
    low, high = torch.tensor([100 * 48_000 / SMALL.patch]), torch.tensor([20_000.0])
    assert torch.allclose(*(alone.of_patches(wave, low) for wave in waves), atol=1e-6)
    assert not torch.allclose(*(alone.of_patches(wave, high) for wave in waves), atol=1e-4)


@pytest.mark.parametrize("branches", ["both", "time", "frequency"])
def test_silence_stays_silent_and_a_wave_keeps_its_length(branches: str) -> None:
    made = network(replace(SMALL, branches=branches))
    wave = torch.cat([patch(1), patch(2), patch(3)], dim=1)
    assert made(wave, CUTOFF).shape == wave.shape
    assert float(made(0.0 * wave, CUTOFF).abs().max()) == 0.0


def test_patches_side_by_side_would_show_where_they_begin() -> None:
    """Why they overlap, which the authors' program does not do."""
    made, wave = network(), torch.cat([patch(1), patch(2), patch(3)], dim=1)
    half = SMALL.patch // 2

    def beside(part: torch.Tensor) -> torch.Tensor:
        patches = part.reshape(-1, SMALL.patch)
        return made.of_patches(patches, CUTOFF.expand(len(patches))).reshape(1, -1)

    whole, moved = beside(wave), beside(wave[:, half:-half])
    assert not torch.allclose(moved, whole[:, half:-half], atol=1e-3)


@pytest.mark.parametrize("branches", ["both", "time", "frequency"])
def test_it_learns(branches: str) -> None:
    """One patch by heart: what lies above the cutoff repeats what lies below, which any branch can make."""
    torch.manual_seed(0)
    low = torch.fft.rfft(torch.randn(1, SMALL.patch), norm="ortho")
    low[:, 171:] = 0.0
    full = low.clone()
    full[:, 171:341] = 0.5 * low[:, 1:171]
    wave, target = (0.05 * torch.fft.irfft(each, SMALL.patch, norm="ortho") for each in (low, full))
    made = Tfnet(replace(SMALL, branches=branches))
    optimizer = torch.optim.Adam(made.parameters(), 1e-2)
    errors = []
    for _ in range(200):
        error = (made.of_patches(wave, torch.tensor([8000.0])) - target).square().mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        errors.append(float(error.detach()))
    assert errors[-1] < 0.2 * float(target.square().mean())
    assert errors[-1] < 0.2 * errors[0]


def test_what_is_frozen_is_what_is_loaded(tmp_path: Path) -> None:
    made = network()
    freeze(made, tmp_path / "t.safetensors", name="t", training="none", licence="CC0-1.0", resampler="none", half=False)
    loaded = load_network(tmp_path / "t.safetensors")
    assert loaded.config == SMALL
    assert torch.equal(loaded(patch(), CUTOFF), made(patch(), CUTOFF))


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    made = network()
    made.config = replace(SMALL, filters=(4, 16))
    freeze(made, tmp_path / "t.safetensors", name="t", training="none", licence="CC0-1.0", resampler="none", half=False)
    with pytest.raises(ModelError, match="do not fit"):
        load_network(tmp_path / "t.safetensors")

"""Training against discriminators: losses, states, several processes."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hifisr_cli.degrade.noise_floors import Floor
from hifisr_cli.errors import UsageError
from hifisr_cli.train.clips import Clip
from hifisr_cli.train.config import TrainConfig
from hifisr_cli.train.critics import discriminator_loss, feature_loss, generator_loss
from hifisr_cli.train.data import Batches
from hifisr_cli.train.loop import Trainer
from hifisr_cli.train.losses import within
from tests.restore.conftest import TINY

CONFIG = TrainConfig(
    network=TINY,
    steps=6,
    batch_size=2,
    crop_seconds=0.2,
    warmup_steps=1,
    save_every=100,
    discriminators=("mpd", "msd", "mbd"),
    discriminator_width=2,
    adversarial_from=1,
)


def clips() -> list[Clip]:
    rng = np.random.default_rng(0)
    waves = [(3000 * rng.standard_normal(48_000)).astype(np.int16) for _ in range(2)]
    return [
        Clip(
            f"{i}.wav",
            f"{i}",
            wave,
            1.0,
            24_000.0,
            24_000.0 - 6_000.0 * i,
            Floor(np.zeros(257, np.float32), 0.85),
        )
        for i, wave in enumerate(waves)
    ]


def trained(
    folder: Path, config: TrainConfig, steps: int, resume: Path | None = None, *, calm: bool = False
) -> Trainer:
    trainer = Trainer(config, Batches(clips(), config), folder)
    if calm:
        calm_down(trainer)
    if resume is not None:
        trainer.resume(resume)
    for _ in range(steps):
        trainer.step()
    return trainer


def calm_down(trainer: Trainer) -> None:
    """Adam divides by the size of a gradient: where that is all rounding, this keeps it from being blown up."""
    for optimizer in (trainer.optimizer, trainer.critics.optimizer) if trainer.critics else (trainer.optimizer,):
        for group in optimizer.param_groups:
            group["eps"] = 0.01


@pytest.mark.parametrize("kind", ["least-squares", "hinge"])
def test_perfect_judgement_has_no_loss_and_deceit_is_rewarded(kind: str) -> None:
    good, bad = torch.ones(2, 1, 5), -torch.ones(2, 1, 5) if kind == "hinge" else torch.zeros(2, 1, 5)
    assert float(discriminator_loss([[good]], [[bad]], kind)) == 0.0  # type: ignore[arg-type]
    assert float(discriminator_loss([[bad]], [[good]], kind)) > 1.0  # type: ignore[arg-type]
    assert float(generator_loss([[good]], kind)) < float(generator_loss([[bad]], kind))  # type: ignore[arg-type]


def test_feature_loss_is_relative_and_leaves_the_logit_out() -> None:
    real, logit = torch.randn(2, 3, 5), torch.zeros(2, 1, 5)
    assert float(feature_loss([[real, logit]], [[real, logit + 9]])) == 0.0
    one = feature_loss([[real, logit]], [[1.1 * real, logit]])
    ten = feature_loss([[10 * real, logit]], [[11 * real, logit]])
    assert float(one) == pytest.approx(float(ten), rel=1e-4)


def test_nothing_is_judged_above_the_targets_own_bandwidth() -> None:
    wave = torch.randn(2, 9600)
    cut = torch.fft.rfft(within(wave, torch.tensor([24_000.0, 10_000.0]))).abs()
    assert torch.allclose(cut[0], torch.fft.rfft(wave[0]).abs(), atol=1e-2)
    assert cut[1, 2001:].max() < 1e-2 < cut[1, :2000].max()


def test_adversaries_begin_when_they_should_and_learn(tmp_path: Path) -> None:
    trainer = Trainer(CONFIG, Batches(clips(), CONFIG), tmp_path)
    first, second = trainer.step(), trainer.step()
    assert "discriminators" not in first.losses
    assert {"discriminators", "adversarial", "features"} <= set(second.losses)
    assert all(np.isfinite(value) for value in second.losses.values())


def test_resumed_with_adversaries_equals_uninterrupted(tmp_path: Path) -> None:
    straight = trained(tmp_path / "straight", CONFIG, 4)
    half = trained(tmp_path / "half", CONFIG, 2)
    resumed = trained(tmp_path / "half", CONFIG, 2, half.save())
    ours, theirs = (torch.load(t.save(), weights_only=True) for t in (straight, resumed))
    for part in ("generator", "averaged"):
        assert all(torch.equal(value, theirs[part][name]) for name, value in ours[part].items())
    networks = ours["critics"]["networks"], theirs["critics"]["networks"]
    assert all(torch.equal(value, networks[1][name]) for name, value in networks[0].items())


SCRIPT = """
import sys
from pathlib import Path
import torch
from hifisr_cli.train.data import Batches
from hifisr_cli.train.distributed import joined
from hifisr_cli.train.loop import Trainer
from hifisr_cli.train.losses import within
from tests.train.test_critics import CONFIG, calm_down, clips

torch.set_num_threads(1)
with joined("cpu") as place:
    trainer = Trainer(CONFIG, Batches(clips(), CONFIG, rank=place.rank, processes=place.processes), Path(sys.argv[1]))
    calm_down(trainer)
    for _ in range(3):
        trainer.step()
    if place.rank == 0:
        trainer.save()
"""


def test_two_processes_equal_one_with_the_whole_batch(tmp_path: Path) -> None:
    environment = dict(os.environ, PYTHONPATH=str(Path(__file__).parents[2]), OMP_NUM_THREADS="1")
    run = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc-per-node",
        "2",
    ]
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [*run, "--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0", str(script), str(tmp_path / "two")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    two = torch.load(tmp_path / "two/last.pt", weights_only=True)["generator"]
    start = trained(tmp_path / "start", CONFIG, 0).generator.state_dict()
    one = trained(tmp_path / "one", CONFIG, 3, calm=True).generator.state_dict()
    assert max(float((value - start[name]).abs().max()) for name, value in one.items()) > 1e-3  # it did learn
    assert max(float((value - two[name]).abs().max()) for name, value in one.items()) < 1e-5


def test_overlays_and_changes(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text('steps = 5\ndiscriminators = ["mpd", "mbd"]\n[weights]\nlsd = 0.5\n')
    overlay = tmp_path / "overlay.toml"
    overlay.write_text('base = "base.toml"\ndiscriminators = ["mpd"]\nweights = { mel = 0.0 }\n')
    config = TrainConfig.read(overlay, ["steps=7", "network.head.channels=64", "adversarial_loss=hinge"])
    assert (config.steps, config.discriminators, config.adversarial_loss) == (7, ("mpd",), "hinge")
    assert (config.weights["mel"], config.weights["lsd"], config.network.head.channels) == (0.0, 0.5, 64)
    (tmp_path / "base.toml").write_text('base = "overlay.toml"\n')
    with pytest.raises(UsageError, match="own base"):
        TrainConfig.read(overlay)
    for change in ("steps", "stepz=1", "discriminators=['gan']"):
        with pytest.raises(UsageError):
            TrainConfig.read(
                tmp_path / "plain.toml" if (tmp_path / "plain.toml").exists() else _plain(tmp_path), [change]
            )


def _plain(folder: Path) -> Path:
    path = folder / "plain.toml"
    path.write_text("steps = 5\n")
    return path


def test_every_ablation_differs_from_its_recipe_in_one_thing(request: pytest.FixtureRequest) -> None:
    overlays = sorted((request.config.rootpath / "examples" / "ablations").glob("*.toml"))
    assert len(overlays) == 7
    for path in overlays:
        config = TrainConfig.read(path)
        base = TrainConfig.read(path.parent / tomllib.loads(path.read_text())["base"])
        changed = [name for name in TrainConfig.__dataclass_fields__ if getattr(config, name) != getattr(base, name)]
        assert len(changed) == 1, path


def test_without_fsmn_the_network_runs(tmp_path: Path) -> None:
    network = replace(TINY, latent=replace(TINY.latent, fsmn_width=0))
    report = trained(tmp_path, replace(CONFIG, network=network, discriminators=()), 1).step()
    assert np.isfinite(report.losses["norm"])


def test_tensorboard_hears_and_sees(tmp_path: Path, speech_like: Callable[..., np.ndarray]) -> None:
    pytest.importorskip("tensorboard")
    from hifisr_cli.train.board import Board

    trainer = Trainer(CONFIG, Batches(clips(), CONFIG), tmp_path)
    board = Board(tmp_path / "board", [speech_like(0.5)[0]])
    board.take(replace(trainer.step(), validation={"score": 1.0}), trainer.average)
    board.close()
    (events,) = (tmp_path / "board").iterdir()
    assert events.stat().st_size > 20_000


def test_mixed_precision_learns_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU: networks and discriminators in bfloat16, waveforms and losses in float32."""
    exact = trained(tmp_path / "exact", CONFIG, 4)
    used: list[str] = []

    def computing_in(precision: str, device: torch.device) -> torch.autocast:
        used.append(precision)
        return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")

    monkeypatch.setattr("hifisr_cli.train.loop.computing_in", computing_in)
    monkeypatch.setattr("hifisr_cli.train.critics.computing_in", computing_in)
    mixed = trained(tmp_path / "mixed", replace(CONFIG, precision="bfloat16"), 4)
    assert set(used) == {"bfloat16"}
    assert {p.dtype for p in (*mixed.generator.parameters(), *mixed.averaged.parameters())} == {torch.float32}
    got, wanted = mixed.step().losses, exact.step().losses
    assert got.keys() == wanted.keys()
    for name in ("mel", "lsd", "adversarial", "features"):
        assert got[name] == pytest.approx(wanted[name], rel=0.1), name
    assert 0.0 < got["norm"] < 3.0 * wanted["norm"]

"""TFNet behind the protocol; what every engine keeps is in `tests/engines/test_conformance.py`."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hifisr_cli.checkpoints.frozen import read_info
from hifisr_cli.engines.load import load_model
from hifisr_cli.engines.protocol import WindowBatch
from hifisr_cli.engines.tfnet.config import TfnetConfig
from hifisr_cli.engines.tfnet.engine import TfnetEngine, check_config, import_weights
from hifisr_cli.engines.tfnet.network import Tfnet, freeze
from hifisr_cli.errors import ModelError

SMALL = TfnetConfig(patch=1024, filters=(4, 8), taps=(9, 5))
HOP = SMALL.patch // 2


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "small.safetensors"
    freeze(Tfnet(SMALL), path, name="small", training="none", licence="CC0-1.0", resampler="none", half=False)
    return path


def engine(checkpoint: Path, **options: object) -> TfnetEngine:
    loaded = load_model(str(checkpoint), device="cpu", threads=1, **options)  # type: ignore[arg-type]
    assert isinstance(loaded, TfnetEngine)
    return loaded


def windows(frames: int = 8) -> WindowBatch:
    torch.manual_seed(1)
    return WindowBatch(0.05 * torch.randn(1, frames * HOP), torch.full((1, frames), 4000.0), (0,), ("speech",))


def test_a_window_cut_on_the_grid_gives_the_same_bytes(checkpoint: Path) -> None:
    model, whole = engine(checkpoint), windows()
    part = WindowBatch(whole.waves[:, 3 * HOP :], whole.cutoff_hz[:, 3:], (3 * HOP,), ("speech",))
    assert torch.equal(model.generate(part), model.generate(whole)[:, 3 * HOP :])


def test_it_is_what_the_network_makes_of_the_whole(checkpoint: Path) -> None:
    model, whole = engine(checkpoint), windows()
    with torch.inference_mode():
        expected = model.network(whole.waves[:, HOP:-HOP], torch.tensor([4000.0]))
    inner = slice(HOP, -HOP)  # around which there is the same sound
    assert torch.allclose(model.generate(whole)[:, inner], expected[:, inner], atol=1e-6)


def test_where_the_cutoff_changes_the_lower_one_holds(checkpoint: Path) -> None:
    model, whole = engine(checkpoint), windows(4)
    changing = WindowBatch(whole.waves, torch.tensor([[4000.0, 4000.0, 9000.0, 9000.0]]), (0,), ("speech",))
    steady = model.generate(whole)
    high = model.generate(WindowBatch(whole.waves, torch.full((1, 4), 9000.0), (0,), ("speech",)))
    mixed = model.generate(changing)
    assert torch.equal(mixed[:, :HOP], steady[:, :HOP])
    assert not torch.equal(mixed[:, HOP:], steady[:, HOP:])
    assert not torch.equal(mixed[:, HOP:], high[:, HOP:])


def test_bfloat16_is_near_enough(checkpoint: Path) -> None:
    exact, rough = (engine(checkpoint, precision=each).generate(windows()) for each in ("float32", "bfloat16"))
    assert rough.dtype == torch.float32
    assert float((rough - exact).norm() / exact.norm()) < 0.05


def test_the_checkpoint_describes_itself(checkpoint: Path) -> None:
    info = read_info(checkpoint)
    assert info.engine == "tfnet"
    check_config(info.config)
    with pytest.raises(ValueError, match="unknown keys"):
        check_config({"width": 3})


def test_there_is_nothing_to_import(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no published weights"):
        import_weights([tmp_path], tmp_path / "out.safetensors")

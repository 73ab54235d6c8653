"""What can be said of an engine before it is loaded holds of the one that is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hifisr_cli.engines import load as loading
from hifisr_cli.engines.hifisr.accelerate import PlainHead
from hifisr_cli.engines.hifisr.config import COMPACT, PUBLISHED
from hifisr_cli.engines.hifisr.engine import HifisrEngine, gains_from_bfloat16
from hifisr_cli.engines.load import identify, load_model
from hifisr_cli.system import machine


@pytest.fixture
def native(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A processor with bfloat16, and no GPU."""
    monkeypatch.setattr(loading, "has_bfloat16", lambda: True)
    monkeypatch.setattr(machine, "may_have_gpu", lambda: False)
    monkeypatch.setattr(loading, "_AMD_GPU", tmp_path / "none")


@pytest.mark.usefixtures("native")
def test_auto_is_bfloat16_where_it_is_native() -> None:
    assert identify().precision == identify(device="cpu").precision == "bfloat16"
    assert identify(device="cuda").precision == identify(device="mps").precision == "float32"
    assert identify(precision="float32").precision == "float32"


@pytest.mark.usefixtures("native")
def test_auto_is_float32_where_something_else_may_compute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine, "may_have_gpu", lambda: True)
    assert identify().precision == "float32"
    assert identify(device="cpu").precision == "bfloat16"
    monkeypatch.setattr(machine, "may_have_gpu", lambda: False)
    (tmp_path / "kfd").touch()
    monkeypatch.setattr(loading, "_AMD_GPU", tmp_path / "kfd")
    assert identify().precision == "float32"
    assert identify(device="cpu").precision == "bfloat16"
    monkeypatch.setattr(loading, "has_bfloat16", lambda: False)
    assert identify(device="cpu").precision == "float32"
    assert identify(device="cpu", precision="bfloat16").precision == "bfloat16"


def test_only_networks_that_gain_from_it() -> None:
    assert gains_from_bfloat16(COMPACT.to_dict())
    assert not gains_from_bfloat16(PUBLISHED.to_dict())
    assert not gains_from_bfloat16(replace(COMPACT, head=PUBLISHED.head, mel=PUBLISHED.mel).to_dict())


@pytest.mark.usefixtures("native")
def test_what_is_loaded_is_what_was_said() -> None:
    engine = load_model("compact-6", device="cpu", threads=2)
    assert isinstance(engine, HifisrEngine)
    assert engine.identity == identify("compact-6", device="cpu")
    assert isinstance(engine.generator.head, PlainHead)
    assert engine.lanes == 2
    weights = {tensor.dtype for tensor in engine.generator.head.parameters() if tensor.dim() == 3}
    assert torch.bfloat16 in weights
    assert {tensor.dtype for tensor in engine.generator.latent.parameters()} == {torch.float32}

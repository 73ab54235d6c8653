"""Whose weights some files hold."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hifisr_cli.engines.audiosr import importing as audiosr
from hifisr_cli.engines.hifisr import importing as hifisr
from hifisr_cli.engines.importing import engine_of
from hifisr_cli.errors import ModelError
from tests.engines.audiosr import published_form as audiosr_form
from tests.engines.hifisr import published_form as hifisr_form


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    audiosr_form.save(tmp_path / "audiosr" / "pytorch_model.bin", audiosr_form.random_state())
    hifisr_form.save(tmp_path / "hifisr", *hifisr_form.random_states())
    return tmp_path


def test_the_keys_tell(weights: Path) -> None:
    """Whatever the file is called."""
    folder = weights / "audiosr"
    assert engine_of([folder]).recognises is audiosr.recognises
    assert engine_of([(folder / "pytorch_model.bin").rename(weights / "m_00000000")]).recognises is audiosr.recognises


def test_so_does_the_form(weights: Path) -> None:
    folder = weights / "hifisr"
    pointer = folder / "last_best_checkpoint"
    for paths in ([folder], [pointer], [folder / "last_best_checkpoint_m.pt", folder / "last_best_checkpoint_g.pt"]):
        assert engine_of(paths).recognises is hifisr.recognises


def test_what_nobody_knows_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.pt"
    with pytest.raises(ModelError, match="cannot be read"):
        engine_of([other])
    other.write_bytes(b"PK\x03\x04" + bytes(200))
    with pytest.raises(ModelError, match="truncated"):
        engine_of([other])
    torch.save({"encoder.weight": torch.ones(3)}, other)
    with pytest.raises(ModelError, match=r"AudioSR's pytorch_model\.bin"):
        engine_of([other])
    with pytest.raises(ModelError, match="no published weights"):
        engine_of([tmp_path])

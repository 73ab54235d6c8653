"""Files of weights that others published: read in place, their tensors made fit for a file of ours."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from hifisr_cli.checkpoints.published import count_of, listed, owning, plain_keys, read_published, recognised, taken
from hifisr_cli.errors import ModelError

HERE = Path("weights.pt")


@pytest.mark.skipif(sys.platform != "linux", reason="no list of what is mapped")
@pytest.mark.parametrize("name", ["weights.pt", "weights.safetensors"])
def test_tensors_stay_in_the_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write = save_file if path.suffix == ".safetensors" else torch.save
    write({"a": torch.arange(100_000.0)}, path)
    content = read_published(path)
    assert str(path) in Path("/proc/self/maps").read_text()
    assert torch.equal(content["a"], torch.arange(100_000.0))


def test_the_form_of_old_times_is_read_too(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(3)}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    assert torch.equal(read_published(tmp_path / "old.pt")["a"], torch.ones(3))


def test_tensors_come_out_of_shared_memory() -> None:
    whole, alone = torch.arange(6.0), torch.ones(2)
    given = [whole[:3], whole[3:], alone, alone.view(2, 1)]
    out = list(owning(given))
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(out, given, strict=True))
    assert len({tensor.untyped_storage().data_ptr() for tensor in out}) == 4
    assert all(tensor.untyped_storage().nbytes() == tensor.nbytes for tensor in out)
    assert out[2] is alone, "nothing is copied without need"


def test_keys_are_counted_named_and_taken_once() -> None:
    state = {"up.0.a": torch.ones(2), "up.11.a": torch.ones(3), "a.up.12": torch.ones(1)}
    assert count_of(state, r"up\.(\d+)\.") == 12
    assert count_of(state, r"down\.(\d+)\.") == 0
    assert listed(["b"]) == "key 'b'"
    assert listed("dcba") == "keys 'a', 'b', 'c' and 1 more"
    assert taken(state, "up.0.a", (2,), HERE).shape == (2,)
    with pytest.raises(ModelError, match=r"'up\.0\.a' is missing"):
        taken(state, "up.0.a", (2,), HERE)
    with pytest.raises(ModelError, match=r"shape \[3\], expected \[2\]"):
        taken(state, "up.11.a", (2,), HERE)


def test_a_prefix_is_there_for_all_or_for_none() -> None:
    assert set(plain_keys({"module.a": torch.ones(1), "module.b": torch.ones(1)}, HERE)) == {"a", "b"}
    with pytest.raises(ModelError, match="with and without"):
        plain_keys({"module.a": torch.ones(1), "a": torch.ones(1)}, HERE)


def test_unknown_files_are_nobodys() -> None:
    assert recognised([]) is None

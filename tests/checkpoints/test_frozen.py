"""Frozen checkpoints: what goes in comes out, and damage is noticed."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
import torch

from hifisr_cli.checkpoints.frozen import FrozenInfo, map_tensors, read_info, read_tensors, write
from hifisr_cli.engines.hifisr.config import COMPACT, NetworkConfig, parse_config
from hifisr_cli.engines.hifisr.generator import Generator, freeze, load_generator
from hifisr_cli.engines.sizes import ConfigError
from hifisr_cli.errors import ModelError
from tests.restore.conftest import TINY


@pytest.fixture
def frozen(tmp_path: Path) -> Path:
    torch.manual_seed(3)
    path = tmp_path / "tiny.safetensors"
    freeze(Generator(TINY), path, name="tiny", training="none", licence="Apache-2.0", resampler="test", half=False)
    return path


def test_round_trip_computes_the_same(frozen: Path) -> None:
    torch.manual_seed(3)
    original = Generator(TINY).eval()
    loaded, info = load_generator(frozen), read_info(frozen)
    assert (info.name, info.licence, parse_config(info.config)[0]) == ("tiny", "Apache-2.0", TINY)
    wave, cutoff = 0.1 * torch.randn(1, 4800), torch.tensor([4000.0])
    with torch.inference_mode():
        assert torch.allclose(loaded(wave, cutoff), original(wave, cutoff), atol=1e-6)


def test_half_precision_halves_the_file(frozen: Path, tmp_path: Path) -> None:
    torch.manual_seed(3)
    small = tmp_path / "half.safetensors"
    freeze(Generator(TINY), small, name="half", training="none", licence="Apache-2.0", resampler="test")
    assert small.stat().st_size < 0.6 * frozen.stat().st_size
    load_generator(small)


def test_description_is_read_without_the_weights(frozen: Path) -> None:
    assert parse_config(read_info(frozen).config)[0] == TINY


@pytest.mark.parametrize("keep", [0, 4, 100, 2000, -1])
def test_truncation_is_noticed(frozen: Path, keep: int) -> None:
    frozen.write_bytes(frozen.read_bytes()[:keep])
    with pytest.raises(ModelError) as caught:
        load_generator(frozen)
    assert str(frozen) in str(caught.value)


def test_a_flipped_bit_is_noticed(frozen: Path) -> None:
    data = bytearray(frozen.read_bytes())
    data[-100] ^= 1
    frozen.write_bytes(data)
    with pytest.raises(ModelError, match="hash"):
        load_generator(frozen)


@pytest.mark.parametrize("content", [b"", b"hello world, not a model", b"\x10" + b"\0" * 7 + b"[" * 16])
def test_rubbish_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rubbish.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelError):
        read_info(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        read_info(tmp_path / "nothing.safetensors")


def test_config_survives_json_and_refuses_unknown_keys() -> None:
    data = json.loads(json.dumps(COMPACT.to_dict()))
    assert NetworkConfig.from_dict(data) == COMPACT
    data["head"]["colour"] = "blue"
    with pytest.raises(ConfigError, match="colour"):
        NetworkConfig.from_dict(data)
    with pytest.raises(ConfigError, match=r"mel\.hop"):
        NetworkConfig.from_dict({"mel": {"hop": 250}})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"noise": False}, "flat_noise"),
        ({"voicing": 1}, "at least 2"),
        ({"istft_n_fft": 1920}, "half of"),  # windows would begin between the frames that the pulses are made on
    ],
)
def test_config_refuses_an_excitation_that_does_not_fit(change: dict[str, object], message: str) -> None:
    data = COMPACT.to_dict()
    with pytest.raises(ConfigError, match=message):
        NetworkConfig.from_dict(data | {"head": data["head"] | change})


def test_mapped_weights_are_those_that_are_read(frozen: Path) -> None:
    mapped, read = map_tensors(frozen), read_tensors(frozen, read_info(frozen))
    assert mapped.keys() == read.keys()
    assert all(torch.equal(mapped[name], read[name]) for name in read)


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc for the memory")
def test_a_part_that_is_dropped_leaves_memory(tmp_path: Path) -> None:
    path = tmp_path / "parts.safetensors"
    info = FrozenInfo("parts", "none", {}, "none", "CC0-1.0", "none")
    write({"first.weight": torch.ones(8 << 20), "second.weight": torch.ones(8 << 20)}, info, path, half=False)

    def resident() -> int:
        return int(re.search(r"RssFile:\s+(\d+)", Path("/proc/self/status").read_text())[1])  # type: ignore[index]

    tensors = map_tensors(path)
    assert all(float(tensor.sum()) == 8 << 20 for tensor in tensors.values())
    before = resident()
    del tensors["first.weight"]
    assert before - resident() == pytest.approx(32 << 10, rel=0.1)


def test_damage_is_noticed_before_anything_is_mapped(frozen: Path) -> None:
    data = bytearray(frozen.read_bytes())
    data[-1] ^= 1
    frozen.write_bytes(bytes(data))
    with pytest.raises(ModelError, match="do not match"):
        map_tensors(frozen)

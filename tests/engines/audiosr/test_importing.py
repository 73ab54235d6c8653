"""Importing published weights: what is accepted, what is refused and how it is named, what is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from hifisr_cli.checkpoints.frozen import read_info, verify_parameters
from hifisr_cli.engines.audiosr.config import AudioSrConfig
from hifisr_cli.engines.audiosr.importing import import_published, recognises
from hifisr_cli.engines.audiosr.network import load_network
from hifisr_cli.errors import ModelError
from tests.engines.audiosr.published_form import FULL, Sizes, needed_shapes, other_shapes, random_state, save

Everything = dict[str, Any]
UNET, CONDITION, FIRST = "model.diffusion_model.", "cond_stage_models.0.vae.", "first_stage_model."


@pytest.fixture(scope="module")
def state() -> Everything:
    return random_state()


@pytest.fixture(scope="module")
def published(state: Everything, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("published") / "pytorch_model.bin", state)


@pytest.fixture(scope="module")
def imported(published: Path) -> Path:
    path = published.with_name("net.safetensors")
    import_published([published], path)
    return path


def test_the_form_is_the_published_one(shared_audiosr: Path) -> None:
    listed = {}
    for line in (shared_audiosr.parent / "keys.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            key, rest = line.split(" ", 1)
            listed[key] = tuple(int(n) for n in rest.split(")")[0].strip("(").split(",") if n.strip())
    text_model = {key for key in listed if key.startswith("clap.")}
    ours = needed_shapes(FULL) | {key: shape for key, shape in other_shapes(FULL).items() if "clap." not in key}
    assert {key: shape for key, shape in listed.items() if key in ours} == ours
    assert set(listed) - set(ours) - text_model == set(random_state()) - set(ours) - {"clap.model.text_branch.weight"}


def test_what_is_written_describes_itself(published: Path, tmp_path: Path) -> None:
    output = tmp_path / "made" / "net.safetensors"
    written = import_published([published], output, name="mine", licence="CC0-1.0")
    info = read_info(output)
    assert info == written
    assert (info.engine, info.name, info.licence) == ("audiosr", "mine", "CC0-1.0")
    assert info.provenance is not None
    assert [(file.name, file.size) for file in info.provenance.files] == [(published.name, published.stat().st_size)]
    config, sizes = AudioSrConfig.from_dict(info.config), Sizes()
    assert (config.vae.widths, config.vae.latent, config.mel.bands) == (sizes.vae, sizes.latent, sizes.bands)
    assert (config.unet.widths, config.vocoder.channels) == (sizes.unet, sizes.vocoder)
    assert (config.vae.blocks, config.unet.blocks) == (2, 2)
    verify_parameters(output)
    card = (tmp_path / "made" / "net.MODEL_CARD.md").read_text()
    assert info.provenance.files[0].sha256 in card
    assert all(limit[1:] in card for limit in info.limits)


def test_who_does_not_say_a_licence_gets_none_invented(imported: Path) -> None:
    assert read_info(imported).licence == "NOASSERTION"


def test_only_what_is_needed_is_kept(imported: Path) -> None:
    kept = sum(parameter.numel() for parameter in load_network(imported).state_dict().values())
    assert kept == sum(torch.Size(shape).numel() for shape in needed_shapes(Sizes()).values()) + 1


def test_weights_are_where_they_belong(imported: Path, state: Everything) -> None:
    """The condition's encoder, not the other one; levels and residual blocks that they count in another order."""
    found = load_network(imported).state_dict()
    pairs = {
        UNET + "input_blocks.3.0.op.weight": "unet.down.3.0.conv.weight",
        UNET + "output_blocks.2.3.conv.bias": "unet.up.2.3.conv.bias",
        UNET + "middle_block.2.transformer_blocks.0.attn2.to_out.0.weight": "unet.middle.2.attn2.to_out.weight",
        UNET + "output_blocks.5.0.skip_connection.weight": "unet.up.5.0.shortcut.weight",
        CONDITION + "encoder.down.1.block.0.nin_shortcut.weight": "encoder.down.1.0.shortcut.weight",
        CONDITION + "quant_conv.bias": "encoder.moments.bias",
        FIRST + "decoder.up.1.upsample.conv.weight": "decoder.up.0.3.conv.weight",
        FIRST + "decoder.up.0.block.2.conv1.weight": "decoder.up.1.2.conv1.weight",
        FIRST + "post_quant_conv.weight": "decoder.enter.weight",
        FIRST + "vocoder.resblocks.5.convs2.1.weight": "vocoder.blocks.1.1.plain.1.weight",
        "scale_factor": "scale",
    }
    for published, ours in pairs.items():
        assert torch.equal(found[ours], state[published]), published


def without(state: Everything, *starts: str) -> Everything:
    return {key: value for key, value in state.items() if not key.startswith(starts)}


def in_windows(state: Everything) -> Everything:
    """Each weight a part of a larger memory, two of them of the same."""
    whole = {key: torch.cat((value.flatten(), torch.ones(3))) for key, value in state.items() if value.dim()}
    return state | {key: memory[:-3].view(state[key].shape) for key, memory in whole.items()}


ACCEPTED: dict[str, Callable[[Everything], Everything]] = {
    "without a section": lambda state: state,
    "of several devices": lambda state: {"state_dict": {f"module.{key}": value for key, value in state.items()}},
    "without what nobody reads": lambda state: {"state_dict": without(state, "model_ema.", "clap.", "betas", "logvar")},
    "more of the text model": lambda state: state | {"clap.model.position_ids": torch.arange(5)},
    "parts of larger memories": in_windows,
}


@pytest.mark.parametrize("form", ACCEPTED)
def test_every_form_gives_the_same_weights(form: str, state: Everything, imported: Path, tmp_path: Path) -> None:
    torch.save(ACCEPTED[form](state), tmp_path / "model.bin")
    info = import_published([tmp_path / "model.bin"], tmp_path / "net.safetensors")
    assert info.parameter_hash == read_info(imported).parameter_hash


def test_safetensors_of_the_same_tensors(state: Everything, imported: Path, tmp_path: Path) -> None:
    save_file(state, tmp_path / "model.safetensors")
    info = import_published([tmp_path / "model.safetensors"], tmp_path / "net.safetensors")
    assert info.parameter_hash == read_info(imported).parameter_hash


def test_float16_is_half_the_size_and_computes_in_float32(published: Path, imported: Path, tmp_path: Path) -> None:
    half = tmp_path / "half.safetensors"
    import_published([published], half, half=True)
    assert half.stat().st_size < 0.6 * imported.stat().st_size
    exact = load_network(imported).state_dict()
    for key, value in load_network(half).state_dict().items():
        assert value.dtype == torch.float32
        assert torch.allclose(value, exact[key], rtol=1e-3, atol=1e-6), key


def test_its_files_are_recognised_by_their_keys(published: Path, tmp_path: Path) -> None:
    assert recognises([published])
    assert recognises([published.parent])
    assert not recognises([published, published])
    assert not recognises([tmp_path])
    torch.save({"generator": {"conv_pre.bias": torch.ones(3)}}, tmp_path / "other.pt")
    assert not recognises([tmp_path / "other.pt"])
    (tmp_path / "rubbish").write_bytes(b"hello")
    assert not recognises([tmp_path / "rubbish"])


def changed(key: str, value: object) -> Callable[[Everything], Everything]:
    return lambda state: state | {key: value}


def lacking(key: str) -> Callable[[Everything], Everything]:
    return lambda state: without(state, key)


def longer(key: str) -> Callable[[Everything], Everything]:
    """With a row too many in every dimension."""
    return lambda state: state | {key: torch.zeros([size + 1 for size in state[key].shape])}


MISSING = (
    UNET + "time_embed.2.bias", UNET + "input_blocks.0.0.weight", UNET + "input_blocks.5.1.norm.weight",
    UNET + "output_blocks.1.2.transformer_blocks.0.ff.net.0.proj.bias", UNET + "out.2.weight",
    CONDITION + "encoder.mid.attn_1.q.weight", CONDITION + "quant_conv.weight", FIRST + "decoder.conv_in.bias",
    FIRST + "decoder.up.0.block.0.nin_shortcut.weight", FIRST + "post_quant_conv.weight",
    FIRST + "vocoder.resblocks.19.convs2.2.bias", FIRST + "vocoder.ups.0.weight", "scale_factor",
)  # fmt: skip
REFUSED: dict[str, tuple[Callable[[Everything], Everything], str]] = {
    **{f"{key} missing": (lacking(key), f"'{key}' is missing") for key in MISSING},
    "misshapen": (longer(UNET + "input_blocks.4.1.proj_in.bias"), "input_blocks.4.1.proj_in.bias' has shape [65], exp"),
    "of another dimension": (changed(FIRST + "vocoder.conv_pre.weight", torch.ones(4, 4)), "expected 3 dimensions"),
    "not finite": (changed(FIRST + "decoder.conv_out.bias", torch.tensor([float("nan")])), "NaN"),
    "no numbers": (changed(CONDITION + "quant_conv.bias", torch.ones(8, dtype=torch.int64)), "quant_conv.bias'"),
    "no tensor": (changed("scale_factor", 0.3), "'scale_factor' is not a tensor"),
    "unknown": (changed(UNET + "label_emb.weight", torch.ones(3)), "unknown key 'model.diffusion_model.label_emb"),
    "of another schedule": (changed("alphas_cumprod", torch.linspace(1.0, 0.0, 1000)), "'alphas_cumprod'"),
    "of a clipped schedule": (changed("alphas_cumprod", torch.ones(999)), "'alphas_cumprod'"),
    "of another hop": (
        changed(FIRST + "vocoder.ups.4.weight", torch.ones(2, 1, 6)),
        "vocoder must turn a mel frame into mel.hop samples",
    ),
    "of no levels": (lambda state: without(state, CONDITION + "encoder.down."), "sizes must be positive"),
    "in part of several devices": (lambda state: state | {"module.logvar": torch.ones(3)}, "prefix 'module.'"),
    "no names": (lambda _: {"state_dict": [torch.ones(3)]}, "holds no 'state_dict'"),
    "empty": (lambda _: {"state_dict": {}}, "'state_dict' holds no tensors"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_whole_is_refused_by_name(case: str, state: Everything, tmp_path: Path) -> None:
    change, expected = REFUSED[case]
    torch.save(change(state), tmp_path / "model.bin")
    with pytest.raises(ModelError) as caught:
        import_published([tmp_path / "model.bin"], tmp_path / "made" / "net.safetensors")
    assert expected in str(caught.value)
    assert caught.value.path == str(tmp_path / "model.bin")
    assert not (tmp_path / "made").exists()


class RunsCode:
    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("raise SystemExit('it ran')",)


def test_files_that_are_none_are_named(published: Path, tmp_path: Path) -> None:
    path, output = tmp_path / "model.bin", tmp_path / "net.safetensors"
    with pytest.raises(ModelError, match="cannot be read"):
        import_published([path], output)
    path.write_bytes(published.read_bytes()[:100_000])
    with pytest.raises(ModelError, match="truncated"):
        import_published([path], output)
    torch.save({"state_dict": RunsCode()}, path)
    with pytest.raises(ModelError, match="run code"):
        import_published([path], output)
    with pytest.raises(ModelError, match="2 files"):
        import_published([published, published], output)
    assert list(tmp_path.iterdir()) == [path]

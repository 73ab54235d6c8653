"""Importing published weights: what is accepted, what is refused and how it is named, what is written."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from hifisr_cli.checkpoints.frozen import read_info, verify_parameters
from hifisr_cli.engines.hifisr.config import parse_config
from hifisr_cli.engines.hifisr.generator import load_generator
from hifisr_cli.engines.hifisr.importing import import_published
from hifisr_cli.errors import ModelError, OutputError
from tests.conftest import ROOT
from tests.engines.hifisr.published_form import FULL, Sizes, State, head_shapes, latent_shapes, random_states, save

NAMES = ("last_best_checkpoint_m.pt", "last_best_checkpoint_g.pt")


@pytest.fixture(scope="module")
def states() -> tuple[State, State]:
    return random_states()


@pytest.fixture
def published(states: tuple[State, State], tmp_path: Path) -> Path:
    return save(tmp_path / "published", *states)


@pytest.mark.parametrize(("name", "shapes"), [("keys_m.txt", latent_shapes), ("keys_g.txt", head_shapes)])
def test_the_form_is_the_published_one(name: str, shapes: Callable[[Sizes], dict[str, tuple[int, ...]]]) -> None:
    listed = {}
    for line in (ROOT / "tests" / "assets" / "published" / name).read_text().splitlines():
        key, rest = line.split(" ", 1)
        listed[key] = tuple(int(n) for n in rest.split(")")[0].strip("(").split(",") if n.strip())
    assert listed == shapes(FULL)


def test_what_is_written_describes_itself(published: Path, tmp_path: Path) -> None:
    output = tmp_path / "made" / "net.safetensors"
    written = import_published([published], output, name="mine", licence="CC0-1.0")
    info = read_info(output)
    assert info == written
    assert (info.name, info.licence) == ("mine", "CC0-1.0")
    assert info.provenance is not None
    assert [(f.name, f.size) for f in info.provenance.files] == [(n, (published / n).stat().st_size) for n in NAMES]
    assert info.provenance.importer.startswith("hifisr ")
    assert any("8 kHz" in limit for limit in info.limits)
    sizes = Sizes()
    config, _ = parse_config(info.config)
    latent = config.latent
    assert (latent.width, latent.blocks, latent.expansion, latent.qk_width) == (sizes.width, sizes.blocks, 4, sizes.qk)
    assert config.head.rates == (8, 8, 2, 2)
    verify_parameters(output)
    card = (tmp_path / "made" / "net.MODEL_CARD.md").read_text()
    assert all(f.sha256 in card for f in info.provenance.files)


def test_who_does_not_say_a_licence_gets_none_invented(published: Path, tmp_path: Path) -> None:
    assert import_published([published], tmp_path / "x.safetensors").licence == "NOASSERTION"


def test_weights_are_folded_along_dimension_0(published: Path, states: tuple[State, State], tmp_path: Path) -> None:
    """Of convolutions the output channel, of transposed ones the input channel."""
    import_published([published], tmp_path / "net.safetensors")
    generator = load_generator(tmp_path / "net.safetensors")
    head = states[1]
    for key, part in (("conv_pre", generator.head.enter), ("ups.1", generator.head.ups[1])):
        v, g = head[key + ".weight_v"], head[key + ".weight_g"]
        for channel in range(v.shape[0]):
            expected = g[channel] * v[channel] / v[channel].norm()
            assert torch.allclose(part.weight[channel], expected, rtol=1e-5, atol=1e-7)


def renamed(state: State, change: Callable[[str], str]) -> State:
    return {change(key): value for key, value in state.items()}


def new_spelling(key: str) -> str:
    parametrised = key.replace(".weight_g", ".parametrizations.weight.original0")
    return parametrised.replace(".weight_v", ".parametrizations.weight.original1")


def without_norm(head: State) -> State:
    plain = {key: value for key, value in head.items() if not key.endswith(("weight_g", "weight_v"))}
    for key in head:
        if key.endswith("weight_v"):
            v, g = head[key], head[key.replace("weight_v", "weight_g")]
            plain[key.removesuffix("_v")] = g * v / v.flatten(1).norm(dim=1)[:, None, None]
    return plain


def test_every_spelling_gives_the_same_weights(published: Path, states: tuple[State, State], tmp_path: Path) -> None:
    latent, head = states
    reference = import_published([published], tmp_path / "reference.safetensors")
    prefixed = (renamed(latent, "module.{}".format), renamed(head, "module.{}".format))
    stripped = {key: value for key, value in latent.items() if not key.endswith(("inv_freq", "freqs"))}
    for number, (m, g) in enumerate([prefixed, (latent, renamed(head, new_spelling)), (stripped, head)]):
        folder = save(tmp_path / str(number), m, g)
        info = import_published([folder], tmp_path / f"{number}.safetensors")
        assert info.parameter_hash == reference.parameter_hash, number
    folded = load_generator(tmp_path / "reference.safetensors")
    import_published([save(tmp_path / "plain", latent, without_norm(head))], tmp_path / "plain.safetensors")
    again = load_generator(tmp_path / "plain.safetensors")
    for key, value in folded.state_dict().items():
        assert torch.allclose(value, again.state_dict()[key], rtol=1e-5, atol=1e-7), key


def test_files_are_found_by_either_kind_of_name(states: tuple[State, State], tmp_path: Path) -> None:
    latent, head = states
    older = random_states(seed=7)
    folder = save(tmp_path / "training", *older, names=("m_00000100", "g_00000100"))
    save(folder, latent, head, names=("m_00002000", "g_00002000"))
    torch.save({"mossformer": latent}, folder / "m_00003000")  # its other half was not written yet
    expected = import_published([save(tmp_path / "p", latent, head)], tmp_path / "p.safetensors").parameter_hash
    found = import_published([folder], tmp_path / "t.safetensors")
    assert found.parameter_hash == expected
    assert found.provenance is not None
    assert [file.name for file in found.provenance.files] == ["m_00002000", "g_00002000"]
    save(tmp_path / "bare", latent, head, names=("voice_m.pt", "voice_g.pt"))
    assert import_published([tmp_path / "bare"], tmp_path / "b.safetensors").parameter_hash == expected
    pair = [tmp_path / "p" / name for name in reversed(NAMES)]  # in either order
    assert import_published(pair, tmp_path / "two.safetensors").parameter_hash == expected
    pointer = tmp_path / "p" / "last_best_checkpoint"
    assert import_published([pointer], tmp_path / "three.safetensors").parameter_hash == expected


def test_half_precision_is_half_the_size(published: Path, tmp_path: Path) -> None:
    import_published([published], tmp_path / "full.safetensors")
    import_published([published], tmp_path / "half.safetensors", half=True)
    full, half = ((tmp_path / f"{name}.safetensors").stat().st_size for name in ("full", "half"))
    assert half < 0.6 * full
    load_generator(tmp_path / "half.safetensors")


def refused(paths: list[Path], tmp_path: Path) -> str:
    """The error, after a look that nothing was written."""
    made = tmp_path / "made"
    made.mkdir()
    with pytest.raises(ModelError) as caught:
        import_published(paths, made / "net.safetensors")
    assert not list(made.iterdir())
    return str(caught.value)


EDITS: list[tuple[int, str, object, str]] = [
    (0, "mossformer.prelu.weight", None, "missing"),
    (0, "mossformer.conv1d_encoder.weight", None, "missing"),
    (0, "mossformer.mdl.intra_mdl.mossformerM.fsmn.1.gated_fsmn.fsmn.conv1.weight", None, "missing"),
    (1, "ups.2.weight_g", None, "missing"),
    (1, "ups.0.weight_v", None, "missing"),
    (1, "resblocks.7.convs2.1.bias", None, "missing"),
    (0, "mossformer.surprise", torch.zeros(3), "unknown"),
    (1, "resblocks.3.convs3.0.bias", torch.zeros(16), "unknown"),
    (0, "mossformer.output.0.weight", torch.zeros(32, 31, 1), "shape"),
    (0, "mossformer.mdl.intra_mdl.mossformerM.layers.1.qk_offset_scale.gamma", torch.zeros(32, 4), "shape"),
    (1, "snakes.1.alpha", torch.zeros(16), "shape"),
    (1, "ups.3.weight_g", torch.ones(2, 1, 1), "shape"),  # as if dimension 0 were the output channel
    (1, "conv_post.bias", torch.tensor([float("nan")]), "NaN"),
    (1, "conv_pre.weight_v", torch.zeros(32, 24, 7), "NaN"),  # no direction to fold
    (0, "mossformer.pos_enc.inv_freq", torch.linspace(1, 0.1, 16), "frequencies"),
    (0, "mossformer.mdl.intra_mdl.mossformerM.layers.1.rotary_pos_emb.freqs", torch.ones(16), "frequencies"),
    (1, "conv_pre.bias", "not a tensor", "not a tensor"),
]


@pytest.mark.parametrize("edit", EDITS, ids=[f"{edit[3]} {edit[1]}" for edit in EDITS])
def test_a_key_that_does_not_fit_is_named(
    states: tuple[State, State], tmp_path: Path, edit: tuple[int, str, object, str]
) -> None:
    file, key, value, word = edit
    edited = [dict(state) for state in states]
    if value is None:
        del edited[file][key]
    else:
        edited[file][key] = value  # type: ignore[assignment]
    message = refused([save(tmp_path / "p", *edited)], tmp_path)
    stem = key.removesuffix("_g").removesuffix("_v")
    assert stem in message
    assert word in message
    assert NAMES[file] in message


class Hostile:
    """Unpickled by the letter, it makes a file."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, (f"open({str(self.trace)!r}, 'w').close()",)


@pytest.mark.parametrize("file", [0, 1])
def test_a_pickle_that_wants_to_run_code_is_refused(states: tuple[State, State], tmp_path: Path, file: int) -> None:
    trace = tmp_path / "it-ran"
    folder = save(tmp_path / "p", *states)
    torch.save({("mossformer", "generator")[file]: {"key": Hostile(trace)}}, folder / NAMES[file])
    with pytest.raises(pickle.UnpicklingError):
        torch.load(folder / NAMES[file], weights_only=True)
    torch.load(folder / NAMES[file], weights_only=False)
    assert trace.exists()  # it would have run
    trace.unlink()
    message = refused([folder], tmp_path)
    assert NAMES[file] in message
    assert "run code" in message
    assert "exec" in message
    assert not trace.exists()


@pytest.mark.parametrize("kept", [0, 10, 0.3, 0.9, 0.9999])
@pytest.mark.parametrize("file", [0, 1])
def test_a_truncated_file_is_named(states: tuple[State, State], tmp_path: Path, kept: float, file: int) -> None:
    folder = save(tmp_path / "p", *states)
    path = folder / NAMES[file]
    whole = path.read_bytes()
    path.write_bytes(whole[: kept if isinstance(kept, int) else int(len(whole) * kept)])
    message = refused([folder], tmp_path)
    assert NAMES[file] in message
    assert "truncated" in message


@pytest.mark.parametrize("content", [b"hello", b"\x80\x02]q\x00.", b"PK\x03\x04" + bytes(200)])
def test_rubbish_is_named(states: tuple[State, State], tmp_path: Path, content: bytes) -> None:
    folder = save(tmp_path / "p", *states)
    (folder / NAMES[1]).write_bytes(content)
    assert NAMES[1] in refused([folder], tmp_path)


def test_a_zip_bomb_of_the_wrong_kind_is_named(states: tuple[State, State], tmp_path: Path) -> None:
    folder = save(tmp_path / "p", *states)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("something/else.txt", "no pickle in here")
    (folder / NAMES[0]).write_bytes(archive.getvalue())
    assert NAMES[0] in refused([folder], tmp_path)


def test_files_that_are_not_there_are_named(states: tuple[State, State], tmp_path: Path) -> None:
    assert "nowhere" in refused([tmp_path / "nowhere"], tmp_path)
    (tmp_path / "made").rmdir()
    folder = save(tmp_path / "p", *states)
    (folder / NAMES[1]).unlink()
    assert NAMES[1] in refused([folder], tmp_path)
    (tmp_path / "made").rmdir()
    (folder / "last_best_checkpoint").write_text("../a\nb\n")  # only names of the folder's own files
    assert "last_best_checkpoint" in refused([folder], tmp_path)
    (tmp_path / "made").rmdir()
    assert "empty" in refused([save(tmp_path / "empty", *states, names=("one", "two"))], tmp_path)
    (tmp_path / "made").rmdir()
    assert "'generator'" in refused([folder / NAMES[0], folder / NAMES[0]], tmp_path)


def test_an_output_that_cannot_be_written_leaves_nothing(published: Path, tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("a file where the folder should be")
    with pytest.raises(OutputError):
        import_published([published], tmp_path / "blocked" / "net.safetensors")


def test_an_older_output_survives_a_failed_import(published: Path, states: tuple[State, State], tmp_path: Path) -> None:
    output = tmp_path / "net.safetensors"
    before = import_published([published], output)
    broken = dict(states[1])
    del broken["conv_post.bias"]
    with pytest.raises(ModelError):
        import_published([save(tmp_path / "broken", states[0], broken)], output)
    assert read_info(output) == before
    verify_parameters(output)

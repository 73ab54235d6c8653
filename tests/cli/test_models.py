"""`hifisr models`, as a user types it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from typer.testing import CliRunner, Result

from hifisr_cli.checkpoints.frozen import read_info
from hifisr_cli.cli.app import app
from hifisr_cli.engines.hifisr.generator import Generator, load_generator
from hifisr_cli.errors import DownloadError
from tests.engines.hifisr.published_form import Sizes, random_states, save
from tests.restore.conftest import TINY


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    save(folder / "p", *random_states(Sizes(channels=16)))
    done = run("models", "import", folder / "p", "-o", folder / "net.safetensors", "--licence", "MIT")
    assert done.exit_code == 0, done.output
    assert "net, licence MIT" in done.output
    return folder / "net.safetensors"


def test_the_group_explains_itself() -> None:
    done = run("models")
    assert done.exit_code == 0
    for command in ("list", "show", "verify", "path", "pull", "import", "freeze"):
        assert command in done.output


def test_the_list_names_size_licence_training_scores_and_hash() -> None:
    done = run("models", "list")
    assert done.exit_code == 0
    assert "auto (default): compact-6 for speech, general-2 for music and other sound." in done.output.splitlines()
    line = next(line for line in done.output.splitlines() if line.startswith("compact-6"))
    assert " MB" in line
    assert "Apache-2.0" in line
    assert "speech" in line
    fields = [json.loads(line) for line in run("models", "list", "--json").output.splitlines()]
    default = next(entry for entry in fields if entry.get("default"))
    assert default["parameter_sha256"][:12] in line
    assert len(default["sha256"]) == 64
    assert default["size"] == Path(default["path"]).stat().st_size
    assert {entry["name"] for entry in fields if not entry["installed"]} <= {
        "mossformer2-sr-48k",
        "audiosr-basic",
        "audiosr-speech",
    }


def test_the_table_of_scores_is_that_of_the_file_beside_the_model() -> None:
    text = run("models", "show").output
    for line in run("models", "show", "--json").output.splitlines():
        model = json.loads(line)
        report = json.loads(Path(model["path"]).with_name("eval.json").read_text())
        same = report["parameter_sha256"] == model["parameter_sha256"]
        assert [row["lsd"] for row in model["scores"]] == ([row["lsd"] for row in report["summary"]] if same else [])
        for row in model["scores"]:
            assert f"{row['lsd']:.3f}" in text


@pytest.mark.parametrize("command", [["list"], ["show"], ["path"], ["verify"], ["list", "--json"]])
def test_nothing_heavy_is_loaded(command: list[str]) -> None:
    code = "import sys; from hifisr_cli.cli.app import run; status = run(['models', *sys.argv[1:]])\n"
    code += "assert status == 0; assert not {'torch', 'numpy', 'safetensors'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code, *command], check=True, capture_output=True)


def test_show_says_where_imported_weights_come_from_and_what_they_cannot_do(imported: Path) -> None:
    text = run("models", "show", imported).output
    assert "last_best_checkpoint_m.pt" in text
    assert "limit:" in text
    fields = json.loads(run("models", "show", imported, "--json").output)
    assert [len(file["sha256"]) for file in fields["provenance"]["files"]] == [64, 64]
    assert fields["network"]["latent"]["context"] == "global"
    assert fields["licence"] == "MIT"


def test_path_and_verify(imported: Path, tmp_path: Path) -> None:
    assert [Path(line).is_file() for line in run("models", "path").output.splitlines()] == [True, True]
    assert run("models", "verify", imported).exit_code == 0
    damaged = tmp_path / "damaged.safetensors"
    data = bytearray(imported.read_bytes())
    data[-5] ^= 4
    damaged.write_bytes(data)
    done = run("models", "verify", imported, damaged)
    assert done.exit_code == 5
    assert "net: ok" in done.output
    assert "damaged: DAMAGED" in done.output


def test_a_models_own_folder_is_searched_by_file_name(
    imported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HIFISR_MODELS", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    own = tmp_path / "hifisr" / "models"
    own.mkdir(parents=True)
    shutil.copy(imported, own / "mine.safetensors")
    assert run("models", "path", "mine").output.strip() == str(own / "mine.safetensors")
    assert "mine " in run("models", "list").output


def test_no_output_is_replaced_unasked(imported: Path) -> None:
    before = imported.stat().st_mtime_ns
    source = imported.parent / "p"
    again = run("models", "import", source, "-o", imported)
    assert again.exit_code == 2
    assert imported.stat().st_mtime_ns == before
    assert run("models", "import", source, "-o", imported.with_suffix(".pt")).exit_code == 2
    assert run("models", "import", source, "-o", imported, "--overwrite", "--licence", "MIT").exit_code == 0


def test_a_bad_checkpoint_is_one_line_with_the_key(imported: Path, tmp_path: Path) -> None:
    latent, head = random_states(Sizes(channels=16))
    del head["resblocks.5.convs2.1.bias"]
    done = run("models", "import", save(tmp_path / "p", latent, head), "-o", tmp_path / "out" / "x.safetensors")
    assert done.exit_code == 5
    assert "resblocks.5.convs2.1.bias" in done.output
    assert len(done.output.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_pull_without_a_way_to_download_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    done = run("models", "pull", "mossformer2-sr-48k", "-o", tmp_path / "x.safetensors")
    assert done.exit_code == DownloadError.exit_status
    assert len(done.output.strip().splitlines()) == 1
    assert "hifisr[hub]" in done.output
    assert run("models", "pull", "nothing-of-that-name").exit_code == 5


def test_freeze_makes_a_model_of_the_averaged_weights_and_a_card(tmp_path: Path) -> None:
    torch.manual_seed(0)
    raw, averaged = Generator(TINY), Generator(TINY)
    state = {
        "network": TINY.to_dict(),
        "generator": raw.state_dict(),
        "averaged": {"n_averaged": torch.tensor(3)} | {f"module.{k}": v for k, v in averaged.state_dict().items()},
        "step": 1200,
        "seconds": 600.0,
    }
    torch.save(state, tmp_path / "last.pt")
    output = tmp_path / "mine" / "model.safetensors"
    done = run(
        "models", "freeze", tmp_path / "last.pt", "-o", output, "--name", "mine", "--trained-on", "my voice", "--full"
    )
    assert done.exit_code == 0, done.output
    info = read_info(output)
    assert (info.name, info.training) == ("mine", "my voice; 1200 steps in 10 minutes")
    card = output.with_name("MODEL_CARD.md")
    assert "# mine" in card.read_text()
    card.write_text("written by hand")
    assert run("models", "freeze", tmp_path / "last.pt", "-o", output, "--overwrite").exit_code == 0
    assert card.read_text() == "written by hand"
    run("models", "freeze", tmp_path / "last.pt", "-o", output, "--overwrite", "--full")
    loaded = load_generator(output)
    assert not any("parametrizations" in key for key in loaded.state_dict())
    wave, cutoff = 0.1 * torch.randn(1, 4800), torch.tensor([4000.0])
    with torch.inference_mode():
        assert torch.allclose(loaded(wave, cutoff), averaged.eval()(wave, cutoff), atol=1e-5)


@pytest.mark.parametrize("content", [b"", b"not a state", None])
def test_what_is_no_training_state_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "state.pt"
    if content is None:
        torch.save({"network": {}, "step": 1}, path)
    else:
        path.write_bytes(content)
    done = run("models", "freeze", path, "-o", tmp_path / "x.safetensors")
    assert done.exit_code == 5
    assert "state.pt" in done.output
    assert not (tmp_path / "x.safetensors").exists()


def test_an_imported_network_restores_and_its_limits_are_told_once(imported: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "in").mkdir()
    for name, shape in (("a", (1600, 3)), ("b", (20,)), ("silent", (800,))):
        audio = np.zeros(shape) if name == "silent" else 0.1 * rng.standard_normal(shape)
        soundfile.write(tmp_path / "in" / f"{name}.wav", audio, 16_000)
    command = ["upsample", tmp_path / "in", "-o", tmp_path / "out", "--model", imported, "--cutoff", "7000"]
    done = run(*command, "--jobs", "0")
    assert done.exit_code == 0, done.output
    assert done.output.count("known limits") == 1
    for name, frames in (("a", 4800), ("b", 60), ("silent", 2400)):
        found = soundfile.info(tmp_path / "out" / f"{name}.wav")
        assert (found.frames, found.samplerate) == (frames, 48_000)
    assert soundfile.info(tmp_path / "out" / "a.wav").channels == 3
    quiet = run(*command, "--overwrite", "--quiet", "--jobs", "0")
    assert "known limits" not in quiet.output

"""What ends a whole run: no inputs, models, devices, and outputs that cannot be written."""

from __future__ import annotations

import errno
import json
import os
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import soundfile

from hifisr_cli.audio.output import encoded_file as encode
from hifisr_cli.audio.output.wav import WavSink
from hifisr_cli.system import files, staged_file
from tests.cli.runs.conftest import Command, Make, Spawn, leftovers, obey_rights, outputs
from tests.conftest import NO_SUCH_FILE


def one_line(said: Sequence[str]) -> str:
    """The last line, that ends a run, when there is just one such line."""
    assert len([line for line in said if line.startswith("hifisr: ")]) == 1
    assert said[-1].startswith("hifisr: ")
    return said[-1]


class TestInputs:
    def test_no_audio_in_a_folder(self, upsample: Command, tmp_path: Path) -> None:
        (tmp_path / "in").mkdir()
        (tmp_path / "in" / "notes.txt").write_text("no audio")
        ended = upsample(tmp_path / "in", "-o", tmp_path / "out")
        assert ended.status == 4
        assert str(tmp_path / "in") in one_line(ended.said)
        assert ".flac" in ended.err
        assert not (tmp_path / "out").exists()

    def test_missing_path(self, upsample: Command, good: Path) -> None:
        ended = upsample(good.with_name("missing.wav"), good, "-o", good.parent / "out")
        assert ended.status == 3
        assert any(f"missing.wav: {NO_SUCH_FILE}" in line and line.endswith(")") for line in ended.said)
        assert (good.parent / "out" / "good.wav").is_file()


class TestModels:
    @pytest.fixture
    def refused(self, hifisr: Command, good: Path) -> Callable[[str | Path], str]:
        def call(model: str | Path) -> str:
            ended = hifisr("upsample", good, "-o", good.parent / "out", "--model", model, "--device", "cpu")
            assert ended.status == 5
            assert len(ended.said) == 1
            assert not (good.parent / "out").exists()
            return ended.said[0]

        return call

    def test_unknown(self, refused: Callable[[str | Path], str]) -> None:
        assert "unknown model 'nonesuch'" in refused("nonesuch")

    def test_missing(self, refused: Callable[[str | Path], str], tmp_path: Path) -> None:
        assert "nowhere.safetensors" in refused(tmp_path / "nowhere.safetensors")

    def test_no_model_at_all(self, refused: Callable[[str | Path], str], tmp_path: Path) -> None:
        for content in (b"", b"not a model", bytes(100), struct.pack("<Q", 1 << 62) + bytes(100)):
            (tmp_path / "bad.safetensors").write_bytes(content)
            assert "bad.safetensors" in refused(tmp_path / "bad.safetensors")

    def test_truncated(self, refused: Callable[[str | Path], str], checkpoint: Path, tmp_path: Path) -> None:
        (tmp_path / "short.safetensors").write_bytes(checkpoint.read_bytes()[:-1_000])
        assert "truncated or damaged" in refused(tmp_path / "short.safetensors")

    def test_one_bit(self, hifisr: Command, checkpoint: Path, good: Path) -> None:
        """Seen when the weights are loaded; the run ends before anything is written."""
        data = bytearray(checkpoint.read_bytes())
        data[-5_000] ^= 1
        model = good.with_name("bit.safetensors")
        model.write_bytes(data)
        ended = hifisr("upsample", good, "-o", good.parent / "out", "--model", model, "--device", "cpu")
        assert ended.status == 5
        assert "hash" in one_line(ended.said)
        assert not list(good.parent.rglob("out/*"))

    @pytest.mark.parametrize("metadata", [{"format": "hifisr-frozen-999"}, {}, {"format": "hifisr-frozen-1"}])
    def test_another_format(
        self, refused: Callable[[str | Path], str], tmp_path: Path, metadata: dict[str, str]
    ) -> None:
        header = json.dumps({"__metadata__": metadata}).encode()
        (tmp_path / "newer.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
        assert "newer.safetensors" in refused(tmp_path / "newer.safetensors")

    @pytest.mark.parametrize("header", [b"[1, 2]", b'"text"', b'{"__metadata__": 3}', b'{"x": {"data_offsets": "ab"}}'])
    def test_a_header_of_another_shape(
        self, refused: Callable[[str | Path], str], tmp_path: Path, header: bytes
    ) -> None:
        (tmp_path / "odd.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
        assert "odd.safetensors" in refused(tmp_path / "odd.safetensors")


@pytest.mark.parametrize(("device", "status"), [("cuda:99", 6), ("nonsense", 2), ("cuda:x", 2), ("cpu:0", 2)])
def test_devices(hifisr: Command, checkpoint: Path, good: Path, device: str, status: int) -> None:
    ended = hifisr("upsample", good, "-o", good.parent / "out", "--model", checkpoint, "--device", device)
    assert ended.status == status
    assert device in one_line(ended.said)
    assert ended.said[-1].endswith(")")
    assert not list(good.parent.rglob("out/*"))


def test_device_out_of_memory(upsample: Command, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate\nmuch")

    monkeypatch.setattr("hifisr_cli.engines.hifisr.generator.Generator.synthesize", full)
    for name in ("a", "b"):
        make(tmp_path / "in" / f"{name}.wav")
    ended = upsample(tmp_path / "in", "-o", tmp_path / "out")
    assert ended.status == 6
    assert "--chunk-seconds" in one_line(ended.said)
    assert "b.wav" not in ended.err
    assert not list((tmp_path / "out").iterdir())


class TestFullDisk:
    """Real ones are small; in the others the operating system says so when it is told to."""

    @pytest.fixture
    def small_disk(self, tmp_path: Path) -> Iterator[Path]:
        folder = tmp_path / "disk"
        folder.mkdir()
        mount = shutil.which("mount")
        if mount is None or os.geteuid() != 0:
            pytest.skip("only root can mount a small disk")
        done = subprocess.run(
            [mount, "-t", "tmpfs", "-o", "size=128k", "tmpfs", folder], check=False, capture_output=True
        )
        if done.returncode:
            pytest.skip(f"no disk can be mounted here: {done.stderr.decode().strip()}")
        yield folder
        subprocess.run(["umount", folder], check=True)

    @pytest.mark.parametrize("kind", ["wav", "flac", "ogg"])
    def test_real(self, upsample: Command, make: Make, tmp_path: Path, small_disk: Path, kind: str) -> None:
        for name in ("a", "b"):
            make(tmp_path / "in" / f"{name}.{kind}", 20.0, 16_000)
        ended = upsample(tmp_path / "in", "-o", small_disk / "out", "--format", "keep")
        assert ended.status == 7
        assert "no space left on device" in one_line(ended.said)
        assert "free some space" in ended.said[-1]
        assert str(small_disk) in ended.said[-1]
        assert not list((small_disk / "out").iterdir())

    def test_room_again(self, upsample: Command, make: Make, tmp_path: Path, small_disk: Path) -> None:
        """What was done before the disk was full stays done; the same command does the rest."""
        for name in ("a", "b", "c"):
            make(tmp_path / "in" / f"{name}.wav", 0.3)
        (small_disk / "ballast").write_bytes(bytes(40_000))
        ended = upsample(tmp_path / "in", "-o", small_disk / "out")
        assert ended.status == 7
        assert "no space left on device" in one_line(ended.said)
        done = len(list((small_disk / "out").glob("*.wav")))
        assert done < 3
        assert not [path for path in leftovers(small_disk) if path.suffix == ".part"]
        subprocess.run(["mount", "-o", "remount,size=1m", small_disk], check=True)
        ended = upsample(tmp_path / "in", "-o", small_disk / "out", "--json")
        assert ended.status == 0
        assert {soundfile.info(path).frames for path in (small_disk / "out").glob("*.wav")} == {14_400}
        assert not leftovers(small_disk)

    @pytest.mark.parametrize("call", ["write", "fsync", "link"])
    def test_told(
        self, upsample: Command, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
    ) -> None:
        def full(*_: object, **__: object) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        class Os:
            def __getattr__(self, name: str) -> object:
                return full if name == call else getattr(os, name)

        for module in (encode, staged_file, files):
            monkeypatch.setattr(module, "os", Os())
        for name in ("a", "b"):
            make(tmp_path / "in" / f"{name}.wav")
        ended = upsample(tmp_path / "in", "-o", tmp_path / "out")
        assert ended.status == 7
        assert "no space left on device" in one_line(ended.said)
        assert "b.wav" not in ended.err
        assert not list((tmp_path / "out").iterdir())


class TestOutputFolder:
    @pytest.mark.posix
    def test_read_only(self, spawn: Spawn, quick: Sequence[str], good: Path) -> None:
        out = good.parent / "out"
        out.mkdir(mode=0o555)
        ended = spawn("upsample", *quick, good, "-o", out, preexec_fn=obey_rights())
        assert ended.returncode == 7
        assert "permission denied" in one_line(ended.stderr.decode().splitlines())
        assert "choose a folder that you may write to" in ended.stderr.decode()

    @pytest.mark.posix
    def test_vanished(self, upsample: Command, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The folder goes away while the file is being written, as network disks do."""
        written = WavSink.finish

        def vanish(sink: WavSink) -> None:
            written(sink)
            shutil.rmtree(tmp_path / "out")

        monkeypatch.setattr(WavSink, "finish", vanish)
        for name in ("a", "b"):
            make(tmp_path / "in" / f"{name}.wav")
        ended = upsample(tmp_path / "in", "-o", tmp_path / "out")
        assert ended.status == 7
        assert "no such file or directory" in one_line(ended.said)
        assert "b.wav" not in ended.err

    def test_below_a_file(self, upsample: Command, good: Path) -> None:
        ended = upsample(good, "-o", good / "below")
        assert ended.status in (2, 3, 7)
        assert len(ended.said) <= 2
        assert "good.wav" in ended.said[0]


class TestOutputs:
    @pytest.mark.parametrize("options", [[], ["--overwrite"]])
    def test_the_input_is_never_written_to(self, upsample: Command, good: Path, options: list[str]) -> None:
        before = good.read_bytes()
        (good.parent / "hard.wav").hardlink_to(good)
        for output in (good, good.parent, good.parent / "hard.wav"):
            ended = upsample(good, "-o", output, *options)
            assert ended.status == 3
            assert "would overwrite itself" in ended.err
            assert ended.said[0].endswith(")"), "with a cure"
        assert good.read_bytes() == before
        assert not leftovers(good.parent)

    @pytest.mark.posix
    @pytest.mark.parametrize("options", [[], ["--overwrite"]])
    def test_nor_through_a_link(self, upsample: Command, good: Path, options: list[str]) -> None:
        before = good.read_bytes()
        (good.parent / "soft.wav").symlink_to(good)
        ended = upsample(good, "-o", good.parent / "soft.wav", *options)
        assert ended.status == 3
        assert "would overwrite itself" in ended.err
        assert good.read_bytes() == before
        assert (good.parent / "soft.wav").is_symlink()

    def test_the_input_folder_is_no_output(self, upsample: Command, good: Path) -> None:
        ended = upsample(good.parent, "-o", good.parent, "--overwrite")
        assert ended.status == 2
        assert len(ended.said) == 1

    def test_existing_output(self, upsample: Command, good: Path, tmp_path: Path) -> None:
        output = tmp_path / "out" / "good.wav"
        output.parent.mkdir()
        output.write_bytes(b"precious")
        ended = upsample(good, "-o", output)
        assert ended.status == 3
        assert "--overwrite" in ended.said[0]
        assert output.read_bytes() == b"precious"
        ended = upsample(good, "-o", output.parent)
        assert ended.status == 0
        assert "skipped" in ended.err
        assert output.read_bytes() == b"precious"
        for target in (output, output.parent):
            assert upsample(good, "-o", target, "--overwrite").status == 0
            assert soundfile.info(output).frames == 24_000

    def test_a_second_run_does_nothing(self, upsample: Command, make: Make, tmp_path: Path) -> None:
        for name in ("a.wav", "a.flac"):
            make(tmp_path / "in" / name)
        for status in ("restored", "skipped"):
            ended = upsample(tmp_path / "in", "-o", tmp_path / "out", "--json")
            assert [result["status"] for result in ended.results] == [status, status]
        assert outputs(tmp_path / "out") == ["a.flac.wav", "a.wav.wav"]

    @pytest.mark.posix
    def test_rights_are_those_of_any_new_file(self, upsample: Command, good: Path, tmp_path: Path) -> None:
        before = os.umask(0o027)
        try:
            assert upsample(good, "-o", tmp_path / "out.wav").status == 0
        finally:
            os.umask(before)
        assert (tmp_path / "out.wav").stat().st_mode & 0o777 == 0o640

"""The added layer as a file: output minus layer is the input, to the bit, and nobody's file is lost for it."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.audio.output.encoded_file import EncodedFile
from hifisr_cli.batch.history.journal import read_journal
from hifisr_cli.batch.history.output_folder import DONE_BEFORE
from hifisr_cli.batch.history.record import read_record
from hifisr_cli.provenance.premis import to_premis
from tests.cli.runs.conftest import PYTHON_M, Command, Ended, Make, Spawn, leftovers, outputs
from tests.cli.runs.test_single_record import load

DEPTHS = {"16": "int16", "24": "int32", "32f": "float64"}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests work in a folder of their own."""
    monkeypatch.chdir(tmp_path)


def samples(path: Path | bytes, kind: str = "int32") -> np.ndarray:
    """[T, C] as they are in the file: 16 and 24 bits stand left in their integers."""
    wave, rate = soundfile.read(io.BytesIO(path) if isinstance(path, bytes) else path, dtype=kind, always_2d=True)
    assert rate == 48_000
    return wave.astype(np.int64) if kind != "float64" else wave


@pytest.fixture
def untouched(upsample: Command) -> Callable[..., np.ndarray]:
    """`untouched(source, kind, *options)`: the input as an output to which nothing is added."""

    def call(source: Path, kind: str, *options: str) -> np.ndarray:
        out = source.with_name(f"untouched{options[-1] if options else ''}.wav")
        assert upsample(source, "-o", out, "--layer-gain", "-inf", "--no-record", "--overwrite", *options).status == 0
        return samples(out, kind)

    return call


@pytest.fixture
def speech(shared_speech: Path, tmp_path: Path) -> Path:
    """Two seconds of a real recording at 48 kHz, which ends at 4 kHz, with 24 bits."""
    found = next(
        path for path in sorted((shared_speech / "validation").rglob("*.*")) if path.suffix in (".wav", ".flac")
    )
    wave, rate = soundfile.read(found, frames=2 * 48_000, dtype="float64", always_2d=True)
    assert rate == 48_000
    spectrum = np.fft.rfft(wave, axis=0)
    spectrum[round(4_000 * len(wave) / rate) :] = 0
    path = tmp_path / "speech.wav"
    soundfile.write(path, np.fft.irfft(spectrum, len(wave), axis=0), rate, subtype="PCM_24")
    return path


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_real_recording_comes_back_to_the_bit(upsample: Command, speech: Path, tmp_path: Path, depth: str) -> None:
    """At 48 kHz and no less than 24 bits the input is the file itself."""
    out, layer, kind = tmp_path / "out.wav", tmp_path / "layer.wav", DEPTHS[depth]
    assert upsample(speech, "-o", out, "--layer", layer, "--bit-depth", depth).status == 0
    written, added = samples(out, kind), samples(layer, kind)
    assert soundfile.info(layer).subtype == soundfile.info(out).subtype
    assert added.any()
    if depth != "16":
        assert np.array_equal(written - added, samples(speech, kind))
    spectrum = np.abs(np.fft.rfft(added[:, 0]))
    kept = round(3_000 * len(added) / 48_000)
    assert np.sum(spectrum[:kept] ** 2) < 1e-3 * np.sum(spectrum**2) or depth == "16"


@pytest.mark.parametrize("rate", [8_000, 44_100])
@pytest.mark.parametrize("depth", DEPTHS)
def test_output_minus_layer_is_the_resampled_input(
    upsample: Command, untouched: Callable[..., np.ndarray], make: Make, rate: int, depth: str
) -> None:
    source = make(Path("in.wav"), 1.0, rate, channels=2)
    kind = DEPTHS[depth]
    assert upsample(source, "-o", "o.wav", "--layer", "l.wav", "--bit-depth", depth).status == 0
    written, added = samples(Path("o.wav"), kind), samples(Path("l.wav"), kind)
    original = untouched(source, kind, "--bit-depth", depth)
    if depth != "32f":
        assert np.array_equal(written - added, original)
    else:
        assert (np.abs(written - added - original) <= np.spacing(np.abs(written).astype(np.float32)) / 2).all()


def test_sox_undoes_it(upsample: Command, untouched: Callable[..., np.ndarray], good: Path) -> None:
    """As the documentation says."""
    sox = shutil.which("sox")
    if sox is None:
        pytest.skip("sox is not installed")
    assert upsample(good, "-o", "o.wav", "--layer", "l.wav").status == 0
    subprocess.run([sox, "-D", "-m", "-v", "1", "o.wav", "-v", "-1", "l.wav", "back.wav"], check=True)
    assert np.array_equal(samples(Path("back.wav")), untouched(good, "int32"))


def test_flac_and_its_layer(
    upsample: Command, untouched: Callable[..., np.ndarray], good: Path, tmp_path: Path
) -> None:
    out, layer = tmp_path / "out.flac", tmp_path / "layer.flac"
    assert upsample(good, "-o", out, "--layer", layer).status == 0
    assert np.array_equal(samples(out) - samples(layer), untouched(good, "int32"))


def test_the_output_is_the_same_with_and_without_its_layer(upsample: Command, good: Path, tmp_path: Path) -> None:
    for depth in DEPTHS:
        options = ("--bit-depth", depth, "--overwrite")
        upsample(good, "-o", tmp_path / "alone.wav", *options)
        upsample(good, "-o", tmp_path / "with.wav", "--layer", tmp_path / "l.wav", *options)
        assert (tmp_path / "alone.wav").read_bytes() == (tmp_path / "with.wav").read_bytes()


def test_a_copy_has_a_layer_of_silence(upsample: Command, make: Make, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", np.zeros((24_000, 2)), 48_000)
    ended = upsample(tmp_path / "in.wav", "-o", tmp_path / "o.wav", "--layer", tmp_path / "l.wav", "--json")
    assert ended.results[0]["status"] == "copied"
    assert ended.results[0]["layer"] == str(tmp_path / "l.wav")
    assert samples(tmp_path / "l.wav").shape == (24_000, 2)
    assert not samples(tmp_path / "l.wav").any()


def test_with_a_loudness_it_is_the_input_at_that_gain(upsample: Command, make: Make, tmp_path: Path) -> None:
    source = make(tmp_path / "in.wav", 2.0, 48_000, subtype="PCM_24")
    ended = upsample(
        source,
        "-o",
        tmp_path / "o.wav",
        "--layer",
        tmp_path / "l.wav",
        "--loudness",
        "-30",
        "--true-peak",
        "off",
        "--json",
    )
    (result,) = ended.results
    assert result["status"] == "restored"
    gain = 10 ** (result["loudness_gain_db"] / 20)
    assert gain != 1.0
    rest = (samples(tmp_path / "o.wav") - samples(tmp_path / "l.wav")) / 2**31
    assert np.abs(rest - gain * samples(source) / 2**31).max() < 2**-23


@pytest.mark.parametrize("gain_db", [-6.0, 6.0])
def test_a_gain_of_the_layer(upsample: Command, make: Make, tmp_path: Path, gain_db: float) -> None:
    source = make(tmp_path / "in.wav", 1.0, 48_000, subtype="PCM_24")
    for name, gain in (("whole", 0.0), ("mixed", gain_db)):
        options = ("--layer", tmp_path / f"{name}-l.wav", "--layer-gain", str(gain), "--json")
        (result,) = upsample(source, "-o", tmp_path / f"{name}.wav", *options).results
        rest = samples(tmp_path / f"{name}.wav") - samples(tmp_path / f"{name}-l.wav")
        assert np.array_equal(rest, samples(source)), result
    whole, mixed = (samples(tmp_path / f"{name}-l.wav") / 2**31 for name in ("whole", "mixed"))
    assert np.abs(mixed - 10 ** (gain_db / 20) * whole).max() < 3 * 2**-23


def test_nothing_added_is_a_copy(upsample: Command, good: Path, tmp_path: Path) -> None:
    """No network has touched it, and it does not say so either."""
    ended = upsample(good, "-o", tmp_path / "o.wav", "--layer-gain", "-inf", "--json")
    (result,) = ended.results
    assert result["status"] == "copied"
    assert result["model"] is None
    assert any("its layer is left out" in warning for warning in result["warnings"])
    record = read_record(tmp_path / "o.wav")
    assert record.options["layer_gain_db"] is None
    assert record.output is not None
    assert record.output.synthetic_above_hz is None
    assert b"synthetic" not in (tmp_path / "o.wav").read_bytes()


@pytest.mark.parametrize("text", ["loud", "inf", "nan", "30"])
def test_what_is_no_gain(upsample: Command, good: Path, tmp_path: Path, text: str) -> None:
    ended = upsample(good, "-o", tmp_path / "o.wav", "--layer-gain", text)
    assert ended.status == 2
    assert len(ended.said) == 1
    assert outputs(tmp_path) == ["good.wav"]


def test_it_is_not_taken_for_the_recording(upsample: Command, tmp_path: Path, make: Make) -> None:
    """It says what it is, and has none of the recording's tags."""
    source = make(tmp_path / "in.flac")
    wave, rate = soundfile.read(source)
    with soundfile.SoundFile(source, "w", rate, 1) as file:
        file.title = "My Voice"
        file.write(wave)
    for suffix in ("wav", "flac"):
        out, layer = tmp_path / f"o.{suffix}", tmp_path / f"l.{suffix}"
        assert upsample(source, "-o", out, "--layer", layer).status == 0
        with soundfile.SoundFile(layer) as file:
            assert file.title == ""
            assert file.comment.startswith("Not a recording")
        assert b"My Voice" in out.read_bytes()
        assert b"My Voice" not in layer.read_bytes()


class TestFolder:
    @pytest.fixture
    def tree(self, tmp_path: Path, make: Make) -> Path:
        make(tmp_path / "in" / "a.wav")
        make(tmp_path / "in" / "sub" / "b.flac")
        return tmp_path / "in"

    def run(self, upsample: Command, tree: Path, *options: str | Path) -> Ended:
        return upsample(tree, "-o", tree.parent / "out", "--layer", tree.parent / "layers", "--json", *options)

    def test_the_tree_of_the_outputs_and_resuming(self, upsample: Command, tree: Path, tmp_path: Path) -> None:
        assert self.run(upsample, tree, "--checksums").status == 0
        for name in ("a.wav", "sub/b.wav"):
            written, layer = tmp_path / "out" / name, tmp_path / "layers" / name
            assert samples(written).shape == samples(layer).shape
            assert layer.with_name(layer.name + ".sha256").is_file()
        first, _ = read_journal(tmp_path / "out")
        assert first.layer is not None
        assert first.layer.path == "../layers/a.wav"
        assert first.layer.sha256 == hashlib.sha256((tmp_path / "layers" / "a.wav").read_bytes()).hexdigest()
        again = self.run(upsample, tree)
        assert [result["warnings"] for result in again.results] == [[DONE_BEFORE]] * 2

    def test_an_output_without_its_layer_is_not_done(self, upsample: Command, tree: Path, tmp_path: Path) -> None:
        assert upsample(tree, "-o", tmp_path / "out").status == 0, "without layers"
        before = (tmp_path / "out" / "a.wav").read_bytes()
        assert [r["status"] for r in self.run(upsample, tree).results] == ["restored"] * 2
        assert (tmp_path / "out" / "a.wav").read_bytes() == before
        (tmp_path / "layers" / "sub" / "b.wav").unlink()
        assert [r["status"] for r in self.run(upsample, tree).results] == ["skipped", "restored"]
        (tmp_path / "out" / "a.wav").unlink()
        assert [r["status"] for r in self.run(upsample, tree).results] == ["restored", "skipped"]
        skipped = upsample(tree, "-o", tmp_path / "out", "--json")
        assert [r["status"] for r in skipped.results] == ["skipped"] * 2, "who wants no layer needs none"

    def test_another_gain_is_another_output(self, upsample: Command, tree: Path, tmp_path: Path) -> None:
        self.run(upsample, tree)
        before = (tmp_path / "layers" / "a.wav").read_bytes()
        assert [r["status"] for r in self.run(upsample, tree, "--layer-gain", "-6").results] == ["restored"] * 2
        assert (tmp_path / "layers" / "a.wav").read_bytes() != before

    def test_a_layer_of_somebody_else_stays(self, upsample: Command, tree: Path, tmp_path: Path) -> None:
        layer = tmp_path / "layers" / "a.wav"
        layer.parent.mkdir()
        layer.write_bytes(b"precious")
        first, second = self.run(upsample, tree).results
        assert first["status"] == "skipped"
        assert str(layer) in first["warnings"][0]
        assert second["status"] == "restored"
        assert layer.read_bytes() == b"precious"
        assert not (tmp_path / "out" / "a.wav").exists()
        assert self.run(upsample, tree, "--overwrite").status == 0
        assert samples(layer).any()

    def test_a_layer_that_was_changed_stays(self, upsample: Command, tree: Path, tmp_path: Path) -> None:
        self.run(upsample, tree)
        layer = tmp_path / "layers" / "a.wav"
        layer.write_bytes(b"my own")
        first, _ = self.run(upsample, tree).results
        assert first["status"] == "skipped"
        assert layer.read_bytes() == b"my own"

    def test_verify_report_premis_and_bag_know_it(
        self, upsample: Command, hifisr: Command, tree: Path, tmp_path: Path
    ) -> None:
        bag = tmp_path / "bag"
        layers = bag / "data" / "layers"
        assert upsample(tree, "-o", bag, "--layer", layers, "--bagit", "--premis", "--report").status == 0
        manifest = (bag / "manifest-sha256.txt").read_text("utf-8")
        (first, _) = read_journal(bag)
        assert first.layer is not None
        assert f"{first.layer.sha256}  data/layers/a.wav\n" in manifest
        assert "data/layers/a.wav" in "".join(to_premis(read_journal(bag)))
        assert first.layer.sha256 in (bag / "report.html").read_text("utf-8")
        assert hifisr("verify", bag).status == 0
        (layers / "a.wav").unlink()
        ended = hifisr("verify", bag)
        assert ended.status == 10
        assert "data/layers/a.wav" in ended.out
        outside = upsample(tree, "-o", bag, "--layer", bag / "elsewhere")
        assert outside.status == 2
        assert len(outside.said) == 1

    @pytest.mark.parametrize("before", [True, False], ids=["layer", "output"])
    def test_an_end_between_the_two_is_mended(
        self, upsample: Command, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bool
    ) -> None:
        """A kill after one has its name, or after both have and nobody knows of it: no cleaning up in between."""
        shown: list[EncodedFile] = []

        def commit(file: EncodedFile) -> None:
            real(file)
            shown.append(file)
            if len(shown) == (1 if before else 2):
                raise KeyboardInterrupt

        real = EncodedFile.commit
        with monkeypatch.context() as patch:
            patch.setattr(EncodedFile, "commit", commit)
            patch.setattr(EncodedFile, "withdraw", lambda _file: None)
            patch.setattr("hifisr_cli.batch.history.lock.FolderLock.release", lambda lock: os.close(lock.fd))
            assert self.run(upsample, tree).status == 130
        assert (tmp_path / "layers" / "a.wav").is_file()
        assert (tmp_path / "out" / "a.wav").is_file() is not before
        made = (tmp_path / "layers" / "a.wav").stat().st_ino
        assert [r["status"] for r in self.run(upsample, tree).results] == ["restored"] * 2
        assert (tmp_path / "layers" / "a.wav").stat().st_ino == made, "it is what it would be made again"
        assert [r["status"] for r in self.run(upsample, tree).results] == ["skipped"] * 2
        assert not leftovers(tmp_path)

    def test_a_failure_leaves_neither(
        self, upsample: Command, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The output cannot get its name: the layer, which has its own already, is taken back."""
        real = EncodedFile.commit
        shown: list[EncodedFile] = []

        def commit(file: EncodedFile) -> None:
            shown.append(file)
            if len(shown) % 2 == 0:
                raise OSError(28, "No space left on device")
            real(file)

        monkeypatch.setattr(EncodedFile, "commit", commit)
        assert self.run(upsample, tree).status != 0
        assert not list((tmp_path / "layers").rglob("*.*"))
        assert not leftovers(tmp_path)

    @pytest.mark.posix
    def test_killed_for_good(
        self, tree: Path, tmp_path: Path, quick: Sequence[str], environment: Mapping[str, str], upsample: Command
    ) -> None:
        """A real process and a real SIGKILL, when the first layer stands."""
        arguments = [tree, "-o", tmp_path / "out", "--layer", tmp_path / "layers"]
        command = [*PYTHON_M, "upsample", *quick, *map(str, arguments)]
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        while process.poll() is None and not (tmp_path / "layers" / "a.wav").exists():
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert self.run(upsample, tree).status == 0
        for name in ("a.wav", "sub/b.wav"):
            assert samples(tmp_path / "out" / name).shape == samples(tmp_path / "layers" / name).shape
        assert len(read_journal(tmp_path / "out")) == 2
        assert not leftovers(tmp_path)

    def test_in_place(self, upsample: Command, tree: Path, tmp_path: Path) -> None:
        options = ("--in-place", "--layer", tree / "layers", "--json")
        results = upsample(tree, *options).results
        assert [result["status"] for result in results] == ["restored"] * 2
        assert samples(tree / "layers" / "a.wav").any()
        again = upsample(tree, *options).results
        assert [result["status"] for result in again] == ["skipped"] * 2, "layers are no recordings to be restored"

    def test_workers_write_it(self, upsample: Command, tree: Path, tmp_path: Path) -> None:
        assert self.run(upsample, tree).status == 0
        two = upsample(tree, "-o", tmp_path / "out2", "--layer", tmp_path / "layers2", "--jobs", "2")
        assert two.status == 0
        for name in ("a.wav", "sub/b.wav"):
            assert (tmp_path / "layers" / name).read_bytes() == (tmp_path / "layers2" / name).read_bytes()


class TestStreams:
    def test_from_a_stream_into_a_stream(
        self, spawn: Spawn, quick: Sequence[str], make: Make, tmp_path: Path, hifisr: Command
    ) -> None:
        source = make(tmp_path / "in.wav", 1.0)
        layer, record = tmp_path / "layer.wav", tmp_path / "record.json"
        options = ("-", "-o", "-", "--layer", layer, "--record", record)
        ended = spawn("upsample", *quick, *options, input=source.read_bytes())
        assert ended.returncode == 0, ended.stderr
        whole = spawn("upsample", *quick, "-", "-o", "-", "--layer-gain", "-inf", input=source.read_bytes())
        assert np.array_equal(samples(ended.stdout) - samples(layer), samples(whole.stdout))
        assert load(record)["layer"]["sha256"] == hashlib.sha256(layer.read_bytes()).hexdigest()
        (tmp_path / "kept.wav").write_bytes(ended.stdout)
        assert hifisr("verify", tmp_path / "kept.wav", "--record", record).status == 0
        layer.write_bytes(b"")
        assert hifisr("verify", tmp_path / "kept.wav", "--record", record).status == 10

    @pytest.mark.parametrize("kind", ["wav", "flac", "raw"])
    def test_of_a_stream_without_a_length(
        self, spawn: Spawn, quick: Sequence[str], make: Make, tmp_path: Path, kind: str
    ) -> None:
        """The file of the layer states it all the same."""
        source, layer = make(tmp_path / "in.wav", 2.0, 8_000, subtype="PCM_16"), tmp_path / f"l.{kind}"
        options = ("-", "-o", "-", "--raw", "8000,1,s16le", "--measure", "1", "--format", kind, "--layer", layer)
        ended = spawn("upsample", *quick, *options, input=source.read_bytes()[44:])
        assert ended.returncode == 0, ended.stderr
        if kind == "raw":
            assert len(ended.stdout) == layer.stat().st_size == 3 * 96_000
            return
        assert samples(layer).shape == (96_000, 1)
        if kind == "wav":
            assert int.from_bytes(ended.stdout[4:8], "little") == 0xFFFF_FFFF
            assert int.from_bytes(layer.read_bytes()[4:8], "little") == layer.stat().st_size - 8

    def test_a_reader_that_leaves_leaves_no_layer(
        self, environment: Mapping[str, str], quick: Sequence[str], make: Make, tmp_path: Path
    ) -> None:
        source = make(tmp_path / "in.wav", 12.0)
        command = [*PYTHON_M, "upsample", *quick, str(source), "-o", "-", "--layer", str(tmp_path / "l.wav")]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait() == 141
        assert not (tmp_path / "l.wav").exists()
        assert not leftovers(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("good.wav", "-o", "out.wav", "--layer", "-"), "goes into a file"),
        (("good.wav", "-o", "out.wav", "--layer", ""), "goes into a file"),
        (("good.wav", "-o", "out.wav", "--layer", "out.wav"), "the place of an output"),
        (("good.wav", "-o", "out.wav", "--layer", "./in/../out.wav"), "the place of an output"),
        (("good.wav", "-o", "out.wav", "--layer", "good.wav", "--overwrite"), "the place of an input"),
        (("good.wav", "-o", "out.wav", "--layer", "layer.flac"), "format of the output"),
        (("good.wav", "-o", "-", "--layer", "layer.flac"), "format of the output"),
        (("good.wav", "-o", "out.wav", "--layer", "in"), "goes into a file"),
        (("good.wav", "-o", "out.wav", "--layer", "l.wav", "--record", "l.wav"), "the place of the layer"),
        (("in", "-o", "out", "--layer", "l.wav"), "in a folder"),
        (("in", "-o", "out", "--layer", "-"), "need a folder"),
        (("in", "-o", "out", "--layer", "out"), "is the output folder"),
        (("in", "-o", "out", "--layer", "in"), "is the input folder"),
        (("in", "-o", "out", "--layer", "good.wav"), "need a folder"),
        (("in", "--in-place", "--layer", "in"), "is the output folder"),
        (("in", "--in-place", "--backup-dir", "b", "--layer", "b"), "is the backup folder"),
        (("in", "-o", ".", "--layer", "in"), "is the input folder"),
    ],
    ids=lambda value: " ".join(value[2:]) if isinstance(value, tuple) else "",
)
def test_what_it_cannot_be(upsample: Command, good: Path, make: Make, arguments: tuple[str, ...], said: str) -> None:
    """One line before any work, and nothing is written."""
    make(Path("in") / "a.wav")
    content = good.read_bytes()
    before = sorted(Path().rglob("*"))
    ended = upsample(*arguments)
    assert ended.status == 2
    (line,) = ended.said
    assert said in line
    assert sorted(Path().rglob("*")) == before
    assert good.read_bytes() == content


def test_a_layer_that_is_there_is_replaced_on_request_only(upsample: Command, good: Path, tmp_path: Path) -> None:
    layer = tmp_path / "layer.wav"
    layer.write_bytes(b"precious")
    options = (good, "-o", tmp_path / "out.wav", "--layer", layer)
    ended = upsample(*options)
    assert ended.status == 3
    assert "the layer exists already" in ended.err
    assert layer.read_bytes() == b"precious"
    assert not (tmp_path / "out.wav").exists()
    assert upsample(*options, "--overwrite").status == 0
    assert samples(layer).any()

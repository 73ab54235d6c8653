"""What goes where: results, audio, progress, logs, and what a reader that leaves does."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.results import FileResult, RunSummary
from tests.cli.runs.conftest import PYTHON_M, Command, Ended, Make, Spawn, leftovers


def test_json_speaks_json_only(upsample: Command, make: Make, tmp_path: Path) -> None:
    make(tmp_path / "in" / "a.wav")
    make(tmp_path / "in" / "b.flac")
    (tmp_path / "in" / "c.mp3").write_text("not audio")
    ended = upsample(tmp_path / "in", "-o", tmp_path / "out", "--json")
    assert ended.status == 3
    assert [Path(result["input"]).name for result in ended.results] == ["a.wav", "b.flac", "c.mp3"]
    assert [result["status"] for result in ended.results] == ["restored", "restored", "failed"]
    assert {message["version"] for message in ended.results + ended.events} == {1}
    assert ended.results[2]["error"]["code"] == "not-audio"
    assert ended.results[0]["info"]["sample_rate"] == 8_000
    assert ended.results[0]["seconds"] == 0.5
    summary = ended.events[-1]
    assert (summary["event"], summary["files"], summary["restored"], summary["failed"]) == ("summary", 3, 2, 1)
    assert [event["event"] for event in ended.events].count("finished") == 3
    shares = [event["share_of_run"] for event in ended.events if "share_of_run" in event]
    assert all(0 <= share <= 1 for share in shares)


def test_json_of_a_failed_run_ends_with_the_error(upsample: Command, good: Path) -> None:
    ended = upsample(good, "-o", good.parent / "out", "--json", "--device", "cuda:99")
    assert ended.status == 6
    assert (ended.events[-1]["event"], ended.events[-1]["code"]) == ("error", "device")
    assert ended.events[-1]["exit_status"] == 6


def test_json_of_what_it_cannot_hold() -> None:
    """Infinities, NaN and bytes that are no text."""
    import json

    from hifisr_cli.cli.render import result_json, summary_fields

    result = FileResult(
        "caf\udce9\n.wav",
        None,
        "restored",
        seconds=float("nan"),
        kept_band_error_db=float("-inf"),
        gain_db=float("inf"),
    )
    line = result_json(result)
    assert line.isascii()
    assert "\n" not in line
    fields = json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert (fields["seconds"], fields["kept_band_error_db"], fields["gain_db"]) == (None, None, None)
    assert fields["input"] == "caf\\xe9\n.wav"
    assert summary_fields(RunSummary((result,), 0.0))["times_real_time"] == 0.0


def test_json_of_an_identical_output(upsample: Command, tmp_path: Path) -> None:
    """Silence comes out as it went in: -inf dB of error, which JSON does not have."""
    soundfile.write(tmp_path / "silence.wav", np.zeros((4_000, 2)), 8_000)
    ended = upsample(tmp_path / "silence.wav", "-o", tmp_path / "out", "--json")
    assert ended.status == 0
    assert "Infinity" not in ended.out
    assert "NaN" not in ended.out
    assert ended.results[0]["status"] == "copied"


def read(data: bytes) -> np.ndarray:
    wave, rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    assert rate == 48_000
    return wave.T


def test_stdout_is_a_clean_recording(spawn: Spawn, quick: Sequence[str], make: Make, tmp_path: Path) -> None:
    source = make(tmp_path / "in.wav", channels=2)
    ended = spawn("upsample", *quick, source, "-o", "-")
    assert ended.returncode == 0
    assert read(ended.stdout).shape == (2, 24_000)
    assert b"restored" in ended.stderr
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is not None:
        heard = subprocess.run(
            [ffmpeg, "-v", "error", "-i", "-", "-f", "f32le", "-"], input=ended.stdout, capture_output=True, check=True
        )
        assert not heard.stderr
        assert len(heard.stdout) == 2 * 24_000 * 4
    assert os.listdir(tmp_path) == ["in.wav"]  # noqa: PTH208


def test_stdin_and_stdout(spawn: Spawn, quick: Sequence[str], make: Make, tmp_path: Path) -> None:
    source = make(tmp_path / "in.flac", 1.0, 16_000)
    ended = spawn("upsample", *quick, "-", "-o", "-", input=source.read_bytes())
    assert ended.returncode == 0
    assert read(ended.stdout).shape == (1, 48_000)


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "ogg"])
def test_stdin(upsample: Command, feed: Callable[[bytes], None], make: Make, tmp_path: Path, kind: str) -> None:
    source = make(tmp_path / f"in.{kind}", 1.0, 16_000)
    feed(source.read_bytes())
    ended = upsample("-", "-o", tmp_path / "out.flac")
    assert ended.status == 0
    assert ended.said[0].startswith("restored  - -> ")
    assert soundfile.info(tmp_path / "out.flac").frames == 3 * soundfile.info(source).frames


def test_stdin_is_named_by_its_dash(upsample: Command, feed: Callable[[bytes], None], tmp_path: Path) -> None:
    for data, reason in ((b"this is not a recording", "cannot be decoded"), (b"", "empty")):
        feed(data)
        ended = upsample("-", "-o", tmp_path / "out")
        assert ended.status == 3
        assert ended.said[0].startswith("failed    -: ")
        assert reason in ended.said[0]
        assert "hifisr-" not in ended.err
        assert [path.name for path in (tmp_path / "out").iterdir()] == ["hifisr-journal.jsonl"]


@pytest.mark.posix
def test_a_reader_that_leaves(environment: Mapping[str, str], quick: Sequence[str], make: Make, tmp_path: Path) -> None:
    source = make(tmp_path / "in.wav", 5.0)
    work = subprocess.Popen(
        [*PYTHON_M, "upsample", *quick, source, "-o", "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=environment,
    )  # fmt: skip
    head = subprocess.run(["head", "-c", "100"], stdin=work.stdout, capture_output=True, check=True)
    assert work.stdout is not None
    work.stdout.close()
    _, said = work.communicate(timeout=60)
    assert head.stdout.startswith(b"RIFF")
    assert work.returncode in (141, -13)
    assert b"Traceback" not in said
    assert b"Exception ignored" not in said
    assert b"Broken" not in said


def test_json_to_a_reader_that_leaves(
    environment: Mapping[str, str], quick: Sequence[str], make: Make, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        make(tmp_path / "in" / f"{name}.wav")
    reading, writing = os.pipe()
    os.close(reading)
    work = subprocess.run(
        [*PYTHON_M, "upsample", *quick, tmp_path / "in", "-o", tmp_path / "out", "--json"],
        stdout=writing, stderr=subprocess.PIPE, env=environment, check=False,
    )  # fmt: skip
    os.close(writing)
    assert work.returncode == 141
    assert b"Traceback" not in work.stderr
    assert b"Exception ignored" not in work.stderr
    assert not leftovers(tmp_path)


def test_dry_run_writes_nothing_and_loads_no_network(
    spawn: Spawn, quick: Sequence[str], make: Make, tmp_path: Path, environment: Mapping[str, str]
) -> None:
    make(tmp_path / "in" / "deep" / "a.wav", 1.0, channels=2)
    make(tmp_path / "in" / "b.flac", 2.0, 48_000)
    (tmp_path / "in" / "c.wav").write_text("not audio")
    code = (
        "import sys; from hifisr_cli.__main__ import main; status = main();"
        "print('torch' in sys.modules, file=sys.stderr); sys.exit(status)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, "upsample", *quick, "in", "-o", "out", "--dry-run"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 3
    assert ended.stderr.splitlines()[-1] == "False"
    assert not (tmp_path / "out").exists()
    rows = {
        line.partition("in/")[2].partition(" ")[0]: line for line in ended.stdout.replace(os.sep, "/").splitlines()[1:]
    }
    assert ended.stdout.split()[:5] == ["status", "rate", "channels", "duration", "cutoff"]
    deep = rows["deep/a.wav"]
    for part in ("planned", "8000 Hz", " 2 ", "1.0 s", "kHz", "-> out/deep/a.wav"):
        assert part in deep
    assert "48000 Hz" in rows["b.flac"]
    assert "-> out/b.wav" in rows["b.flac"]
    assert "failed" in rows["c.wav:"]


def test_dry_run_as_json(upsample: Command, good: Path) -> None:
    ended = upsample(good, "-o", good.parent / "out", "--dry-run", "--json")
    assert ended.status == 0
    assert [(result["status"], result["codec"]) for result in ended.results] == [("planned", "PCM_24")]
    assert ended.events[-1]["planned"] == 1
    assert not (good.parent / "out").exists()


def test_quiet_is_silent(upsample: Command, good: Path, tmp_path: Path) -> None:
    ended = upsample(good, "-o", tmp_path / "out", "--quiet")
    assert ended == Ended(0, "", "")
    (tmp_path / "bad.wav").write_text("not audio")
    ended = upsample(good, tmp_path / "bad.wav", "-o", tmp_path / "out2", "--quiet")
    assert (ended.status, ended.out, len(ended.said)) == (3, "", 1)
    assert "bad.wav" in ended.err


def test_a_log_has_lines_and_no_control_characters(upsample: Command, good: Path, tmp_path: Path) -> None:
    ended = upsample(good, "-o", tmp_path / "out")
    assert (ended.status, ended.out) == (0, "")
    assert all(character.isprintable() or character == "\n" for character in ended.err)
    assert ended.said[0].startswith(f"restored  {good} -> {tmp_path / 'out' / 'good.wav'} (cutoff ")
    assert ended.said[-1].startswith("1 restored; 0.5 s of audio in ")
    assert "x real time" in ended.said[-1]


def test_many_files_do_not_flood_the_log(upsample: Command, make: Make, tmp_path: Path) -> None:
    for index in range(22):
        soundfile.write(make(tmp_path / "in" / f"{index}.wav", 0.01), np.zeros(80), 8_000)
    (tmp_path / "in" / "bad.wav").write_text("not audio")
    ended = upsample(tmp_path / "in", "-o", tmp_path / "out")
    assert len([line for line in ended.said if line.startswith("copied")]) == 0
    assert any("bad.wav: cannot be decoded" in line for line in ended.said)
    assert any(line.startswith("22 copied, 1 failed") for line in ended.said)
    ended = upsample(tmp_path / "in", "-o", tmp_path / "out2", "--verbose")
    assert len([line for line in ended.said if line.startswith("copied")]) == 22
    ended = upsample(tmp_path / "in", "-o", tmp_path / "out")
    assert any("22 skipped" in line for line in ended.said)


def test_a_log_hears_of_a_long_file_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    """The clock of tqdm's is moved instead of waited for."""
    from hifisr_cli.cli import bars
    from hifisr_cli.results import FileFinished, FileProgressed, FileStarted

    log = bars.Log([1_000], lines="all")
    log._bar._time = lambda: moment  # type: ignore[attr-defined]
    moment = log._bar.start_t
    log(FileStarted(0, 1, "a.wav", None))
    for second in range(60):
        moment += 1
        log(FileProgressed(0, "a.wav", "restore", float(second), 60.0))
    log(FileFinished(0, 1, FileResult("a.wav", "b.wav", "restored", seconds=60.0)))
    said = capsys.readouterr().err.splitlines()
    assert 4 <= len([line for line in said if "%|" in line.replace(" ", "")]) <= 7
    assert all("\r" not in line for line in said)
    assert said[-1].startswith("restored")


def test_progress_adds_up() -> None:
    from hifisr_cli.cli.meter import Meter
    from hifisr_cli.results import FileFinished, FileProgressed, FileStarted

    meter = Meter([3_000, 1_000, 0, 6_000])
    shares = []
    for index, status in enumerate(("restored", "skipped", "failed", "copied")):
        meter.take(FileStarted(index, 4, "x", None))
        shares.append(meter.whole)
        if status in ("restored", "copied"):
            meter.take(FileProgressed(index, "x", "survey", 1.0, None))
            meter.take(FileProgressed(index, "x", "restore", 1.0, 2.0))
            shares.append(meter.whole)
        meter.take(FileFinished(index, 4, FileResult("x", None, status, seconds=2.0)))  # type: ignore[arg-type]
        shares.append(meter.whole)
    assert shares == sorted(shares)
    assert shares[0] == 0.0
    assert shares[-1] == 1.0
    assert meter.files_done == 4
    assert meter.times_real_time > 0


@pytest.mark.posix
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("arguments", [["-o", "-"], ["-o", "out", "--json"], ["-o", "out", "--dry-run"]])
def test_standard_output_on_a_full_disk(
    spawn: Spawn, quick: Sequence[str], good: Path, tmp_path: Path, arguments: list[str]
) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = spawn("upsample", *quick, good, *arguments, cwd=tmp_path, stdout=full, capture_output=False,
                      stderr=subprocess.PIPE)  # fmt: skip
    assert ended.returncode == 7
    assert b"no space left on device" in ended.stderr
    assert b"Traceback" not in ended.stderr


@pytest.mark.posix
@pytest.mark.parametrize(
    ("redirection", "output", "status"),
    [("2>&-", "-", 0), (">&-", "-", 2), ("<&- >&- 2>&-", "out.wav", 0)],
)
def test_closed_streams(
    environment: Mapping[str, str], quick: Sequence[str], good: Path, *, redirection: str, output: str, status: int
) -> None:
    """What is opened next gets their numbers, and print() looks for another stream: neither may end in the audio."""
    ended = subprocess.run(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", *PYTHON_M, "upsample", *quick, good, "-o", output],
        cwd=good.parent, env=environment, capture_output=True, check=False,
    )  # fmt: skip
    assert ended.returncode == status
    assert b"Traceback" not in ended.stderr
    if status == 0 and output == "-":
        assert read(ended.stdout).shape == (1, 24_000)
        assert len(ended.stdout) == 24_000 * 3 + ended.stdout.index(b"data") + 8
    elif status == 0:
        assert not ended.stdout
        assert soundfile.info(good.parent / "out.wav").frames == 24_000


@pytest.mark.posix
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no disk that is always full")
@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["models", "list"]])
@pytest.mark.parametrize(("redirection", "status"), [("> /dev/full", 7), (">&-", 0)])
def test_answers_that_nobody_gets(
    environment: Mapping[str, str], arguments: list[str], redirection: str, status: int
) -> None:
    ended = subprocess.run(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", *PYTHON_M, *arguments],
        env=environment, capture_output=True, check=False,
    )  # fmt: skip
    assert ended.returncode == status
    assert ended.stderr == (b"hifisr: no space left on device\n" if status else b"")


@pytest.mark.posix
def test_an_inspection_that_nobody_sees(environment: Mapping[str, str], good: Path) -> None:
    ended = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *PYTHON_M, "inspect", good],
        env=environment, capture_output=True, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_a_decoders_own_words_are_not_ours(spawn: Spawn, quick: Sequence[str], tmp_path: Path) -> None:
    """An MP3 file whose header states a wrong size: libmpg123 says so on standard error."""
    path = tmp_path / "a.mp3"
    tone = 0.2 * np.sin(2 * np.pi * 300 * np.arange(16_000) / 8_000)
    soundfile.write(path, tone, 8_000, format="MP3", bitrate_mode="VARIABLE", compression_level=0.5)
    data = bytearray(path.read_bytes())
    size = data.index(b"Xing") + 12
    data[size : size + 4] = (5).to_bytes(4, "big")
    path.write_bytes(data)
    alone = subprocess.run(
        [sys.executable, "-c", f"import soundfile; soundfile.read({str(path)!r})"], capture_output=True, check=True
    )
    if not alone.stderr:
        pytest.skip("this decoder says nothing of such a file")
    asked = spawn("inspect", "--json", path)
    for line in asked.stderr.splitlines():
        json.loads(line)
    assert json.loads(asked.stdout)["error"] is None
    restored = spawn("upsample", *quick, "-q", path, "-o", tmp_path / "out.wav")
    assert (restored.returncode, restored.stdout, restored.stderr) == (0, b"", b"")
    (tmp_path / "in").mkdir()
    path.rename(tmp_path / "in" / "a.mp3")
    by_workers = spawn("upsample", *quick, "-q", "--jobs", "1", tmp_path / "in", "-o", tmp_path / "out")
    assert (by_workers.returncode, by_workers.stderr) == (0, b"")

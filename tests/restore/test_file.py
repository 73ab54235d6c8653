"""From file to file: what users may rely on, with the shipped model where it matters and stand-ins elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from hifisr_cli.audio.resample import resample
from hifisr_cli.engines.load import load_model
from hifisr_cli.engines.protocol import Engine, WindowBatch
from hifisr_cli.errors import EmptyAudioError, NonFiniteError, NotAudioError, OutputExistsError
from hifisr_cli.restore.array import restore_array
from hifisr_cli.restore.file import RestoreOptions, plan_file, restore_file
from hifisr_cli.results import FileResult
from tests.restore.conftest import Unchanged

Wave = np.ndarray
Speech = Callable[..., Wave]

RATES = (4000, 8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000)


@pytest.fixture(scope="session")
def shipped() -> Engine:
    return load_model(device="cpu")


def narrow_speech(speech_like: Speech, seconds: float, rate: int, channels: int = 1) -> Wave:
    """Speech at any rate whose content ends well below full band: [C, T]."""
    wide = speech_like(seconds, 48_000, channels=channels, cutoff_hz=min(0.45 * rate, 6_000))
    return resample(wide, 48_000, rate) if rate != 48_000 else wide


def write(path: Path, wave: Wave, rate: int, subtype: str = "FLOAT") -> Path:
    soundfile.write(path, wave.T, rate, subtype=subtype)
    return path


def read(path: Path) -> Wave:
    wave, rate = soundfile.read(path, dtype="float64", always_2d=True)
    assert rate == 48_000
    return wave.T


def run(source: Path, model: Engine, *, name: str = "out.wav", **options: object) -> tuple[Wave, FileResult]:
    target = source.parent / name
    options = {"bit_depth": "32f", "overwrite": True} | options
    result = restore_file(source, target, model=model, options=RestoreOptions(**options))  # type: ignore[arg-type]
    return read(target), result


def level_db(wave: Wave) -> float:
    return float(10 * np.log10(np.mean(np.square(wave)) + 1e-30))


def difference_db(a: Wave, b: Wave) -> float:
    return level_db(a - b) - level_db(b)


@pytest.mark.parametrize("rate", RATES)
def test_length_and_rate(tmp_path: Path, tiny_model: Engine, speech_like: Speech, rate: int) -> None:
    wave = narrow_speech(speech_like, 0.5, rate)[:, : rate // 3 + 7]
    output, result = run(write(tmp_path / "in.wav", wave, rate), tiny_model)
    assert output.shape == (1, (2 * wave.shape[1] * 48_000 + rate) // (2 * rate))
    assert result.seconds == wave.shape[1] / rate


@pytest.mark.parametrize("channels", [1, 2, 3, 8, 10])
def test_channels_are_kept_in_order(tmp_path: Path, tiny_model: Engine, speech_like: Speech, channels: int) -> None:
    wave = narrow_speech(speech_like, 0.5, 16_000)
    gains = np.linspace(1.0, 0.3, channels)[:, None].astype(np.float32)
    output, _ = run(write(tmp_path / "in.wav", wave * gains, 16_000), tiny_model)
    original = resample(wave * gains, 16_000)
    assert output.shape == original.shape
    for channel in range(channels):
        correlations = [np.corrcoef(output[channel], gain * original[0])[0, 1] for gain in (1.0,)]
        assert correlations[0] > 0.5
        assert difference_db(lowpassed(output[channel]), lowpassed(original[channel])) < -60


def lowpassed(wave: Wave, edge_hz: float = 2_000.0) -> Wave:
    spectrum = np.fft.rfft(wave)
    spectrum[..., int(edge_hz * wave.shape[-1] / 48_000) :] = 0
    return np.fft.irfft(spectrum, wave.shape[-1])


def test_equal_channels_come_out_equal(tmp_path: Path, shipped: Engine, speech_like: Speech) -> None:
    wave = narrow_speech(speech_like, 1.0, 8_000)
    (left, right), _ = run(write(tmp_path / "in.wav", np.concatenate([wave, wave]), 8_000), shipped)
    assert np.array_equal(left, right)


@pytest.mark.parametrize("rate", [8_000, 22_050, 48_000])
def test_kept_band_is_the_input(tmp_path: Path, shipped: Engine, speech_like: Speech, rate: int) -> None:
    """The reported figure, and the same measured independently, up to where the result says it is whole."""
    wave = narrow_speech(speech_like, 2.0, rate)
    output, result = run(write(tmp_path / "in.wav", wave, rate), shipped, bit_depth="24")
    assert result.status == "restored"
    assert result.bandwidth is not None
    assert result.kept_band_error_db is not None
    assert result.kept_band_error_db < -60
    assert result.kept_hz is not None
    assert 0.9 * result.bandwidth.cutoff_hz <= result.kept_hz < result.bandwidth.cutoff_hz
    original = resample(wave, rate).astype(np.float64)
    window = np.hanning(output.shape[1])
    bins = int(result.kept_hz * output.shape[1] / 48_000)
    error = np.fft.rfft((output - original) * window)[:, :bins]
    energy = np.fft.rfft(original * window)[:, :bins]
    assert 10 * np.log10(np.sum(np.abs(error) ** 2) / np.sum(np.abs(energy) ** 2)) < -60


def test_something_is_restored_above_the_cutoff(tmp_path: Path, shipped: Engine, speech_like: Speech) -> None:
    wave = narrow_speech(speech_like, 2.0, 8_000)
    output, _ = run(write(tmp_path / "in.wav", wave, 8_000), shipped)
    high = output - lowpassed(output, 4_000)
    assert level_db(high) - level_db(output) > -50


@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_twenty_db_less_in_is_twenty_db_less_out(
    tmp_path: Path, shipped: Engine, speech_like: Speech, rate: int
) -> None:
    wave = narrow_speech(speech_like, 2.0, rate)
    loud, _ = run(write(tmp_path / "loud.wav", wave, rate), shipped)
    quiet, _ = run(write(tmp_path / "quiet.wav", 0.1 * wave, rate), shipped)
    edge = rate // 2
    for part in (slice(0, edge), slice(edge, 20_000)):
        bins = slice(part.start * loud.shape[1] // 48_000, part.stop * loud.shape[1] // 48_000)
        levels = [level_db(np.abs(np.fft.rfft(wave)[:, bins])) for wave in (loud, quiet)]
        assert levels[0] - levels[1] == pytest.approx(20.0, abs=0.1)


def test_appended_silence_changes_nothing_before_it(tmp_path: Path, shipped: Engine, speech_like: Speech) -> None:
    wave = narrow_speech(speech_like, 2.0, 16_000)
    alone, _ = run(write(tmp_path / "alone.wav", wave, 16_000), shipped)
    longer = np.pad(wave, ((0, 0), (0, 48_000)))
    followed, _ = run(write(tmp_path / "longer.wav", longer, 16_000), shipped)
    inner = slice(0, alone.shape[1] - 2_000)  # the resampler rings across the very end
    assert difference_db(followed[:, inner], alone[:, inner]) < -60


@pytest.mark.parametrize("chunk_seconds", [1.0, 2.0, 5.0, 10.0])
def test_chunking_cannot_be_measured(
    tmp_path: Path, shipped: Engine, speech_like: Speech, chunk_seconds: float
) -> None:
    source = write(tmp_path / "in.wav", narrow_speech(speech_like, 12.0, 8_000), 8_000)
    whole, _ = run(source, shipped, chunk_seconds=60.0)
    chunked, _ = run(source, shipped, chunk_seconds=chunk_seconds)
    assert difference_db(chunked, whole) < -100
    high = [wave - lowpassed(wave, 4_000) for wave in (chunked, whole)]
    assert difference_db(*high) < -60


def test_same_bytes_twice_and_for_any_batch_size(tmp_path: Path, shipped: Engine, speech_like: Speech) -> None:
    source = write(tmp_path / "in.wav", narrow_speech(speech_like, 3.0, 8_000, 2), 8_000)
    first, _ = run(source, shipped, name="a.wav", chunk_seconds=0.8)
    run(source, shipped, name="b.wav", chunk_seconds=0.8)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    batched, _ = run(source, shipped, chunk_seconds=0.8, batch_size=5)
    assert np.abs(batched - first).max() < 1e-5


def test_wide_file_with_narrow_content_is_restored_like_a_narrow_file(
    tmp_path: Path, shipped: Engine, speech_like: Speech
) -> None:
    wave = speech_like(4.0, 48_000, cutoff_hz=4_000)
    _, result = run(write(tmp_path / "in.wav", wave, 48_000, "PCM_24"), shipped)
    assert result.status == "restored"
    assert result.bandwidth is not None
    assert result.bandwidth.cutoff_hz == pytest.approx(4_000, rel=0.08)


def test_full_band_is_copied_through_with_a_note(tmp_path: Path, tiny_model: Engine, speech_like: Speech) -> None:
    wave = speech_like(3.0, 48_000)
    output, result = run(write(tmp_path / "in.wav", wave, 48_000, "PCM_24"), tiny_model, bit_depth="keep")
    assert result.status == "copied"
    assert any("full band" in warning for warning in result.warnings)
    assert np.array_equal(output, read(tmp_path / "in.wav"))


@pytest.mark.parametrize("samples", [1, 2, 50, 479, 481, 5_000])
@pytest.mark.parametrize("rate", [8_000, 48_000])
def test_files_shorter_than_a_window(tmp_path: Path, tiny_model: Engine, samples: int, rate: int) -> None:
    wave = 0.1 * np.random.default_rng(samples).standard_normal((1, samples)).astype(np.float32)
    output, _ = run(write(tmp_path / "in.wav", wave, rate), tiny_model)
    assert output.shape[1] == (2 * samples * 48_000 + rate) // (2 * rate)
    assert np.isfinite(output).all()


def test_silence_stays_silence(tmp_path: Path, tiny_model: Engine) -> None:
    output, result = run(write(tmp_path / "in.wav", np.zeros((2, 8_000), np.float32), 8_000), tiny_model)
    assert not output.any()
    assert result.status == "copied"


def test_overs_are_limited_not_wrapped(tmp_path: Path, tiny_model: Engine, speech_like: Speech) -> None:
    wave = narrow_speech(speech_like, 1.0, 16_000)
    wave *= 1.5 / np.abs(wave).max()
    output, result = run(write(tmp_path / "in.wav", wave, 16_000), tiny_model, bit_depth="16")
    original = resample(wave, 16_000)
    over = np.abs(original) > 1.2
    assert over.any()
    assert np.array_equal(np.sign(output[over]), np.sign(original[over]))
    assert result.clipped_samples > 0
    assert any("limited" in warning for warning in result.warnings)


def test_given_cutoff_is_believed(tmp_path: Path, tiny_model: Engine, speech_like: Speech) -> None:
    source = write(tmp_path / "in.wav", speech_like(1.0, 48_000), 48_000)
    _, result = run(source, tiny_model, cutoff_hz=5_000.0)
    assert result.bandwidth is not None
    assert (result.status, result.bandwidth.cutoff_hz, result.bandwidth.source) == ("restored", 5_000.0, "given")


def test_what_stands_above_a_given_cutoff_stays_or_is_replaced(
    tmp_path: Path, tiny_model: Engine, speech_like: Speech
) -> None:
    """Told half of the cutoff that there is: the old way loses the octave above, which is there to be heard."""
    wave = speech_like(4.0, cutoff_hz=8_000.0)
    source = write(tmp_path / "in.wav", wave, 48_000)
    likeness = {}
    for above in ("complement", "replace"):
        options = RestoreOptions(4_000.0, bit_depth="32f", above_cutoff=above)
        target = tmp_path / f"{above}.wav"
        result = restore_file(source, target, model=tiny_model, options=options)
        assert [stretch.above for stretch in result.stretches] == [above]
        bands = np.fft.rfft(np.stack([soundfile.read(target)[0], wave[0]]))[:, 5_000 * 4 : 7_500 * 4]
        likeness[above] = abs(np.vdot(*bands)) / (np.linalg.norm(bands[0]) * np.linalg.norm(bands[1]))
    assert likeness["complement"] > 0.9
    assert likeness["replace"] < 0.5


def test_failures_leave_nothing_behind(tmp_path: Path, tiny_model: Engine) -> None:
    target, options = tmp_path / "out" / "x.wav", RestoreOptions()
    target.parent.mkdir()
    text = tmp_path / "text.wav"
    text.write_text("this is not a recording")
    empty = write(tmp_path / "empty.wav", np.zeros((1, 0), np.float32), 8_000)
    broken = write(tmp_path / "nan.wav", np.array([[0.1, np.nan, 0.2] * 5_000], np.float32), 8_000)
    for source, error in ((text, NotAudioError), (empty, EmptyAudioError), (broken, NonFiniteError)):
        with pytest.raises(error, match=source.name):
            restore_file(source, target, model=tiny_model, options=options)
    assert not list(target.parent.iterdir())


def test_existing_output_is_not_touched(tmp_path: Path, tiny_model: Engine, speech_like: Speech) -> None:
    source = write(tmp_path / "in.wav", narrow_speech(speech_like, 0.5, 8_000), 8_000)
    target = tmp_path / "out.wav"
    target.write_bytes(b"precious")
    with pytest.raises(OutputExistsError):
        restore_file(source, target, model=tiny_model, options=RestoreOptions())
    assert target.read_bytes() == b"precious"


def test_plan_tells_what_restoring_does(tmp_path: Path, tiny_model: Engine, speech_like: Speech) -> None:
    source = write(tmp_path / "in.wav", narrow_speech(speech_like, 1.0, 8_000), 8_000)
    planned = plan_file(source, tmp_path / "out.flac", options=RestoreOptions())
    done = restore_file(source, tmp_path / "out.flac", model=tiny_model, options=RestoreOptions())
    assert planned.status == "planned"
    assert (planned.bandwidth, planned.codec, planned.bits, planned.output) == (
        done.bandwidth, done.codec, done.bits, done.output,
    )  # fmt: skip


def test_arrays_and_files_agree(tmp_path: Path, tiny_model: Engine, speech_like: Speech) -> None:
    wave = narrow_speech(speech_like, 1.0, 8_000, 2)
    output, _ = run(write(tmp_path / "in.wav", wave, 8_000), tiny_model)
    restored = restore_array(wave, 8_000, model=tiny_model)
    assert restored.restored
    assert np.abs(restored.audio - output).max() < 1e-6
    assert restore_array(wave[0], 8_000, model=tiny_model).audio.ndim == 1


def test_progress_moves_within_windows(tmp_path: Path, speech_like: Speech) -> None:
    class Slow(Unchanged):
        def generate(self, windows: WindowBatch) -> Tensor:
            windows.on_progress(0.5)
            return super().generate(windows)

    heard: list[float] = []

    def hear(stage: str, seconds: float, total: float | None) -> None:
        if stage == "restore":
            heard.append(seconds)

    source = write(tmp_path / "in.wav", narrow_speech(speech_like, 5.0, 8_000), 8_000)
    options = RestoreOptions(chunk_seconds=2.0)
    restore_file(source, tmp_path / "out.wav", model=Slow(), options=options, on_progress=hear)
    assert heard == pytest.approx([1.0, 2.0, 3.0, 4.0, 4.5, 5.0])


def test_what_is_whole_up_to_the_cutoff_is_kept_up_to_there() -> None:
    """A network that makes nothing: the last tenth below a cutoff, measured or given, is the recording's."""

    class Mute(Unchanged):
        def generate(self, windows: WindowBatch) -> Tensor:
            return torch.zeros_like(super().generate(windows))

    rng = np.random.default_rng(3)
    wave = np.repeat(rng.choice([0.003, 0.03, 0.1], 40), 1_600) * rng.standard_normal(64_000)
    wide = resample(wave[None].astype(np.float32), 16_000, 48_000)[0]
    frequency = np.fft.rfftfreq(wide.size, 1 / 48_000)
    last = (frequency > 0.91 * 7_880) & (frequency < 0.945 * 7_880)

    def power(of: Wave) -> float:
        return float(np.square(np.abs(np.fft.rfft(of)[last])).sum())

    measured, given = (restore_array(wave, 16_000, model=Mute(), cutoff_hz=hz).audio for hz in (None, 7_880.0))
    for output in (measured, given):
        assert power(output - wide) < 1e-5 * power(wide)

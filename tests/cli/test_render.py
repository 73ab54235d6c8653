from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from hifisr_cli.cli.render import (
    cutoff,
    duration,
    json_line,
    one_line,
    plan_table,
    result_json,
    result_text,
    stretch_lines,
    summary_fields,
    summary_text,
)
from hifisr_cli.results import AudioInfo, Bandwidth, ErrorInfo, FileResult, RunSummary, Stretch

INFO = AudioInfo("WAV", "PCM_16", 8000, 1, 28_800, 16, is_float=False, lossy=False)
DONE = FileResult(
    "a.wav", "out/a.wav", "restored", INFO, 3.6, Bandwidth(3700.0, 0.9, "edge"), kept_band_error_db=-120.4,
    wall_seconds=0.36, warnings=("watch out",),
)  # fmt: skip
FAILED = FileResult("b.wav", None, "failed", error=ErrorInfo("not-audio", "is not a recording", "check it"))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain ä 名前.wav", "plain ä 名前.wav"),
        ("new\nline\r\t", r"new\nline\r\t"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("b\udcff\udc80.wav", r"b\xff\x80.wav"),
        ("\ud800", r"\ud800"),
        ("right\u202eleft\u2028line", r"right\u202eleft\u2028line"),
    ],
)
def test_any_name_fits_on_one_printable_line(name: str, shown: str) -> None:
    assert one_line(name) == shown
    one_line(name).encode("utf-8")


def test_json_is_versioned_ascii_without_nan() -> None:
    line = json_line({"a": -math.inf, "b": [math.nan, 1.5], "c": {"d": "b\udcff\n"}, "e": "名"})
    assert line.isascii()
    assert "\n" not in line
    assert json.loads(line) == {"version": 1, "a": None, "b": [None, 1.5], "c": {"d": "b\\xff\n"}, "e": "名"}


def test_keys_of_a_result() -> None:
    """Programs rely on these: rename or remove one only together with JSON_VERSION."""
    fields = json.loads(result_json(DONE))
    assert list(fields) == [
        "version", "input", "output", "status", "info", "seconds", "bandwidth", "stretches", "gain_db", "kept_hz",
        "kept_band_error_db", "clipped_samples", "codec", "bits", "wall_seconds", "loudness_lufs",
        "output_loudness_lufs", "true_peak_dbtp", "loudness_gain_db", "model", "salvaged", "measured_seconds", "layer",
        "sound", "model_reason", "warnings", "error",
    ]  # fmt: skip
    assert set(fields["info"]) == {
        "container", "codec", "sample_rate", "channels", "frames", "bits", "is_float", "lossy",
    }  # fmt: skip
    assert set(fields["bandwidth"]) == {"cutoff_hz", "confidence", "source", "slope"}
    assert set(json.loads(result_json(FAILED))["error"]) == {"code", "message", "hint"}


def test_keys_of_a_summary() -> None:
    fields = summary_fields(RunSummary((DONE, FAILED), 1.0))
    assert list(fields) == [
        "event", "files", "restored", "copied", "skipped", "failed", "planned", "audio_seconds", "wall_seconds",
        "times_real_time",
    ]  # fmt: skip
    assert (fields["files"], fields["restored"], fields["failed"]) == (2, 1, 1)


def test_result_as_text() -> None:
    text = result_text(DONE)
    for part in ("a.wav -> out/a.wav", "3.7 kHz (edge)", "-120 dB", "10.0x real time", "watch out"):
        assert part in text
    assert result_text(FAILED) == "failed    b.wav: is not a recording (check it)"


def test_summary_as_text() -> None:
    first, second = summary_text(RunSummary((DONE, FAILED), 0.9))
    assert first == "1 restored, 1 failed; 3.6 s of audio in 0.9 s (4.0x real time)"
    assert second == "  b.wav: is not a recording (check it)"
    assert summary_text(RunSummary((), 0.0)) == ["nothing done"]


def test_table_has_a_line_a_file_whatever_the_names() -> None:
    odd = FileResult("x\ny", "out/x\ny", "planned", INFO, 3.6, Bandwidth(4000.0, 0.0, "silence"))
    lines = plan_table([DONE, odd, FAILED])
    assert len(lines) == 4
    assert not any("\n" in line for line in lines)


def moved(*cutoffs: float, channel: int | None = None) -> tuple[Stretch, ...]:
    """Stretches of 12.4 s."""
    return tuple(
        Stretch(channel, 12.4 * at, 12.4 * (at + 1), Bandwidth(hertz, 0.9, "edge")) for at, hertz in enumerate(cutoffs)
    )


def test_cutoffs_that_change_are_told_and_listed() -> None:
    several = replace(DONE, stretches=moved(3_400.0, 15_000.0))
    assert "cutoff 3.4 to 15.0 kHz (changes once)" in result_text(several)
    _, line, *stretches, _ = plan_table([several, FAILED])
    assert "3.4 to 15.0 kHz (changes once)" in line
    assert [" ".join(stretch.split()) for stretch in stretches] == [
        "0:00.0 to 0:12.4 3.4 kHz",
        "0:12.4 to 0:24.8 15.0 kHz",
    ]
    assert "3.7 kHz (edge)" in result_text(replace(DONE, stretches=moved(3_700.0)))


def test_the_list_of_stretches() -> None:
    assert stretch_lines(moved(3_400.0)) == []
    both = (*moved(3_400.0, channel=1), Stretch(2, 0.0, 3_723.41, Bandwidth(24_000.0, 1.0, "full-band")))
    assert stretch_lines(both) == [
        "channel 1  0:00.0 to 0:12.4     3.4 kHz",
        "channel 2  0:00.0 to 1:02:03.4  full band",
    ]
    many = stretch_lines(moved(*[3_400.0, 7_000.0] * 25))
    assert len(many) < 20
    assert many[-1] == f"and {50 - len(many) + 1} more (--json has all)"


@pytest.mark.parametrize(("seconds", "text"), [(4.24, "4.2 s"), (185, "3:05"), (7385, "2:03:05"), (59.99, "1:00")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_cutoffs() -> None:
    assert cutoff(Bandwidth(3940.0, 1.0, "given")) == "3.9 kHz (given)"
    assert cutoff(Bandwidth(0.0, 0.0, "silence")) == "none (silence)"

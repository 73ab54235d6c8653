"""Ctrl-C and SIGTERM in the middle of the work."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.cli.runs.conftest import PYTHON_M, Make, leftovers, outputs


@pytest.mark.posix
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_nothing_behind(
    environment: Mapping[str, str],
    quick: Sequence[str],
    make: Make,
    tmp_path: Path,
    *,
    number: signal.Signals,
    status: int,
) -> None:
    short, long, out = make(tmp_path / "a.wav", 1.0), tmp_path / "b.wav", tmp_path / "out"
    soundfile.write(long, np.tile(soundfile.read(short)[0], 1_200), 8_000)
    process = subprocess.Popen(
        [*PYTHON_M, "upsample", *quick, short, long, "-o", out, "--json", "--chunk-seconds", "1"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    assert process.stderr is not None
    assert process.stdout is not None
    for line in process.stderr:
        event = json.loads(line)
        if event["event"] == "progress" and event["index"] == 1 and event["stage"] == "restore":
            assert leftovers(out), "the work is in the middle of a file"
            process.send_signal(number)
            break
    said = [json.loads(line) for line in process.stderr]
    done = process.stdout.read()
    assert process.wait(timeout=60) == status
    assert (said[-1]["event"], said[-1]["exit_status"]) == ("error", status)
    assert not leftovers(tmp_path)
    assert outputs(out) == ["a.wav"], "what was done stays, what was not is not there"
    assert [json.loads(line)["status"] for line in done.splitlines()] == ["restored"]

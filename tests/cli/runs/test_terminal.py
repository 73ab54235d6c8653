"""On a terminal: bars while the work goes on, and nothing but lines when it is done."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from tests.cli.runs.conftest import PYTHON_M, Make, leftovers

if sys.platform == "win32":
    pytest.skip("there are no pseudo-terminals here", allow_module_level=True)

HIDE, SHOW = b"\x1b[?25l", b"\x1b[?25h"


def watch(
    command: Sequence[str | Path],
    environment: Mapping[str, str],
    on_output: Callable[[subprocess.Popen[bytes], bytes], None],
    columns: int = 100,
) -> tuple[int, bytes]:
    """Exit status and everything that a process writes to standard error, which is a terminal of so many columns."""
    import fcntl
    import pty
    import struct
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=follower, env=environment
    )
    os.close(follower)
    shown, deadline = b"", time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([leader], [], [], 0.1)[0]:
            try:
                data = os.read(leader, 65_536)
            except OSError:  # how Linux says that the other side is closed
                break
            if not data:
                break
            shown += data
            on_output(process, shown)
    os.close(leader)
    out, _ = process.communicate(timeout=30)
    assert not out, "progress never goes to standard output"
    return process.returncode, shown


def last_screen(shown: bytes) -> list[str]:
    """What stands on the terminal in the end, for the few control sequences that rich uses."""
    lines, row = [""], 0
    text = shown.decode()
    while text:
        if text.startswith("\x1b["):
            end = next(i for i, c in enumerate(text[2:], 2) if c.isalpha())
            number, kind = text[2:end], text[end]
            if kind == "A":
                row = max(0, row - int(number or 1))
            elif kind == "K":
                lines[row] = ""
            text = text[end + 1 :]
        elif text[0] == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
            text = text[1:]
        elif text[0] == "\r":
            if not text.startswith("\r\n"):
                lines[row] = "" if text.startswith("\r\x1b[2K") else lines[row]
            text = text[1:]
        else:
            lines[row] += text[0]
            text = text[1:]
    return [line.rstrip() for line in lines if line.strip()]


def test_bars_come_and_go(environment: Mapping[str, str], quick: Sequence[str], make: Make, tmp_path: Path) -> None:
    for name in ("[red]a", "b", "c"):
        make(tmp_path / "in" / f"{name}.wav", 20.0)
    command = [*PYTHON_M, "upsample", *quick, tmp_path / "in", "-o", tmp_path / "out", "--chunk-seconds", "1"]
    status, shown = watch(command, environment, lambda process, shown: None)
    assert status == 0
    assert b"of 3 files" in shown
    assert b"[red]a.wav" in shown, "names are not markup"
    assert b"x real time" in shown
    assert b"left" in shown
    assert "━".encode() in shown or b"-----" in shown
    assert shown.count(HIDE) == shown.count(SHOW) == 1
    lines = last_screen(shown[shown.rindex(SHOW) :])
    assert lines[-1].startswith("3 restored; 1:00 of audio in ")
    assert "━" not in "".join(lines)


def test_bars_are_as_wide_as_the_terminal(
    environment: Mapping[str, str], quick: Sequence[str], make: Make, tmp_path: Path
) -> None:
    command = [*PYTHON_M, "upsample", *quick, make(tmp_path / "in.wav", 5.0), "-o", tmp_path / "out.wav"]
    widths = []
    for columns in (40, 60):
        unset = {name: value for name, value in environment.items() if name != "COLUMNS"}
        _, shown = watch([*command, "--overwrite"], unset, lambda process, shown: None, columns)
        lines = re.split("[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode()))
        widths.append(max(len(line) for line in lines if "\u2501" in line))
    assert widths[0] <= 40 < widths[1] <= 60


def test_ctrl_c_leaves_the_terminal_as_it_was(
    environment: Mapping[str, str], quick: Sequence[str], make: Make, tmp_path: Path
) -> None:
    source = make(tmp_path / "in.wav", 5.0)
    sent: list[float] = []

    def interrupt(process: subprocess.Popen[bytes], shown: bytes) -> None:
        if not sent and b"0 of 40 files" in shown:
            sent.append(time.monotonic())
            process.send_signal(signal.SIGINT)

    (tmp_path / "many").mkdir()
    for index in range(40):
        os.link(source, tmp_path / "many" / f"{index:02}.wav")
    command = [*PYTHON_M, "upsample", *quick, tmp_path / "many", "-o", tmp_path / "out"]
    status, shown = watch(command, environment, interrupt)
    assert status == 130
    assert shown.count(HIDE) == shown.count(SHOW)
    assert shown.replace(b"\r", b"").endswith(b"hifisr: interrupted\n")
    assert b"Traceback" not in shown
    assert not leftovers(tmp_path)

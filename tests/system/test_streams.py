"""What a process of ours writes on standard error, as those see it who started it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

SPEAK = (
    "import os, subprocess, sys, warnings\n"
    "from hifisr_cli.system.streams import keep_streams\n"
    "keep_streams()\n"
    "os.write(2, b'a library\\n')\n"
    "subprocess.run([sys.executable, '-c', 'import os; os.write(2, b\"a program\")'], check=True)\n"
    "warnings.warn('a warning')\n"
    "print('ours', sys.stderr.isatty(), file=sys.stderr)\n"
    "raise SystemExit(3 if os.fstat(2) else 4)\n"
)


def speak(*options: str, **keywords: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, *options, "-c", SPEAK], check=False, **keywords)


def test_only_our_own_words_come_out() -> None:
    ended = speak(capture_output=True)
    assert (ended.returncode, ended.stderr.split(), ended.stdout) == (3, [b"ours", b"False"], b"")


def test_warnings_that_python_was_told_to_show_are_shown() -> None:
    lines = speak("-W", "always", capture_output=True).stderr
    assert b"a warning" in lines
    assert b"a library" not in lines


def test_one_stream_for_both() -> None:
    ended = speak(stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert (ended.returncode, ended.stdout.split()) == (3, [b"ours", b"False"])


@pytest.mark.posix
@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-", "<&- >&-"])
def test_closed_streams_are_nobodys(closed: str) -> None:
    command = [f'exec "$0" "$@" {closed}', sys.executable, "-c", SPEAK]
    ended = subprocess.run(["/bin/sh", "-c", *command], capture_output=True, check=False)
    assert ended.returncode == 3
    assert ended.stderr.split() == ([] if "2>" in closed else [b"ours", b"False"])


@pytest.mark.posix
def test_a_terminal_stays_one() -> None:
    import pty

    ours, theirs = pty.openpty()
    ended = speak(stderr=theirs, stdout=subprocess.PIPE)
    os.close(theirs)
    assert ended.returncode == 3
    assert os.read(ours, 1000).split() == [b"ours", b"True"]
    os.close(ours)


def test_a_library_does_not_speak_into_the_sound() -> None:
    code = (
        "import os\n"
        "from hifisr_cli.system.streams import keep_streams, stdout_descriptor\n"
        "keep_streams()\n"
        "os.write(1, b'a library')\n"
        "os.write(stdout_descriptor(), b'sound ')\n"
        "print('words')\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert ended.stdout.split() == [b"sound", b"words"]

"""Meets cases with the real command and says what is wrong with how it took them.

The command runs in a process that is kept (starting one takes seconds), watched from outside: a crash or a hang costs
that process and is a finding.
"""

from __future__ import annotations

import json
import os
import re
import resource
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import soundfile

from tests.fuzz.cases import Case

ROOT = Path(__file__).resolve().parents[2]
MAX_SECONDS, MAX_PEAK_KB = 10.0, 1_500_000
_WALL_SECONDS = 120.0
_LIMIT = 4 << 30
_OURS = {"hifisr-journal.jsonl", ".hifisr-lock"}


class Worker:
    """The process. `run` returns the reply, or what became of it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def run(self, arguments: list[str], stdin: Path | None, stdout: Path) -> dict[str, object] | str:
        process = self._process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        order = {"arguments": arguments, "stdin": None if stdin is None else str(stdin), "stdout": str(stdout)}
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        begun, cpu = time.monotonic(), _cpu_seconds(process.pid)
        while not select.select([process.stdout], [], [], 0.25)[0]:
            # The time of the processor counts, since the machine may have other work to do.
            if _cpu_seconds(process.pid) - cpu > MAX_SECONDS or time.monotonic() - begun > _WALL_SECONDS:
                self.close()
                return "it hangs"
        line = process.stdout.readline()
        if not line:
            status = process.wait()
            self._process = None
            return f"the process died (status {status})"
        reply: dict[str, object] = json.loads(line)
        return reply

    def _start(self) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "TERM": "dumb"}
        return subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.worker"], cwd=ROOT, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (_LIMIT, _LIMIT)),  # noqa: PLW1509
        )  # fmt: skip


@contextmanager
def worker() -> Iterator[Worker]:
    made = Worker()
    try:
        yield made
    finally:
        made.close()


def meet(case: Case, process: Worker, folder: Path, quick: tuple[str, ...]) -> str | None:
    """Run a case; what is wrong, or None.

    Args:
        folder: empty, for its files.
        quick: options of the command that make it quick (a small model).
    """
    source, out, piped = folder / "hostile.wav", folder / "out", folder / "piped"
    source.write_bytes(case.data)
    arguments = ["upsample", *quick, *case.options]
    if case.how == "pipe":
        arguments += ["-", "-o", "-"]
    else:
        arguments += [str(source), "-o", str(out), *(["--dry-run"] if case.how == "look" else ["--jobs", "0"])]
    reply = process.run(arguments, source if case.how == "pipe" else None, piped)
    problem = reply if isinstance(reply, str) else _judge(case, reply, source, out) or listen(case, reply, out, piped)
    return None if problem is None else f"{case.what} [{case.how} {' '.join(case.options)}]: {problem}"


def _judge(case: Case, reply: dict[str, object], source: Path, out: Path) -> str | None:
    status, said, peak = reply["status"], str(reply["err"]), int(str(reply["peak_kb"]))
    if "Traceback" in said or "unexpected" in said or "not enough memory" in said or status not in (0, 3):
        return f"status {status}, {said}"
    if status == 3 and "failed" not in said and case.how != "look":  # its table on standard output has the reason
        return f"status 3 without a reason: {said}"
    if peak > MAX_PEAK_KB:
        return f"{peak / 1e6:.2f} GB of memory"
    if source.read_bytes() != case.data:
        return "the input was changed"
    return _look_at(out, made=case.how == "restore" and status == 0)


def _look_at(out: Path, *, made: bool) -> str | None:
    """The output folder: one whole output where there should be one, and nothing else."""
    files = [] if not out.exists() else [path for path in out.rglob("*") if path.is_file() and path.name not in _OURS]
    if not made:
        return f"left behind: {[path.name for path in files]}" if files else None
    if len(files) != 1:
        return f"outputs: {[path.name for path in files]}"
    if files[0].suffix == ".raw":
        return None
    try:
        info = soundfile.info(files[0])
    except soundfile.LibsndfileError as error:
        return f"an unreadable output: {error}"
    return None if info.samplerate == 48_000 and info.frames > 0 else f"a strange output: {info}"


def listen(case: Case, reply: dict[str, object], out: Path, piped: Path) -> str | None:
    """Whether all the sound that the recording holds is in the output, and no more, or else a word about it."""
    made = piped if case.how == "pipe" else next(out.rglob("hostile*.wav"), None)
    if case.sound is None or reply["status"] != 0 or made is None:
        return None
    info = soundfile.info(made)
    seconds = info.frames / info.samplerate
    more = seconds - case.sound.seconds
    said = warnings_in(str(reply["err"]))
    if abs(more) <= case.sound.slack or any(_is_told(words, any_word=case.sound.any_word) for words in said):
        return None
    return f"{seconds:.3f} of {case.sound.seconds:.3f} s, {'dropped' if more < 0 else 'invented'} unsaid; said: {said}"


# What a result says of every recording, behind which its warnings stand.
_FACTS = re.compile(
    r"cutoff |kept-band error |gain |.* LUFS$|\d+ samples clipped$|[\d.]+x real time$|.*copied through$"
)
_OF_SOUND = re.compile(r"\b(sound|samples|readable|recording|s of)\b")


def warnings_in(said: str) -> list[str]:
    """Those that stand in brackets behind a finished recording."""
    found = re.search(r"^(?:restored|copied) .*?\((.*)\)$", said, re.MULTILINE)
    return [] if found is None else [words for words in found[1].split("; ") if not _FACTS.match(words)]


def _is_told(words: str, *, any_word: bool) -> bool:
    return any_word or _OF_SOUND.search(words) is not None


def _cpu_seconds(pid: int) -> float:
    """Of a process and its children that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")

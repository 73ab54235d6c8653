"""Decodings of one recording for corpus.py: by hifisr in a process of its own, by ffmpeg's command, by sox's."""

from __future__ import annotations

import functools
import json
import multiprocessing
import multiprocessing.context
import os
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

LIMIT_SECONDS = 300.0
_OF_OUTPUT = "non monotonically increasing dts"  # what ffmpeg says of its own output where two streams follow
_TOO_LONG = f"it takes more than {LIMIT_SECONDS:.0f} s"


@dataclass
class Decoded:
    """What a program made of a file. Of hifisr's: `code` is an error's, `words` its sentence, or what became of it."""

    program: str
    frames: int = 0
    rate: int = 0
    channels: int = 0
    codec: str = ""
    container: str = ""
    lossy: bool = True
    code: str | None = None
    words: str = ""
    notes: list[str] = field(default_factory=list)
    tags: dict[str, list[str]] = field(default_factory=dict)
    pictures: int = 0
    seconds: float = 0.0
    peak_mb: float = 0.0
    chatter: str = ""

    @property
    def verdict(self) -> str:
        if self.code is not None:
            return "incomplete" if self.code == "truncated" else "refused" if self.code else "crash"
        return "whole with notes" if self.notes else "whole"

    @property
    def is_read(self) -> bool:
        return self.code is None


def decode_here(path: Path, samples: Path, *, salvage: bool) -> Decoded:
    """Decodes in this process and writes the samples, interleaved."""
    from hifisr_cli.audio.formats import OutputFormat
    from hifisr_cli.audio.metadata.carried import read_metadata
    from hifisr_cli.audio.open import open_recording
    from hifisr_cli.errors import FileError

    found = Decoded("hifisr")
    began = time.monotonic()
    try:
        with samples.open("wb") as out, open_recording(path, salvage=salvage) as recording:
            info = recording.info
            found.rate, found.channels, found.lossy = info.sample_rate, info.channels, info.lossy
            found.codec, found.container = info.codec, info.container
            for block in recording.blocks():
                out.write(block.T.tobytes())
                found.frames += block.shape[1]
            carried = read_metadata(recording).for_output(OutputFormat("flac", "PCM_24", 24, ".flac"), cutoff_hz=None)
            found.notes = [*recording.notes, *carried.warnings]
            for name, text in carried.tags.texts:
                found.tags.setdefault(name.lower(), []).append(text)
            found.pictures = len(carried.tags.pictures)
    except FileError as error:
        found.code, found.words = error.code, error.message
    found.seconds = time.monotonic() - began
    found.peak_mb = _peak_mb()
    return found


def _peak_mb() -> float:
    """Of this process: what the system counts for it includes its parent's memory."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text(encoding="utf-8").split("VmHWM:")[1].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def decode_apart(path: Path, samples: Path, *, salvage: bool) -> Decoded:
    """`decode_here` in another process: a crash and a hang are findings, and so is whatever it prints."""
    answer, said = samples.with_suffix(".json"), samples.with_suffix(".said")
    process = _server().Process(target=_answer, args=(path, samples, answer, said), kwargs={"salvage": salvage})
    process.start()
    process.join(LIMIT_SECONDS)
    if process.is_alive():
        process.kill()
        process.join()
        return Decoded("hifisr", code="", words=_TOO_LONG)
    chatter = said.read_text(encoding="utf-8", errors="replace").strip() if said.exists() else ""
    if process.exitcode or not answer.exists():
        return Decoded("hifisr", code="", words=f"status {process.exitcode}: {_last(chatter)}")
    return Decoded(**json.loads(answer.read_text(encoding="utf-8")), chatter=chatter)


@functools.cache
def _server() -> multiprocessing.context.BaseContext:
    """Starts processes: where it can, by forks of one that has imported everything."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["soundfile", "mutagen", "av", "hifisr_cli.audio.open", "corpus_decoders"])
    return server


def _answer(path: Path, samples: Path, answer: Path, said: Path, *, salvage: bool) -> None:
    from hifisr_cli.system.streams import keep_streams

    with said.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    keep_streams()  # as every command does
    found = asdict(decode_here(path, samples, salvage=salvage))
    del found["chatter"]
    answer.write_text(json.dumps(found), encoding="utf-8")


def decode_by_reference(path: Path, samples: Path) -> Decoded | None:
    """By ffmpeg, else by sox; None where neither makes anything of it."""
    began = time.monotonic()
    with path.open("rb") as file:
        is_rifx = file.read(4) == b"RIFX"  # whose samples ffmpeg 5.1 takes for little-endian ones
    found = (None if is_rifx else _by_ffmpeg(path, samples)) or _by_sox(path, samples)
    if found is not None:
        found.seconds = time.monotonic() - began
    return found


def _by_ffmpeg(path: Path, samples: Path) -> Decoded | None:
    facts = _probe(path)
    streams = facts.get("streams", [])
    sound = next((stream for stream in streams if stream.get("codec_type") == "audio"), None)
    if sound is None or not {"sample_rate", "channels", "codec_name"} <= sound.keys() or not sound["channels"]:
        return None
    found = Decoded("ffmpeg", rate=int(sound["sample_rate"]), channels=sound["channels"], codec=sound["codec_name"])
    found.container = facts["format"]["format_name"]
    ended = _run(
        ["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", f"file:{path}", "-map", "0:a:0",
         "-ar", str(found.rate), "-ac", str(found.channels), "-c:a", "pcm_f32le", "-f", "f32le", str(samples)]
    )  # fmt: skip
    for name, text in {**facts["format"].get("tags", {}), **sound.get("tags", {})}.items():
        found.tags.setdefault(name.lower(), []).append(text)
    found.pictures = sum(stream.get("disposition", {}).get("attached_pic", 0) for stream in streams)
    return _measured(found, ended, samples)


def _probe(path: Path) -> dict[str, Any]:
    probed = _run(["ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", f"file:{path}"])
    if isinstance(probed, str) or probed.returncode != 0:
        return {}
    facts: dict[str, Any] = json.loads(probed.stdout)
    return facts


def _by_sox(path: Path, samples: Path) -> Decoded | None:
    facts = [_run(["soxi", option, str(path)]) for option in ("-r", "-c", "-e")]
    try:
        rate, channels, encoding = [ended.stdout.decode().strip() for ended in facts]  # type: ignore[union-attr]
        found = Decoded("sox", rate=round(float(rate)), channels=int(channels), codec=encoding)
    except (AttributeError, ValueError):
        return None
    ended = _run(["sox", str(path), "-t", "raw", "-e", "floating-point", "-b", "32", "-L", str(samples)])
    return _measured(found, ended, samples)


def _measured(found: Decoded, ended: subprocess.CompletedProcess[bytes] | str, samples: Path) -> Decoded | None:
    """With the number of samples that were written, and what the program said; None where there are none."""
    found.frames = samples.stat().st_size // (4 * found.channels) if samples.exists() else 0
    if isinstance(ended, str):
        found.words = ended
    else:
        lines = ended.stderr.decode("utf-8", "replace").splitlines()
        found.words = next((line for line in lines if _OF_OUTPUT not in line), "")[:300]
    return found if found.frames else None


def add_tags_of_mutagen(found: Decoded, path: Path) -> None:
    """mutagen knows tags that ffprobe does not: APEv2 behind MP3 for one."""
    import mutagen
    from mutagen.apev2 import APEv2

    for read in (lambda: mutagen.File(path, easy=True).tags, lambda: APEv2(path)):
        try:
            for name, values in dict(read() or {}).items():
                texts = [str(value) for value in (values if isinstance(values, list) else [values])]
                found.tags.setdefault(str(name).lower(), []).extend(texts)
        except Exception:  # it raises whatever a damaged tag provokes
            continue


def _run(command: list[str]) -> subprocess.CompletedProcess[bytes] | str:
    """A command that has ended, or the words for one that does not."""
    try:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return _TOO_LONG


def _last(said: str) -> str:
    lines = said.strip().splitlines()
    return lines[-1][:300] if lines else ""

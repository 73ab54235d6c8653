"""Whether two checkouts make the same of the same recordings: bytes of outputs, JSON, exit statuses, messages.

    python benchmarks/same_outputs.py OTHER_CHECKOUT [--keep DIR] [--only NAME] [--ignore KEY]...

Runs each command of `CASES` with both checkouts, in this Python, and prints what differs. Both are made to sign with
the same version, and times are left out of what is compared; nothing else is. The published form runs with random
weights of a small size, imported by the other checkout (the older one, which reads no newer format).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
SIGN = """
import contextlib, hifisr_cli
hifisr_cli.__version__ = "0"
with contextlib.suppress(ImportError):
    import hifisr_cli.version
    hifisr_cli.version.__version__ = "0"
"""
MOMENTS = {"wall_seconds", "mtime_ns", "version", "hifisr", "started", "finished", "time", "at", "pid"}
"""Keys of the JSON that say when, how long, or by which program."""


@dataclass(frozen=True)
class Case:
    """A command: its arguments, where {in} and {out} are folders, and the file that standard input comes from."""

    name: str
    arguments: str
    stdin: str | None = None


CASES = [
    Case("examples", "upsample {in}/examples -o {out}/o --jobs 0 --json"),
    Case("workers", "upsample {in}/examples -o {out}/o --jobs 2 -q"),
    Case("again", "upsample {in}/examples -o {out}/o --jobs 0 --json"),
    Case("flac", "upsample {in}/examples -o {out}/o --format flac --bit-depth 16 --jobs 0 --json --suffix _48k"),
    Case("float", "upsample {in}/sounds -o {out}/o --bit-depth 32f --jobs 0 --json --checksums"),
    Case("chunks", "upsample {in}/sounds/stereo.wav -o {out}/o.wav --bit-depth 32f --chunk-seconds 0.7 --batch-size 3"),
    Case("target", "upsample {in}/sounds -o {out}/o --loudness -23 --jobs 0 --json"),
    Case("match", "upsample {in}/sounds -o {out}/o --loudness match --true-peak -2 --jobs 0 --json"),
    Case("cutoff", "upsample {in}/sounds -o {out}/o --cutoff 3000 --jobs 0 --json"),
    Case("record", "upsample {in}/sounds/stereo.wav -o {out}/o.wav --record {out}/r.json"),
    Case("pipe", "upsample - -o -", "sounds/stereo.wav"),
    Case("pipe measured", "upsample - -o - --measure all --format flac", "examples/voice-mail.mp3"),
    Case("raw", "upsample - -o - --raw 8000,1,s16le --format raw --bit-depth 16", "speech.raw"),
    Case("from pipe", "upsample - -o {out}/o.flac", "examples/tape.flac"),
    Case("salvage", "upsample {in}/damaged -o {out}/o --salvage --jobs 0 --json"),
    Case("damaged", "upsample {in}/damaged -o {out}/o --jobs 0 --json"),
    Case("in place", "upsample {in}/writable --in-place --jobs 0 -q"),
    Case(
        "published",
        "upsample {in}/sounds -o {out}/o --model {in}/published.safetensors --jobs 0 --bit-depth 32f --json",
    ),
    Case("dry run", "upsample {in}/examples {in}/damaged -o {out}/o --dry-run --json"),
    Case("inspect", "inspect {in}/examples {in}/sounds --json"),
    Case("premis", "upsample {in}/sounds -o {out}/o --premis --jobs 0 -q"),
    Case("nothing", "upsample {in}/none -o {out}/o"),
    Case("bad option", "upsample {in}/examples -o {out}/o --cutoff high"),
    Case("no model", "upsample {in}/examples -o {out}/o --model nosuch"),
]


def make_inputs(folder: Path) -> None:
    """Recordings of the kinds that differ on their way."""
    shutil.copytree(
        EXAMPLES, folder / "examples", ignore=lambda _, names: [n for n in names if n.endswith((".md", ".py"))]
    )
    speech, rate = soundfile.read(EXAMPLES / "telephone.wav", dtype="float32")
    sounds = folder / "sounds"
    sounds.mkdir()
    soundfile.write(sounds / "stereo.wav", np.stack((speech, 0.5 * speech[::-1]), axis=1), rate, subtype="PCM_16")
    soundfile.write(sounds / "equal.flac", np.stack((speech, speech), axis=1), rate)
    soundfile.write(sounds / "three.wav", np.stack((speech, 0.3 * speech, 0.0 * speech), axis=1)[:8000], rate)
    soundfile.write(sounds / "silence.wav", np.zeros(4000), rate)
    soundfile.write(sounds / "short.wav", speech[8000:8100], rate)
    soundfile.write(sounds / "odd.aiff", speech[:12345], 11_025)
    soundfile.write(sounds / "coded.ogg", speech[:40000], rate)
    damaged = folder / "damaged"
    damaged.mkdir()
    for name in ("telephone.wav", "tape.flac", "voice-mail.mp3"):
        whole = (EXAMPLES / name).read_bytes()
        (damaged / name).write_bytes(whole[: len(whole) * 2 // 3])
    middle = bytearray((EXAMPLES / "tape.flac").read_bytes())
    middle[len(middle) // 2 : len(middle) // 2 + 200] = bytes(200)
    (damaged / "middle.flac").write_bytes(middle)
    (damaged / "text.wav").write_text("no recording")
    (damaged / "empty.wav").write_bytes(b"")
    (folder / "none").mkdir()
    (folder / "speech.raw").write_bytes((np.clip(speech, -1, 1) * 32767).astype("<i2").tobytes())


def environment(checkout: Path, signing: Path) -> dict[str, str]:
    """For processes that run this checkout, with one thread and the version that all sign with."""
    path = os.pathsep.join((str(signing), str(checkout)))
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "COLUMNS": "200", "LC_ALL": "C.UTF-8"}


def import_published(checkout: Path, signing: Path, folder: Path) -> None:
    """Random weights in the published form, as the checkout imports them."""
    make = (
        "import sys; from pathlib import Path\n"
        "try: from tests.engines.hifisr.published_form import random_states, save\n"
        "except ImportError: from tests.checkpoints.published_form import random_states, save\n"
        "save(Path(sys.argv[1]), *random_states())"
    )
    settings = environment(checkout, signing)
    subprocess.run([sys.executable, "-c", make, str(folder / "weights")], check=True, env=settings)
    command = ["models", "import", str(folder / "weights"), "-o", str(folder / "published.safetensors")]
    subprocess.run([sys.executable, "-m", "hifisr_cli", *command], check=True, env=settings, capture_output=True)


def timeless(value: Any) -> Any:
    """JSON without what differs from run to run."""
    if isinstance(value, dict):
        return {key: timeless(each) for key, each in value.items() if key not in MOMENTS}
    return [timeless(each) for each in value] if isinstance(value, list) else value


def comparable(data: bytes, places: list[str]) -> list[Any]:
    """The lines of a text, JSON without moments, the same folders for both."""
    text = data.decode("utf-8", "surrogateescape")
    for place in places:
        text = text.replace(place, "")
    try:
        return [timeless(json.loads(text))]
    except ValueError:
        lines: list[Any] = []
    for line in text.splitlines():
        # PREMIS makes identifiers from moments; a bar moves with time, and a summary tells it.
        if "IdentifierValue>" in line or "DateTime>" in line or "% |" in line or " real time)" in line:
            continue
        try:
            lines.append(timeless(json.loads(line)))
        except ValueError:
            lines.append(line)
    in_any_order = all(isinstance(line, dict) for line in lines)  # workers end in any order
    return sorted(lines, key=json.dumps) if in_any_order else lines


def run(case: Case, checkout: Path, signing: Path, inputs: Path, out: Path) -> dict[str, Any]:
    """All that can be seen of a run: status, both streams, every file."""
    out.mkdir(parents=True, exist_ok=True)
    own = out / "in"
    if "writable" in case.arguments and not own.exists():
        shutil.copytree(inputs / "examples", own / "writable")
    arguments = case.arguments.replace("{in}/writable", f"{own}/writable").replace("{in}", str(inputs))
    stdin = None if case.stdin is None else (inputs / case.stdin).read_bytes()
    ended = subprocess.run(
        [sys.executable, "-m", "hifisr_cli", *arguments.replace("{out}", str(out)).split()],
        check=False, input=stdin or b"", env=environment(checkout, signing), capture_output=True,
    )  # fmt: skip
    binary = case.stdin is not None and "-o -" in case.arguments
    seen: dict[str, Any] = {"status": ended.returncode}
    seen["stdout"] = ended.stdout if binary else comparable(ended.stdout, [str(out), str(inputs)])
    progress = "--json" in case.arguments and ended.returncode in (0, 3)  # events tell the time
    seen["stderr"] = None if progress else comparable(ended.stderr, [str(out), str(inputs)])
    for path in sorted(path for path in out.rglob("*") if path.is_file()):
        text = path.suffix in {".json", ".jsonl", ".xml", ".lock"}
        seen[str(path.relative_to(out))] = (
            comparable(path.read_bytes(), [str(out), str(inputs)]) if text else path.read_bytes()
        )
    return seen


def differences(before: Any, after: Any, place: str = "") -> list[str]:
    """What differs and where, a line each."""
    if before == after:
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        keys = sorted({*before, *after})
        return [line for key in keys for line in differences(before.get(key), after.get(key), f"{place} {key}")]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return [line for index, pair in pairs for line in differences(*pair, f"{place}[{index}]")]
    return [f"{place}: {str(before)[:160]} and {str(after)[:160]}"]


def main() -> int:
    """Compare, and print what differs; the exit status says whether anything does."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("other", type=Path, help="the checkout of before")
    parser.add_argument("--keep", type=Path, help="work in this folder and leave it")
    parser.add_argument("--only", help="the cases whose names hold this")
    parser.add_argument("--ignore", action="append", default=[], metavar="KEY", help="a key that only one of them has")
    chosen = parser.parse_args()
    MOMENTS.update(chosen.ignore)
    differing = 0
    with tempfile.TemporaryDirectory() as temporary:
        work = (chosen.keep or Path(temporary)).resolve()
        inputs, signing = work / "inputs", work / "signing"
        inputs.mkdir(parents=True)
        signing.mkdir()
        (signing / "sitecustomize.py").write_text(SIGN)
        make_inputs(inputs)
        import_published(chosen.other.resolve(), signing, inputs)
        for case in CASES:
            if chosen.only and chosen.only not in case.name:
                continue
            place = "workers" if case.name == "again" else case.name.replace(" ", "-")  # resumes what the workers did
            one = run(case, chosen.other.resolve(), signing, inputs, work / "before" / place)
            other = run(case, ROOT, signing, inputs, work / "after" / place)
            lines = differences(one, other)
            differing += bool(lines)
            print(
                f"{case.name}: status {other['status']}, {len(other) - 3} files, "
                + ("differs" if lines else "the same")
            )
            for line in lines:
                print(f"  {line}")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())

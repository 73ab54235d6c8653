"""How far a reader has to walk: the functions and files that one command enters, and how often it comes back.

    python benchmarks/walk.py [--checkout DIR] [--list] [COMMAND ...]

The command is `upsample` of a short recording where none is given; DIR is another checkout to compare with. The
functions of the package are listed in the order in which they are first entered. A move is a step in that list from
one file to another, a return a move to a file that was left before.
"""

from __future__ import annotations

import argparse
import inspect
import itertools
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[1]


def trace(package: Path, arguments: list[str]) -> tuple[int, list[tuple[str, str]]]:
    """The exit status of a command, and the (file, function) that it entered in this process, in their order."""
    entered: dict[tuple[str, str], None] = {}
    prefix = f"{package}/"

    def enter(frame: FrameType, event: str, _argument: object) -> None:
        code = frame.f_code
        function = code.co_flags & inspect.CO_OPTIMIZED and not code.co_name.startswith("<")  # no class bodies
        if event == "call" and function and code.co_filename.startswith(prefix):
            entered.setdefault((code.co_filename.removeprefix(prefix), code.co_qualname))

    from hifisr_cli.cli.app import run

    threading.setprofile(enter)
    sys.setprofile(enter)
    try:
        status = run(arguments)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return status, list(entered)


def describe(entered: list[tuple[str, str]]) -> str:
    """One line of figures."""
    files = [file for file, _ in entered]
    moves = [(before, after) for before, after in itertools.pairwise(files) if before != after]
    seen: set[str] = set()
    returns = 0
    for before, after in moves:
        seen.add(before)
        returns += after in seen
    return f"{len(entered)} functions in {len(set(files))} files, {len(moves)} moves, {returns} of them returns"


def main() -> int:
    """Run the command in a process that has the wanted checkout on its path, and print what it entered."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--checkout", type=Path, default=ROOT)
    parser.add_argument("--list", action="store_true", help="print every function, too")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    chosen = parser.parse_args()
    package = (chosen.checkout / "hifisr_cli").resolve()
    import hifisr_cli

    if Path(hifisr_cli.__file__).resolve().parent != package:
        again = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(package.parent)!r}); import runpy; "]
        again[2] += f"sys.argv[0] = {__file__!r}; runpy.run_path({__file__!r}, run_name='__main__')"
        return subprocess.run([*again, *sys.argv[1:]], check=False).returncode
    with tempfile.TemporaryDirectory() as folder:
        recording, output = ROOT / "examples" / "telephone.wav", Path(folder) / "y.wav"
        status, entered = trace(package, chosen.command or ["upsample", str(recording), "-o", str(output), "-q"])
    if chosen.list:
        for file, function in entered:
            print(f"{file}: {function}")
    print(describe(entered))
    return status


if __name__ == "__main__":
    sys.exit(main())

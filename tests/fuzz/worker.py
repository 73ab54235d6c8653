"""Runs commands in this process, one after the other, as they come on standard input; the harness watches it.

A line in: {"arguments": [...], "stdin": path or null, "stdout": path}. A line out: {"status", "err", "peak_kb"}.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from pathlib import Path


def _status(field: str) -> int:
    text = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(text.split(field + ":")[1].split()[0])


def main() -> None:
    replies = os.fdopen(os.dup(1), "w")
    import torch

    from hifisr_cli.cli.app import run

    torch.set_num_threads(1)
    for line in sys.stdin:
        order = json.loads(line)
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the highest memory so far is forgotten
        said = io.StringIO()
        out = os.open(order["stdout"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.close(out)
        before = sys.stdin
        with contextlib.ExitStack() as stack:
            if order["stdin"]:
                sys.stdin = io.TextIOWrapper(stack.enter_context(Path(order["stdin"]).open("rb")))
            stack.enter_context(contextlib.redirect_stderr(said))
            try:
                status = run(order["arguments"])
            finally:
                sys.stdin = before
        replies.write(json.dumps({"status": status, "err": said.getvalue(), "peak_kb": _status("VmHWM")}) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()

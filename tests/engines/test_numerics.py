"""What decides how a computer rounds is told as PyTorch uses it, not as the processor could."""

from __future__ import annotations

import json
import os
import subprocess
import sys

SAY = """
import json, torch
from types import SimpleNamespace
from hifisr_cli.engines.numerics import numerics
torch.set_num_threads(1)
print(json.dumps(numerics(SimpleNamespace(device=torch.device("cpu")))))
"""


def said(**environment: str) -> dict[str, str]:
    """By a process with these environment variables."""
    answer = subprocess.run(
        [sys.executable, "-c", SAY], check=True, capture_output=True, text=True, env={**os.environ, **environment}
    )
    found: dict[str, str] = json.loads(answer.stdout)
    return found


def test_other_instructions_are_seen() -> None:
    plain, older = said(), said(ATEN_CPU_CAPABILITY="default")
    assert plain == said(), "two processes of one computer are alike"
    assert {"processor", "capability", "torch", "device", "threads"} <= plain.keys()
    assert older["capability"] != plain["capability"]
    assert {name for name in plain if plain[name] != older[name]} == {"capability"}

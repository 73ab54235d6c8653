from __future__ import annotations

import os
import sys

from hifisr_cli.system.children import start_child

ECHO = (
    "from hifisr_cli.system.children import receive_line; "
    "print(receive_line(0).readline().decode().strip(), flush=True)"
)


def test_a_child_hears_what_it_is_told() -> None:
    process, line = start_child([sys.executable, "-c", ECHO], os.environ)
    line.open(None)
    line.stream.write(b"good morning\n")
    line.close()
    assert process.stdout is not None
    assert process.stdout.read().split() == [b"good", b"morning"]
    process.stdout.close()
    assert process.wait() == 0


def test_a_child_does_not_inherit_what_slows_it_down() -> None:
    code = "import os; print(*(name for name in ('MALLOC_TRIM_THRESHOLD_', 'KEPT') if name in os.environ))"
    slowed = {**os.environ, "MALLOC_TRIM_THRESHOLD_": "65536", "KEPT": "1"}
    process, line = start_child([sys.executable, "-c", code], slowed)
    line.close()
    assert process.stdout is not None
    assert process.stdout.read().split() == [b"KEPT"]
    process.stdout.close()
    assert process.wait() == 0

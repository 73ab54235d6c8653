from __future__ import annotations

from hifisr_cli.system import machine


def test_the_machine() -> None:
    assert machine.cores() >= 1
    free = machine.free_memory()
    assert free is None or free > 1 << 20
    before = machine.peak_memory()
    assert 1 << 22 < before < 1 << 40
    block = b"x" * (before + (1 << 26))
    assert machine.peak_memory() > len(block)
    assert machine.data_folder().is_absolute()

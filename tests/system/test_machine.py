from __future__ import annotations

import platform
from pathlib import Path

import pytest

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
    assert machine.host_name()
    assert machine.boot_id() == machine.boot_id()


@pytest.mark.parametrize(
    ("text", "native"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx512f avx512_bf16 amx_bf16\nbugs\t\t: none\n", True),
        ("processor\t: 0\nflags\t\t: fpu avx2 avx512f avx512_vnni\n", False),
        ("processor\t: 0\nFeatures\t: fp asimd bf16\n", False),  # of ARM, where nobody has measured it
        ("", False),
        (None, False),
    ],
)
def test_bfloat16_is_native_where_the_kernel_says_so(
    text: str | None, native: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "cpuinfo"
    if text is not None:
        place.write_text(text)
    monkeypatch.setattr(machine, "_PROCESSORS", place)
    assert machine.has_bfloat16() is native


def test_who_made_the_processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "cpuinfo"
    monkeypatch.setattr(machine, "_PROCESSORS", place)
    assert machine.processor_vendor() == platform.machine()
    place.write_text("processor\t: 0\nvendor_id\t: AuthenticAMD\n\nprocessor\t: 1\nvendor_id\t: other\n")
    assert machine.processor_vendor() == "AuthenticAMD"

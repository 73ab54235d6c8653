"""What `import hifisr_cli` offers, and that it costs nothing before it is used."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import hifisr_cli
from tests.conftest import ROOT

HEAVY = {"torch", "numpy", "scipy", "soundfile", "resampy", "numba", "rich", "tqdm", "safetensors", "typer"}


def python(code: str, **variables: str) -> list[str]:
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    environment |= {"PYTHONPATH": str(ROOT), **variables}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not set(python("import hifisr_cli, sys; hifisr_cli.HifisrError; print(*sys.modules)")) & HEAVY


def test_version_does_not_even_load_typer() -> None:
    code = "import sys; sys.argv[1:] = ['-V']; from hifisr_cli.__main__ import main; main(); print(*sys.modules)"
    assert not set(python(code)) & HEAVY


def test_waiting_threads_are_passive_unless_the_user_says_otherwise() -> None:
    code = (
        "import os, sys; sys.argv[1:] = ['--help']; from hifisr_cli.__main__ import main; main();"
        "print(os.environ['OMP_WAIT_POLICY'])"
    )
    assert python(code)[-1] == "PASSIVE"
    assert python(code, OMP_WAIT_POLICY="ACTIVE")[-1] == "ACTIVE"


@pytest.mark.parametrize("name", hifisr_cli.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(hifisr_cli, name) is not None
    assert name in dir(hifisr_cli)


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = hifisr_cli.nothing  # type: ignore[attr-defined]

"""hifisr restores band-limited recordings to full-band 48 kHz.

    import hifisr_cli as hifisr

    model = hifisr.load_model()
    result = hifisr.restore_file(Path("tape.wav"), Path("restored.wav"), model=model, options=hifisr.RestoreOptions())

The names in `__init__.pyi` are the public API; every other module is private. They are imported when first used
(PEP 562), so that `import hifisr_cli` and `hifisr --help` load neither numpy nor torch.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module


@cache
def _public() -> dict[str, str]:
    """The module of each public name."""
    import ast
    from pathlib import Path

    listing = ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = (node for node in listing.body if isinstance(node, ast.ImportFrom))
    return {alias.name: str(node.module) for node in imports for alias in node.names}


def __getattr__(name: str) -> object:
    if name == "__all__":
        return sorted(_public())
    if name not in _public():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_public()[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_public()})

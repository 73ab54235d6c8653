"""hifisr restores band-limited recordings to full-band 48 kHz.

    import hifisr_cli as hifisr

    model = hifisr.load_model()
    result = hifisr.restore_file(Path("tape.wav"), Path("restored.wav"), model=model, options=hifisr.RestoreOptions())

The names of `__all__` are the public API; every other module is private. They are imported when first used (PEP 562),
so that `import hifisr_cli` and `hifisr --help` load neither numpy nor torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hifisr_cli.batch.history.journal import read_journal
    from hifisr_cli.batch.history.record import Record, read_record
    from hifisr_cli.batch.library import restore_folder
    from hifisr_cli.engines.hifisr.engine import Model, load_model
    from hifisr_cli.errors import (
        EXIT_STATUSES,
        DeviceError,
        EmptyAudioError,
        FileError,
        HifisrError,
        ModelError,
        NoAudioError,
        NonFiniteError,
        NotAudioError,
        OutputError,
        OutputExistsError,
        OutputIsInputError,
        RunError,
        TruncatedError,
        UnreadableError,
        UnsupportedError,
        UsageError,
    )
    from hifisr_cli.provenance.premis import write_premis
    from hifisr_cli.report.comparison import draw_comparison
    from hifisr_cli.report.write import Report, write_report
    from hifisr_cli.restore.array import RestoredArray, restore_array
    from hifisr_cli.restore.blocks import stream
    from hifisr_cli.restore.file import RestoreOptions, plan_file, restore_file
    from hifisr_cli.restore.inspect import Inspection, inspect_file
    from hifisr_cli.results import (
        SAMPLE_RATE,
        AudioInfo,
        Bandwidth,
        ErrorInfo,
        Event,
        FileFinished,
        FileProgressed,
        FileResult,
        FileStarted,
        RunSummary,
    )
    from hifisr_cli.version import __version__

__all__ = [
    "EXIT_STATUSES",
    "SAMPLE_RATE",
    "AudioInfo",
    "Bandwidth",
    "DeviceError",
    "EmptyAudioError",
    "ErrorInfo",
    "Event",
    "FileError",
    "FileFinished",
    "FileProgressed",
    "FileResult",
    "FileStarted",
    "HifisrError",
    "Inspection",
    "Model",
    "ModelError",
    "NoAudioError",
    "NonFiniteError",
    "NotAudioError",
    "OutputError",
    "OutputExistsError",
    "OutputIsInputError",
    "Record",
    "Report",
    "RestoreOptions",
    "RestoredArray",
    "RunError",
    "RunSummary",
    "TruncatedError",
    "UnreadableError",
    "UnsupportedError",
    "UsageError",
    "__version__",
    "draw_comparison",
    "inspect_file",
    "load_model",
    "plan_file",
    "read_journal",
    "read_record",
    "restore_array",
    "restore_file",
    "restore_folder",
    "stream",
    "write_premis",
    "write_report",
]

_ELSEWHERE = {
    "__version__": "version",
    "Inspection": "restore.inspect",
    "inspect_file": "restore.inspect",
    "Model": "engines.hifisr.engine",
    "load_model": "engines.hifisr.engine",
    "RestoreOptions": "restore.file",
    "plan_file": "restore.file",
    "restore_file": "restore.file",
    "RestoredArray": "restore.array",
    "restore_array": "restore.array",
    "stream": "restore.blocks",
    "restore_folder": "batch.library",
    "Record": "batch.history.record",
    "read_journal": "batch.history.journal",
    "read_record": "batch.history.record",
    "Report": "report.write",
    "draw_comparison": "report.comparison",
    "write_report": "report.write",
    "write_premis": "provenance.premis",
    "SAMPLE_RATE": "results",
    "AudioInfo": "results",
    "Bandwidth": "results",
    "ErrorInfo": "results",
    "Event": "results",
    "FileFinished": "results",
    "FileProgressed": "results",
    "FileResult": "results",
    "FileStarted": "results",
    "RunSummary": "results",
}
"""Where the public names live; those that end in "Error", and EXIT_STATUSES, in `errors`."""


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{_ELSEWHERE.get(name, 'errors')}")
    value: object = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

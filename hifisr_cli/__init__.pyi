"""The public names and where they live. Type checkers read this file; `__init__.py` reads it at run time."""

from hifisr_cli.batch.history.journal import read_journal as read_journal
from hifisr_cli.batch.history.record import Record as Record, read_record as read_record
from hifisr_cli.batch.folder import restore_folder as restore_folder
from hifisr_cli.engines.load import load_model as load_model
from hifisr_cli.engines.protocol import Engine as Engine
from hifisr_cli.errors import (
    EXIT_STATUSES as EXIT_STATUSES,
    DeviceError as DeviceError,
    EmptyAudioError as EmptyAudioError,
    FileError as FileError,
    HifisrError as HifisrError,
    ModelError as ModelError,
    NoAudioError as NoAudioError,
    NonFiniteError as NonFiniteError,
    NotAudioError as NotAudioError,
    OutputError as OutputError,
    OutputExistsError as OutputExistsError,
    OutputIsInputError as OutputIsInputError,
    RunError as RunError,
    TruncatedError as TruncatedError,
    UnreadableError as UnreadableError,
    UnsupportedError as UnsupportedError,
    UsageError as UsageError,
)
from hifisr_cli.provenance.premis import write_premis as write_premis
from hifisr_cli.report.comparison import draw_comparison as draw_comparison
from hifisr_cli.report.write import Report as Report, write_report as write_report
from hifisr_cli.restore.array import RestoredArray as RestoredArray, restore_array as restore_array
from hifisr_cli.restore.array import stream as stream
from hifisr_cli.restore.course import steady as steady
from hifisr_cli.restore.cutoff_track import CutoffTrack as CutoffTrack, read_cutoff_track as read_cutoff_track
from hifisr_cli.restore.file import (
    RestoreOptions as RestoreOptions,
    plan_file as plan_file,
    restore_file as restore_file,
)
from hifisr_cli.restore.inspect import Inspection as Inspection, inspect_file as inspect_file
from hifisr_cli.restore.survey import Restoration as Restoration
from hifisr_cli.results import (
    SAMPLE_RATE as SAMPLE_RATE,
    AudioInfo as AudioInfo,
    Bandwidth as Bandwidth,
    ErrorInfo as ErrorInfo,
    Event as Event,
    FileFinished as FileFinished,
    FileProgressed as FileProgressed,
    FileResult as FileResult,
    FileStarted as FileStarted,
    Stretch as Stretch,
)
from hifisr_cli.version import __version__ as __version__

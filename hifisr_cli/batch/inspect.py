"""Many recordings inspected one after the other: a result for each, whatever happens to it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import BinaryIO

from hifisr_cli.batch.plan.discover import Found
from hifisr_cli.batch.workers.work_item import error_info
from hifisr_cli.errors import HifisrError, RunError
from hifisr_cli.restore.inspect import Inspection, inspect_file
from hifisr_cli.results import ErrorInfo

logger = logging.getLogger(__name__)

Progress = Callable[[int, float, float | None], None]


@dataclass(frozen=True, slots=True)
class Inspected:
    """A recording and what came of looking at it: an inspection, or an error."""

    input: str
    inspection: Inspection | None
    error: ErrorInfo | None = None


def inspect_all(
    found: Sequence[Found], *, stdin: BinaryIO | None = None, on_progress: Progress | None = None
) -> Iterator[Inspected]:
    """One result for each recording, in order, as soon as it is there.

    Args:
        found: from `discover`.
        stdin: where "-" is read from; this process's standard input if None.
        on_progress: called with the index of the recording, the seconds done and the seconds in all.

    Raises:
        RunError: standard input cannot be kept for a while.
    """
    for index, item in enumerate(found):
        try:
            yield Inspected(item.label, _inspect(index, item, stdin, on_progress))
        except RunError:
            raise
        except Exception as error:
            logger.debug("%s: failed", item.label, exc_info=True)
            yield Inspected(item.label, None, error_info(error, item.label))


def _inspect(index: int, item: Found, stdin: BinaryIO | None, on_progress: Progress | None) -> Inspection:
    if item.error is not None:
        raise item.error

    def progressed(seconds: float, total: float | None) -> None:
        if on_progress is not None:
            on_progress(index, seconds, total)

    with ExitStack() as stack:
        source = item.source
        if source is None:  # its length is not known, and some decoders have to seek
            from hifisr_cli.audio.decoders.spool import spool

            source = stack.enter_context(spool(stdin if stdin is not None else sys.stdin.buffer))
        try:
            return inspect_file(source, label=item.label, on_progress=progressed)
        except HifisrError as error:
            if error.path == str(source):
                error.path = item.label  # nobody knows the temporary name of standard input
            raise

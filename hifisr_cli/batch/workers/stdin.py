"""Standard input: restored while it comes where that is possible, else kept as a file first."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from hifisr_cli.results import FileResult

if TYPE_CHECKING:
    from hifisr_cli.engines.protocol import Engine
    from hifisr_cli.restore.file import Progress, RestoreOptions
    from hifisr_cli.system.hashing import Tally
    from hifisr_cli.system.staged_file import FileTarget

_KEPT = {b"RIFF": "wav", b"RF64": "wav", b"fLaC": "flac"}


def take_stdin(
    stack: ExitStack,
    *,
    label: str,
    to_stdout: bool,
    model: Engine | None,
    options: RestoreOptions,
    on_progress: Progress,
    layer: FileTarget | None = None,
    received: Tally | None = None,
    written: Tally | None = None,
) -> FileResult | Path:
    """The result where standard input was restored to standard output as it came, or the file that keeps it.

    Args:
        stack: deletes the file when it is closed.
        model: None for a dry run.
        layer: a file for the added layer.
        received, written: updated with all bytes of the two streams, where one became the other as it came: the end of
            the input is then waited for, also where its header has promised an earlier one.
    """
    from hifisr_cli.audio.decoders.bytestream import ByteStream
    from hifisr_cli.audio.decoders.spool import spool
    from hifisr_cli.audio.open_stream import open_stream
    from hifisr_cli.restore.pipe import can_stream, restore_live

    stream = ByteStream(sys.stdin.buffer, received)
    if to_stdout and model is not None and can_stream(options, _KEPT.get(stream.peek(4))):
        recording = open_stream(stream, Path(label), salvage=options.salvage, raw=options.raw)
        if recording is not None:
            result = restore_live(
                recording, model=model, options=options, label=label, layer=layer, on_progress=on_progress,
                tally=written,
            )  # fmt: skip
            if received is not None:
                stream.drain()
            return result
    return stack.enter_context(spool(stream))

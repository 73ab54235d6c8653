"""A file that appears complete or not at all, or standard output, written in any format from encoded samples."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from hifisr_cli.audio.formats import OutputFormat
from hifisr_cli.audio.metadata.carried import NOTHING, Carried
from hifisr_cli.audio.output.codecs import CodecSink, FlacStreamSink
from hifisr_cli.audio.output.encoder import Encodable
from hifisr_cli.audio.output.wav import RawSink, WavSink
from hifisr_cli.errors import OutputError, UnsupportedError
from hifisr_cli.results import Container
from hifisr_cli.system.files import write_all
from hifisr_cli.system.hashing import Tally
from hifisr_cli.system.staged_file import Overwrite, StagedFile, output_error
from hifisr_cli.system.streams import stdout_descriptor

STREAMING: frozenset[Container] = frozenset({"wav", "flac", "raw"})
"""Containers that can be written into a pipe while they are made; the others follow when they are complete."""

_STDOUT_NAME = "standard output"
_COPY = 1 << 20
_ROOM = 1 << 18  # bytes a channel of what is written at once
_AIFF_MAX = 0xFFFF_0000  # bytes of sound; its sizes have 32 bits


class EncodedFile:
    """A file of encoded samples, to be used in a `with` statement: write it, complete it, commit it.

    Without the last it leaves no file behind. (Standard output keeps what has gone there.)

    Args:
        target: of the file, or None for standard output: WAV, raw and (into a pipe) FLAC stream there, other formats
            follow when complete.
        chosen: how it is written.
        channels: C.
        frames: samples a channel that will be written, exactly; None where nobody knows (only what streams).
        overwrite: replace what is there.
        carried: metadata; that of the container's that is written.
        mtime_ns: the file's time of modification, instead of now.
        tally: counts the bytes that go to standard output.

    Attributes:
        problems: metadata that could not be written, one line each; complete when the file is.

    Entering raises:
        OutputExistsError: the target is there and may not be replaced.
        OutputError: its folder cannot be written to.
        UnsupportedError: too long for the container.
    """

    def __init__(
        self,
        target: Path | None,
        chosen: OutputFormat,
        *,
        channels: int,
        frames: int | None,
        overwrite: Overwrite,
        carried: Carried = NOTHING,
        mtime_ns: int | None = None,
        tally: Tally | None = None,
    ) -> None:
        self._target, self._format = target, chosen
        self._channels, self._frames, self._overwrite = channels, frames, overwrite
        self._written = 0
        self._staged: StagedFile | None = None
        self._sink: RawSink | CodecSink | FlacStreamSink | None = None
        self._resources = ExitStack()
        self._carried, self._mtime_ns = carried, mtime_ns
        self._tally = tally if target is None else None
        self.problems: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        chosen, channels, frames = self._format, self._channels, self._frames
        if chosen.container == "aiff" and (frames or 0) * channels * (chosen.bits or 32) // 8 > _AIFF_MAX:
            raise UnsupportedError("too long for an AIFF file", path=self._target, hint="write WAV instead")
        with ExitStack() as stack:
            if self._target is not None:
                self._staged = StagedFile(self._target, overwrite=self._overwrite)
                stack.callback(self._staged.discard)  # harmless after `commit`
            with self._reported():
                self._fd = self._descriptor(stack)
                if chosen.container == "wav":
                    self._sink = WavSink(
                        self._fd,
                        chosen,
                        channels=channels,
                        frames=frames,
                        seekable=self._target is not None,
                        carried=self._carried,
                        tally=self._tally,
                    )
                elif chosen.container == "raw":
                    self._sink = RawSink(self._fd, chosen, self._tally)
                elif self._fd == stdout_descriptor():
                    self._sink = FlacStreamSink(
                        self._fd, chosen, channels=channels, frames=frames, carried=self._carried, tally=self._tally
                    )
                else:
                    self._sink = CodecSink(self._fd, chosen, channels=channels, carried=self._carried)
            self._resources = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        with self._resources:  # removes what is temporary, whatever happens here
            if self._sink is not None:
                self._sink.abort()
                self._sink = None

    def write(self, samples: Encodable) -> None:
        """Write samples [C, T].

        Raises:
            OutputError: disk full and the like. BrokenPipeError: standard output was closed.
        """
        if self._sink is None:
            raise ValueError("the file is not open")
        with self._reported():
            self._sink.write(samples)
        self._written += samples.shape[1]

    def complete(self) -> None:
        """All samples are written: finish the file. On standard output it is there then.

        Raises:
            OutputError: disk full and the like. BrokenPipeError: standard output was closed.
        """
        if self._sink is None:
            raise ValueError("the file is not open")
        if self._frames is not None and self._written != self._frames:
            raise ValueError(f"{self._written} samples were written, {self._frames} promised")
        sink, self._sink = self._sink, None
        with self._reported():
            sink.finish()
            if isinstance(sink, CodecSink):
                self.problems = tuple(sink.problems)
                self._verify()
            if self._staged is not None:
                if self._mtime_ns is not None:
                    os.utime(self._staged.path, ns=(self._mtime_ns, self._mtime_ns))
            elif self._fd != stdout_descriptor():
                self._copy_to_stdout()

    def commit(self) -> None:
        """Show a complete file under its name.

        Raises:
            OutputExistsError: the target has appeared meanwhile.
            UnsupportedError: the target cannot be replaced, or the drive does not take its name after all.
            OutputError: the disk is full or failed.
        """
        if self._staged is not None:
            with self._reported():
                self._staged.commit()

    def withdraw(self) -> None:
        """Take back what `commit` has shown, unless there was a file before."""
        if self._staged is not None:
            self._staged.withdraw()

    def _descriptor(self, stack: ExitStack) -> int:
        """Where the sink writes: the staged file, standard output, or a file that is copied there in the end."""
        if self._staged is not None:
            return self._staged.fd
        if self._format.container in ("wav", "raw") or (
            self._format.container == "flac" and _is_pipe(stdout_descriptor())
        ):
            return stdout_descriptor()
        # These formats go back to their header when they know their length, which a pipe cannot.
        return stack.enter_context(tempfile.TemporaryFile(prefix="hifisr-")).fileno()

    def _copy_to_stdout(self) -> None:
        os.lseek(self._fd, 0, os.SEEK_SET)
        while data := os.read(self._fd, _COPY):
            write_all(stdout_descriptor(), data, self._tally)

    def _verify(self) -> None:
        """libsndfile may lose the end of a file without an error when it closes it."""
        from hifisr_cli.audio.decoders.no_seek import ForwardFile

        os.lseek(self._fd, 0, os.SEEK_SET)
        with ForwardFile(self._fd, closefd=False) as file:
            if file.frames != self._written:
                raise OSError(errno.EIO, f"{file.frames} of {self._written} samples arrived on the disk")

    @contextmanager
    def _reported(self) -> Iterator[None]:
        """Turns what the operating system and libsndfile raise into our own errors."""
        name = _STDOUT_NAME if self._target is None else self._target
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            raise output_error(error, name) from error
        except RuntimeError as error:  # soundfile's LibsndfileError, which does not tell a full disk from the rest
            if self._disk_is_full():
                raise output_error(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), name) from error
            raise OutputError(f"cannot be written: {error}", path=name) from error

    def _disk_is_full(self) -> bool:
        folder = tempfile.gettempdir() if self._target is None else self._target.parent
        return shutil.disk_usage(folder).free < _ROOM * self._channels


def _is_pipe(fd: int) -> bool:
    """Whether a descriptor is anything but a regular file, where a complete header is worth more than no delay."""
    try:
        return not stat.S_ISREG(os.fstat(fd).st_mode)
    except OSError:
        return False

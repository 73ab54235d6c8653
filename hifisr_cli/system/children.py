"""Child processes that take orders, and end when there are no more.

They come over a line, `Orders`. On Linux and macOS that is a socket, over which the child can also be given an open
file, whose lock it then holds as long as it lives. On Windows nobody can hold another's lock: there a child ends at
once with its line.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

_SLOWING = frozenset({"MALLOC_TRIM_THRESHOLD_"})
"""Variables that children do not inherit. Dask sets this one for its workers; whatever its value, glibc then maps and
unmaps every large tensor afresh: 24 short recordings took 11.9 s of processor time with it, 8.0 s without."""


class Orders:
    """The way to the standard input of a child process, over which it can also be given an open file to hold.

    Attributes:
        stream: what is written to it, the child reads.
    """

    def __init__(self, stream: BinaryIO, over: socket.socket | None = None) -> None:
        self.stream, self._socket = stream, over

    def open(self, held: int | None) -> None:
        """To be called before anything is written: the child holds `held`, and its lock, as long as it lives.

        On Windows this does nothing.

        Raises:
            ConnectionError: it does not live any more.
        """
        if sys.platform != "win32" and self._socket is not None:
            socket.send_fds(self._socket, [b"\0"], [] if held is None else [held])

    def close(self) -> None:
        """Never raises."""
        with contextlib.suppress(OSError):
            self.stream.close()
        if self._socket is not None:
            self._socket.close()


@contextlib.contextmanager
def deaf_to_ctrl_c() -> Iterator[None]:
    """What this thread starts meanwhile, threads and processes, never hears Ctrl-C. On Windows this does nothing."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def start_child(command: Sequence[str], environment: Mapping[str, str]) -> tuple[subprocess.Popen[bytes], Orders]:
    """A child process that does not hear Ctrl-C, which goes to all processes of a terminal, from its first moment.

    Its standard input is the line, its standard output a pipe, its standard error that of Python here. Of its
    environment it gets what does not slow it down.
    """
    environment = {name: value for name, value in environment.items() if name not in _SLOWING}
    if sys.platform == "win32":
        reading, writing = os.pipe()
        try:
            process = subprocess.Popen(
                command,
                stdin=reading,
                stdout=subprocess.PIPE,
                stderr=sys.__stderr__,
                env=environment,
                creationflags=subprocess.CREATE_NEW_PROCESS_GROUP,  # does not hear Ctrl-C
            )
        finally:
            os.close(reading)
        return process, Orders(os.fdopen(writing, "wb"))
    mine, theirs = socket.socketpair()
    with theirs, deaf_to_ctrl_c():
        process = subprocess.Popen(
            command, stdin=theirs.fileno(), stdout=subprocess.PIPE, stderr=sys.__stderr__, env=environment
        )
    return process, Orders(mine.makefile("wb"), mine)


def receive_line(fd: int) -> BinaryIO:
    """The other end of a line in the child, once it is open; what the parent gives it to hold, it holds.

    Raises:
        OSError: the parent is gone.
    """
    if sys.platform == "win32":
        return os.fdopen(fd, "rb")
    theirs = socket.socket(fileno=fd)
    socket.recv_fds(theirs, 1, 1)
    return theirs.makefile("rb")

"""Child processes that take orders, and end when there are no more.

The orders come over a `Line`. On Linux and macOS that is a socket, over which the child can also be given an open file,
whose lock it then holds as long as it lives. On Windows nobody can hold another's lock: there a child ends at once with
its line.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import BinaryIO

if sys.platform != "win32":

    class Line:
        """The way to the standard input of a child process, over which it can also be given an open file to hold."""

        def __init__(self, mine: socket.socket) -> None:
            self._socket = mine
            self.stream: BinaryIO = mine.makefile("wb")

        def open(self, held: int | None) -> None:
            """To be called before anything is written: the child holds `held`, and its lock, as long as it lives.

            Raises:
                ConnectionError: it does not live any more.
            """
            socket.send_fds(self._socket, [b"\0"], [] if held is None else [held])

        def close(self) -> None:
            """Never raises."""
            with contextlib.suppress(OSError):
                self.stream.close()
            self._socket.close()

    def start_child(command: Sequence[str], environment: Mapping[str, str]) -> tuple[subprocess.Popen[bytes], Line]:
        """A child process that does not hear Ctrl-C, which goes to all processes of a terminal, from its first moment.

        Its standard input is the line, its standard output a pipe.
        """
        mine, theirs = socket.socketpair()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            with theirs:
                process = subprocess.Popen(command, stdin=theirs.fileno(), stdout=subprocess.PIPE, env=environment)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return process, Line(mine)

    def receive_line(fd: int) -> BinaryIO:
        """The other end of a line in the child, once it is open; what the parent gives it to hold, it holds.

        Raises:
            OSError: the parent is gone.
        """
        theirs = socket.socket(fileno=fd)
        socket.recv_fds(theirs, 1, 1)
        return theirs.makefile("rb")

else:

    class Line:
        """A pipe here."""

        def __init__(self, fd: int) -> None:
            self.stream: BinaryIO = os.fdopen(fd, "wb")

        def open(self, held: int | None) -> None:
            """Nothing, here."""

        def close(self) -> None:
            """Never raises."""
            with contextlib.suppress(OSError):
                self.stream.close()

    def start_child(command: Sequence[str], environment: Mapping[str, str]) -> tuple[subprocess.Popen[bytes], Line]:
        """As elsewhere."""
        theirs, mine = os.pipe()
        try:
            process = subprocess.Popen(
                command,
                stdin=theirs,
                stdout=subprocess.PIPE,
                env=environment,
                creationflags=subprocess.CREATE_NEW_PROCESS_GROUP,  # does not hear Ctrl-C
            )
        finally:
            os.close(theirs)
        return process, Line(mine)

    def receive_line(fd: int) -> BinaryIO:
        """As elsewhere."""
        return os.fdopen(fd, "rb")

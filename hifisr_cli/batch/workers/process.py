"""A worker process as the run sees it: started at any time, told later what the run is."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import BinaryIO, cast

from hifisr_cli.batch.workers.messages import Do, Hello, send
from hifisr_cli.system.children import start_child

_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv.pop()); "
    "from hifisr_cli.batch.workers.worker import main; main()"
)


class Launched:
    """A worker process. Until it is greeted it imports what it will need.

    Attributes:
        process: its standard input is the line of its orders, its standard output the pipe of its replies.
    """

    def __init__(self) -> None:
        environment = dict(os.environ)
        environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        environment.setdefault("OPENBLAS_NUM_THREADS", "1")  # as in this process; PyTorch is told by `load_model`
        path = json.dumps([os.path.abspath(path) for path in sys.path])  # noqa: PTH100
        self.process, self._line = start_child([sys.executable, "-c", _START, path], environment)

    @property
    def replies(self) -> BinaryIO:
        """The pipe that its replies come from."""
        return cast(BinaryIO, self.process.stdout)

    def greet(self, hello: Hello, lock_fd: int | None) -> None:
        """Tell it what the run is, and let it hold the lock of the output folder as long as it lives."""
        with contextlib.suppress(OSError):  # it is dead: whoever reads its replies notices
            self._line.open(lock_fd)
            send(self._line.stream, hello)

    def order(self, order: Do) -> None:
        """Tell it what to do next."""
        with contextlib.suppress(OSError):
            send(self._line.stream, order)

    def dismiss(self) -> None:
        """No more orders: it ends by itself, at once."""
        self._line.close()

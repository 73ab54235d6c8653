"""The entry point: `hifisr` and `python -m hifisr_cli`."""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Run the command line of this process; returns its exit status (the table is `errors.EXIT_STATUSES`)."""
    if sys.argv[1:] in (["--version"], ["-V"]):  # before typer is imported: a version is asked for in a hurry
        from hifisr_cli import __version__

        try:
            print(f"hifisr {__version__}", flush=True)  # noqa: T201  the only line that is printed outside cli/
        except OSError:  # a full disk: the command line has words for it
            pass
        else:
            return 0
    # OpenMP reads this once, when torch is loaded: threads that spin while they wait can be ten times slower than a
    # single one where the machine has other work to do.
    # Training lasts for hours and is given a machine of its own: there they save a sixth of the time.
    os.environ.setdefault("OMP_WAIT_POLICY", "ACTIVE" if sys.argv[1:2] == ["train"] else "PASSIVE")
    # NumPy's products are small here: its threads only wait for each other, at three times the processor time.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from hifisr_cli.system.streams import keep_streams

    keep_streams()
    from hifisr_cli.cli.app import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())

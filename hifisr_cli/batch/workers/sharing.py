"""How the machine is shared among the recordings of a run."""

from __future__ import annotations

from dataclasses import dataclass

from hifisr_cli.system.machine import free_memory, on_gpu

_BYTES_A_WORKER = 4 << 20
"""A worker needs about two seconds of a core until it is ready: it should have at least as much to do."""

_MEMORY_A_WORKER = 1 << 30


@dataclass(frozen=True, slots=True)
class Sharing:
    """How the machine is shared: `jobs` worker processes (0: none but this one) of `threads` threads each."""

    jobs: int
    threads: int | None


def share(
    files: int, size: int, *, jobs: int | None, threads: int | None, device: str, cores: int, streams: bool = False
) -> Sharing:
    """How many worker processes a run gets, and how many threads each of them.

    It depends on the whole of the inputs, not on what an earlier run has left to do: the number of threads may have a
    say in the last bit of an output.

    Args:
        files, size: number of the recordings and their bytes in all.
        jobs, threads: as the user wants them, None where the user does not say.
        device: the network's.
        cores: of the processor.
        streams: one of the standard streams is an input or output.

    One file is worked on in this process. Several of them share the cores, one thread to a worker when there are
    enough files: that is faster than several threads on one file, and a worker that crashes takes one file with it.
    """
    if jobs == 0 or streams or (jobs is None and files <= 1):
        return Sharing(0, threads)
    if jobs is None:
        enough = max(1, size // _BYTES_A_WORKER)
        jobs = 1 if on_gpu(device) else max(1, min(cores // (threads or 1), files, enough, _room()))
    return Sharing(jobs, threads or max(1, cores // jobs))


def _room() -> int:
    """Workers that fit into the free memory."""
    free = free_memory()
    return 8 if free is None else max(1, free // _MEMORY_A_WORKER)

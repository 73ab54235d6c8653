"""The parts that shards wrote become the one journal of the folder.

At every moment each record stands in a part or in the journal, or in both, where it counts once; and whatever a dead
shard announced is announced.
"""

from __future__ import annotations

import contextlib
from hashlib import blake2b
from pathlib import Path

from hifisr_cli.batch.history.journal import Journal, iter_lines, journal_path, journal_shards, journal_size
from hifisr_cli.batch.history.lock import FolderLock
from hifisr_cli.system.staged_file import output_error, sync_folder


def merge_parts(folder: Path, lock: FolderLock) -> None:
    """Put the records of all parts behind those of the journal, in the order in which they were written.

    Args:
        lock: the folder's, without a shard; it announces what is unrecorded.

    Raises:
        JournalError: a part cannot be read.
        OutputError: the journal cannot be written to.
    """
    shards = journal_shards(folder)
    if shards:
        with Journal(folder) as journal:
            known = set()
            for part, _, line in iter_lines(folder):
                digest = blake2b(line, digest_size=16).digest()
                if part is not None and digest not in known:  # else a merge that died had come so far
                    journal.append_line(line)
                known.add(digest)
            try:
                journal.sync()
            except OSError as error:
                raise output_error(error, journal_path(folder)) from error
    lock.take_over(journal_size(folder))
    for shard in shards:
        with contextlib.suppress(OSError):
            journal_path(folder, shard).unlink()
    if shards:
        sync_folder(folder)

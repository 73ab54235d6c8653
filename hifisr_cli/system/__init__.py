"""What operating systems do differently, under one name each. Nothing else asks which of them it runs on.

On all of them a file can be read at a place, and locked, renamed and deleted while it is open.
"""

import sys

if sys.platform == "win32":
    from hifisr_cli.system.windows import (
        cores,
        data_folder,
        free_memory,
        is_alive,
        may_have_gpu,
        open_file,
        peak_memory,
        portable_path,
        read_at,
        readable_within,
        reader_has_left,
        relative_path,
        rename,
        status_of,
        sync_folder,
        try_lock,
        widen_pipe,
        write_at,
    )
else:
    from hifisr_cli.system.posix import (
        cores,
        data_folder,
        free_memory,
        is_alive,
        may_have_gpu,
        open_file,
        peak_memory,
        portable_path,
        read_at,
        readable_within,
        reader_has_left,
        relative_path,
        rename,
        status_of,
        sync_folder,
        try_lock,
        widen_pipe,
        write_at,
    )

__all__ = [
    "cores",
    "data_folder",
    "free_memory",
    "is_alive",
    "may_have_gpu",
    "open_file",
    "peak_memory",
    "portable_path",
    "read_at",
    "readable_within",
    "reader_has_left",
    "relative_path",
    "rename",
    "status_of",
    "sync_folder",
    "try_lock",
    "widen_pipe",
    "write_at",
]

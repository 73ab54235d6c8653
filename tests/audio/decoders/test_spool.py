from __future__ import annotations

import errno
import io
from pathlib import Path

import pytest

from hifisr_cli.audio.decoders.spool import spool
from hifisr_cli.errors import OutputError


def test_a_stream_becomes_a_file_for_a_while() -> None:
    data = bytes(range(256)) * 10_000
    with spool(io.BytesIO(data)) as path:
        assert path.read_bytes() == data
    assert not path.exists()
    assert not path.parent.exists()


def test_removed_after_an_interruption() -> None:
    with pytest.raises(KeyboardInterrupt), spool(io.BytesIO(b"x")) as path:
        seen = path
        raise KeyboardInterrupt
    assert not seen.parent.exists()


def test_no_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Full(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with pytest.raises(OutputError, match="no space left"), spool(Full()):
        pass

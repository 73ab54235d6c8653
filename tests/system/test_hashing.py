from __future__ import annotations

import hashlib
import io
import threading
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from hifisr_cli.audio.decoders.bytestream import ByteStream
from hifisr_cli.system.hashing import Tally, file_sha256


@given(st.lists(st.binary(max_size=50)))
def test_it_is_of_all_bytes_in_order(parts: list[bytes]) -> None:
    tally = Tally()
    for part in parts:
        tally.update(part)
    whole = b"".join(parts)
    assert (tally.size, tally.sha256) == (len(whole), hashlib.sha256(whole).hexdigest())


def test_a_stream_is_counted_once_however_it_is_read() -> None:
    data = bytes(range(256)) * 2_000
    tally = Tally()
    stream = ByteStream(io.BytesIO(data), tally)
    stream.peek(64)
    stream.exactly(1_000)
    stream.rewind()
    assert stream.exactly(2_000) == data[:2_000]
    stream.drain()
    assert (tally.size, tally.sha256) == (len(data), hashlib.sha256(data).hexdigest())


def test_two_threads_that_read_do_not_disorder_it() -> None:
    data = bytes(range(251)) * 40_000
    tally = Tally()
    stream = ByteStream(io.BytesIO(data), tally)
    stream.commit()
    threads = [threading.Thread(target=stream.drain) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tally.sha256 == hashlib.sha256(data).hexdigest()


def test_a_file_s(tmp_path: Path) -> None:
    data = bytes(range(256)) * 20_000
    (tmp_path / "a").write_bytes(data)
    assert file_sha256(tmp_path / "a") == hashlib.sha256(data).hexdigest()

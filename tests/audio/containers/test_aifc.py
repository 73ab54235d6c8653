"""AIFF-C of QuickTime: the same samples, in either order of their bytes."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from tests.audio.opened import decode

RATE, FRAMES = 44_100, 5_000
STORED = {
    b"in24": (24, "i4", 2.0**23),
    b"in32": (32, "i4", 2.0**31),
    b"fl32": (32, "f4", 1.0),
    b"FL64": (64, "f8", 1.0),
}


def chunk(name: bytes, body: bytes) -> bytes:
    return name + len(body).to_bytes(4, "big") + body + bytes(len(body) % 2)


def atom(name: bytes, body: bytes) -> bytes:
    return (8 + len(body)).to_bytes(4, "big") + name + body


def make(samples: np.ndarray, compression: bytes, *, order: str, said: int | None) -> bytes:
    """A file of two channels [2, T].

    Args:
        order: of the bytes, ">" or "<".
        said: in the atom `enda`; None: there is no such atom.
    """
    bits, kind, scale = STORED[compression]
    data = (samples.T * scale).astype(order + kind).tobytes()
    if bits == 24:
        octets = np.frombuffer(data, np.uint8).reshape(-1, 4)
        data = (octets[:, 1:] if order == ">" else octets[:, :3]).tobytes()
    exponent = int(math.log2(RATE))
    rate = (16_383 + exponent).to_bytes(2, "big") + int(RATE / 2**exponent * 2**63).to_bytes(8, "big")
    common = b"\0\2" + samples.shape[1].to_bytes(4, "big") + bits.to_bytes(2, "big") + rate + compression + b"\0\0"
    enda = b"" if said is None else atom(b"enda", said.to_bytes(2, "big"))
    wave = atom(b"frma", compression) + enda + atom(bytes(4), b"")
    parts = chunk(b"COMM", common) + chunk(b"wave", wave) + chunk(b"SSND", bytes(8) + data)
    return b"FORM" + (4 + len(parts)).to_bytes(4, "big") + b"AIFC" + parts


@pytest.mark.parametrize(("order", "said"), [(">", None), (">", 0), ("<", 1)])
@pytest.mark.parametrize("compression", STORED)
def test_the_order_of_the_bytes_is_that_which_the_file_states(
    tmp_path: Path, rng: np.random.Generator, compression: bytes, order: str, said: int | None
) -> None:
    samples = rng.uniform(-0.9, 0.9, (2, FRAMES))
    path = tmp_path / "a.aifc"
    path.write_bytes(make(samples, compression, order=order, said=said))
    found, info, notes = decode(path)
    np.testing.assert_allclose(found, samples, atol=2.0**-22)
    assert (info.sample_rate, info.frames, info.bits, notes) == (RATE, FRAMES, STORED[compression][0], ())

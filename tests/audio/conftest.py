"""Both decoders of foreign recordings in turn."""

from __future__ import annotations

import importlib.util

import pytest


@pytest.fixture(params=["av", "ffmpeg"])
def decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, ffmpeg: str) -> str:
    """Each of the two decoders in turn."""
    name = str(request.param)
    if name == "av" and importlib.util.find_spec("av") is None:
        pytest.skip("PyAV is not installed")
    monkeypatch.setenv("HIFISR_DECODER", name)
    return name

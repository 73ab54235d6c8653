from __future__ import annotations

from pathlib import Path

import pytest

from hifisr_cli.errors import UsageError
from hifisr_cli.train.config import TrainConfig


def test_configuration_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text("steps = 5\n[network.head]\nchannels = 64\n")
    config = TrainConfig.read(path)
    assert (config.steps, config.network.head.channels, config.network.mel.bands) == (5, 64, 128)
    for text in ("stepz = 5", "steps = ", "[network.latent]\ncontext = 'boundless'"):
        path.write_text(text)
        with pytest.raises(UsageError, match=r"."):
            TrainConfig.read(path)

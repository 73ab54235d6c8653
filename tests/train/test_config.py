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


def test_an_overlay_knows_media_and_what_is_rendered(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(
        "mixed = 0.2\n[media]\ntape = 0.5\naac = 0.1\n[rendering]\npieces = 3\nfonts = ['a.sf2', 'b.sf2']\n"
    )
    config = TrainConfig.read(path)
    assert config.media == {"tape": 0.5, "aac": 0.1}
    assert (config.rendering.pieces, config.rendering.fonts) == (3, ("a.sf2", "b.sf2"))
    for text in (
        "[media]\ntapes = 0.1",
        "[media]\ntape = 0.7\nfm = 0.4",
        "[media]\nam = -0.1",
        "[rendering]\npiece = 1",
    ):
        path.write_text(text)
        with pytest.raises(UsageError, match=r"media|rendering"):
            TrainConfig.read(path)


def test_the_recipes_are_valid() -> None:
    examples = Path(__file__).parents[2] / "examples"
    general = TrainConfig.read(examples / "general.toml")
    assert general.discriminators == TrainConfig.read(examples / "train.toml").discriminators
    assert sum(general.sources.values()) < 1.0
    assert general.rendering.folder.endswith("rendered"), "which [sources] names"
    short = TrainConfig.read(examples / "general-2.toml")
    assert (short.discriminators, short.network) == ((), general.network)
    assert sum(short.sources.values()) < 1.0

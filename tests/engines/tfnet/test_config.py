"""Sizes that fit together, and those that do not."""

from __future__ import annotations

import json

import pytest

from hifisr_cli.engines.sizes import ConfigError
from hifisr_cli.engines.tfnet.config import PUBLISHED, TfnetConfig


@pytest.mark.parametrize("config", [PUBLISHED, TfnetConfig(branches="time")])
def test_a_config_survives_its_checkpoint(config: TfnetConfig) -> None:
    assert TfnetConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"patch": 8200}, "multiple of 64"),
        ({"patch": 0}, "positive"),
        ({"taps": (65, 33)}, "pair up"),
        ({"taps": (65, 33, 17, 8)}, "odd"),
        ({"filters": (), "taps": ()}, "at least one"),
        ({"dropout": 1.0}, "dropout"),
        ({"branches": "none"}, "branches"),
        ({"width": 3}, "unknown keys in network: width"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        TfnetConfig.from_dict(changes)

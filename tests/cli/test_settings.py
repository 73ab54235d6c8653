from __future__ import annotations

import pytest

from hifisr_cli.cli.settings import parse_loudness, parse_true_peak
from hifisr_cli.errors import UsageError


def test_what_they_may_be() -> None:
    assert parse_loudness("keep") == "keep"
    assert parse_loudness("match") == "match"
    assert parse_loudness("-23") == -23.0
    assert parse_true_peak("-1.5", "keep") == -1.5
    assert parse_true_peak("off", -23.0) is None


def test_a_target_brings_a_ceiling() -> None:
    assert parse_true_peak(None, -23.0) == -1.0
    assert parse_true_peak(None, "match") is None
    assert parse_true_peak(None, "keep") is None


@pytest.mark.parametrize("text", ["", "loud", "23", "-4", "-61", "nan", "inf"])
def test_what_they_may_not_be(text: str) -> None:
    with pytest.raises(UsageError, match="--loudness"):
        parse_loudness(text)


@pytest.mark.parametrize("text", ["", "1", "-31", "nan"])
def test_what_the_ceiling_may_not_be(text: str) -> None:
    with pytest.raises(UsageError, match="--true-peak"):
        parse_true_peak(text, "keep")

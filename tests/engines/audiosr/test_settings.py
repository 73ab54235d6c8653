"""What may be asked for, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from hifisr_cli.engines.audiosr.settings import Settings, original_times


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"steps": 0}, "steps must"),
        ({"guidance": 0.5}, "guidance must"),
        ({"guide_first": 1000}, "guide_first must"),
        ({"guide_first": 100, "guide_last": 200}, "guide_last must"),
        ({"rescale": 1.5}, "rescale must"),
        ({"seed": -1}, "seed must"),
        ({"sampler": "euler"}, "sampler must"),
        ({"grid": "karras"}, "grid must"),
        ({"sampler": "original", "steps": 36}, "crashes with 36"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Settings(**given)


def test_the_published_times() -> None:
    assert original_times(4) == (751, 501, 251, 1)
    assert len(original_times(50)) == 50
    assert len(original_times(60)) == 63  # as the published program has it
    crash = [steps for steps in range(1, 1001) if _crashes(steps)]
    assert crash == [3, 9, 27, 36, 37, *range(101, 112), *range(251, 334), *range(501, 1001)]


def _crashes(steps: int) -> bool:
    try:
        original_times(steps)
    except ValueError:
        return True
    return False

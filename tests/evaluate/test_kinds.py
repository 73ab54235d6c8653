"""The kind of a recording is told by its folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from hifisr_cli.evaluate.kinds import kind_of


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("speech/vctk/a.flac", "speech"),
        ("speech/extras/Music/a.flac", "music"),
        ("sounds/sfx/door.wav", "effects"),
        ("sounds/speechless/door.wav", "other"),
        ("sounds/music.wav", "other"),
    ],
)
def test_the_nearest_folder_with_such_a_name_says_it(path: str, kind: str, tmp_path: Path) -> None:
    assert kind_of(Path("/data") / path) == kind

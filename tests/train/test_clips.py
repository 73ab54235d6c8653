"""Recordings to train on: where their facts come from, and how often each is drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.errors import NoAudioError
from hifisr_cli.train.clips import Clip, load_clips, source_weights


def clip(path: str, speaker: str, seconds: int) -> Clip:
    return Clip(path, speaker, np.zeros(48_000 * seconds, np.int16), 1.0, 24_000.0, 24_000.0, None)


def test_bandwidth_and_speaker_come_from_the_table(tmp_path: Path, speech_like: Callable[..., np.ndarray]) -> None:
    folder = tmp_path / "speech" / "voice"
    folder.mkdir(parents=True)
    for name in ("a.flac", "b.flac"):
        soundfile.write(folder / name, speech_like(1.0, 44_100)[0], 44_100)
    (tmp_path / "speech" / "sources.csv").write_text("path,speaker,bandwidth_hz\nvoice/a.flac,ada,15000\n")
    known, unknown = load_clips([folder])
    assert known.samples.size == 48_000
    assert (known.speaker, known.bandwidth_hz) == ("ada", 15_000)
    assert (unknown.speaker, unknown.bandwidth_hz) == (folder.as_posix(), pytest.approx(0.98 * 22_050))
    with pytest.raises(NoAudioError):
        load_clips([folder / "nothing"])


def test_what_an_uncompressed_recording_lacks_is_a_part_of_it(
    tmp_path: Path, speech_like: Callable[..., np.ndarray]
) -> None:
    """No loss is taken above the edge that a codec or a lower sample rate made; a studio's own edge is learnt."""
    rows = ["path,speaker,bandwidth_hz"]
    for name, rate in (("sdap/studio", 48_000), ("sdap/slow", 44_100), ("ogg/coded", 48_000)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        soundfile.write(tmp_path / f"{name}.flac", speech_like(1.0, rate)[0], rate)
        rows.append(f"{name}.flac,ada,21500")
    (tmp_path / "sources.csv").write_text("\n".join(rows))
    found = {Path(clip.path).stem: clip for clip in load_clips([tmp_path], {"sdap": 0.2})}
    assert {name: clip.edge_hz for name, clip in found.items()} == {"studio": 21_500, "slow": 21_500, "coded": 21_500}
    assert [found[name].bandwidth_hz for name in ("studio", "slow", "coded")] == [24_000, 21_500, 21_500]


def test_sources_get_their_share_and_speakers_the_root_of_theirs() -> None:
    clips = [clip("good/a", "ada", 8), clip("good/b", "ada", 8), clip("good/c", "bob", 4), clip("rest/d", "eve", 60)]
    ada, ada_again, bob, eve = source_weights(clips, {"good": 0.9})
    assert ada + ada_again + bob == pytest.approx(0.9)
    assert eve == pytest.approx(0.1)
    assert ada == pytest.approx(ada_again)
    assert (ada + ada_again) / bob == pytest.approx(2.0)


def test_sources_that_are_not_there_leave_their_share_to_the_others() -> None:
    clips = [clip("good/a", "ada", 8), clip("rest/d", "eve", 3)]
    assert source_weights(clips, {"good": 0.3, "gone": 0.6}) == pytest.approx([0.3, 0.7])
    assert source_weights(clips, {"gone": 1.0}).sum() == pytest.approx(1.0)


def test_files_of_the_same_name_keep_their_own_rows(tmp_path: Path, speech_like: Callable[..., np.ndarray]) -> None:
    for name in ("train/one/hit.flac", "train/two/hit.flac", "train/two/word.flac"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / name, speech_like(1.0)[0], 48_000)
    rows = ("path,speaker,bandwidth_hz,kind", "train/one/hit.flac,a,9000,sfx", "train/two/hit.flac,b,12000,music")
    (tmp_path / "sources.csv").write_text("\n".join(rows))
    found = load_clips([tmp_path / "train"])
    assert [(clip.speaker, clip.bandwidth_hz, clip.kind) for clip in found[:2]] == [
        ("a", 9_000, "sound"),
        ("b", 12_000, "sound"),
    ]
    assert found[2].kind == "speech"

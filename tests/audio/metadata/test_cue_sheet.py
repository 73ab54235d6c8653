"""The tracks of a disc stay where they are in the sound, as mutagen reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.audio.formats import choose_format
from hifisr_cli.audio.metadata.carried import read_metadata
from hifisr_cli.audio.metadata.cue_sheet import scale_cue_sheet
from hifisr_cli.audio.metadata.stream import with_tags
from hifisr_cli.audio.metadata.treatment import Treatment
from hifisr_cli.audio.open import open_recording
from hifisr_cli.audio.output.output import Output
from hifisr_cli.results import AudioInfo

flac = pytest.importorskip("mutagen.flac")

PLACES = ((0, (0,)), (441 * 588, (0, 294)), (1000 * 588 + 1, (7,)))


def disc(path: Path, rate: int = 44_100) -> Path:
    soundfile.write(path, np.zeros(rate), rate, format="FLAC")
    file, sheet = flac.FLAC(path), flac.CueSheet(None)
    sheet.media_catalog_number, sheet.compact_disc, sheet.lead_in_samples = b"1234567890123", True, 88_200
    for number, (start, indexes) in enumerate(PLACES, 1):
        track = flac.CueSheetTrack(number, start, isrc=b"QZ1234567890")
        track.indexes = [flac.CueSheetTrackIndex(at, place) for at, place in enumerate(indexes, 1)]
        sheet.tracks.append(track)
    sheet.tracks.append(flac.CueSheetTrack(170, 2000 * 588, isrc=b""))
    file.cuesheet = sheet
    file.metadata_blocks.append(sheet)
    file.save()
    return path


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_in_files_and_in_streams(tmp_path: Path, rate: int) -> None:
    with open_recording(disc(tmp_path / "a.flac", rate)) as recording:
        chosen = choose_format(recording.info, requested="flac", bit_depth="keep", suffix=None)
        carried = read_metadata(recording).for_output(chosen, extended=None)
    assert carried.warnings == ()
    with Output(tmp_path / "b.flac", chosen, channels=1, frames=480, overwrite=True, carried=carried) as output:
        output.write(np.zeros((1, 480), np.float32))
    soundfile.write(tmp_path / "plain.flac", np.zeros(480), 48_000)
    (tmp_path / "c.flac").write_bytes(with_tags((tmp_path / "plain.flac").read_bytes(), carried.tags, None))
    for name in ("b.flac", "c.flac"):
        sheet = flac.FLAC(tmp_path / name).cuesheet
        assert (sheet.media_catalog_number, sheet.compact_disc) == (b"1234567890123", rate == 48_000)
        assert sheet.lead_in_samples == 88_200 * 48_000 // rate
        assert [track.track_number for track in sheet.tracks] == [1, 2, 3, 170 if rate == 48_000 else 255]
        assert sheet.tracks[0].isrc == b"QZ1234567890"
        for track, (start, indexes) in zip(sheet.tracks, PLACES, strict=False):
            assert track.start_offset == round(start * 48_000 / rate)
            found = [track.start_offset + index.index_offset for index in track.indexes]
            assert found == [round((start + index) * 48_000 / rate) for index in indexes]


def test_elsewhere_it_is_a_warning(tmp_path: Path) -> None:
    with open_recording(disc(tmp_path / "a.flac")) as recording:
        found, info = read_metadata(recording), recording.info
    for suffix in (".wav", ".ogg", ".mp3", ".aiff"):
        chosen = choose_format(info, requested=None, bit_depth="keep", suffix=suffix)
        assert found.for_output(chosen, extended=None).warnings == ("its FLAC cue sheet was left out: FLAC keeps it",)


def test_a_damaged_one_is_refused() -> None:
    info = AudioInfo("FLAC", "PCM_16", 44_100, 1, 100, 16, is_float=False, lossy=False)
    treatment = Treatment(info, choose_format(info, requested="flac", bit_depth="keep", suffix=None), None)
    whole = bytes(395) + b"\2" + bytes(35) + b"\1" + bytes(12) + bytes(36)
    assert len(scale_cue_sheet(whole, treatment)) == len(whole)
    for size in (0, 395, 396, 431, 440, len(whole) - 1):
        with pytest.raises(ValueError, match="short"):
            scale_cue_sheet(whole[:size], treatment)
    with pytest.raises(ValueError, match="too far"):
        scale_cue_sheet(whole[:396] + b"\xff" * 8 + whole[404:], treatment)

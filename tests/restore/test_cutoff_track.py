"""A track that a user writes: what it means, what is refused, and that nothing is lost between text and track."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hifisr_cli.errors import UnsupportedError, UsageError
from hifisr_cli.restore.cutoff_track import CutoffRow, CutoffTrack, parse_cutoff_track, read_cutoff_track
from hifisr_cli.results import Bandwidth, Stretch

TIMES = st.floats(0.0, 1e6).map(abs)  # no negative zero
CHANNELS = st.none() | st.integers(1, 64)
CUTOFFS = st.none() | st.floats(100.0, 24_000.0)
TRACKS = st.lists(
    st.builds(CutoffRow, TIMES, CHANNELS, CUTOFFS),
    min_size=1,
    max_size=20,
    unique_by=lambda row: (row.channel, row.start_seconds),
).map(lambda rows: CutoffTrack(tuple(sorted(rows, key=lambda row: (row.channel or 0, row.start_seconds)))))


@given(TRACKS)
def test_text_holds_all_of_a_track(track: CutoffTrack) -> None:
    text = track.to_csv()
    assert parse_cutoff_track(text) == track
    assert parse_cutoff_track(text).to_csv() == text


@given(TRACKS, st.randoms(use_true_random=False), st.sampled_from(["\n", "\r\n"]))
def test_the_order_of_rows_is_all_the_same(track: CutoffTrack, random: object, end: str) -> None:
    head, *lines = track.to_csv().splitlines()
    random.shuffle(lines)  # type: ignore[attr-defined]
    for text in (end.join(lines), end.join([head.upper(), *lines, ""])):
        assert parse_cutoff_track(text) == track


@given(TRACKS, st.integers(1, 64), st.floats(1e-3, 2e6))
def test_the_stretches_of_a_channel(track: CutoffTrack, channel: int, seconds: float) -> None:
    changes = track.changes(channel, seconds)
    own = [row for row in track.rows if row.channel == channel] or [row for row in track.rows if row.channel is None]
    assert bool(changes) == bool(own)
    if not own:
        return
    starts = [start for start, _ in changes]
    assert starts[0] == 0.0 and starts == sorted(starts) and starts[-1] < seconds
    assert all(before[1] != after[1] for before, after in pairwise(changes))
    for row in own:  # whatever it says holds from its start on
        if row.start_seconds < seconds:
            assert [hertz for start, hertz in changes if start <= row.start_seconds][-1] == row.cutoff_hz


def test_a_file_as_people_write_it() -> None:
    track = parse_cutoff_track(
        """# A reel: two telephone calls, then the studio
        Start_Seconds, Channel, Hz
        92.5, *, FULL     # the studio
        0, "*", 3400

        12.5,*,3.1e3
        12.5,2,7000
        """
    )
    assert track.changes(1, 100.0) == ((0.0, 3_400.0), (12.5, 3_100.0), (92.5, None))
    assert track.changes(2, 100.0) == ((0.0, 7_000.0),), "it goes by its own rows alone, before the first one, too"
    assert track.changes(1, 92.5) == ((0.0, 3_400.0), (12.5, 3_100.0))
    assert track.changes(3, math.inf) == track.changes(1, 100.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no row"),
        ("start_seconds,channel,hz\n# nothing\n", "no row"),
        ("0,*,3400\n1,*", "line 2: 2 values instead of 3"),
        ("0;*;3400", "line 1: 1 value instead of 3"),
        ("0,*,3400,", "line 1: 4 values"),
        ("\n0,left,3400", "line 2: 'left' is neither a channel"),
        ("0,0,3400", "line 1: channels are counted from 1"),
        (f"0,{'9' * 5000},3400", "line 1: .* is neither a channel"),
        ("0:12,*,3400", "line 1: '0:12' is no number"),
        ("0,*,wide", "line 1: 'wide' is no number"),
        ("-1,*,3400", "line 1: -1 is no time"),
        ("inf,*,3400", "line 1: inf is no time"),
        ("nan,*,3400", "line 1: nan is no time"),
        ("0,*,99", "line 1: a cutoff of 99 Hz"),
        ("0,*,nan", "line 1: a cutoff of nan Hz"),
        ("0,1,3400\n0,*,3400\n0.0,1,full", "line 3: says again .* line 1"),
        ("0,*,3400\nstart_seconds,channel,hz", "line 2: 'channel' is neither"),
    ],
)
def test_a_line_that_is_no_row_is_named(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_cutoff_track(text)


@given(st.text(alphabet='0159.,*#\n "full-e', max_size=40) | st.text(max_size=40))
def test_any_text_is_a_track_or_refused(text: str) -> None:
    try:
        track = parse_cutoff_track(text)
    except UsageError:
        return
    assert track.rows


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "track.csv"
    path.write_bytes("\ufeff0,*,3400\r\n".encode())  # as spreadsheets write it
    assert read_cutoff_track(path).changes(1, 1.0) == ((0.0, 3_400.0),)
    for data, message in ((b"\xff\xfe", "no text"), (b"#" * (1 << 21), "too long"), (b"0,*,1", "line 1")):
        path.write_bytes(data)
        with pytest.raises(UsageError, match=rf"track\.csv: .*{message}"):
            read_cutoff_track(path)
    with pytest.raises(UsageError, match="cannot be read"):
        read_cutoff_track(tmp_path)


def test_a_track_fits_the_channels_or_is_refused() -> None:
    two = parse_cutoff_track("0,1,3400\n0,2,7000")
    two.check_channels(2, Path("a.wav"))
    with pytest.raises(UnsupportedError, match=r"a\.wav: has 1 channel, but .* channel 2"):
        two.check_channels(1, Path("a.wav"))
    with pytest.raises(UnsupportedError, match="nothing of channel 3"):
        two.check_channels(3, Path("a.wav"))
    parse_cutoff_track("0,*,3400\n0,2,7000").check_channels(64, Path("a.wav"))


def test_what_was_measured_can_be_given() -> None:
    stretches = (
        Stretch(None, 0.0, 12.40004, Bandwidth(3_400.04, 0.9, "edge")),
        Stretch(None, 12.40004, 20.0, Bandwidth(24_000.0, 0.9, "full-band")),
        Stretch(None, 20.0, 21.0, Bandwidth(80.0, 0.9, "edge")),
    )
    track = CutoffTrack.of(stretches)
    assert track.to_csv() == "start_seconds,channel,hz\n0,*,3400\n12.4,*,full\n20,*,full\n"
    assert track.changes(1, 21.0) == ((0.0, 3_400.0), (12.4, None))

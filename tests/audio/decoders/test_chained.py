"""Parts one after the other are one recording: every sample of each, in one form, or a word about what is not there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hifisr_cli.audio.completeness import Promise
from hifisr_cli.audio.containers.signatures import FileIdentity
from hifisr_cli.audio.decoders.chained import ChainedSource, OpenPart, widest
from hifisr_cli.audio.decoders.libsndfile import NotOpenedError
from hifisr_cli.audio.recording import Block, BrokenOffError, Recording, Source
from hifisr_cli.audio.resample import resample
from hifisr_cli.errors import TruncatedError
from hifisr_cli.results import AudioInfo


class Played(Source):
    """Samples that are there, in blocks of any length; what it promises may differ."""

    def __init__(self, sound: Block, rate: int, *, promise: Promise | None = None, breaks: bool = False) -> None:
        self.info = AudioInfo("OGG", "VORBIS", rate, len(sound), sound.shape[1], None, is_float=False, lossy=True)
        self.promise, self._sound, self._breaks = promise, sound, breaks

    def read(self, frames: int) -> Block:
        block, self._sound = self._sound[:, :frames], self._sound[:, frames:]
        if self._breaks and not block.shape[1]:
            raise BrokenOffError("a page is damaged")
        return block


def noise(frames: int, channels: int = 2, seed: int = 0) -> Block:
    return (np.random.default_rng(seed).standard_normal((channels, frames)) * 0.1).astype(np.float32)


def openers(sources: Sequence[Source | Exception], closed: list[int]) -> list[OpenPart]:
    def opener(number: int, source: Source | Exception) -> Callable[[ExitStack], Source]:
        def open_part(stack: ExitStack) -> Source:
            if isinstance(source, Exception):
                raise source
            assert closed == [n for n in range(number) if not isinstance(sources[n], Exception)], (
                "one is open at a time"
            )
            stack.callback(closed.append, number)
            return source

        return open_part

    return [opener(number, source) for number, source in enumerate(sources)]


def play(
    *sources: Source | Exception, known: bool = False, salvage: bool = False, frames: int = 999
) -> tuple[Block, Recording]:
    whole = widest([source.info for source in sources if isinstance(source, Source)]) if known else None
    chain = ChainedSource(openers(sources, []), whole, tolerant=salvage)
    with Recording(Path("a"), chain, ExitStack(), salvage=salvage, what=FileIdentity(None)) as recording:
        blocks = list(recording.blocks(frames))
    assert all(block.shape[1] == frames for block in blocks[:-1])
    return np.concatenate(blocks, axis=1), recording


@pytest.mark.parametrize("known", [True, False])
def test_parts_of_one_form_are_joined_bit_for_bit(known: bool) -> None:
    parts = [noise(length, seed=length) for length in (5_000, 1, 999, 70_000)]
    found, recording = play(*(Played(part, 44_100) for part in parts), known=known)
    np.testing.assert_array_equal(found, np.concatenate(parts, axis=1))
    assert recording.notes == ("it is a chain of 4 recordings: all were joined, with the tags of the first",)
    assert not recording.salvaged


def test_one_part_is_no_chain() -> None:
    found, recording = play(Played(noise(5_000), 44_100))
    np.testing.assert_array_equal(found, noise(5_000))
    assert recording.notes == ()


def test_parts_known_beforehand_get_the_highest_rate_and_the_most_channels() -> None:
    low, high, six = noise(4_001, channels=1), noise(3_000, seed=1), noise(500, channels=6, seed=2)
    found, recording = play(Played(low, 16_000), Played(high, 48_000), Played(six, 44_100), known=True)
    first, second, third = resample(low, 16_000), high, resample(six, 44_100)
    assert recording.info.frames == found.shape[1] == sum(part.shape[1] for part in (first, second, third))
    assert (recording.info.sample_rate, recording.info.channels) == (48_000, 6)
    np.testing.assert_array_equal(found[:, : first.shape[1]], np.repeat(first, 6, axis=0))
    middle = found[:, first.shape[1] : first.shape[1] + 3_000]
    np.testing.assert_array_equal(middle[:2], high)
    assert not middle[2:].any(), "what a part does not have is silent"
    np.testing.assert_array_equal(found[:, -third.shape[1] :], third)
    assert recording.notes == (
        "it is a chain of 3 recordings: all were joined, at 48000 Hz in 6 channels, with the tags of the first",
    )


def test_in_a_stream_a_narrower_part_fits_the_first() -> None:
    found, _ = play(Played(noise(5_000), 48_000), Played(noise(5_000, channels=1), 24_000))
    assert found.shape == (2, 15_000)
    np.testing.assert_array_equal(found[0, 5_000:], resample(noise(5_000, channels=1), 24_000)[0])
    np.testing.assert_array_equal(found[0, 5_000:], found[1, 5_000:])


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (Played(noise(100, channels=2), 16_000), "its part 2 has 2 channels, the first 1: save it to a file first"),
        (Played(noise(100, channels=1), 24_000), "its part 2 has 24000 Hz, the first 16000: save it to a file first"),
    ],
)
def test_in_a_stream_a_wider_part_does_not_fit(second: Source, words: str) -> None:
    with pytest.raises(TruncatedError, match=words):
        play(Played(noise(5_000, channels=1), 16_000), second)
    found, recording = play(Played(noise(5_000, channels=1), 16_000), second, salvage=True)
    np.testing.assert_array_equal(found, noise(5_000, channels=1))
    assert recording.salvaged
    assert words in recording.notes[-1]


def test_every_part_keeps_its_own_promise() -> None:
    """What one has too many does not make up for what another lacks."""
    short, long = Played(noise(800), 1_000, promise=Promise(1_000)), Played(noise(1_200), 1_000, promise=Promise(1_000))
    for parts in ((short, long), (long, short)):
        number = parts.index(short) + 1
        fresh = [Played(part._sound, 1_000, promise=part.promise) for part in parts]
        with pytest.raises(TruncatedError, match=f"in its part {number}: it breaks off after 0.800 of 1.000 s"):
            play(*fresh, known=True)
    found, recording = play(short, long, known=True, salvage=True)
    assert found.shape == (2, 2_000)
    assert "in its part 1: it breaks off after 0.800 of 1.000 s" in recording.notes[-1]


def test_a_promise_has_its_slack_in_a_chain_too() -> None:
    parts = [Played(noise(900), 1_000, promise=Promise(1_000, 100)) for _ in range(3)]
    found, recording = play(*parts, known=True)
    assert found.shape == (2, 2_700)
    assert recording.notes == ("it is a chain of 3 recordings: all were joined, with the tags of the first",)


def test_more_than_a_part_promises_is_told() -> None:
    _, recording = play(Played(noise(1_000), 1_000), Played(noise(3_000), 1_000, promise=Promise(1_000)))
    assert any("counts 2.000 s of sound, but 4.000 s are there" in note for note in recording.notes)


def test_a_stream_of_parts_of_unknown_length() -> None:
    parts = [Played(noise(1_000), 1_000) for _ in range(2)]
    for part in parts:
        part.info = replace(part.info, frames=None)
    found, recording = play(*parts)
    assert found.shape == (2, 2_000)
    assert recording.notes == ("it is a chain of 2 recordings: all were joined, with the tags of the first",)


def test_salvage_goes_on_behind_a_part_that_breaks_off() -> None:
    def parts() -> list[Source | Exception]:
        return [
            Played(noise(500), 1_000, promise=Promise(1_000), breaks=True),
            NotOpenedError("there is no sound in it"),
            Played(noise(1_000, seed=1), 1_000),
        ]

    with pytest.raises(TruncatedError, match="a page is damaged"):
        play(*parts())
    found, recording = play(*parts(), salvage=True)
    np.testing.assert_array_equal(found, np.concatenate((noise(500), noise(1_000, seed=1)), axis=1))
    assert recording.notes[-1] == (
        "salvaged: 1.500 of 2.000 s readable (in its part 1: a page is damaged; "
        "its part 2 cannot be decoded: there is no sound in it)"
    )


def test_an_empty_part_is_passed() -> None:
    found, recording = play(Played(noise(0), 1_000), Played(noise(500), 1_000))
    np.testing.assert_array_equal(found, noise(500))
    assert not recording.salvaged


def test_nothing_readable_at_all() -> None:
    with pytest.raises(TruncatedError, match="nothing of it is readable: a page is damaged"):
        play(Played(noise(0), 1_000, promise=Promise(1_000), breaks=True), salvage=True)

"""Scores as files: times and lengths as they are written there."""

from __future__ import annotations

from hifisr_cli.train.rendering.midi import midi_file, note, program


def test_a_file_of_one_note() -> None:
    """By hand, after the specification: 0.5 s are 480 ticks, which are 0x83 0x60 in seven bits a byte."""
    file = midi_file([program(0.0, 2, 40), *note(0.5, 1.0, 2, 60, 100)])
    track = bytes.fromhex("00 c228  8360 923c64  8360 823c00  00 ff2f00".replace(" ", ""))
    assert file[:14] == bytes.fromhex("4d546864 00000006 0000 0001 01e0".replace(" ", ""))
    assert file[14:] == b"MTrk" + len(track).to_bytes(4, "big") + track


def test_long_waits_take_three_bytes() -> None:
    assert bytes.fromhex("81aa55") in midi_file(note(0.0, 22.7556, 0, 60, 1))
    assert midi_file(reversed(note(0.0, 1.0, 0, 60, 1))) == midi_file(note(0.0, 1.0, 0, 60, 1)), "in order of time"

"""What is done to a recording, as its metadata tells it: the rate it had, what it becomes, where it is synthetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hifisr_cli.audio.formats import OutputFormat
from hifisr_cli.results import SAMPLE_RATE, AudioInfo

Cutoff = float | Literal["unknown"] | None

_MPEG = {"MPEG_LAYER_I": "L1", "MPEG_LAYER_II": "L2", "MPEG_LAYER_III": "L3"}
_COMPANDED = {"ULAW": "G.711 u-law", "ALAW": "G.711 A-law"}


@dataclass(frozen=True, slots=True)
class Treatment:
    """What becomes of a recording on the way to its output.

    Attributes:
        info: of the input.
        chosen: how the output is written.
        cutoff_hz: content above it is made up; "unknown" as long as a stream has not been heard; None where the
            bandwidth is left as it is.
        levelled: the loudness is changed.
    """

    info: AudioInfo
    chosen: OutputFormat
    cutoff_hz: Cutoff
    levelled: bool = False

    @property
    def restored(self) -> bool:
        return self.cutoff_hz is not None

    @property
    def same_rate(self) -> bool:
        return self.info.sample_rate == SAMPLE_RATE

    @property
    def same_samples(self) -> bool:
        """The output holds the input's samples (but for their format)."""
        return not self.restored and not self.levelled and self.same_rate

    def scale(self, samples: int) -> int:
        """A position or a length at the input's rate as one at the output's, rounded to the nearest, exactly."""
        rate = self.info.sample_rate
        return (2 * samples * SAMPLE_RATE + rate) // (2 * rate)

    @property
    def statement(self) -> str | None:
        """A sentence for everyone; None where nothing was made up."""
        if self.cutoff_hz is None:
            return None
        if self.cutoff_hz == "unknown":
            return f"Bandwidth extended by {_signature()} where it was limited: such content is synthetic"
        return (
            f"Bandwidth extended above {self.cutoff_hz / 1000:.1f} kHz by {_signature()}: "
            "content above that frequency is synthetic"
        )

    @property
    def source_line(self) -> str:
        """The input as found, as a line of a CodingHistory (EBU R98), without its end."""
        info = self.info
        fields = [f"F={info.sample_rate}"]
        text = f"source as found; {info.container}"
        if info.codec in _MPEG:
            version = "MPEG1" if info.sample_rate >= 32_000 else "MPEG2"
            fields.insert(0, f"A={version}{_MPEG[info.codec]}")
        elif not info.lossy:
            fields.insert(0, "A=PCM")
            if info.bits is not None:
                fields.append(f"W={info.bits}")
            text += f" {_COMPANDED[info.codec]}" if info.codec in _COMPANDED else ""
        else:
            text += f" {info.codec}"
        return _line(fields, info.channels, text)

    @property
    def history_line(self) -> str:
        """What was done, as a line of a CodingHistory (EBU R98), without its end."""
        if self.cutoff_hz is None:
            what = "bandwidth unchanged"
        elif self.cutoff_hz == "unknown":
            what = "bandwidth extended where it was limited; synthetic"
        else:
            what = f"bandwidth extended above {self.cutoff_hz / 1000:.1f} kHz; synthetic"
        what += "; loudness changed" if self.levelled else ""
        bits = self.chosen.bits
        fields = [f"F={SAMPLE_RATE}"]
        if bits is not None:
            fields = ["A=PCM", *fields, f"W={bits}"]
        elif self.chosen.codec in _MPEG:
            fields.insert(0, "A=MPEG1L3")
        return _line(fields, self.info.channels, f"{_signature()}; {what}")


def _signature() -> str:
    from hifisr_cli import __version__  # asks git in a checkout: only where something is signed

    return f"hifisr {__version__}"


def _line(fields: list[str], channels: int, text: str) -> str:
    """R98 has words for one and two channels only. The text must not have commas."""
    if channels <= 2:
        fields = [*fields, "M=mono" if channels == 1 else "M=stereo"]
    else:
        text += f"; {channels} channels"
    return ",".join([*fields, f"T={text.replace(',', ';')}"])

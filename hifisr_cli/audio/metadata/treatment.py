"""What is done to a recording, as its metadata tells it: the rate it had, what it becomes, where it is synthetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hifisr_cli.audio.formats import OutputFormat
from hifisr_cli.results import SAMPLE_RATE, AudioInfo

Cutoff = float | Literal["unknown"] | None


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
            return f"Bandwidth extended by {self.signature} where it was limited: such content is synthetic"
        return (
            f"Bandwidth extended above {self.cutoff_hz / 1000:.1f} kHz by {self.signature}: "
            "content above that frequency is synthetic"
        )

    @property
    def signature(self) -> str:
        """Who did it."""
        from hifisr_cli.version import __version__  # asks git in a checkout: only where something is signed

        return f"hifisr {__version__}"

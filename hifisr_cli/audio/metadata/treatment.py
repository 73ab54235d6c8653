"""What is done to a recording, as its metadata tells it: the rate it had, what it becomes, where it is synthetic."""

from __future__ import annotations

from dataclasses import dataclass

from hifisr_cli.audio.formats import OutputFormat
from hifisr_cli.results import SAMPLE_RATE, AudioInfo

WHERE_LIMITED = "where it was limited"
"""Where the bandwidth of a stream is extended that has not been heard yet."""


@dataclass(frozen=True, slots=True)
class Treatment:
    """What becomes of a recording on the way to its output.

    Attributes:
        info: of the input.
        chosen: how the output is written.
        extended: where the bandwidth is extended, such as "above 3.4 kHz"; None where it is left as it is.
        levelled: the loudness is changed.
    """

    info: AudioInfo
    chosen: OutputFormat
    extended: str | None
    levelled: bool = False

    @property
    def restored(self) -> bool:
        return self.extended is not None

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
        if self.extended is None:
            return None
        return f"Bandwidth extended {self.extended} by {self.signature}: such content is synthetic"

    @property
    def signature(self) -> str:
        """Who did it."""
        from hifisr_cli.version import __version__  # asks git in a checkout: only where something is signed

        return f"hifisr {__version__}"

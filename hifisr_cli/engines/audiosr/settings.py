"""What the AudioSR engine can be asked for."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Settings:
    """Of the diffusion, above all.

    The defaults of `steps` and `grid` come from data whose solution is known: 8 steps of lambda are as near to it as
    10, within 3, 2 and 8 % in three cases (trailing 5, 25 and 7 %). Guided by 3.5, as published, 8 steps extrapolate
    what guidance adds (the known part comes out 0.45 to 2.4 times as large, by the interval); rescaled by 0.7, as arXiv
    2305.08891 proposes, they come within 0.04 of the published program's 50 steps for data that is nearly known and
    0.13 for data that is not. Then it makes no difference whether the first and last times are guided, but to the cost.
    """

    steps: int = field(default=8, metadata={"help": "calls of the denoiser for a window, 1 to 1000"})
    guidance: float = field(
        default=3.5, metadata={"help": "how much the recording guides, 1 (not at all, and faster) to 20"}
    )
    guide_first: int = field(
        default=950, metadata={"help": "dpm guides from this time of the diffusion on, 999 (pure noise) to 0"}
    )
    guide_last: int = field(default=100, metadata={"help": "and down to this one"})
    rescale: float = field(
        default=0.7, metadata={"help": "dpm takes back the loudness that guidance adds, 0 (no) to 1 (all)"}
    )
    seed: int = field(default=0, metadata={"help": "of all that is random, 0 to 4294967295"})
    sampler: str = field(
        default="dpm", metadata={"help": "dpm (DPM-Solver++ 2M) or original (the published program's, of 50 steps)"}
    )
    grid: str = field(default="lambda", metadata={"help": "where the steps of dpm lie, lambda or trailing"})
    sample_condition: bool = field(
        default=True, metadata={"help": "draw the latent of the recording as in training; false takes its mean"}
    )

    def __post_init__(self) -> None:
        """Raises ValueError: a value out of range, or steps with which the published program crashes."""
        rules = {
            "steps must be from 1 to 1000": 1 <= self.steps <= 1000,
            "guidance must be from 1 to 20": 1.0 <= self.guidance <= 20.0,
            "guide_first must be from 0 to 999": 0 <= self.guide_first <= 999,
            "guide_last must be from 0 to guide_first": 0 <= self.guide_last <= self.guide_first,
            "rescale must be from 0 to 1": 0.0 <= self.rescale <= 1.0,
            "seed must be from 0 to 4294967295": 0 <= self.seed < 1 << 32,
            "sampler must be dpm or original": self.sampler in ("dpm", "original"),
            "grid must be lambda or trailing": self.grid in ("lambda", "trailing"),
        }
        broken = [rule for rule, holds in rules.items() if not holds]
        if broken:
            raise ValueError(broken[0])
        if self.sampler == "original":
            original_times(self.steps)


def original_times(steps: int) -> tuple[int, ...]:
    """When the published program calls the denoiser, asked for so many steps; it may be another number of them.

    Raises:
        ValueError: it calls it at a time that does not exist, and crashes.
    """
    times = tuple(range(1, 1001, 1000 // steps))
    if times[-1] > 999:
        raise ValueError(f"steps: the published program crashes with {steps}; it is meant for 50, 100 or 200")
    return times[::-1]

"""The denoiser's part in a restoration: when it is called, how the recording guides it, and what comes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from hifisr_cli.engines.audiosr.noise import FIRST_STEP, START
from hifisr_cli.engines.audiosr.sampler import ancestral, call_times, solve
from hifisr_cli.engines.audiosr.schedule import LAST
from hifisr_cli.engines.audiosr.settings import Settings, original_times

if TYPE_CHECKING:
    from hifisr_cli.engines.audiosr.network import AudioSr


@dataclass(frozen=True, slots=True)
class Guidance:
    """Classifier-free guidance (Ho and Salimans 2022, arXiv 2207.12598): v_u + scale (v_c - v_u).

    Attributes:
        scale: 1 is none, in half the time.
        first, last: it is applied at the times in between (an interval, as in arXiv 2404.07724).
        rescale: how far the result is brought to the deviation of v_c (arXiv 2305.08891, section 3.4), 0 to 1.
    """

    scale: float
    first: int = LAST
    last: int = 0
    rescale: float = 0.0

    def at(self, time: int) -> bool:
        """Whether it does anything at this time."""
        return self.scale != 1.0 and self.last <= time <= self.first

    def guided(self, v: Tensor, unconditional: Tensor) -> Tensor:
        """v [B, ...] with and without the condition -> what is used in their place."""
        guided = unconditional + self.scale * (v - unconditional)
        if not self.rescale:
            return guided
        dims = list(range(1, v.ndim))
        ratio = v.std(dims, keepdim=True) / guided.std(dims, keepdim=True)
        return guided * (1.0 + self.rescale * (ratio - 1.0))


class Diffusion:
    """What the settings ask for.

    Attributes:
        times: of the calls of the denoiser, in their order.
        guidance: of these calls.
    """

    def __init__(self, settings: Settings) -> None:
        self._ancestral = settings.sampler == "original"
        if self._ancestral:  # which guides throughout
            self.times, self.guidance = original_times(settings.steps), Guidance(settings.guidance)
        else:
            self.times = call_times(settings.grid, settings.steps)
            self.guidance = Guidance(settings.guidance, settings.guide_first, settings.guide_last, settings.rescale)

    def latent(
        self,
        network: AudioSr,
        condition: Tensor,
        draw: Callable[[int], Tensor],
        on_call: Callable[[int], None] = lambda _time: None,
    ) -> Tensor:
        """The latent of the full band that goes with that of a recording: [B, Z, L, K] -> same.

        Args:
            draw: gives the noises of these windows, [B, Z, L, K]; see `noise`.
            on_call: told the time of each call that is done.
        """
        nothing = network.no_condition(condition)

        def velocity(x: Tensor, time: int) -> Tensor:
            conditions = (condition, nothing) if self.guidance.at(time) else (condition,)
            count = len(conditions)  # both in one call, which takes less time than two
            times = torch.full((count * len(x),), time, device=x.device)
            v = network.velocity(x.repeat(count, 1, 1, 1), times, torch.cat(conditions)).to(x.dtype)
            on_call(time)
            return self.guidance.guided(*v.chunk(2)) if count == 2 else v

        if self._ancestral:
            return ancestral(velocity, draw(START), self.times, lambda step: draw(FIRST_STEP + step))
        return solve(velocity, draw(START), self.times)

"""Spectrograms as pictures: bare ones for the page, and one with axes for a file or a pair."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hifisr_cli.dsp.spectrogram import Spectrogram
from hifisr_cli.results import Stretch

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

TOP_HZ = 24_000.0
"""The upper edge of every picture: the Nyquist frequency of the outputs."""

FLOOR_DB, TOP_DB = -110.0, -10.0
"""The range of every picture, in dB below a sine at full scale. Fixed, so that pictures can be compared."""

_DARK, _LIGHT = 0.13, 0.97
_FIRST_HUE, _LAST_HUE = 285.0, 465.0  # degrees: violet, then over magenta and orange to yellow
_CHROMA = 0.19

_SCALE = 2  # pixels of the picture for one of the layout: sharp on fine screens
_PANEL_WIDTH, _HEIGHT = 480 * _SCALE, 280 * _SCALE
_LEFT, _RIGHT, _TOP, _BOTTOM, _GAP = 44 * _SCALE, 78 * _SCALE, 30 * _SCALE, 38 * _SCALE, 26 * _SCALE
_TEXT, _TITLE = 12 * _SCALE, 13 * _SCALE
_INK, _FAINT, _PAPER, _LINE = (40, 40, 48), (110, 110, 120), (255, 255, 255), (255, 255, 255)


Box = tuple[float, float, float, float]
"""Left, top, right and bottom of a text, in pixels."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One half of a picture: a title over a spectrogram."""

    title: str
    spectrogram: Spectrogram


def bare(spectrogram: Spectrogram, width: int, height: int, *, seconds: float) -> bytes:
    """The spectrogram from 0 to 24 kHz without axes, as a small WebP or, where Pillow has none, PNG file."""
    from PIL import features

    image = _painted(spectrogram, width, height, seconds)
    data = io.BytesIO()
    if features.check("webp"):
        image.convert("RGB").save(data, "WEBP", quality=72, method=4)
    else:
        image.save(data, "PNG", optimize=True)
    return data.getvalue()


def drawn(panels: Sequence[Panel], stretches: Sequence[Stretch] = ()) -> Image:
    """One or two spectrograms side by side with axes, a colour scale and the cutoffs as dashed lines."""
    from PIL import Image, ImageDraw

    seconds = max(panel.spectrogram.seconds for panel in panels) or 1.0
    width = _LEFT + len(panels) * _PANEL_WIDTH + (len(panels) - 1) * _GAP + _RIGHT
    image = Image.new("RGB", (width, _TOP + _HEIGHT + _BOTTOM), _PAPER)
    draw = ImageDraw.Draw(image)
    for index, panel in enumerate(panels):
        left = _LEFT + index * (_PANEL_WIDTH + _GAP)
        image.paste(_painted(panel.spectrogram, _PANEL_WIDTH, _HEIGHT, seconds).convert("RGB"), (left, _TOP))
        title = _fitting(panel.title, _font(_TITLE), _PANEL_WIDTH)
        draw.text((left, _TOP - 9 * _SCALE), title, _INK, _font(_TITLE), anchor="ls")
        _time_axis(draw, left, seconds)
        _cutoffs(draw, left, seconds, stretches, label=index == 0)
    _frequency_axis(draw)
    _colour_scale(image, draw, width - _RIGHT + 18 * _SCALE)
    return image


def few_colours(image: Image) -> Image:
    """The picture in half of the spectrogram's colours and some greys: the eye sees no less, the file is half as large.

    No dithering: it would add to the noise.
    """
    from PIL import Image as Images

    greys = np.repeat(np.linspace(30, 255, 16).round().astype(np.uint8)[:, None], 3, axis=1)
    colours = Images.new("P", (1, 1))
    colours.putpalette(np.concatenate([palette()[::2], greys]).tobytes())
    return image.quantize(palette=colours, dither=Images.Dither.NONE)


def _painted(spectrogram: Spectrogram, width: int, height: int, seconds: float) -> Image:
    from PIL import Image

    image = Image.fromarray(painted(spectrogram.image(width, height, top_hz=TOP_HZ, seconds=seconds)))
    image.putpalette(palette().tobytes())
    return image


def _font(size: int) -> FreeTypeFont | ImageFont:
    from PIL import ImageFont

    return ImageFont.load_default(size)


def _fitting(text: str, font: FreeTypeFont | ImageFont, width: int) -> str:
    """`text`, cut in the middle where it is wider than `width` pixels."""
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    shown, keep = text, len(text)
    while keep > 8 and font.getlength(shown) > width:
        keep -= 1
        shown = f"{text[: keep // 2]}...{text[len(text) - (keep - keep // 2) :]}"
    return shown


def _y(hertz: float) -> int:
    return _TOP + round(_HEIGHT * (1 - hertz / TOP_HZ))


def _frequency_axis(draw: ImageDraw) -> None:
    for kilohertz in range(0, 25, 4):
        y = _y(1000 * kilohertz)
        draw.line([(_LEFT - 4 * _SCALE, y), (_LEFT, y)], _FAINT, _SCALE)
        draw.text((_LEFT - 7 * _SCALE, y), str(kilohertz), _INK, _font(_TEXT), anchor="rm")
    draw.text((_LEFT - 7 * _SCALE, _TOP - 9 * _SCALE), "kHz", _FAINT, _font(_TEXT), anchor="rs")


def time_ticks(seconds: float) -> list[tuple[float, str]]:
    """About five round times from 0 to `seconds`, with their text."""
    steps = [m * 10.0**e for e in range(-3, 1) for m in (1, 2, 5)] + [10, 15, 30, 60, 120, 300, 600, 900, 1800]
    steps += [3600.0 * n for n in (1, 2, 3, 6, 12, 24, 48, 96)]
    step = next((step for step in steps if seconds / step <= 6), seconds)
    ticks = [index * step for index in range(int(seconds / step + 1e-9) + 1)]
    return [(tick, clock(tick, step)) for tick in ticks]


def clock(seconds: float, step: float) -> str:
    """Seconds as "2.5", "1:30" or "1:02:00"; as fine as `step` needs."""
    if seconds < 60 and step < 60:
        return f"{seconds:.{max(0, -int(np.floor(np.log10(step))))}f}"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _time_axis(draw: ImageDraw, left: int, seconds: float) -> None:
    bottom = _TOP + _HEIGHT
    for tick, text in time_ticks(seconds):
        x = left + round(_PANEL_WIDTH * tick / seconds)
        draw.line([(x, bottom), (x, bottom + 4 * _SCALE)], _FAINT, _SCALE)
        draw.text((x, bottom + 7 * _SCALE), text, _INK, _font(_TEXT), anchor="mt" if tick else "lt")
    draw.text(
        (left + _PANEL_WIDTH, bottom + 22 * _SCALE), "s" if seconds < 60 else "time", _FAINT, _font(_TEXT), anchor="rt"
    )


def _cutoffs(draw: ImageDraw, left: int, seconds: float, stretches: Sequence[Stretch], *, label: bool) -> None:
    """A dashed line along every stretch that lacks something, joined where another one of its channel follows.

    It says its cutoff where there is room.
    """
    dash, before = 7 * _SCALE, None
    said: list[Box] = []
    for each in stretches:
        if not each.bandwidth.restorable or each.bandwidth.cutoff_hz >= TOP_HZ:
            before = None
            continue
        y = _y(each.bandwidth.cutoff_hz)
        start, end = (left + round(_PANEL_WIDTH * at / seconds) for at in (each.start_seconds, each.end_seconds))
        joined = before is not None and before.channel == each.channel
        if before is not None and joined:
            draw.line([(start, _y(before.bandwidth.cutoff_hz)), (start, y)], _LINE, _SCALE)
        for x in range(start, end, 2 * dash):
            draw.line([(x, y), (min(x + dash, end) - 1, y)], _LINE, _SCALE)
        if label:
            name = "cutoff" if each.channel is None else f"channel {each.channel}:"
            text = f"{name} {each.bandwidth.cutoff_hz / 1000:.1f} kHz"
            above = y - _TOP > 24 * _SCALE
            place, anchor = (start + 6 * _SCALE, y + (-4 if above else 4) * _SCALE), "ls" if above else "lt"
            box = draw.textbbox(place, text, _font(_TEXT), anchor=anchor)
            if (not joined or box[2] <= end) and not any(_overlap(box, other) for other in said):
                draw.text(place, text, _LINE, _font(_TEXT), anchor=anchor)
                said.append(box)
        before = each


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _colour_scale(image: Image, draw: ImageDraw, left: int) -> None:
    from PIL import Image as Images

    ramp = np.repeat(np.linspace(255, 0, _HEIGHT).round().astype(np.uint8)[:, None], 10 * _SCALE, axis=1)
    strip = Images.fromarray(ramp)
    strip.putpalette(palette().tobytes())
    image.paste(strip.convert("RGB"), (left, _TOP))
    for decibels in range(-100, 0, 30):
        y = _TOP + round(_HEIGHT * (TOP_DB - decibels) / (TOP_DB - FLOOR_DB))
        draw.text((left + 15 * _SCALE, y), f"{decibels}", _INK, _font(_TEXT), anchor="lm")
    draw.text((left, _TOP - 9 * _SCALE), "dBFS", _FAINT, _font(_TEXT), anchor="ls")


@cache
def palette() -> npt.NDArray[np.uint8]:
    """[256, 3] sRGB colours, from dark violet for silence over red and orange to pale yellow for full scale.

    Computed in Oklab (Ottosson 2020), where equal steps look equally large: the lightness rises evenly, so that the map
    reads the same in grey, on paper and to the colour-blind.
    """
    t = np.linspace(0, 1, 256)
    lightness = _DARK + (_LIGHT - _DARK) * t
    hue = np.radians(_FIRST_HUE + (_LAST_HUE - _FIRST_HUE) * t)
    chroma = _CHROMA * np.sin(np.pi * (0.05 + 0.9 * t)) ** 0.8
    linear = _linear_rgb(lightness, chroma, hue)
    for _ in range(40):  # where the screen has no such colour, a greyer one of the same lightness
        outside = (linear < 0).any(axis=1) | (linear > 1).any(axis=1)
        if not outside.any():
            break
        chroma = np.where(outside, 0.95 * chroma, chroma)
        linear = _linear_rgb(lightness, chroma, hue)
    linear = np.clip(linear, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(255 * encoded).astype(np.uint8)


def painted(decibels: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Decibels [H, W] -> indices [H, W] into `palette`; -inf is the darkest."""
    scaled = 255 * (np.maximum(decibels, FLOOR_DB) - FLOOR_DB) / (TOP_DB - FLOOR_DB)
    return np.clip(np.round(scaled), 0, 255).astype(np.uint8)


def _linear_rgb(
    lightness: npt.NDArray[np.float64], chroma: npt.NDArray[np.float64], hue: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Oklch -> linear sRGB [N, 3]."""
    a, b = chroma * np.cos(hue), chroma * np.sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return np.stack(
        [
            4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
        ],
        axis=-1,
    )

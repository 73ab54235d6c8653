"""Which files of a folder are taken for recordings: by their names' suffixes, since nobody opens a hundred thousand.

A file that is named by itself is read by its content, whatever its suffix. Not here: `.ts`, which is MPEG-TS in one
folder and TypeScript in a thousand, and `.iff`, `.mat` and the like, which are pictures and tables more often.
"""

from __future__ import annotations

from hifisr_cli.audio.formats import WRITABLE_SUFFIXES

_FOREIGN = """
    .3g2 .3gp .asf .avi .dv .f4v .flv .m2t .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .mxf .ogv .qt .rm .vob .webm .wmv
    .wtv .3ga .aa3 .aac .ac3 .adts .amr .ape .awb .dff .dsf .dss .dts .dtshd .eac3 .ec3 .f4a .m4a .m4b .m4r .mka .mlp
    .mp+ .mp2 .mpc .mpp .oma .omg .ogx .qcp .qta .ra .shn .sox .spx .tak .thd .tta .weba .wma .wv
"""
FOREIGN_SUFFIXES = frozenset(_FOREIGN.split())
"""Suffixes of recordings and videos that PyAV or ffmpeg decode (and .mp2)."""

_OLD = ".8svx .aifc .au .avr .caf .htk .ircam .m2a .mp1 .mpa .mpga .nist .paf .pvf .sf .snd .sph .svx .voc .w64 .wve"

AUDIO_SUFFIXES = WRITABLE_SUFFIXES | frozenset(_OLD.split()) | FOREIGN_SUFFIXES
"""Suffixes of what a folder is searched for; a file that is named explicitly may have any."""

_RAW = {
    "alaw": ".al .alaw .pcma",
    "g722": ".g722",
    "gsm": ".gsm",
    "ima": ".adpcm .ima",
    "mulaw": ".mu .mulaw .pcmu .ul .ulaw",
    "s16le": ".s16 .s16le .sw",
    "s8": ".s8 .sb",
    "u8": ".u8 .ub",
    "vox": ".adpcm .vox",
}
_ANY_FORMAT = frozenset({".pcm", ".raw"})
_ASTERISK_KHZ = (8, 12, 16, 24, 32, 44, 48, 96, 192)
ANY_RAW_SUFFIX = (
    _ANY_FORMAT | frozenset(" ".join(_RAW.values()).split()) | {".sln", *(f".sln{khz}" for khz in _ASTERISK_KHZ)}
)
"""Suffixes of samples without a header, whatever their format."""


def raw_suffixes(encoding: str, sample_rate: int) -> frozenset[str]:
    """Suffixes of what a folder is searched for where its recordings have no header: those that this format has.

    Args:
        encoding: a name in `decoders.raw.ENCODINGS`.
        sample_rate: Hz, which is part of the suffix that Asterisk gives to 16 bits (.sln is 8 kHz, .sln16 is 16 kHz).
    """
    suffixes = _ANY_FORMAT | {f".{encoding}", *_RAW.get(encoding, "").split()}
    if encoding == "s16le":
        suffixes |= {f".sln{sample_rate // 1000}"} | ({".sln"} if sample_rate == 8_000 else set())
    return suffixes

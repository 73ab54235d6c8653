"""What the search of a folder did not look at, in one line: nothing is passed over unsaid."""

from __future__ import annotations

import re
from collections import Counter

from hifisr_cli.audio.suffixes import ANY_RAW_SUFFIX

_MOST_KINDS = 8
_PLAIN = re.compile(r"(\.[\w+-]{1,12})?")

_BESIDE = """
    .txt .md .rst .pdf .rtf .doc .docx .odt .xls .xlsx .ods .csv .tsv .json .jsonl .xml .xsd .yaml .yml .html .htm .css
    .jpg .jpeg .png .gif .bmp .tif .tiff .webp .heic .svg .psd .srt .vtt .lrc .textgrid .eaf .trs .rttm .ctm
    .cue .m3u .m3u8 .pls .xspf .nfo .log .ini .cfg .db .lnk .url .md5 .sha1 .sha256 .sha512 .sfv .ffp .par2 .toml
    .zip .rar .7z .gz .tar .tgz .sfk .pk .pkf .peak .reapeaks .asd .exe .dll .py .sh .bat .bak .orig .part .tmp .lock
"""
_COMPANIONS = frozenset(_BESIDE.split())
"""What stands beside recordings and is no sound: texts, tables, pictures, transcripts, playlists, checksums, archives,
the peaks that editors keep, programs, the originals and the unfinished files of runs like ours."""
_TEXTS = frozenset({"readme", "read me", "licence", "license", "copying", "contents", "index", "manifest", "makefile"})


class LeftAside:
    """Counts the files that a search of folders did not take for recordings, but for companions and hidden ones.

    Args:
        raw: the search was for recordings without a header.
    """

    def __init__(self, *, raw: bool = False) -> None:
        self._kinds: Counter[str] = Counter()
        self._raw = raw

    def note(self, name: str, suffix: str) -> None:
        """Takes a file by its name and its suffix in small letters, with its dot."""
        if suffix not in _COMPANIONS and name[0] != "." and (suffix or name.lower() not in _TEXTS):
            self._kinds[suffix] += 1

    @property
    def line(self) -> str | None:
        """How many of which kinds, most frequent first; None where there were none."""
        if not self._kinds:
            return None
        count = sum(self._kinds.values())
        ranked = sorted(self._kinds.items(), key=lambda kind: (-kind[1], kind[0]))
        shown = [(suffix, files) for suffix, files in ranked if re.fullmatch(r"(\.[\w+-]{1,12})?", suffix)][
            :_MOST_KINDS
        ]
        parts = [f"{files} {suffix}" if suffix else f"{files} without a suffix" for suffix, files in shown]
        if others := count - sum(files for _, files in shown):
            parts.append(f"{others} of other kinds")
        verb = "file in the folder was" if count == 1 else "files in the folder were"
        return f"{count} {verb} not looked at: {', '.join(parts)}{self._hint([suffix for suffix, _ in shown])}"

    def _hint(self, shown: list[str]) -> str:
        headerless = [suffix for suffix in shown if suffix in ANY_RAW_SUFFIX]
        if not headerless or self._raw:
            return ""
        return f" (--raw reads {', '.join(headerless)}, one kind at a time)"

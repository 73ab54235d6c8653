"""The page as one string of HTML: templates, style and script from `assets/`, figures and failures already in it."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from hifisr_cli.report.overview import Overview
from hifisr_cli.report.rows import Row

GENERATOR = '<meta name="generator" content="hifisr">'
"""By this, near its beginning, a page is recognised as one that may be replaced."""

_STYLES = ("colours.css", "layout.css", "table.css", "detail.css")
_SCRIPTS = ("words.js", "table.js", "detail.js", "player.js", "start.js")
_MOST_FAILURES = 12
_SYNTHETIC = (
    "Content above the cutoff is <strong>generated</strong> by a neural network. Below it an output is its original; "
    "the kept-band error says how far that holds."
)


def page_html(
    title: str, figures: Overview, rows: Sequence[Row], *, how: Sequence[Any], draw_more: str, notes: Sequence[str] = ()
) -> str:
    """The whole page.

    Args:
        title: plain text.
        rows: in the order of the journal.
        how: what the rows refer to by number.
        draw_more: plain text, how to have the remaining pictures drawn.
        notes: plain text, more lines for the head.
    """
    style = "".join(_asset(name) for name in _STYLES)
    data = {"rows": [row.data for row in rows], "how": list(how), "drawMore": draw_more}
    script = '"use strict";\nconst page = JSON.parse(document.getElementById("data").textContent);\n' + "".join(
        _asset(name) for name in _SCRIPTS
    )
    return _filled(
        _asset("page.html"),
        {
            "policy": _policy(style, script),
            "title": f"{_text(title)} - hifisr report",
            "style": style,
            "script": script,
            "heading": _text(title),
            "when": _text(_when(figures)),
            "figures": _figures(figures),
            "histogram": _histogram(figures.cutoff_counts),
            "notes": _notes(figures, notes),
            "failures": _failures(rows),
            "footer": _text(f"Made by hifisr {', '.join(figures.software[:3])} from hifisr-journal.jsonl."),
            "data": as_script_data(data),
        },
    )


def as_script_data(data: Any) -> str:
    """JSON that may stand in a script element: no `<`, `>` or `&`, so nothing in it can end the element."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def shown(text: str) -> str:
    """Text that HTML can hold: bytes of file names that are not UTF-8 as escapes, control characters as spaces."""
    escaped = "".join(f"\\x{ord(c) - 0xDC00:02x}" if "\udc80" <= c <= "\udcff" else c for c in text)
    return "".join(c if c.isprintable() else " " for c in escaped)


def _text(text: str) -> str:
    return html.escape(shown(text))


def _asset(name: str) -> str:
    return (resources.files("hifisr_cli.report") / "assets" / name).read_text(encoding="utf-8")


def _filled(template: str, values: Mapping[str, str]) -> str:
    """Every {{name}} of the template once; what is filled in is not looked at again."""
    return re.sub(r"\{\{(\w+)\}\}", lambda name: values[name[1]], template)


def _policy(style: str, script: str) -> str:
    """Nothing but this very script and style, pictures and sound from the disk or the page: the network is out."""

    def hashed(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"

    own = "'self' file: data:"
    return (
        f"default-src 'none'; script-src {hashed(script)}; style-src {hashed(style)}; img-src {own}; media-src {own}; "
        "base-uri 'none'; form-action 'none'"
    )


def _when(figures: Overview) -> str:
    if figures.first is None or figures.last is None:
        return "No file yet"
    first, last = (time.replace("T", " ").removesuffix("Z")[:16] for time in (figures.first, figures.last))
    if first == last:
        return f"{first} UTC"
    return f"{first} to {last[11:] if first[:10] == last[:10] else last} UTC"


def _figures(figures: Overview) -> str:
    speed = figures.times_real_time
    items = [("files", f"{figures.files:,}", "")]
    items += [
        (status, f"{count:,}", "bad" if status == "failed" else "")
        for status in ("restored", "copied", "failed")
        if (count := figures.statuses.get(status, 0)) or status == "restored"
    ]
    items += [("with warnings", f"{figures.warned:,}", "warn")] if figures.warned else []
    items += [("of audio", _duration(figures.audio_seconds), "")]
    if speed is not None:
        items += [("of work", _duration(figures.wall_seconds), "")]
        items += [("real time", f"{speed:.{0 if speed >= 100 else 1}f}\N{MULTIPLICATION SIGN}", "")]
    worst = figures.worst_kept_db
    items += [("largest kept-band error", "none" if worst is None else f"\N{MINUS SIGN}{-worst:.0f} dB", "")]
    return "".join(
        f"<div{f' class={kind}' if kind else ''}><dt>{_text(name)}</dt><dd>{_text(value)}</dd></div>"
        for name, value, kind in items
    )


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _histogram(counts: Sequence[int]) -> str:
    """How many restored files ended in each kilohertz, as inline SVG."""
    if not any(counts):
        return "<figcaption>No file was restored.</figcaption>"
    most, bar, height = max(counts), 18, 72
    parts = [f'<line x1="0" x2="{24 * bar}" y1="{height}" y2="{height}"/>']
    for band, count in enumerate(counts):
        tall = round(max(2.0, (height - 14) * count / most), 1) if count else 0
        if count:
            parts.append(f'<rect x="{band * bar + 1}" y="{height - tall}" width="{bar - 2}" height="{tall}" rx="1.5"/>')
        if count and (most < 100 or count == most):  # larger numbers would run into each other
            where = f'x="{band * bar + bar / 2}" y="{height - tall - 4}" text-anchor="middle"'
            parts.append(f"<text {where}>{count:,}</text>")
    for kilohertz in range(0, 25, 4):
        anchor = {0: "start", 24: "end"}.get(kilohertz, "middle")
        label = "24 kHz" if kilohertz == 24 else str(kilohertz)
        parts.append(f'<text x="{kilohertz * bar}" y="{height + 15}" text-anchor="{anchor}">{label}</text>')
    listed = ", ".join(f"{count} from {band} to {band + 1} kHz" for band, count in enumerate(counts) if count)
    return (
        "<figcaption>Cutoffs of the recordings that were restored</figcaption>"
        f'<svg viewBox="0 0 {24 * bar} {height + 20}" role="img" aria-label="Files by cutoff: {listed}">'
        + "".join(parts)
        + "</svg>"
    )


def _notes(figures: Overview, notes: Sequence[str]) -> str:
    lines = [_SYNTHETIC]
    for name, parameters in figures.models[:3]:
        lines.append(f"Model <strong>{_text(name)}</strong>, parameters <code>{_text(parameters)}</code>")
    lines += [_text(note) for note in notes]
    return "".join(f"<p>{line}</p>" for line in lines)


def _failures(rows: Sequence[Row]) -> str:
    """Failures stand in the page itself: they are to be read first, and without a script, too."""
    failed = [row for row in rows if row.failed]
    if not failed:
        return ""
    items = []
    for row in failed[:_MOST_FAILURES]:
        error = row.record.result.get("error") or {}
        hint = error.get("hint")
        tail = f' <span class="hint">{_text(str(hint))}</span>' if hint else ""
        reason = _text(str(error.get("message", "unknown reason")))
        items.append(f"<li><b>{_text(row.data['name'])}</b><span>{reason}.{tail}</span></li>")
    count = f"{len(failed):,} file{'s' if len(failed) > 1 else ''} failed"
    more = ""
    if len(failed) > _MOST_FAILURES:
        more = (
            f'<p class="more">and {len(failed) - _MOST_FAILURES:,} more. '
            '<button type="button" class="quiet" data-show="failed">Show them all in the table</button></p>'
        )
    return (
        f'<section class="failures" aria-labelledby="failed-title"><h2 id="failed-title">{count}</h2>'
        f"<ul>{''.join(items)}</ul>{more}</section>"
    )

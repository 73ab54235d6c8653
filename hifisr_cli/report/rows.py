"""The records of a journal as the rows of the page's table: plain data with short names, ready for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hifisr_cli.batch.history.record import Record
from hifisr_cli.results import SAMPLE_RATE, cutoff_range, cutoffs_in_words

_DONE = ("restored", "copied")
_COPY = ": copied through"  # ends the line that says why nothing was to be done, which nobody has to look into


@dataclass(slots=True)
class Row:
    """One file of the page.

    Attributes:
        record: what the journal says of it.
        data: what the page knows of it; grows as pictures are drawn.
    """

    record: Record
    data: dict[str, Any]

    @property
    def failed(self) -> bool:
        return self.record.status == "failed"

    @property
    def warnings(self) -> Sequence[str]:
        warnings: Sequence[str] = self.data["warnings"]
        return warnings

    @property
    def kept_band_error_db(self) -> float:
        """-inf where the kept band is untouched."""
        value = self.data["kept"]
        return float("-inf") if value is None else float(value)


@dataclass(slots=True)
class Shared:
    """What most files have in common, said once and referred to by number."""

    values: list[Any] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)

    def number(self, value: Any) -> int:
        key = repr(value)
        if key not in self._numbers:
            self._numbers[key] = len(self.values)
            self.values.append(value)
        return self._numbers[key]


def to_row(record: Record, how: Shared) -> Row:
    """A record as a row. Model, software and options go to `how`."""
    result = record.result
    info = _mapping(result.get("info"))
    bandwidth = _mapping(result.get("bandwidth"))
    stretches = record.stretches
    done = record.status in _DONE
    said = [str(text) for text in result.get("warnings") or ()]
    data: dict[str, Any] = {
        "name": record.input.relative or record.input.path,
        "path": record.input.path,
        "status": record.status,
        "seconds": result.get("seconds"),
        "cutoff": bandwidth.get("cutoff_hz"),
        "found": bandwidth.get("source"),
        "sure": bandwidth.get("confidence"),
        "range": cutoff_range(stretches) if len(stretches) > 1 else None,
        "ranges": cutoffs_in_words(stretches) if len(stretches) > 1 else None,
        "after": _designed_cutoff(record) if done else None,
        "measured": False,
        "kept": result.get("kept_band_error_db"),
        "loudness": _loudness_change(result),
        "lufs": [result.get("loudness_lufs"), result.get("output_loudness_lufs")],
        "peak": result.get("true_peak_dbtp"),
        "warnings": [text for text in said if not text.endswith(_COPY)],
        "note": next((text for text in said if text.endswith(_COPY)), None),
        "error": result.get("error"),
        "source": _format(info),
        "written": _written(result, info) if done else None,
        "output": None if record.output is None else record.output.path,
        "bytes": [record.input.size, None if record.output is None else record.output.size],
        "sha256": [record.input.sha256, None if record.output is None else record.output.sha256],
        "layer": None if record.layer is None else [record.layer.path, record.layer.size, record.layer.sha256],
        "time": record.time,
        "work": result.get("wall_seconds"),
        "how": how.number(
            {
                "software": dict(record.software),
                "model": None
                if record.model is None
                else {"name": record.model.name, "hash": record.model.parameter_sha256},
                "options": dict(record.options),
            }
        ),
    }
    return Row(record, {key: value for key, value in data.items() if value is not None or key in _ALWAYS})


_ALWAYS = frozenset({"kept", "warnings"})


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _designed_cutoff(record: Record) -> float | None:
    """Where the output ends by design; a copy ends where the recording did."""
    if record.status == "restored":
        return SAMPLE_RATE / 2
    cutoff = _mapping(record.result.get("bandwidth")).get("cutoff_hz")
    return None if cutoff is None else min(float(cutoff), SAMPLE_RATE / 2)


def _loudness_change(result: Mapping[str, Any]) -> float | None:
    before, after = result.get("loudness_lufs"), result.get("output_loudness_lufs")
    return None if before is None or after is None else float(after) - float(before)


def _format(info: Mapping[str, Any]) -> str | None:
    """ "8 kHz mono WAV, 16-bit PCM", or None where the recording could not be read."""
    if not info:
        return None
    kind, codec = str(info.get("container") or ""), _codec(info)
    return f"{info.get('sample_rate', 0) / 1000:g} kHz {_channels(info.get('channels'))} {kind}{codec and f', {codec}'}"


def _written(result: Mapping[str, Any], info: Mapping[str, Any]) -> str:
    return f"{SAMPLE_RATE / 1000:g} kHz {_channels(info.get('channels'))}, {_codec(result)}"


def _codec(info: Mapping[str, Any]) -> str:
    """ "16-bit PCM", "32-bit float", "mu-law" or what libsndfile calls it; "" where the container says it all."""
    codec, bits = str(info.get("codec") or ""), info.get("bits")
    if codec in ("FLOAT", "DOUBLE"):
        return f"{bits}-bit float"
    if bits is not None:
        return f"{bits}-bit PCM"
    names = {"ULAW": "mu-law", "ALAW": "A-law", "VORBIS": "Vorbis", "OPUS": "Opus", "MPEG_LAYER_III": ""}
    return names.get(codec, codec)


def _channels(count: Any) -> str:
    return {1: "mono", 2: "stereo"}.get(count, f"{count} channels")

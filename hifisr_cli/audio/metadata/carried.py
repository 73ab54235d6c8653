"""What a recording says about itself, for its output: read once, carried into any container, honest about what is new.

WAV-like inputs give their chunks to WAV outputs; everything else passes through tags. Every restored output states that
what is above the cutoff is synthetic. Metadata never fails a recording: what cannot be carried becomes a warning.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hifisr_cli.audio.containers.riff import Chunk, Chunks
from hifisr_cli.audio.formats import OutputFormat
from hifisr_cli.audio.metadata.bext import BEXT_NAMES, bext_texts, change_bext_texts, new_bext
from hifisr_cli.audio.metadata.chunks import EDITABLE, SILENT, carry_chunks
from hifisr_cli.audio.metadata.read import ADVICE, mutagen_is_here, read_id3, read_tags
from hifisr_cli.audio.metadata.tags import COMMENT, Tags, make_info, parse_info
from hifisr_cli.audio.metadata.treatment import Cutoff, Treatment
from hifisr_cli.errors import reason_of
from hifisr_cli.results import AudioInfo

if TYPE_CHECKING:
    from hifisr_cli.audio.recording import Recording


@dataclass(frozen=True, slots=True)
class Carried:
    """What an output gets besides its samples.

    Attributes:
        before, after: chunks of a WAV output, on either side of its samples.
        tags, comment: of any other output; the comment comes on top of the tags'.
        warnings: what could not be carried, one line each.
    """

    before: tuple[Chunk, ...] = ()
    after: tuple[Chunk, ...] = ()
    tags: Tags = field(default_factory=Tags)
    comment: str | None = None
    warnings: tuple[str, ...] = ()


NOTHING = Carried()


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a recording says about itself.

    Attributes:
        info: of the recording.
        chunks: of a WAV-like recording, not read yet; None for others.
        tags: of another recording.
        problems: what could not be read, one line each.
    """

    info: AudioInfo
    chunks: Chunks | None = None
    tags: Tags = field(default_factory=Tags)
    problems: tuple[str, ...] = ()

    def for_output(self, chosen: OutputFormat, *, cutoff_hz: Cutoff, levelled: bool = False) -> Carried:
        """What the output gets.

        Args:
            chosen: how it is written.
            cutoff_hz: content above it is made up; "unknown" as long as a stream has not been heard; None where the
                recording is copied through.
            levelled: its loudness is changed.
        """
        treatment = Treatment(self.info, chosen, cutoff_hz, levelled)
        notes = list(self.problems)
        if chosen.container == "raw":  # has no place for any of it
            return NOTHING
        try:
            if chosen.container == "wav":
                before, after = self._chunks_for(treatment, notes)
                return Carried(tuple(before), tuple(after), warnings=tuple(notes))
            return Carried(tags=self._inherited(treatment, notes), comment=treatment.statement, warnings=tuple(notes))
        except OSError as error:
            notes.append(f"its metadata cannot be read and was left out: {reason_of(error)}")
            return Carried(*_stated(treatment), comment=treatment.statement, warnings=tuple(notes))

    def _chunks_for(self, treatment: Treatment, notes: list[str]) -> tuple[list[Chunk], list[Chunk]]:
        if self.chunks is not None:
            return carry_chunks(self.chunks, treatment, notes)
        texts = list(self._inherited(treatment, notes).texts)
        if treatment.statement is not None:
            texts.append((COMMENT, treatment.statement))
        chunks = []
        from_bext = any(name in BEXT_NAMES and name != "DESCRIPTION" for name, _ in texts)
        if treatment.restored or from_bext:
            chunks.append(Chunk(b"bext", new_bext(treatment, texts if from_bext else ())))
        if from_bext:
            texts = [(name, text) for name, text in texts if name not in BEXT_NAMES or len(text.encode()) > 256]
        if not texts and not self.tags.pictures:
            return chunks, []
        info, rest = make_info(texts)
        chunks.append(Chunk(b"LIST", info))
        plain = all(text.isascii() for _, text in texts)  # LIST INFO does not say in which encoding it is
        if (rest or self.tags.pictures or not plain) and mutagen_is_here():
            chunks.append(Chunk(b"id3 ", _id3(Tags(tuple(texts), self.tags.pictures))))
        elif rest:
            notes.append(f"{', '.join(dict.fromkeys(name for name, _ in rest))} were left out: {ADVICE}")
        return chunks, []

    def _inherited(self, treatment: Treatment, notes: list[str]) -> Tags:
        """The tags of the input as far as they are true of the output."""
        if self.chunks is not None:
            tags = _tags_of(self.chunks, treatment, notes)
        else:
            tags = replace(self.tags, texts=change_bext_texts(self.tags.texts, treatment))
        return tags.inherited(same_samples=treatment.same_samples, notes=notes)


def read_metadata(recording: Recording) -> Metadata:
    """What an open recording says about itself. Damage becomes problems."""
    info, chunks, tags = recording.info, recording.chunks, recording.tags
    problems: list[str] = []  # those of the chunks are the recording's
    if chunks is not None and not info.container.startswith("AIFF"):
        return Metadata(info, chunks, problems=tuple(problems))
    try:
        if recording.file is not None:
            tags = read_tags(recording, recording.file, problems)
    except OSError as error:
        problems = [f"its metadata cannot be read and was left out: {reason_of(error)}"]
    return Metadata(info, tags=tags, problems=tuple(problems))


def _tags_of(chunks: Chunks, treatment: Treatment, notes: list[str]) -> Tags:
    """The chunks of a WAV-like input as tags."""
    tags = Tags()
    texts: list[tuple[str, str]] = []
    lost = []
    for chunk in (*chunks.before, *chunks.after):
        body = chunk.read() if chunk.size <= EDITABLE and chunk.name in (b"bext", b"LIST", b"id3 ", b"ID3 ") else b""
        if chunk.name in (b"id3 ", b"ID3 ") and body:
            tags = read_id3(body, notes)
        elif chunk.name == b"LIST" and body[:4] == b"INFO":
            try:
                texts += parse_info(body)
            except ValueError:
                notes.append("its INFO chunk is damaged and was left out")
        elif chunk.name == b"bext" and body:
            texts += bext_texts(body, treatment)
        elif chunk.name not in SILENT:
            lost.append(chunk.label if chunk.name != b"LIST" else body[:4].decode("ascii", "replace").strip() or "LIST")
    if lost:
        kind = treatment.chosen.container.upper()
        names = ", ".join(dict.fromkeys(lost))
        notes.append(f"chunks without a place in {kind} were left out ({names}): WAV keeps them")
    return tags.joined(texts)


def _stated(treatment: Treatment) -> tuple[tuple[Chunk, ...], tuple[Chunk, ...]]:
    """The statement alone, for a WAV output."""
    if treatment.chosen.container != "wav":
        return (), ()
    before, after = carry_chunks(Chunks(), treatment, [])
    return tuple(before), tuple(after)


def _id3(tags: Tags) -> bytes:
    from hifisr_cli.audio.metadata.id3 import render, to_bytes

    return to_bytes(render(tags, None))

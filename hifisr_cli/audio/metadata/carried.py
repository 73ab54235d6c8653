"""What a recording says about itself, for its output: read once, carried into any container, honest about what is new.

WAV-like inputs give their chunks to WAV outputs; everything else passes through tags. Every restored output states that
what is above the cutoff is synthetic. Metadata never fails a recording: what cannot be carried becomes a warning.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hifisr_cli.audio.containers.riff import Chunk, Chunks
from hifisr_cli.audio.formats import OutputFormat
from hifisr_cli.audio.metadata.around import ADVICE, both, mutagen_is_here, read_id3
from hifisr_cli.audio.metadata.bext import BEXT_NAMES, bext_texts, change_bext_texts, new_bext
from hifisr_cli.audio.metadata.chunks import EDITABLE, SILENT, carry_chunks
from hifisr_cli.audio.metadata.cue_sheet import scale_cue_sheet
from hifisr_cli.audio.metadata.read import chunks_of, read_tags
from hifisr_cli.audio.metadata.tags import COMMENT, MAX_TAG, Tags, listed, make_info, parse_info
from hifisr_cli.audio.metadata.treatment import Treatment
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
_ID3 = (b"id3 ", b"ID3 ")
_LARGEST_PICTURE = (1 << 24) - (1 << 12)
"""What a block of FLAC holds, but for its description."""


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

    def for_output(self, chosen: OutputFormat, *, extended: str | None, levelled: bool = False) -> Carried:
        """What the output gets.

        Args:
            chosen: how it is written.
            extended: where its bandwidth is extended, such as "above 3.4 kHz"; None where it is copied through.
            levelled: its loudness is changed.
        """
        treatment = Treatment(self.info, chosen, extended, levelled)
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
        tags = Tags(tuple(texts), self.tags.pictures, self.tags.id3 if self.tags.frames else None)
        if not tags:
            return chunks, []
        info, rest = make_info(texts)
        chunks.append(Chunk(b"LIST", info))
        plain = all(text.isascii() for _, text in texts)  # LIST INFO does not say in which encoding it is
        if (rest or tags.pictures or tags.id3 or not plain) and mutagen_is_here():
            chunks.append(Chunk(b"id3 ", _id3(tags)))
        elif rest or tags.pictures:
            notes.append(f"{listed((name for name, _ in rest), tags.pictures)} were left out: {ADVICE}")
        return chunks, []

    def _inherited(self, treatment: Treatment, notes: list[str]) -> Tags:
        """The tags of the input as far as they are true of the output."""
        if self.chunks is not None:
            tags = _tags_of(self.chunks, treatment, notes)
        else:
            tags = replace(self.tags, texts=change_bext_texts(self.tags.texts, treatment))
        tags = tags.inherited(same_samples=treatment.same_samples, notes=notes)
        return _fitting(tags, treatment, notes)


def of_layer(chosen: OutputFormat) -> Carried:
    """What the file of an added layer says of itself: that it is no recording, and no tag of the recording's."""
    from hifisr_cli.version import __version__

    text = (
        f"Not a recording: the layer that hifisr {__version__} has added to one. "
        "Subtracted from the restored recording, it leaves what was there before"
    )
    match chosen.container:
        case "raw":
            return NOTHING
        case "wav":
            return Carried(before=(Chunk(b"LIST", make_info([(COMMENT, text)])[0]),))
        case _:
            return Carried(comment=text)


def read_metadata(recording: Recording) -> Metadata:
    """What an open recording says about itself. Damage becomes problems."""
    info, chunks, tags = recording.info, chunks_of(recording), recording.tags
    kind = recording.what.kind
    # The recording's notes tell of the problems of its own chunks.
    problems = [] if chunks is None or recording.chunks is not None else list(chunks.problems)
    if chunks is not None and (kind is None or kind.name not in ("AIFF", "AIFC")):
        return Metadata(info, _with_tag_ahead(recording, chunks, problems), problems=tuple(problems))
    try:
        if recording.file is not None:
            tags = read_tags(recording, recording.file, problems)
    except OSError as error:
        problems = [f"its metadata cannot be read and was left out: {reason_of(error)}"]
    return Metadata(info, tags=tags, problems=tuple(problems))


def _with_tag_ahead(recording: Recording, chunks: Chunks, problems: list[str]) -> Chunks:
    """The chunks of a WAV-like file and, as one more, an ID3 tag that stands in front of it."""
    size = recording.what.start
    if not size or recording.file is None:
        return chunks
    if size > MAX_TAG or any(chunk.name in _ID3 for chunk in (*chunks.before, *chunks.after)):
        problems.append("the ID3 tag in front of it was left out")
        return chunks
    return replace(chunks, after=[*chunks.after, Chunk(b"id3 ", recording.file.at(0, size))])


def _fitting(tags: Tags, treatment: Treatment, notes: list[str]) -> Tags:
    """Without what the output's container has no place for."""
    container = treatment.chosen.container
    if container in ("flac", "ogg") and tags.frames:
        notes.append(f"of its ID3 tag was left out what {container.upper()} has no place for: {listed(tags.frames)}")
    large = [picture for picture in tags.pictures if len(picture.data) > _LARGEST_PICTURE]
    if container == "flac" and large:
        notes.append(f"{listed((), large)} of more than 16 MB was left out: FLAC has no place for it")
        tags = replace(tags, pictures=tuple(picture for picture in tags.pictures if picture not in large))
    if tags.cue_sheet is None:
        return tags
    sheet = None
    if container == "flac":
        with contextlib.suppress(ValueError):
            sheet = scale_cue_sheet(tags.cue_sheet, treatment)
    if sheet is None:
        why = "it is damaged" if container == "flac" else "FLAC keeps it"
        notes.append(f"its FLAC cue sheet was left out: {why}")
    return replace(tags, cue_sheet=sheet)


def _tags_of(chunks: Chunks, treatment: Treatment, notes: list[str]) -> Tags:
    """The chunks of a WAV-like input as tags."""
    tags = Tags()
    texts: list[tuple[str, str]] = []
    lost = []
    for chunk in (*chunks.before, *chunks.after):
        body = chunk.read() if chunk.size <= EDITABLE and chunk.name in (b"bext", b"LIST", *_ID3) else b""
        if chunk.name in _ID3 and body:
            tags = both(tags, read_id3(body, notes), "its second ID3 tag", notes)
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

"""From the published files to a frozen checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hifisr_cli.checkpoints.card import write_card
from hifisr_cli.checkpoints.frozen import FrozenInfo, write
from hifisr_cli.checkpoints.registry import PublishedModel, published_models
from hifisr_cli.checkpoints.sources import Provenance, SourceFile
from hifisr_cli.engines.hifisr.config import config_data
from hifisr_cli.engines.hifisr.published import HEAD, LATENT, LIMITS, convert
from hifisr_cli.engines.hifisr.published_files import find_files, read_states

UNKNOWN_LICENCE = "NOASSERTION"
"""SPDX for: nobody said."""

THEIR_RESAMPLER = "soxr-hq"
"""What the published program resamples with, by its source code."""


def import_published(
    paths: Sequence[Path],
    output: Path,
    *,
    name: str | None = None,
    licence: str | None = None,
    half: bool = False,
    revision: str | None = None,
) -> FrozenInfo:
    """Converts a published checkpoint to the frozen format, with a model card beside it.

    Args:
        paths: the published folder, or the two files.
        name: of the model; else the published name where the files are known, else that of the output.
        licence: SPDX identifier; else that of the published files where they are known.
        half: store float16; float32 is what computes exactly what the published weights do.
        revision: of the repository that the files were downloaded from.

    Raises:
        ModelError: something is missing, unknown, of another shape or damaged; nothing is written then.
        OutputError: the output cannot be written.
    """
    from hifisr_cli import __version__

    files = find_files(paths)
    sources = tuple(SourceFile.of(path) for path in files)
    states = read_states(files, (LATENT, HEAD))
    (latent_path, latent), (head_path, head) = states[LATENT], states[HEAD]
    config, tensors = convert(latent, head, latent_path, head_path)
    del states, latent, head
    known = recognised(sources)
    info = FrozenInfo(
        name=name or (known.name if known is not None else output.stem),
        engine="hifisr",
        config=config_data(config),
        resampler=THEIR_RESAMPLER,
        licence=licence or (known.licence if known is not None else UNKNOWN_LICENCE),
        training=known.trained_on if known is not None else "not known: imported weights",
        limits=LIMITS,
        provenance=Provenance(sources, f"hifisr {__version__}", _source(known, revision)),
    )
    written = write(tensors, info, output, half=half)
    write_card(written, output, config.architecture)
    return written


def recognised(sources: Sequence[SourceFile]) -> PublishedModel | None:
    """The published model that these files are, whatever they are called now."""
    found = {(source.size, source.sha256) for source in sources}
    for model in published_models():
        if found == {(file.size, file.sha256) for file in model.files}:
            return model
    return None


def _source(known: PublishedModel | None, revision: str | None) -> str | None:
    if known is None:
        return None
    return known.repository if revision is None else f"{known.repository}@{revision}"

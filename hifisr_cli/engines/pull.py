"""Downloading a published checkpoint from the Hugging Face hub, only when asked, and importing it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from hifisr_cli.checkpoints.frozen import FrozenInfo, SourceFile
from hifisr_cli.checkpoints.registry import PublishedModel, published_models
from hifisr_cli.engines.load import engine_module
from hifisr_cli.errors import DownloadError, ModelError, UsageError

_COMMIT = re.compile(r"[0-9a-f]{40}")


class Hub(Protocol):
    """What is needed of `huggingface_hub`."""

    def hf_hub_download(self, repo_id: str, filename: str, *, revision: str) -> str:
        """Path of the downloaded (or cached) file."""
        ...


def pull(
    name: str, output: Path, *, revision: str | None = None, half: bool = False, hub: Hub | None = None
) -> FrozenInfo:
    """Downloads the files of a known published model, checks them and imports them as a frozen checkpoint.

    Args:
        output: the frozen checkpoint.
        revision: commit to download, instead of the one in the registry. The files must be the same.
        hub: `huggingface_hub`, or a stand-in for tests.

    Raises:
        ModelError: no such published model, or the files are not those that are known.
        UsageError: the revision is no full commit id.
        DownloadError: huggingface_hub is not installed, or the files cannot be had.
    """
    model = find_published(name)
    commit = revision or model.revision
    if commit is None or not _COMMIT.fullmatch(commit):
        problem = "no revision of it is known" if commit is None else f"{commit!r} is not a full commit id"
        raise UsageError(problem, hint="give --revision with the 40 hexadecimal digits of a commit")
    source = hub if hub is not None else _installed_hub()
    paths = [_checked(_fetched(source, model, file.name, commit), file) for file in model.files]
    weights = engine_module(model.engine).import_weights
    return weights(paths, output, name=model.name, licence=model.licence, half=half, revision=commit)


def find_published(name: str) -> PublishedModel:
    """Raises `ModelError` when no published model of that name is known."""
    known = published_models()
    for model in known:
        if model.name == name:
            return model
    names = ", ".join(model.name for model in known) or "none"
    raise ModelError(f"no published model {name!r} is known", hint=f"known: {names}")


def _installed_hub() -> Hub:
    try:
        import huggingface_hub
    except ImportError as error:
        raise DownloadError(
            "downloading needs huggingface_hub, which is not installed",
            hint="pip install 'hifisr[hub]', or download the files yourself and use hifisr models import",
        ) from error
    hub: Hub = huggingface_hub
    return hub


def _fetched(hub: Hub, model: PublishedModel, name: str, commit: str) -> Path:
    download = hub.hf_hub_download  # loads the part of the library that sets the level of its log
    try:
        with _without_warnings("huggingface_hub"):  # it logs each of its attempts; the last error says it all
            return Path(download(model.repository, name, revision=commit))
    except MemoryError:
        raise
    except Exception as error:  # the hub's errors come from several libraries and change with its releases
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DownloadError(
            f"{model.repository}/{name} cannot be downloaded: {reason}",
            hint="check the network; or download the files elsewhere and use hifisr models import",
        ) from error


@contextmanager
def _without_warnings(name: str) -> Iterator[None]:
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _checked(path: Path, expected: SourceFile) -> Path:
    size = path.stat().st_size
    if expected.size in (None, size):
        found = SourceFile.of(path)
        if found.sha256 == expected.sha256:
            return path
        detail = f"SHA-256 {found.sha256}, expected {expected.sha256}"
    else:
        detail = f"{size} bytes, expected {expected.size}"
    raise ModelError(f"not the published {expected.name}: {detail}", path=path, hint="delete it and pull again")

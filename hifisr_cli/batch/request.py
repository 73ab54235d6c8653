"""What a run is asked for: one value for the command line, the library and whoever else starts runs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hifisr_cli.batch.plan.shard import Shard

if TYPE_CHECKING:
    from hifisr_cli.checkpoints.registry import ModelFile
    from hifisr_cli.engines.load import Precision
    from hifisr_cli.engines.protocol import Engine, Identity
    from hifisr_cli.restore.file import RestoreOptions
    from hifisr_cli.results import FileResult


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How a run goes about its work; nothing of it changes the bytes of an output.

    Attributes:
        jobs: worker processes; 0 works in this process, without protection from crashes; None chooses.
        checksum: an input is known again by its SHA-256 instead of by its mtime.
        sidecars: a file with the SHA-256 of each output beside it.
        time_limit: seconds, after which the run ends.
        cluster: the Dask cluster that does the work, see `batch.workers.dask_client`; None: this computer does it.
        mixed: nodes of the cluster may have other processors and libraries, whose bytes may differ.
    """

    jobs: int | None = None
    checksum: bool = False
    sidecars: bool = False
    time_limit: float | None = None
    cluster: str | None = None
    mixed: bool = False


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """Which model is loaded, and how: the arguments of `load_model`."""

    name_or_path: str | ModelFile | None = None
    device: str = "auto"
    precision: Precision = "auto"
    threads: int | None = None
    settings: Mapping[str, object] = field(default_factory=dict)

    def identified(self) -> tuple[ModelRequest, Identity]:
        """The model that `load` gives, told from its header alone, and the request for that file in its precision.

        So nobody looks for it again, and whoever computes takes the same precision, wherever it is.

        Raises what `find_model` and `engines.load.identify` raise.
        """
        from hifisr_cli.checkpoints import registry
        from hifisr_cli.engines import load

        known = self.name_or_path
        file = known if isinstance(known, registry.ModelFile) else registry.find_model(known)
        identity = load.identify(file, device=self.device, precision=self.precision, settings=self.settings)
        return replace(self, name_or_path=file, precision=identity.precision), identity

    def elsewhere(self) -> ModelRequest:
        """The same model for another computer: by its name where that says which it is. With one thread, so that the
        number of cores there has no say in the bytes."""
        known = self.name_or_path
        if known is not None and not isinstance(known, str):
            known = known.name if known.sha256 is not None else replace(known, path=known.path.absolute())
        return replace(self, name_or_path=known, threads=1)

    @property
    def weight_bytes(self) -> int:
        """Size of the model's files, once it is identified; 0 before."""
        file = self.name_or_path
        return 0 if file is None or isinstance(file, str) else file.size

    def expected_seconds(self, planned: Sequence[FileResult]) -> float | None:
        """Wall seconds that recordings would take with it, as it is measured here; None for models that are fast.

        Raises what `load` raises.
        """
        from hifisr_cli.checkpoints.registry import ModelFile
        from hifisr_cli.engines import load

        if not isinstance(self.name_or_path, ModelFile) or not load.is_slow(self.name_or_path):
            return None
        if not any(result.kept_hz is not None for result in planned):
            return 0.0
        engine = self.load()
        from hifisr_cli.restore.expected_time import window_seconds, windows_of

        return window_seconds(engine) * sum(windows_of(result, engine) for result in planned)

    def load(self) -> Engine:
        """The model. Raises what `engines.load.load_model` raises."""
        from hifisr_cli.engines import load

        return load.load_model(
            self.name_or_path,
            device=self.device,
            precision=self.precision,
            threads=self.threads,
            settings=self.settings,
        )


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a run is asked for.

    Attributes:
        inputs: files, folders (searched recursively), "-" for standard input.
        output: a folder; a file, of a single input; "-" for standard output; None restores in place.
        options: how each recording is restored and written.
        model: which one to load when it is needed, or one that is loaded: then the work is done in this process.
        settings: how the run goes about its work.
        name_suffix: goes into the names of outputs in a folder: "_48k" makes `NAME_48k.wav`.
        payload: where in the output folder the outputs go; the journal stays at its top.
        layer: where the added layers go: a folder, or a file where the output is a single one; None writes none.
        backups: in place, the folder that the originals are kept in; None keeps each beside its output.
        record: where the record of a single output goes; standard output has nothing beside it. None writes none.
        dry_run: the recordings are looked at, and nothing is written.
        shard: of the recordings only these are this run's; its like are at work on the same folder at the same time.
    """

    inputs: Sequence[str | os.PathLike[str]]
    output: str | None
    options: RestoreOptions
    model: ModelRequest | Engine = field(default_factory=ModelRequest)
    settings: RunSettings = RunSettings()
    name_suffix: str = ""
    payload: str = ""
    layer: str | None = None
    backups: Path | None = None
    record: Path | Literal["beside"] | None = "beside"
    dry_run: bool = False
    shard: Shard | None = None

"""What a run leaves beside its outputs on request: a report, PREMIS events, a bag."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hifisr_cli.errors import UsageError

if TYPE_CHECKING:
    from hifisr_cli.batch.plan.output_names import Job


@dataclass(frozen=True, slots=True)
class Afterwards:
    """What `upsample` was asked to make of its output folder.

    Attributes:
        report, premis, bagit: whether to make it.
    """

    report: bool = False
    premis: bool = False
    bagit: bool = False

    def payload(self, output: str | None, *, in_place: bool, dry_run: bool) -> str:
        """Where in the output folder the outputs go: "data" in a bag, else "". A folder that is a bag stays one.

        Args:
            output: the output folder, None where a file or a stream is written.

        Raises:
            UsageError: what was asked for needs a folder, or this folder cannot be a bag.
        """
        asked = [name for name in ("report", "premis", "bagit") if getattr(self, name)]
        if asked and output is None and not in_place:
            raise UsageError(f"--{asked[0]} is for outputs in a folder", hint="name a folder with --output")
        if self.bagit and in_place:
            raise UsageError("--bagit and --in-place do not fit together", hint="name a folder with --output")
        if output is None or in_place:
            return ""
        folder = Path(output)
        if not self.bagit and not (folder / "bagit.txt").is_file():
            return ""
        from hifisr_cli.provenance.bagit import PAYLOAD, check_bag

        if not dry_run or folder.exists():
            check_bag(folder)
        return PAYLOAD

    def check_names(self, jobs: Sequence[Job], *, bag: bool) -> None:
        """Refuses names that a bag cannot hold, before any work."""
        if bag:
            from hifisr_cli.provenance.bagit import manifest_name

            for job in jobs:
                if job.target is not None:
                    manifest_name(str(job.target), job.target)

    def make(self, folder: Path | None, *, bag: bool, quiet: bool) -> None:
        """Makes it, after a run that has come to its end. The seal of a bag comes last: it covers the others.

        Raises what making it raises; a folder without a journal, where every input was a failure of its own, gets none.
        """
        from hifisr_cli.batch.history.journal import journal_path

        if folder is None or not journal_path(folder).is_file():
            return
        if self.premis:
            from hifisr_cli.provenance.premis import write_premis

            _say(f"PREMIS events: {write_premis(folder)}", quiet=quiet)
        if self.report:
            from hifisr_cli.cli.report import make_report

            _say(f"report: {make_report(folder, quiet=quiet, seal=False).path}", quiet=quiet)
        if bag:
            from hifisr_cli.provenance.bagit import seal

            _say(f"bag: {seal(folder)}", quiet=quiet)


def _say(line: str, *, quiet: bool) -> None:
    if not quiet:
        from hifisr_cli.cli.render import one_line

        print(one_line(line), file=sys.stderr)  # noqa: T201

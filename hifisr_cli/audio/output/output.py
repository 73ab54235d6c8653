"""Outputs: from float32 blocks at 48 kHz to a file, or standard output, and a second file for the added layer alone.

Both are complete before either gets its name. The layer's comes first: an output that stands has its layer.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from hifisr_cli.arrays import Wave
from hifisr_cli.audio.formats import OutputFormat
from hifisr_cli.audio.metadata.carried import NOTHING, Carried, of_layer
from hifisr_cli.audio.output.encoded_file import EncodedFile
from hifisr_cli.audio.output.encoder import Encoder
from hifisr_cli.errors import NonFiniteError
from hifisr_cli.system.hashing import Tally
from hifisr_cli.system.staged_file import FileTarget, Overwrite

WRITE_FRAMES = 65_536
"""Samples a channel that are encoded and written at once."""


class Output:
    """An output, to be used in a `with` statement; leaving it without an exception completes its files.

    Args:
        target, chosen, channels, frames, overwrite, carried, mtime_ns, tally: of `EncodedFile`.
        layer: where the added layer is written as well, with the same length and format; None for nowhere.

    Attributes:
        clipped: samples that exceeded full scale, or whose layer did, and were limited.
        problems: metadata that could not be written, one line each; complete when the output is.

    Entering raises what `EncodedFile` raises.
    """

    def __init__(
        self,
        target: Path | None,
        chosen: OutputFormat,
        *,
        channels: int,
        frames: int | None,
        overwrite: Overwrite,
        carried: Carried = NOTHING,
        mtime_ns: int | None = None,
        tally: Tally | None = None,
        layer: FileTarget | None = None,
    ) -> None:
        self._target, self._channels, self._encoder = target, channels, Encoder(chosen)
        self._output = EncodedFile(
            target,
            chosen,
            channels=channels,
            frames=frames,
            overwrite=overwrite,
            carried=carried,
            mtime_ns=mtime_ns,
            tally=tally,
        )
        self._layer = None
        if layer is not None:
            self._layer = EncodedFile(
                layer.path,
                chosen,
                channels=channels,
                frames=frames,
                overwrite=layer.overwrite,
                carried=of_layer(chosen),
                mtime_ns=mtime_ns,
            )
        self._resources = ExitStack()

    @property
    def clipped(self) -> int:
        return self._encoder.clipped

    @property
    def problems(self) -> tuple[str, ...]:
        return self._output.problems

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._output)
            if self._layer is not None:
                stack.enter_context(self._layer)
            self._resources = stack.pop_all()
        return self

    def write(self, restored: Wave, original: Wave | None = None) -> Wave:
        """Write samples [C, T] at 48 kHz; returns them as they were encoded: rounded and limited.

        (What a lossy codec does to them afterwards is not known here.)

        Args:
            original: the resampled input there; the same array, or None, where nothing was added to it.

        Raises:
            OutputError: disk full and the like. BrokenPipeError: standard output was closed.
            NonFiniteError: a sample is not a number or infinite.
        """
        if restored.ndim != 2 or restored.shape[0] != self._channels:
            raise ValueError(f"expected a block [{self._channels}, T], got shape {restored.shape}")
        if not np.isfinite(restored).all():
            raise NonFiniteError(
                "the restored sound has samples that are not numbers; it was not written",
                path=self._target,
                hint="try --precision float32",
            )
        if original is restored:
            original = None
        heard = np.empty(restored.shape, np.float32)
        for start in range(0, restored.shape[1], WRITE_FRAMES):
            part = slice(start, start + WRITE_FRAMES)
            encoded = self._encoder.encode(restored[:, part], None if original is None else original[:, part])
            heard[:, part] = encoded.heard
            self._output.write(encoded.samples)
            if self._layer is not None:
                self._layer.write(encoded.layer)
        return heard

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._resources:
            if kind is None:
                self._show()

    def _show(self) -> None:
        """Both or none, as far as nobody cuts the power in between."""
        self._output.complete()
        if self._layer is None:
            self._output.commit()
            return
        self._layer.complete()
        with ExitStack() as undo:
            undo.callback(self._layer.withdraw)
            self._layer.commit()
            self._output.commit()
            undo.pop_all()

"""The options of `hifisr upsample` as typer wants them declared: names, values, help, and the panel they stand in."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

Inputs = Annotated[
    list[str],
    typer.Argument(metavar="INPUT", help="Recordings, folders of recordings (searched recursively), or - for stdin."),
]


def _option(panel: str, help_text: str, *names: str, metavar: str | None = None, **limits: Any) -> Any:
    return typer.Option(*names, metavar=metavar, help=help_text, rich_help_panel=panel, **limits)


_output = partial(_option, "Output")

Output = Annotated[
    str | None,
    _output(
        "Where to write: a folder, a file name for a single input, or - for stdout.",
        "--output",
        "-o",
        metavar="DIR|FILE|-",
    ),
]
Layer = Annotated[
    str | None,
    _output(
        "Write what is added alone, too: output minus layer is the input. A folder, or a file for a single output.",
        "--layer",
        metavar="DIR|FILE",
    ),
]
FileFormat = Annotated[
    Literal["wav", "flac", "raw", "keep"] | None,
    _output(
        "Format of the outputs; raw has no header, keep is the input's [default: the file name's, or wav].",
        "--format",
        metavar="wav|flac|raw|keep",
    ),
]
BitDepth = Annotated[
    Literal["keep", "16", "24", "32f"],
    _output("Bits a sample; keep is the input's, at least 24; 32f is floating point.", metavar="keep|16|24|32f"),
]
Overwrite = Annotated[
    bool,
    _output(
        "Replace outputs that are there already, also those that are done; after an interruption it starts over.",
        "--overwrite",
    ),
]
KeepMtime = Annotated[bool, _output("Outputs keep their input's time of modification.", "--keep-mtime")]
NameSuffix = Annotated[
    str, _output("Goes into the names of outputs: _48k makes NAME_48k.wav.", "--suffix", metavar="TEXT")
]
InPlace = Annotated[bool, _output("Outputs replace their inputs; the originals are kept as NAME.orig.", "--in-place")]
BackupDir = Annotated[
    Path | None,
    _output("With --in-place: keep the originals in this folder, under their names.", metavar="DIR"),
]

_network = partial(_option, "Network")

ModelName = Annotated[
    str | None,
    _network(
        "A bundled model by name, auto (each recording decides), or a .safetensors file [default: bundled].",
        "--model",
        metavar="NAME|PATH",
    ),
]
Device = Annotated[str, _network("Where the network runs.", metavar="auto|cpu|cuda|cuda:N|mps")]
Precision = Annotated[
    Literal["auto", "float32", "bfloat16", "float16"],
    _network(
        "Arithmetic of the network; auto is float32, or bfloat16 where it is native.",
        metavar="auto|float32|bfloat16|float16",
    ),
]
EngineSet = Annotated[
    list[str] | None,
    _network("A setting of the model's engine; hifisr models show lists them.", metavar="KEY=VALUE"),
]
ChunkSeconds = Annotated[
    float | None,
    _network(
        "Length of the network's pieces: memory, speed and delay, not the result [default: 3; 1 in a pipe].",
        metavar="SECONDS",
        min=0.1,
        max=600.0,
    ),
]
BatchSize = Annotated[
    int | None,
    _network("Pieces computed at once [default: one a core, 8 on a GPU].", metavar="N", min=1, max=1024),
]
Threads = Annotated[
    int | None,
    _network("Processor threads of the network [default: all cores].", metavar="N", min=1, max=1024),
]

_sound = partial(_option, "Cutoff and loudness")

LayerGain = Annotated[
    str, _sound("Gain of what is added: -6 is half of it, -inf nothing.", "--layer-gain", metavar="DB|-inf")
]

Cutoff = Annotated[
    str, _sound("Upper edge of the recordings' real content: measured, or given in Hz.", metavar="auto|HZ")
]
CutoffTrackFile = Annotated[
    Path | None,
    _sound(
        "Upper edges that change: CSV of start seconds, channel or *, Hz or full.", "--cutoff-track", metavar="FILE"
    ),
]
AboveCutoff = Annotated[
    Literal["auto", "complement", "replace"],
    _sound("What stands above the cutoff stays, or is replaced; auto replaces mirror images.", "--above-cutoff"),
]
Measure = Annotated[
    str | None,
    _sound("From stdin to stdout: hold back and measure so much, or all [default: 10].", metavar="SECONDS|all"),
]
LoudnessTarget = Annotated[
    str,
    _sound("Output as loud as restored, as its input, or as this: -23.", "--loudness", metavar="keep|match|LUFS"),
]
TruePeak = Annotated[
    str | None,
    _sound("The gain keeps the true peak below [default: -1 with a target in LUFS, else off].", metavar="DBTP|off"),
]

_input = partial(_option, "Damaged and headerless inputs")

Raw = Annotated[
    str | None,
    _input(
        "Inputs without a header; FORMAT: s16le, f32be, u8, mulaw, gsm, vox, ima, g722, ...",
        metavar="RATE,CHANNELS,FORMAT",
    ),
]
Salvage = Annotated[bool, _input("Restore what is readable of damaged recordings; the result says so.", "--salvage")]

_folders = partial(_option, "Folders and resuming")

Jobs = Annotated[
    int | None,
    _folders(
        "Worker processes; 0 is none but this one [default: as many as the cores, 0 for one file].",
        metavar="N",
        min=0,
        max=1024,
    ),
]
ClusterAddress = Annotated[
    str | None,
    _folders(
        "Dask workers do the work: a scheduler's address or file, or N processes here.",
        "--cluster",
        metavar="tcp://HOST:PORT|FILE.json|local:N",
    ),
]
Mixed = Annotated[bool, _folders("Workers of the cluster may have other processors and libraries.", "--mixed")]
Checksum = Annotated[
    bool, _folders("What is done already is known by the inputs' SHA-256, not their mtime.", "--checksum")
]
TimeLimit = Annotated[
    str | None,
    _folders("End after this time; the same command goes on from there.", metavar="SECONDS|H:MM:SS"),
]
ShardOfMany = Annotated[
    str | None,
    _folders(
        "Do the third of 16 shares of the recordings (3/16); the others run elsewhere, into the same folder.",
        "--shard",
        metavar="I/N",
    ),
]
DryRun = Annotated[bool, _folders("List what would be done, with the measured cutoffs; write nothing.", "--dry-run")]

_beside = partial(_option, "Records and reports")

Checksums = Annotated[bool, _beside("Write the SHA-256 of each output beside it, for sha256sum -c.", "--checksums")]
RecordFile = Annotated[
    Path | None,
    _beside(
        "The record of a single output (what was done, hashes) [default: OUTPUT.hifisr.json; none of stdout].",
        "--record",
        metavar="FILE",
    ),
]
NoRecord = Annotated[bool, _beside("Write no record of a single output.", "--no-record")]
ReportPage = Annotated[
    bool, _beside("Write report.html into the output folder: what was done, to see and hear.", "--report")
]
Premis = Annotated[bool, _beside("Write premis.xml into the output folder: the run as PREMIS 3 events.", "--premis")]
Bagit = Annotated[bool, _beside("Make the output folder a BagIt bag, with the outputs below data/.", "--bagit")]

_terminal = partial(_option, "Terminal")

Quiet = Annotated[bool, _terminal("No progress and no summary; failures only.", "--quiet", "-q")]
Verbose = Annotated[bool, _terminal("A line for every file, and tracebacks of unexpected errors.", "--verbose", "-v")]
AsJson = Annotated[bool, _terminal("A JSON object per file on stdout, progress as JSON on stderr.", "--json")]

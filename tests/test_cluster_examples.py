"""What `examples/clusters/` shows does what it says, as far as one machine without a cluster can tell.

The schedulers are stand-ins where they are not installed, hifisr is the real one.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.conftest import ROOT

EXAMPLES = ROOT / "examples" / "clusters"
SHARDS = 16

pytestmark = pytest.mark.posix


@pytest.fixture
def archive(tmp_path: Path, speech_like: Callable[..., np.ndarray]) -> Path:
    folder = tmp_path / "the archive"
    folder.mkdir()
    for index in range(6):
        soundfile.write(folder / f"{index}.wav", speech_like(0.3, 8_000, seed=index).T, 8_000)
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> Mapping[str, str]:
    """With `hifisr` on the PATH: a quick one that works in this process, whatever --jobs says."""
    quick = shlex.join([sys.executable, "-m", "hifisr_cli"])
    programs = tmp_path / "bin"
    programs.mkdir()
    program(programs / "hifisr", f'{quick} "$@" --jobs 0 --device cpu')
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def program(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)


def run(*command: str | Path, environment: Mapping[str, str], status: int = 0, **more: Any) -> str:
    done = subprocess.run(
        [str(word) for word in command], env=environment, capture_output=True, text=True, check=False, **more
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def restored(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*.wav")}


def parts(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("hifisr-journal.*-of-*.jsonl")}


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.sh")))
def test_scripts_are_bash(name: str) -> None:
    subprocess.run(["bash", "-n", EXAMPLES / name], check=True)
    assert os.access(EXAMPLES / name, os.X_OK)


def test_every_example_is_in_the_documentation() -> None:
    page = (ROOT / "docs" / "clusters.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\(\.\./examples/clusters/([^)]+)\)", page))
    assert linked == {path.name for path in EXAMPLES.iterdir()}


def test_a_task_of_the_slurm_array(archive: Path, environment: Mapping[str, str], tmp_path: Path) -> None:
    """Its shard alone; the time limit, and nothing else, puts it back into the queue."""
    text = (EXAMPLES / "slurm-array.sh").read_text(encoding="utf-8")
    assert re.search(rf"^#SBATCH --array=1-{SHARDS}$", text, re.MULTILINE)
    assert re.search(rf"^shards={SHARDS} ", text, re.MULTILINE)
    out = tmp_path / "out"
    task = {"SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "3", "SLURM_CPUS_PER_TASK": "8"}
    program(tmp_path / "bin" / "scontrol", f'echo "$@" >> {shlex.quote(str(tmp_path / "told"))}')
    run(EXAMPLES / "slurm-array.sh", archive, out, environment={**environment, **task})
    assert parts(out) == {"hifisr-journal.3-of-16.jsonl"}
    assert not (tmp_path / "told").exists()
    for status, told in ((3, ""), (9, "requeue 7_3\n")):
        program(tmp_path / "bin" / "hifisr", f"exit {status}")
        run(EXAMPLES / "slurm-array.sh", archive, out, environment={**environment, **task}, status=status)
        assert ((tmp_path / "told").read_text() if told else "") == told


SLURM = """
ClusterName=test
SlurmctldHost=localhost
SlurmUser=root
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/linear
MpiDefault=none
ReturnToService=2
NodeName=localhost CPUs={cores} RealMemory=1000
PartitionName=all Nodes=localhost Default=YES State=UP
"""
"""A cluster of this machine alone."""


@pytest.fixture
def slurm(tmp_path: Path, environment: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """The environment in which SLURM itself takes jobs, where it is installed (Debian: slurmctld slurmd munge)."""
    if not all(map(shutil.which, ("munged", "slurmctld", "slurmd", "sbatch"))):
        pytest.skip("SLURM is not installed")
    if os.geteuid() != 0:
        pytest.skip("its daemons want to be started by root")
    folder = tmp_path / "slurm"
    (folder / "spool").mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        ports = first.getsockname()[1], second.getsockname()[1]
    (folder / "slurm.conf").write_text(SLURM.format(ports=ports, folder=folder, cores=os.cpu_count()))
    (folder / "key").write_bytes(os.urandom(1024))
    (folder / "key").chmod(0o600)
    names = {"key-file": "key", "socket": "munge.socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
    munge = [f"--{option}={folder / name}" for option, name in names.items()]
    inside = {**environment, "SLURM_CONF": str(folder / "slurm.conf")}
    with ExitStack() as stack:
        for command in (["munged", "-F", "-f", *munge], ["slurmctld", "-D", "-i"], ["slurmd", "-D", "-N", "localhost"]):
            output = stack.enter_context((folder / f"{command[0]}.out").open("wb"))
            daemon = subprocess.Popen(command, env=inside, stdout=output, stderr=output, cwd=folder)
            stack.callback(daemon.wait)
            stack.callback(daemon.terminate)
            time.sleep(1.0)
        for _ in range(60):
            said = subprocess.run(["sinfo", "-h", "-o", "%t"], env=inside, capture_output=True, text=True, check=False)
            if said.stdout.strip() == "idle":
                break
            time.sleep(0.5)
        else:
            pytest.skip(f"SLURM does not start here: {said.stdout} {said.stderr}")
        yield inside


def test_slurm_itself(archive: Path, slurm: Mapping[str, str], tmp_path: Path) -> None:
    """Some tasks of the array on a cluster of one machine; the run after them does the others."""
    out = tmp_path / "the outputs"
    fitting = "--cpus-per-task=1", "--mem=0", "--array=1-2,16"
    job = EXAMPLES / "slurm-array.sh"
    run("sbatch", "--wait", *fitting, job, archive, out, environment=slurm, cwd=tmp_path, timeout=600)
    assert parts(out) == {f"hifisr-journal.{index}-of-16.jsonl" for index in (1, 2, 16)}
    run("hifisr", "upsample", archive, "-o", out, environment=slurm)
    assert restored(out) == restored(archive)
    assert not parts(out)


PARALLEL = """
import subprocess, sys
_, *words = sys.argv
words, given = words[words.index("hifisr") : words.index(":::")], words[words.index(":::") + 1 :]
assert len(given) == 16
for value in (given[0], given[-1]):
    subprocess.run([word.replace("{}", value) for word in words], check=True)
"""
"""GNU parallel, but for the first and the last value alone: the run after them does the rest."""


def test_gnu_parallel(archive: Path, environment: Mapping[str, str], tmp_path: Path) -> None:
    if shutil.which("parallel") is None:
        (tmp_path / "parallel.py").write_text(PARALLEL, encoding="utf-8")
        program(tmp_path / "bin" / "parallel", f'{sys.executable} {shlex.quote(str(tmp_path / "parallel.py"))} "$@"')
    out = tmp_path / "the outputs"
    run(EXAMPLES / "parallel.sh", archive, out, environment=environment)
    assert restored(out) == restored(archive)
    assert parts(out) == set(), "the run after them has put them together"
    assert (out / "report.html").is_file()


def test_the_kubernetes_job(archive: Path, environment: Mapping[str, str], tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    job = yaml.safe_load((EXAMPLES / "kubernetes-job.yaml").read_text(encoding="utf-8"))
    spec = job["spec"]
    assert (job["apiVersion"], job["kind"], spec["completionMode"]) == ("batch/v1", "Job", "Indexed")
    assert spec["completions"] == SHARDS
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    (container,) = spec["template"]["spec"]["containers"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {
        volume["name"] for volume in spec["template"]["spec"]["volumes"]
    }
    out = tmp_path / "out"
    (command,) = container["args"]
    command = command.replace("/archive", shlex.quote(str(archive))).replace("/restored", str(out))
    for index in (0, SHARDS - 1):
        run(*container["command"], command, environment={**environment, "JOB_COMPLETION_INDEX": str(index)})
    assert parts(out) == {"hifisr-journal.1-of-16.jsonl", "hifisr-journal.16-of-16.jsonl"}


def test_the_snakefile(archive: Path, environment: Mapping[str, str], tmp_path: Path) -> None:
    """By Snakemake where it is installed; else its commands, with the words of its wildcards put in."""
    out, text = tmp_path / "the outputs", (EXAMPLES / "Snakefile").read_text(encoding="utf-8")
    if shutil.which("snakemake") is not None:
        config = f"archive={archive}", f"restored={out}"
        call = "snakemake", "--snakefile", EXAMPLES / "Snakefile", "--cores", "8", "--config", *config
        run(*call, environment=environment, cwd=tmp_path)
    else:
        assert re.search(rf"^SHARDS = {SHARDS}$", text, re.MULTILINE)
        whole, shard = ("".join(re.findall(r'"([^"]*)"', rule)) for rule in re.split(r"    shell:\n", text)[1:])
        shard = shard.partition("hifisr-shards")[0]
        words = {"{params.archive:q}": str(archive), "{params.restored:q}": str(out)}
        words |= {"{params.shards}": str(SHARDS), "{threads}": "8"}
        whole = whole.partition("hifisr-shards")[0]
        for command in (shard.replace("{wildcards.shard}", "5"), whole):
            for word, value in words.items():
                command = command.replace(word, shlex.quote(value))  # noqa: PLW2901
            run("sh", "-c", command, environment=environment)
    assert restored(out) == restored(archive)
    assert (out / "report.html").is_file()

"""A disk that loses its power: what was told to it, in order, and what may be left of that afterwards.

What POSIX promises and no more: the bytes of a file are safe once the file was synced, a name once its folder was. All
else may be there, or not, or in part.
"""

from __future__ import annotations

import os
import random
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import pytest

Fate = Literal["all", "nothing", "chance"]
"""What becomes of what was not synced."""


@dataclass
class File:
    """Its bytes, and those that are safe."""

    now: bytes = b""
    safe: bytes = b""


@dataclass
class Folder:
    """Its names, and those that are safe."""

    now: dict[str, File | Folder] = field(default_factory=dict)
    safe: dict[str, File | Folder] = field(default_factory=dict)


T = TypeVar("T")
Step = tuple[str, Callable[["Disk"], None]]


class Disk:
    """What is on the disk below a folder, by what was done to it."""

    def __init__(self) -> None:
        self.root = Folder()
        self.nodes: dict[int, File | Folder] = {}  # by inode

    def folder(self, parts: tuple[str, ...]) -> Folder:
        place = self.root
        for part in parts:
            below = place.now[part]
            assert isinstance(below, Folder)
            place = below
        return place

    def write_out(self, target: Path, fate: Fate, chance: random.Random) -> None:
        """The folder as it is found when the power is back."""
        self._write_folder(self.root, target, fate, chance)

    def _write_folder(self, folder: Folder, target: Path, fate: Fate, chance: random.Random) -> None:
        target.mkdir(parents=True, exist_ok=True)
        for name in sorted({*folder.now, *folder.safe}):
            node = _of({"all": folder.now, "nothing": folder.safe}, fate, chance, (folder.now, folder.safe)).get(name)
            if isinstance(node, Folder):
                self._write_folder(node, target / name, fate, chance)
            elif node is not None:
                (target / name).write_bytes(self._bytes(node, fate, chance))

    def _bytes(self, file: File, fate: Fate, chance: random.Random) -> bytes:
        if fate == "all":
            return file.now
        if fate == "nothing" or file.now == file.safe:
            return file.safe
        appended = file.now.startswith(file.safe)
        kept = chance.randrange(len(file.safe) if appended else 0, len(file.now) + 1)
        return chance.choice([file.now, file.safe, file.now[:kept], file.now[:kept] + bytes(len(file.now) - kept)])


def _of(fixed: dict[Any, T], fate: Fate, chance: random.Random, either: tuple[T, T]) -> T:
    return fixed[fate] if fate in fixed else chance.choice(either)


class Recorder:
    """Notes what this process does below `top` through the functions of `os`, step by step."""

    def __init__(self, top: Path, patch: pytest.MonkeyPatch) -> None:
        self.top = top
        self.steps: list[Step] = []
        self._before = {path: path.read_bytes() for path in top.rglob("*") if path.is_file()}
        self._numbers = {path: path.stat().st_ino for path in self._before}
        self._real = {name: getattr(os, name) for name in ("open", "write", "fsync", "ftruncate", "link", "replace")}
        self._real |= {name: getattr(os, name) for name in ("unlink", "mkdir", "rename")}
        for name in self._real:
            patch.setattr(os, name, getattr(self, f"_{name}"))

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.steps]

    def after(self, count: int) -> Disk:
        """The disk after the first steps."""
        disk = self._begin()
        for _, step in self.steps[:count]:
            step(disk)
        return disk

    def _begin(self) -> Disk:
        """The disk with what was there before, all of it safe."""
        disk = Disk()
        for path, data in self._before.items():
            folder = disk.root
            *parents, name = path.relative_to(self.top).parts
            for parent in parents:
                folder.now.setdefault(parent, Folder())
                folder.safe = dict(folder.now)
                below = folder.now[parent]
                assert isinstance(below, Folder)
                folder = below
            folder.now[name] = disk.nodes[self._numbers[path]] = File(data, data)
            folder.safe = dict(folder.now)
        return disk

    def _place(self, path: Any) -> tuple[str, ...] | None:
        try:
            return Path(os.fsdecode(path)).relative_to(self.top).parts
        except ValueError:
            return None

    def _note(self, what: str, path: Any, step: Callable[[Disk], None]) -> None:
        name = Path(os.fsdecode(path)).name
        kind = "part" if name.endswith(".part") else name
        self.steps.append((f"{what} {kind}", step))

    def _open(self, path: Any, flags: int, mode: int = 0o777, **more: Any) -> int:
        there = os.path.lexists(path)
        fd = self._real["open"](path, flags, mode, **more)
        place = self._place(path)
        if place and flags & os.O_CREAT and not there:
            number = os.fstat(fd).st_ino

            def step(disk: Disk) -> None:
                file = File()
                disk.nodes[number] = file
                disk.folder(place[:-1]).now[place[-1]] = file

            self._note("create", path, step)
        return int(fd)

    def _path_of(self, fd: int) -> str:
        return str(Path(f"/proc/self/fd/{fd}").readlink())

    def _mine(self, fd: int) -> bool:
        return self._place(self._path_of(fd)) is not None

    def _write(self, fd: int, data: bytes) -> int:
        written = self._real["write"](fd, data)
        if self._mine(fd):
            number, kept = os.fstat(fd).st_ino, bytes(data[:written])

            def step(disk: Disk) -> None:
                file = disk.nodes[number]
                assert isinstance(file, File)
                file.now += kept  # nothing here writes but at the end

            self._note("write", self._path_of(fd), step)
        return int(written)

    def _ftruncate(self, fd: int, size: int) -> None:
        self._real["ftruncate"](fd, size)
        if self._mine(fd):
            number = os.fstat(fd).st_ino

            def step(disk: Disk) -> None:
                file = disk.nodes[number]
                assert isinstance(file, File)
                file.now = file.now[:size]

            self._note("cut", self._path_of(fd), step)

    def _fsync(self, fd: int) -> None:
        status, path = os.fstat(fd), self._path_of(fd)
        place = self._place(path)
        if place is None:
            return
        if stat.S_ISDIR(status.st_mode):

            def step(disk: Disk) -> None:
                folder = disk.folder(place)
                folder.safe = dict(folder.now)

            self._note("sync folder", path, step)
        else:

            def step(disk: Disk) -> None:
                file = disk.nodes[status.st_ino]
                assert isinstance(file, File)
                file.safe = file.now

            self._note("sync", path, step)

    def _link(self, source: Any, target: Any, **more: Any) -> None:
        self._real["link"](source, target, **more)
        came, went = self._place(source), self._place(target)
        assert came
        assert went

        def step(disk: Disk) -> None:
            disk.folder(went[:-1]).now[went[-1]] = disk.folder(came[:-1]).now[came[-1]]

        self._note("link", target, step)

    def _replace(self, source: Any, target: Any, **more: Any) -> None:
        self._real["replace"](source, target, **more)
        came, went = self._place(source), self._place(target)
        assert came
        assert went

        def step(disk: Disk) -> None:
            disk.folder(went[:-1]).now[went[-1]] = disk.folder(came[:-1]).now.pop(came[-1])

        self._note("replace", target, step)

    _rename = _replace

    def _unlink(self, path: Any, **more: Any) -> None:
        self._real["unlink"](path, **more)
        place = self._place(path)
        if place:

            def step(disk: Disk) -> None:
                del disk.folder(place[:-1]).now[place[-1]]

            self._note("unlink", path, step)

    def _mkdir(self, path: Any, *arguments: Any, **more: Any) -> None:
        self._real["mkdir"](path, *arguments, **more)
        place = self._place(path)
        if place:

            def step(disk: Disk) -> None:
                disk.folder(place[:-1]).now[place[-1]] = Folder()

            self._note("mkdir", path, step)

"""The stores that the suite of tests/stores holds: a row each. A row puts files into its store by other means than the store's
own, so that both can be compared."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import pytest
from _pytest.mark.structures import ParameterSet

from crawlmill.stores import pipe, table
from crawlmill.stores.namenodes import configured
from web_hdfs import WebHdfsServer, web_hdfs


class Place(ABC):
    """A store with a folder for a test.

    Attributes:
        uri: of the folder.
        folders: whether it has files by name; else it is one archive, ``uri``.
        writes: whether results can be put there.
        refuses: whether it can have a file that it does not give to us.
        remote: whether it can be away.
    """

    uri: str
    folders = True
    writes = True
    refuses = True
    remote = False

    @abstractmethod
    def write(self, name: str, data: bytes) -> str:
        """Make a file, or another one in its place; returns its URI."""

    def write_all(self, files: dict[str, bytes]) -> None:
        """Make files."""
        for name, data in files.items():
            self.write(name, data)

    @abstractmethod
    def refuse(self, name: str) -> str:
        """Make a file that the store will not give to us; returns its URI."""

    def away(self) -> None:
        """Make the store refuse everything for a reason that is not in the file."""
        raise NotImplementedError


class LocalPlace(Place):
    def __init__(self, folder: Path, uri: str) -> None:
        self.uri, self._folder = uri, folder

    def write(self, name: str, data: bytes) -> str:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, ns=(0, path.stat().st_mtime_ns + 1_000_000))  # two writes may come in one tick of the clock
        return f"{self.uri}/{name}"

    def refuse(self, name: str) -> str:
        (self._folder / name).symlink_to(self._folder / name)  # root may read everything else
        return f"{self.uri}/{name}"


class Standard(Place):
    uri, folders, writes, refuses = "-", False, False, False

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def write(self, name: str, data: bytes) -> str:
        self._monkeypatch.setattr(pipe, "standard_input", lambda: pipe.Pipe(io.BytesIO(data)))
        return "-"

    def refuse(self, name: str) -> str:
        raise NotImplementedError


class ServedPlace(Place):
    """A server of the tests that speaks WebHDFS."""

    remote = True

    def __init__(self, server: WebHdfsServer, scheme: str) -> None:
        self.server, self.uri = server, f"{scheme}:///suite/folder"
        server.add("/suite/folder", None)

    def write(self, name: str, data: bytes) -> str:
        self.server.add(f"/suite/folder/{name}", data)
        return f"{self.uri}/{name}"

    def refuse(self, name: str) -> str:
        uri = self.write(name, b"secret")
        self.server.refused.add(f"/suite/folder/{name}")
        return uri

    def away(self) -> None:
        self.server.refuse = "page"


class ClusterPlace(Place):
    """A real HDFS, of a cluster that asks nobody who they are."""

    remote, refuses = True, False

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._path, self._monkeypatch = folder, f"/suite/{uuid.uuid4().hex[:8]}/folder", monkeypatch
        self.uri = f"hdfs://{self._path}"
        self._hdfs("-mkdir", "-p", self._path)

    def _hdfs(self, *words: str) -> None:
        from clusters import CRAWLMILL

        done = subprocess.run(
            [*CRAWLMILL, "hadoop", "shell", "--", "hdfs", "dfs", *words], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    def write(self, name: str, data: bytes) -> str:
        self.write_all({name: data})
        return f"{self.uri}/{name}"

    def write_all(self, files: dict[str, bytes]) -> None:
        """By one command, which is a program of Java; as a folder, whose names it takes as they stand."""
        top = self._folder / uuid.uuid4().hex / "folder"
        for name, data in files.items():
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            (top / name).write_bytes(data)
        self._hdfs("-put", "-f", str(top), self._path.rpartition("/")[0])

    def refuse(self, name: str) -> str:
        raise NotImplementedError

    def away(self) -> None:
        self._monkeypatch.setenv("CRAWLMILL_WEBHDFS", "127.0.0.1:9")  # nobody listens there


TOY = '''"""A store of an outside package: files below the folder that $TOY_ROOT names."""

import os

from crawlmill.stores.patience import Away
from crawlmill.stores.remote import Remote
from crawlmill.stores.store import Entry


class Toy(Remote):
    def ask_entry(self, uri):
        path = _path(uri)
        found = os.stat(path)
        if os.path.isdir(path):
            return Entry(uri, None, None, folder=True)
        return Entry(uri, found.st_size, str(found.st_mtime_ns))

    def ask_entries(self, uri):
        path = _path(uri)
        if not os.path.isdir(path):
            return [self.ask_entry(uri)]
        return [self.ask_entry(f"{uri.rstrip('/')}/{name}") for name in os.listdir(path) if _readable(path, name)]

    def ask_bytes(self, entry, offset, count):
        with open(_path(entry.uri), "rb") as file:
            file.seek(offset)
            return file.read(count)


def _path(uri):
    if not os.path.isdir(os.environ["TOY_ROOT"]):
        raise Away("the toy box is closed")
    return os.environ["TOY_ROOT"] + uri[len("toy://box"):]


def _readable(path, name):
    return os.path.exists(os.path.join(path, name))
'''


class ToyPlace(LocalPlace):
    """A store that another package brings: its module, and an entry point."""

    writes, remote = False, True

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(folder / "box", "toy://box")
        (folder / "box").mkdir()
        site = folder / "site"
        (site / "toy_store-1.0.dist-info").mkdir(parents=True)
        (site / "toy_store.py").write_text(TOY)
        (site / "toy_store-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: toy-store\nVersion: 1.0\n")
        (site / "toy_store-1.0.dist-info/entry_points.txt").write_text("[crawlmill.stores]\ntoy = toy_store:Toy\n")
        monkeypatch.syspath_prepend(str(site))
        monkeypatch.setenv("PYTHONPATH", str(site))
        monkeypatch.setenv("TOY_ROOT", str(folder / "box"))

    def away(self) -> None:
        shutil.rmtree(self._folder)


@contextlib.contextmanager
def served(scheme: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with web_hdfs() as server:
        monkeypatch.setenv("CRAWLMILL_WEBHDFS", f"127.0.0.1:{server.port}")
        yield ServedPlace(server, scheme)


def on_cluster(request: pytest.FixtureRequest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    home = request.getfixturevalue("cluster")
    monkeypatch.setenv("CRAWLMILL_WEBHDFS", str(configured(str(home / "etc/hadoop"))))
    return ClusterPlace(folder, monkeypatch)


class Row(NamedTuple):
    """A store: what makes its place, of which kind that is, and what a machine must have."""

    make: Callable[[pytest.FixtureRequest, Path, pytest.MonkeyPatch], Place | AbstractContextManager[Place]]
    kind: type[Place]
    marks: tuple[pytest.MarkDecorator, ...] = ()


ON_HADOOP = (pytest.mark.hadoop, pytest.mark.xdist_group("hadoop"))
ROWS = {
    "local": Row(lambda request, folder, monkeypatch: LocalPlace(folder, str(folder)), LocalPlace),
    "file": Row(lambda request, folder, monkeypatch: LocalPlace(folder, f"file://{folder}"), LocalPlace),
    "stdin": Row(lambda request, folder, monkeypatch: Standard(monkeypatch), Standard),
    "hdfs": Row(lambda request, folder, monkeypatch: served("hdfs", monkeypatch), ServedPlace),
    "webhdfs": Row(lambda request, folder, monkeypatch: served("webhdfs", monkeypatch), ServedPlace),
    "hadoop": Row(on_cluster, ClusterPlace, ON_HADOOP),
    "toy": Row(lambda request, folder, monkeypatch: ToyPlace(folder, monkeypatch), ToyPlace),
}


def rows(fits: Callable[[type[Place]], bool] = lambda kind: True) -> list[ParameterSet]:
    """The rows whose kind of place fits, as parameters of a fixture."""
    return [pytest.param(row, id=name, marks=row.marks) for name, row in ROWS.items() if fits(row.kind)]


@contextlib.contextmanager
def placed(request: pytest.FixtureRequest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """The place of the row that a fixture's parameter is."""
    monkeypatch.setenv("CRAWLMILL_STORE_WAIT", "0")
    monkeypatch.setattr(table, "_made", {})
    made = request.param.make(request, folder, monkeypatch)
    with made if isinstance(made, AbstractContextManager) else contextlib.nullcontext(made) as found:
        yield found

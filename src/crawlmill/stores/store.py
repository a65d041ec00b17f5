"""What every store can do, and what it tells of a file. A new store is a module with one class that inherits from here (a
local one), or from :class:`crawlmill.stores.remote.Remote`, and a row in the table of schemes."""

from __future__ import annotations

import fnmatch
import glob
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.files import whole_file
from crawlmill.scratch import Scratch
from crawlmill.stores.names import remote, scheme

COPY = 8 << 20
"""Bytes that are copied at once."""


class Entry(NamedTuple):
    """A file or folder as its store tells it.

    Attributes:
        uri: its name.
        size: bytes; None where that is not known: of a pipe, of a folder, of a name that leads to nothing.
        version: what tells one state of the file from another of the same size; None where the store does not say.
        folder: whether it is a folder.
        id: what the file is, whatever it is called; None where the store does not say.
    """

    uri: str
    size: int | None
    version: str | None
    folder: bool = False
    id: tuple[int, ...] | None = None

    def same(self, other: Entry) -> bool:
        """Whether both are one state of one file, as far as both tell.

        >>> Entry("/a", 5, "100").same(Entry("/a", 5, "100", id=(1, 7))), Entry("/a", 5, "100").same(Entry("/a", 5, "101"))
        (True, False)
        """
        if self.id is not None and other.id is not None and self.id != other.id:
            return False
        return (self.size, self.version) == (other.size, other.version)


Entries = list[Entry]
Spans = Sequence[tuple[int, int]]
"""Parts of a file: first byte, and the byte after the last."""


class Source(Protocol):
    """An opened archive. ``read_at`` returns fewer bytes than asked only at the end of the file."""

    uri: str

    def read_at(self, offset: int, count: int) -> bytes: ...

    def size(self) -> int | None:
        """Size in bytes; None while it is not known (a pipe)."""

    def close(self) -> None: ...


class Opened(Source, Protocol):
    """What :meth:`Store.open` returns: it also knows what it opened, and what stands under its name by now."""

    opened: Entry | None
    """The file as it was opened; None for a pipe."""

    def now(self) -> Entry | None:
        """The file that has the name now; the opened one when nothing has it. None for a pipe, and where something that is
        not a file has the name."""


class Store:
    """A place that URIs of one scheme lead to.

    Errors mean the same in every store: :class:`FileNotFoundError` (also ``ENOTDIR``): there is no such file;
    :class:`PermissionError` and other :class:`OSError` of a name: the store refuses this file, now and later. All else is not
    about the file: :class:`crawlmill.errors.CrawlmillError`, after a remote store was waited for.

    Attributes:
        local: whether its URIs are paths of this machine, which other programs can open.
    """

    local = False

    def open(self, uri: str, known: Entry | None = None, spans: Spans | None = None) -> Opened:
        """Open a file for reading.

        Args:
            uri: the file.
            known: the file as a listing or a plan has told it; a remote store is then not asked again.
            spans: what will be read, in order; None where that is not known.
        """
        raise NotImplementedError

    def tell(self, uri: str) -> Entry:
        """A file or folder."""
        raise NotImplementedError

    def list(self, uri: str) -> Entries:
        """What is in a folder, by name; of a file, itself."""
        return [self.tell(uri)]

    def glob(self, pattern: str) -> Entries:
        """What fits a pattern, by name: ``*``, ``?``, ``[...]`` in a part of the name, and ``**`` as a part for folders at any
        depth. One listing for each folder that is looked into."""
        start, _, rest = pattern.partition("://")
        host, _, path = rest.partition("/")
        found = _fitting(self, f"{start}://{host}", [part for part in path.split("/") if part])
        return [entry for _, entry in sorted({entry.uri: entry for entry in found}.items())]

    def identity(self, uri: str, known: Entry | None = None) -> tuple[object, ...]:
        """What a file is, whatever it is called; ``known`` as a listing has told it. Asks no server."""
        return scheme(uri), uri

    def canonical(self, uri: str) -> str:
        """The name of a file that means the same in every process, and that a table can hold. Raises :class:`UsageError`."""
        return remote(uri)

    def real(self, uri: str) -> str:
        """The name of a file behind all links, where the store tells."""
        return uri

    def check_writable(self, uri: str) -> None:
        """Make the folder that ``uri`` will stand in. Raises :class:`CrawlmillError` where we may not write there."""
        raise UsageError(f"nothing writes to {scheme(uri)}:// yet", uri, "name a local folder or one in hdfs://")

    def held(self, uri: str) -> set[str] | None:
        """The names in a folder; None when there is nothing of this name. Raises :class:`UsageError` for a file."""
        self.check_writable(uri)
        return None

    def put(self, folder: str, uri: str, replace: bool, mark: str | None = None) -> None:
        """Make a folder of the files of a local one, whole or not at all.

        Args:
            folder: the local one, without folders in it.
            uri: the new one.
            replace: whether what has its name may go.
            mark: part of the name that it has until it is whole; what an earlier try of this mark left goes. None for a new one.

        Raises:
            UsageError: something has the name, and ``replace`` is false. CrawlmillError: the store does not take it. In both
                cases nothing has changed.
        """
        self.check_writable(uri)

    def fetch(self, uri: str, path: str, known: Entry | None = None) -> None:
        """Copy a file to a local path, whole or not at all. Raises :class:`FileNotFoundError`, :class:`CrawlmillError`."""
        with closing(self.open(uri, known)) as source, whole_file(path) as file:
            at = 0
            while data := source.read_at(at, COPY):
                file.write(data)
                at += len(data)

    @contextmanager
    def fetched(self, uri: str) -> Iterator[str]:
        """A local copy of a file, or of the files of a folder, for the time of the block. Raises :class:`UsageError`."""
        name = uri.rstrip("/").rpartition("/")[2]
        with Scratch() as scratch:
            target = Path(scratch, name)
            try:
                self._copy(uri, target)
            except OSError as error:
                if isinstance(error, (FileNotFoundError, NotADirectoryError)):
                    raise UsageError("no such file", uri, "name a result file, or the folder of a run") from None
                raise CrawlmillError(error.strerror or str(error), uri) from None
            try:
                yield str(target)
            except CrawlmillError as error:  # it names the copy
                if error.where is not None:
                    error.where = error.where.replace(str(target), uri.rstrip("/"))
                raise

    def _copy(self, uri: str, target: Path) -> None:
        found = self.tell(uri)
        if not found.folder:
            self.fetch(uri, str(target), found)
            return
        target.mkdir()
        for entry in self.list(uri):
            if not entry.folder:
                self.fetch(entry.uri, str(target / entry.uri.rpartition("/")[2]), entry)


def _fitting(store: Store, folder: str, parts: Sequence[str]) -> Iterator[Entry]:
    """What fits the parts of a pattern below a folder."""
    fixed = next((at for at, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    folder = "/".join([folder, *parts[:fixed]])
    parts = parts[fixed:]
    try:
        found = store.list(folder) if parts else [store.tell(folder)]
    except (FileNotFoundError, NotADirectoryError):
        return
    if not parts:
        yield from found
        return
    part, rest = parts[0], parts[1:]
    if part == "**":
        yield from _in_depth(store, found, rest or ["*"])
        return
    for entry in found:
        if not _fits(entry, folder, part):
            continue
        if not rest:
            yield entry
        elif entry.folder:
            yield from _fitting(store, entry.uri, rest)


def _in_depth(store: Store, found: Entries, rest: Sequence[str]) -> Iterator[Entry]:
    """What fits the parts in a folder that was listed, and in each below it, hidden ones left out."""
    if len(rest) == 1:
        yield from (entry for entry in found if _fits(entry, entry.uri.rpartition("/")[0], rest[0]))
    else:
        for entry in found:
            if entry.folder and _fits(entry, entry.uri.rpartition("/")[0], rest[0]):
                yield from _fitting(store, entry.uri, rest[1:])
    for entry in found:
        if entry.folder and not os.path.basename(entry.uri).startswith("."):
            yield from _in_depth(store, store.list(entry.uri), rest)


def _fits(entry: Entry, folder: str, part: str) -> bool:
    """Whether an entry of a folder fits a part of a pattern. The listing of a file, which is the file itself, fits none.

    >>> _fits(Entry("x://h/a/b.warc", 1, None), "x://h/a", "*.warc"), _fits(Entry("x://h/a", 1, None), "x://h/a", "*")
    (True, False)
    """
    above, _, name = entry.uri.rpartition("/")
    return above == folder.rstrip("/") and fnmatch.fnmatchcase(name, part)


@contextmanager
def in_words(uri: str) -> Iterator[None]:
    """An :class:`OSError` of the block as one line for the user: :class:`CrawlmillError`."""
    try:
        yield
    except OSError as error:
        raise CrawlmillError(error.strerror or str(error), uri, "check the name and its permissions") from None


def new_mark() -> str:
    """A part of a name that nothing else has."""
    return uuid.uuid4().hex[:8]

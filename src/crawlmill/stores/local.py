"""Files and folders of this machine: files are read by position; a named pipe or a descriptor is read as a pipe."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.stores import pipe
from crawlmill.stores.globs import matching
from crawlmill.stores.names import STDIN, descriptor, local_path, uri_of
from crawlmill.stores.pipe import Pipe, open_fifo
from crawlmill.stores.store import Entries, Entry, Opened, Spans, Store, in_words, new_mark


class Local(Store):
    """This machine: paths, and ``file:///PATH``."""

    local = True

    def open(self, uri: str, known: Entry | None = None, spans: Spans | None = None) -> Opened:
        if descriptor(local_path(uri)) == 0:
            return pipe.standard_input()
        return open_local(uri)

    def tell(self, uri: str) -> Entry:
        """As :meth:`Store.tell`. Raises :class:`UsageError` for a device or a socket."""
        path = local_path(uri)
        if descriptor(path) is not None:
            return Entry(uri, None, None)
        return entry(os.stat(path), uri)

    def list(self, uri: str) -> Entries:
        path = local_path(uri)
        if not os.path.isdir(path):
            return [self.tell(uri)]
        with os.scandir(path) as files:
            return [found for file in sorted(files, key=lambda file: file.name) for found in _of_folder(file)]

    def glob(self, pattern: str) -> Entries:
        """As :meth:`Store.glob`; a link that leads to nothing is among them, without a size."""
        return [found for path in matching(local_path(pattern)) for found in _of_path(path)]

    def identity(self, uri: str, known: Entry | None = None) -> tuple[object, ...]:
        """Device and inode, also of a pipe; the path where those are not known."""
        path = local_path(uri)
        if descriptor(path) == 0:
            return STDIN, STDIN
        if known is not None and known.id is not None:
            return ("file", *known.id)
        try:
            found = os.stat(path)
        except OSError:
            return "file", os.path.abspath(path)
        return ("file", found.st_dev, found.st_ino) if found.st_ino else ("file", os.path.realpath(path))

    def canonical(self, uri: str) -> str:
        """The URI of the absolute path; ``-`` for standard input."""
        path = local_path(uri)
        return STDIN if descriptor(path) == 0 else uri_of(path)

    def real(self, uri: str) -> str:
        return uri_of(os.path.realpath(local_path(uri)))

    def check_writable(self, uri: str) -> None:
        parent = os.path.dirname(os.path.abspath(local_path(uri)))
        with in_words(uri):
            os.makedirs(parent, exist_ok=True)
            if not os.access(parent, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), parent)

    def held(self, uri: str) -> set[str] | None:
        try:
            return set(os.listdir(local_path(uri)))
        except NotADirectoryError:
            raise UsageError("the output is not a folder", uri, "use another name") from None
        except FileNotFoundError:
            if os.path.lexists(local_path(uri)):
                raise UsageError("the output is a link that leads to nothing", uri, "use another name") from None
            return None
        except OSError as error:
            raise CrawlmillError(error.strerror or str(error), uri, "check its permissions") from None

    def put(self, folder: str, uri: str, replace: bool, mark: str | None = None) -> None:
        target = os.path.abspath(local_path(uri))
        parent, name = os.path.split(target)
        beside, before = (os.path.join(parent, f".{name}.{kind}.{mark or new_mark()}") for kind in ("new", "old"))
        self.check_writable(uri)
        with in_words(uri):
            _remove(beside)
            try:
                shutil.copytree(folder, beside)
                replaced = replace and os.path.lexists(target)
                if replaced:
                    os.rename(target, before)
                try:
                    _take_name(beside, target, uri)
                except BaseException:
                    if replaced and not os.path.lexists(target):
                        os.rename(before, target)
                    raise
            finally:
                _remove(beside)
                if os.path.lexists(target):
                    _remove(before)

    @contextmanager
    def fetched(self, uri: str) -> Iterator[str]:
        """The path itself: nothing is copied."""
        path = local_path(uri)
        if not os.path.exists(path):
            raise UsageError("no such file", uri, "name a result file, or the folder of a run")
        yield path


def _take_name(folder: str, target: str, uri: str) -> None:
    """Rename a folder. Raises :class:`UsageError` when something has the name: rename(2) takes the place of an empty folder
    only, and a result is never empty."""
    try:
        if os.path.lexists(target):
            raise FileExistsError
        os.rename(folder, target)
    except OSError as error:
        if isinstance(error, (FileExistsError, NotADirectoryError)) or error.errno == errno.ENOTEMPTY:
            raise UsageError("the output exists", uri, "use --overwrite, or another name") from None
        raise


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.lexists(path):
        os.unlink(path)


def _of_folder(file: os.DirEntry[str]) -> Entries:
    """A file of a folder; none for what is not a file or folder, or leads to nothing."""
    try:
        found = file.stat()
    except OSError:
        return []
    return _entries(found, uri_of(file.path))


def _of_path(path: str) -> Entries:
    try:
        found = os.stat(path)
    except OSError:  # who reads it says so
        return [Entry(uri_of(path), None, None)]
    return _entries(found, uri_of(path))


def _entries(found: os.stat_result, uri: str) -> Entries:
    kind = found.st_mode
    return [entry(found, uri)] if stat.S_ISREG(kind) or stat.S_ISDIR(kind) else []


def open_local(uri: str) -> LocalFile | Pipe:
    """Open an archive of this machine. Raises :class:`OSError`; :class:`UsageError` for a device or a socket."""
    path = local_path(uri)
    number = descriptor(path)
    if number is not None:
        try:
            return Pipe(os.fdopen(os.dup(number), "rb"), uri=uri)
        except OSError:
            raise FileNotFoundError(errno.ENOENT, f"the descriptor {number} is not open", uri) from None
    mode = os.stat(path).st_mode
    if stat.S_ISFIFO(mode):
        stream, start = open_fifo(path, uri)
        return Pipe(stream, start, uri)
    if not stat.S_ISDIR(mode):
        refuse_special(mode, uri)
    return LocalFile(path, uri)


def refuse_special(mode: int, uri: str) -> None:
    """Raise :class:`CrawlmillError` for what a mode says is neither a file nor a pipe: a folder that a manifest names, and
    a device or a socket, which is never opened."""
    if stat.S_ISDIR(mode):
        raise CrawlmillError(
            "a folder, not an archive", uri, "folders are inputs of a command, not names in a manifest"
        )
    if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
        what = "a socket" if stat.S_ISSOCK(mode) else "a device"
        raise UsageError(f"{what}, not an archive", uri, "name a file, a named pipe, or - for standard input")


class LocalFile:
    """An open local file. It reads by windows, not by mmap: a file cut while it is mapped kills the process.

    It ends where it ended when it was opened, whatever is added to it since.
    """

    def __init__(self, path: str, uri: str | None = None) -> None:
        self.uri, self._path = uri or path, path
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # what was swapped for a pipe meanwhile must not hang
        found = os.fstat(self._fd)
        try:
            if stat.S_ISDIR(found.st_mode):  # after the plan: a command refuses it before
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
            refuse_special(found.st_mode, self.uri)
        except (OSError, CrawlmillError):
            self.close()
            raise
        self.opened = _file(found, self.uri)
        self._size = None if self.opened is None else self.opened.size

    def read_at(self, offset: int, count: int) -> bytes:
        if self._size is not None:
            count = min(count, self._size - offset)
        if count <= 0 or offset < 0:
            return b""
        data = os.pread(self._fd, count, offset)
        if len(data) == count or not data:
            return data
        pieces, have = [data], len(data)  # a short read is legal before the end of the file
        while have < count:
            data = os.pread(self._fd, count - have, offset + have)
            if not data:
                break
            pieces.append(data)
            have += len(data)
        return b"".join(pieces)

    def size(self) -> int | None:
        return self._size

    def now(self) -> Entry | None:
        try:
            return _file(os.stat(self._path), self.uri)
        except OSError:  # it has no name any more, and is read to its end all the same
            return _file(os.fstat(self._fd), self.uri)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def entry(found: os.stat_result, uri: str) -> Entry:
    """What the system says of a file, a folder or a pipe. Raises :class:`UsageError` for a device or a socket."""
    if stat.S_ISDIR(found.st_mode):
        return Entry(uri, None, None, folder=True, id=_id(found))
    refuse_special(found.st_mode, uri)
    return _file(found, uri) or Entry(uri, None, None, id=_id(found))


def _file(found: os.stat_result, uri: str) -> Entry | None:
    """A regular file; None for all else."""
    if not stat.S_ISREG(found.st_mode):
        return None
    return Entry(uri, found.st_size, str(found.st_mtime_ns), id=_id(found))


def _id(found: os.stat_result) -> tuple[int, ...] | None:
    return (found.st_dev, found.st_ino) if found.st_ino else None

"""What a path of this machine names, opened: a file, read by position; a named pipe or a descriptor, read as a pipe."""

from __future__ import annotations

import errno
import os
import stat

from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.stores import Stamp
from crawlmill.stores.names import descriptor, local_path
from crawlmill.stores.pipe import Pipe, open_fifo


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
        self.opened = stamp(found)

    def read_at(self, offset: int, count: int) -> bytes:
        if self.opened is not None:
            count = min(count, self.opened.size - offset)
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
        return None if self.opened is None else self.opened.size

    def now(self) -> Stamp | None:
        try:
            return stamp(os.stat(self._path))
        except OSError:  # it has no name any more, and is read to its end all the same
            return stamp(os.fstat(self._fd))

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def stamp(found: os.stat_result) -> Stamp | None:
    """The state of a file by what the system says of it; None for what is no regular file."""
    if not stat.S_ISREG(found.st_mode):
        return None
    return Stamp(found.st_size, found.st_mtime_ns, (found.st_dev, found.st_ino))

"""What a path of this machine names, opened: a file, read by position; a named pipe or a descriptor, read as a pipe."""

from __future__ import annotations

import os
import stat

from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.sources.names import descriptor, local_path
from crawlmill.sources.pipe import Pipe, open_fifo


def open_local(uri: str) -> LocalFile | Pipe:
    """Open an archive of this machine. Raises :class:`OSError`; :class:`CrawlmillError` for a folder, a device, a socket."""
    path = local_path(uri)
    number = descriptor(path)
    if number is not None:
        try:
            return Pipe(os.fdopen(os.dup(number), "rb"), uri=uri)
        except OSError:
            raise FileNotFoundError(f"the descriptor {number} is not open") from None
    mode = os.stat(path).st_mode
    if stat.S_ISFIFO(mode):
        stream, start = open_fifo(path, uri)
        return Pipe(stream, start, uri)
    refuse_special(mode, uri)
    return LocalFile(path, uri)


def refuse_special(mode: int, uri: str) -> None:
    """Raise :class:`CrawlmillError` for what a mode says is neither a file nor a pipe. Such a thing is never opened."""
    if stat.S_ISDIR(mode):
        raise CrawlmillError(
            "a folder, not an archive", uri, "folders are inputs of a command, not names in a manifest"
        )
    if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
        what = "a socket" if stat.S_ISSOCK(mode) else "a device"
        raise UsageError(f"{what}, not an archive", uri, "name a file, a named pipe, or - for standard input")


class LocalFile:
    """An open local file. It reads by windows, not by mmap: a file cut while it is mapped kills the process."""

    def __init__(self, path: str, uri: str | None = None) -> None:
        self.uri = uri or path
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # what was swapped for a pipe meanwhile must not hang
        found = os.fstat(self._fd)
        try:
            refuse_special(found.st_mode, self.uri)
        except CrawlmillError:
            self.close()
            raise
        self._size = found.st_size

    def read_at(self, offset: int, count: int) -> bytes:
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

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

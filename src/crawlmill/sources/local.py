"""A file on this machine, read by position."""

from __future__ import annotations

import errno
import os
import stat

from crawlmill.sources import Stamp


class LocalFile:
    """An open local file. It reads by windows, not by mmap: a file cut while it is mapped kills the process.

    It ends where it ended when it was opened, whatever is added to it since.
    """

    def __init__(self, path: str, uri: str | None = None) -> None:
        self.uri, self._path = uri or path, path
        try:
            self._fd = os.open(path, os.O_RDONLY)
        except ValueError:  # a NUL or a lone surrogate
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self.uri) from None
        found = os.fstat(self._fd)
        if stat.S_ISDIR(found.st_mode):
            self.close()
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
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

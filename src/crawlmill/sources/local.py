"""A file on this machine, read by position."""

from __future__ import annotations

import os


class LocalFile:
    """An open local file. It reads by windows, not by mmap: a file cut while it is mapped kills the process."""

    def __init__(self, path: str, uri: str | None = None) -> None:
        self.uri = uri or path
        self._fd = os.open(path, os.O_RDONLY)
        self._size = os.fstat(self._fd).st_size

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

"""An opened archive that ends where it was planned to end, and tells whether it still is the planned file."""

from __future__ import annotations

from crawlmill.errors import CrawlmillError, ReadFailed
from crawlmill.stores import Opened


class Bounded:
    """A source whose reads and size never go beyond the planned size. A file that shrank ends where it ends.

    Args:
        source: the opened file.
        size: bytes that were planned; None for those at opening. A pipe has no size, whatever was planned.
        version: what :class:`crawlmill.stores.Entry` calls version when it was planned; None for that at opening.

    Attributes:
        end: where a row stands that is about the whole file: the planned size, or the one at opening; None for a pipe.
        failure: what a read raised, kept because an analysis may catch everything that its record raises.
    """

    def __init__(self, source: Opened, size: int | None, version: str | None) -> None:
        self.uri, self._source, opened = source.uri, source, source.opened
        self._planned: tuple[int | None, str | None] = (None, None)
        if opened is not None:
            self._planned = (opened.size if size is None else size, opened.version if version is None else version)
        self.end = self._planned[0]
        size = None if opened is None else opened.size
        self._left = self.end if size is None or self.end is None else min(self.end, size)
        self._given = 0
        self.failure: CrawlmillError | None = None

    def read_at(self, offset: int, count: int) -> bytes:
        if self._left is not None:
            count = min(count, self._left - offset)
        if count <= 0 or offset < 0:
            return b""
        try:
            data = self._source.read_at(offset, count)
        except OSError as error:
            self.failure = ReadFailed("reading failed", self.uri, error)
            raise self.failure from error
        except CrawlmillError as error:
            self.failure = error
            raise
        end = offset + len(data)
        if data and end > self._given:
            self._given = end
        if self._left is not None and len(data) < count:
            self._left = max(end, self._given)  # who holds bytes from behind the end would never come to it
        return data

    def size(self) -> int | None:
        return self._source.size() if self._left is None else self._left

    def changed(self) -> bool:
        """Whether the file is another one by now, or was when it was opened."""
        opened, now = self._source.opened, self._source.now()
        if opened is None:
            return False
        return (opened.size, opened.version) != self._planned or now is None or not now.same(opened)

    def close(self) -> None:
        self._source.close()

"""The base of all stores that are reached over a network: every question is asked patiently, every file is read by windows."""

from __future__ import annotations

import errno
import os

from crawlmill.stores.patience import patiently
from crawlmill.stores.store import Entries, Entry, Opened, Spans, Store
from crawlmill.stores.windows import Windows


class Remote(Store):
    """A remote store. A class of a store gives the three ``ask_`` methods, each of which is one request.

    They raise :class:`FileNotFoundError` and :class:`PermissionError` as :class:`Store` says, and
    :class:`crawlmill.stores.patience.Away` for all else: an HTTP 403 that is not the store's own refusal of the file, too.
    """

    def ask_entry(self, uri: str) -> Entry:
        """A file or folder."""
        raise NotImplementedError

    def ask_entries(self, uri: str) -> Entries:
        """What is in a folder, by name; of a file, itself. A store without listings leaves this out."""
        return [self.ask_entry(uri)]

    def ask_bytes(self, entry: Entry, offset: int, count: int) -> bytes:
        """A part of a file; fewer bytes only where the file ends by now."""
        raise NotImplementedError

    def open(self, uri: str, known: Entry | None = None, spans: Spans | None = None) -> Opened:
        if known is None or known.size is None or known.version is None:
            known = self.tell(uri)
        if known.folder:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), uri)
        return RemoteFile(self, known._replace(uri=uri), spans)

    def tell(self, uri: str) -> Entry:
        return patiently(lambda: self.ask_entry(uri), uri)

    def list(self, uri: str) -> Entries:
        return sorted(patiently(lambda: self.ask_entries(uri), uri))


class RemoteFile:
    """An open file of a remote store. Nothing is asked until it is read."""

    def __init__(self, store: Remote, entry: Entry, spans: Spans | None) -> None:
        self.uri, self._store = entry.uri, store
        self.opened: Entry | None = entry
        self._windows = Windows(
            lambda offset, count: store.ask_bytes(entry, offset, count), entry.uri, entry.size, spans
        )

    def read_at(self, offset: int, count: int) -> bytes:
        return self._windows.read_at(offset, count)

    def size(self) -> int | None:
        return self._windows.size

    def now(self) -> Entry | None:
        try:
            found = self._store.tell(self.uri)
        except OSError:  # nobody has its name any more, and what was read was read
            return self.opened
        return None if found.folder else found

    def close(self) -> None:
        self._windows.close()

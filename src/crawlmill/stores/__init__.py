"""From a URI to bytes: one table of schemes, each opened by its own module when first used."""

from __future__ import annotations

import os
from typing import NamedTuple, Protocol

from crawlmill.errors import CrawlmillError, Refused
from crawlmill.stores.names import STDIN as STDIN
from crawlmill.stores.names import descriptor
from crawlmill.stores.names import is_stream as is_stream
from crawlmill.stores.names import local_path as local_path
from crawlmill.stores.names import scheme as scheme
from crawlmill.stores.names import uri_of as uri_of


class Stamp(NamedTuple):
    """What tells one state of a file from another: its size in bytes, its modification time (ns of a local file, ms of one
    of HDFS), and what its store calls it behind its name (None where it does not say)."""

    size: int
    version: int
    id: tuple[int, ...] | None = None


class Source(Protocol):
    """An opened archive. ``read_at`` answers fewer bytes than asked only at the end of the file."""

    uri: str

    def read_at(self, offset: int, count: int) -> bytes: ...

    def size(self) -> int | None:
        """Size in bytes; None while it is not known (a pipe)."""

    def close(self) -> None: ...


class Opened(Source, Protocol):
    """What :func:`open_source` gives: it also knows what it opened, and what stands under its name by now."""

    opened: Stamp | None
    """The file as it was opened; None for a pipe."""

    def now(self) -> Stamp | None:
        """The file that has the name now; the opened one when nothing has it. None for a pipe, and where something that is
        no file has the name."""


def open_source(uri: str) -> Opened:
    """Open an archive for reading. Raises :class:`FileNotFoundError` or :class:`OSError` as the source has it,
    :class:`CrawlmillError` for a scheme that nothing here reads, and for what is no file."""
    kind = scheme(uri)
    if uri == STDIN or (kind == "file" and descriptor(local_path(uri)) == 0):
        return standard_input()
    if kind == "file":
        from crawlmill.stores.local import open_local

        return open_local(uri)
    if kind in ("hdfs", "webhdfs"):
        from crawlmill.stores.webhdfs import WebHdfs

        return WebHdfs(uri)
    raise CrawlmillError(f"no reader for {kind}:// yet", uri, "copy the file to a local disk first")


def standard_input() -> Opened:
    """Standard input as an archive; a program that has read its first bytes puts another function here."""
    from crawlmill.stores.pipe import Pipe

    return Pipe()


def stamp_of(uri: str) -> Stamp | None:
    """The state of a file without opening it; None where it is not known: a pipe, a file that is not there."""
    kind = scheme(uri)
    try:
        if kind == "file":
            from crawlmill.stores.local import stamp

            path = local_path(uri)
            return None if descriptor(path) is not None else stamp(os.stat(path))
        if kind in ("hdfs", "webhdfs"):
            from crawlmill.stores.webhdfs import status

            try:
                return status(uri).stamp
            except Refused:
                return None
    except OSError:
        pass
    return None

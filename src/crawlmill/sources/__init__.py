"""From a URI to bytes: one table of schemes, each opened by its own module when first used."""

from __future__ import annotations

from typing import Protocol

from crawlmill.errors import CrawlmillError
from crawlmill.sources.names import STDIN as STDIN
from crawlmill.sources.names import descriptor
from crawlmill.sources.names import is_stream as is_stream
from crawlmill.sources.names import local_path as local_path
from crawlmill.sources.names import scheme as scheme
from crawlmill.sources.names import uri_of as uri_of


class Source(Protocol):
    """An opened archive. ``read_at`` answers fewer bytes than asked only at the end of the file."""

    uri: str

    def read_at(self, offset: int, count: int) -> bytes: ...

    def size(self) -> int | None:
        """Size in bytes; None while it is not known (a pipe)."""

    def close(self) -> None: ...


def open_source(uri: str) -> Source:
    """Open an archive for reading. Raises :class:`FileNotFoundError` or :class:`OSError` as the source has it,
    :class:`CrawlmillError` for a scheme that nothing here reads, and for what is no file."""
    kind = scheme(uri)
    if uri == STDIN or (kind == "file" and descriptor(local_path(uri)) == 0):
        return standard_input()
    if kind == "file":
        from crawlmill.sources.local import open_local

        return open_local(uri)
    if kind in ("hdfs", "webhdfs"):
        from crawlmill.sources.webhdfs import WebHdfs

        return WebHdfs(uri)
    raise CrawlmillError(f"no reader for {kind}:// yet", uri, "copy the file to a local disk first")


def standard_input() -> Source:
    """Standard input as an archive; a program that has read its first bytes puts another function here."""
    from crawlmill.sources.pipe import Pipe

    return Pipe()

"""From a URI to bytes: one table of schemes, each opened by its own module when first used."""

from __future__ import annotations

import os
import re
from typing import NamedTuple, Protocol

from crawlmill.errors import CrawlmillError, Refused

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+)://")
STDIN = "-"


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
        """The file that has the name now; the opened one when none has. None for a pipe."""


def scheme(uri: str) -> str:
    """The scheme of a URI, ``file`` for a plain path, ``-`` for standard input.

    >>> scheme("s3://commoncrawl/a.warc.gz"), scheme("/data/a.warc.gz"), scheme("-")
    ('s3', 'file', '-')
    """
    if uri == STDIN:
        return STDIN
    found = _SCHEME.match(uri)
    return found.group(1).lower() if found else "file"


def open_source(uri: str) -> Opened:
    """Open an archive for reading. Raises :class:`FileNotFoundError` or :class:`OSError` as the source has it,
    :class:`CrawlmillError` for a scheme that nothing here reads."""
    kind = scheme(uri)
    if kind == "file":
        from crawlmill.sources.local import LocalFile

        return LocalFile(local_path(uri), uri)
    if kind == STDIN:
        return standard_input()
    if kind in ("hdfs", "webhdfs"):
        from crawlmill.sources.webhdfs import WebHdfs

        return WebHdfs(uri)
    raise CrawlmillError(f"no reader for {kind}:// yet", uri, "copy the file to a local disk first")


def standard_input() -> Opened:
    """Standard input as an archive; a program that has read its first bytes puts another function here."""
    from crawlmill.sources.pipe import Pipe

    return Pipe()


def stamp_of(uri: str) -> Stamp | None:
    """The state of a file without opening it; None where it is not known: a pipe, a file that is not there."""
    kind = scheme(uri)
    try:
        if kind == "file":
            from crawlmill.sources.local import stamp

            return stamp(os.stat(local_path(uri)))
        if kind in ("hdfs", "webhdfs"):
            from crawlmill.sources.webhdfs import status

            try:
                return status(uri).stamp
            except Refused:
                return None
    except (OSError, ValueError):  # ValueError: a name that no file can have
        pass
    return None


def local_path(uri: str) -> str:
    """The path of a local URI.

    >>> local_path("file:///data/a%20b.warc.gz"), local_path("/data/a%20b.warc.gz")
    ('/data/a b.warc.gz', '/data/a%20b.warc.gz')
    """
    if uri[:7].lower() == "file://":
        from urllib.parse import unquote, urlsplit

        try:
            return unquote(urlsplit(uri).path)
        except ValueError as error:
            raise CrawlmillError(f"not the URI of a file: {error}", uri, "write file:///PATH") from None
    return os.fspath(uri)

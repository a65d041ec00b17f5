"""``crawlmill.get``: one record, by its place or by its URL."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from crawlmill.cluster.finding import know_hdfs
from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.records.record import Record
from crawlmill.records.urls import clean_url
from crawlmill.stores import Source, open_source
from crawlmill.stores.bounded import Bounded
from crawlmill.warc.at import record_at
from crawlmill.warc.damage import BodyDamage
from crawlmill.warc.reading import Reading
from crawlmill.warc.walk import walk

CONTENT = frozenset({"response", "arc", "resource", "conversion"})
"""Types of records that hold what a URL gave."""
LARGEST = 1 << 30
"""Bytes of a record that may be loaded when one is asked for by itself, default."""


def get(
    uri: str | os.PathLike[str],
    offset: int | None = None,
    ordinal: int = 0,
    *,
    url: str | None = None,
    max_record: int = LARGEST,
) -> Record:
    """One record, loaded into memory.

    Args:
        uri: the archive: a path, a URI, ``-`` for standard input.
        offset: where the record's member begins (the record itself in a plain file), in bytes of the file as stored: what
            :func:`crawlmill.inspect`, damage rows and indexes call offset.
        ordinal: which record of its member. Default: 0.
        url: in place of an offset: the first record that holds what this URL gave.
        max_record: bytes of a block, and of a body, that may be loaded. Default: 1 GiB.

    Returns:
        The record. It stays valid. If its block cannot be had - it does not decode, or is too large - the headers can, and
        touching the block raises :class:`crawlmill.warc.damage.BodyDamage`.

    Raises:
        UsageError: neither an offset nor a URL, or both.
        CrawlmillError: the archive cannot be opened, no record begins there, or none holds what the URL gave.

    >>> import crawlmill
    >>> record = crawlmill.get("data_samples/formats/members.warc.gz", 4541)
    >>> record.url, record.status, record.body[:4]
    ('https://cdn.example.net/picture.png', '200', b'\\x89PNG')
    >>> crawlmill.get("data_samples/formats/members.warc.gz", url="https://cdn.example.net/picture.png").offset
    4541
    """
    with opened(uri, offset, ordinal, url, max_record) as record:
        return record.keep()


@contextmanager
def opened(
    uri: str | os.PathLike[str],
    offset: int | None = None,
    ordinal: int = 0,
    url: str | None = None,
    max_record: int = LARGEST,
) -> Iterator[Record]:
    """The record of :func:`get` in an archive that is open while the block runs: nothing is loaded but what is touched."""
    if (offset is None) == (url is None):
        raise UsageError("name one record", os.fspath(uri), "with --offset N or with --url URL")
    know_hdfs()
    source = _open(os.fspath(uri))
    try:
        if url is not None:
            record = _with_url(source, url, max_record)
        else:
            record = record_at(source, offset or 0, ordinal, max_record)
        record.max_body = max_record
        yield record
    finally:
        source.close()


def _open(uri: str) -> Source:
    try:
        source = open_source(uri)
    except OSError as error:
        raise CrawlmillError(error.strerror or str(error), uri, "check the path") from None
    return Bounded(source, None, None)  # what fails while it is read is an error of ours, too


def _with_url(source: Source, url: str, max_record: int) -> Record:
    wanted, damaged = clean_url(url), 0
    for item in walk(source, 0, None, Reading(CONTENT, max_record)):
        if not isinstance(item, Record):
            damaged += 1
        elif item.url == wanted:
            return item
    lost = f"; {damaged} parts of the archive could not be read" if damaged else ""
    raise CrawlmillError(f"no record holds what {wanted} gave{lost}", source.uri, "crawlmill inspect lists the URLs")


def _text(record: Record) -> bytes:
    return (record.text.rstrip("\n") + "\n").encode()


def _http(record: Record) -> bytes:
    if record.http is None:
        raise CrawlmillError("the record holds no HTTP message", f"{record.uri}@{record.offset}", "try --what headers")
    return record.block[: record.http.header_length]


PARTS: dict[str, Callable[[Record], bytes]] = {
    "payload": lambda record: record.payload,
    "body": lambda record: record.body,
    "text": _text,
    "block": lambda record: record.block,
    "headers": lambda record: record.head.rstrip(b"\r\n") + b"\r\n\r\n",
    "http": _http,
}
"""Parts of a record as bytes, as ``crawlmill get --what`` writes them."""


def part_of(record: Record, what: str) -> bytes:
    """A part of a record.

    Args:
        record: any record.
        what: a name of :data:`PARTS`.

    Raises:
        CrawlmillError: the record has no such part, or it cannot be had.
    """
    try:
        return PARTS[what](record)
    except BodyDamage as bad:
        hint = "see --max-record" if bad.kind == "oversized" else "try --what headers"
        raise CrawlmillError(str(bad), f"{record.uri}@{record.offset}", hint) from None

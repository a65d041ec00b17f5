"""One record, by the place that ``inspect`` and damage rows name: the offset of its member, and which one in it."""

from __future__ import annotations

from crawlmill.errors import CrawlmillError
from crawlmill.records.record import Record
from crawlmill.stores import Source
from crawlmill.warc.codecs import GZIP_CODEC
from crawlmill.warc.damage import Damage
from crawlmill.warc.members import Walk
from crawlmill.warc.reading import MAX_RECORD, Reading
from crawlmill.warc.walk import walk

_START = 1 << 16


def record_at(source: Source, offset: int, ordinal: int = 0, max_record: int = MAX_RECORD) -> Record:
    """The record at a place of an opened archive.

    Args:
        source: the archive; it must stay open while the record is used.
        offset: first byte of the record's member (of the record itself in a plain file), in bytes of the file as stored.
        ordinal: which record of its member, from 0.
        max_record: bytes of a block that may be loaded.

    Raises:
        CrawlmillError: no record begins there, or the bytes there do not decode.
    """
    start = source.read_at(offset, _START)
    if GZIP_CODEC.plain(start, 5) == b"WARC/":
        for item in Walk(source, offset, None, Reading(max_record=max_record)):
            if isinstance(item, Damage) or item.offset != offset:
                break
            if item.ordinal == ordinal:
                return item
    # Anything else - a plain file, a stream without members, a member that goes on with a record - is read from the start.
    for item in walk(source, 0, None, Reading(max_record=max_record)):
        if isinstance(item, Damage):
            if item.offset <= offset < item.offset + item.length and item.ordinal == ordinal:
                raise CrawlmillError(item.message, f"{source.uri}@{offset}", "crawlmill inspect shows what is sound")
        elif item.offset > offset:
            break
        elif item.offset == offset and item.ordinal == ordinal:
            return item
    where = f"{source.uri}@{offset}+{ordinal}" if ordinal else f"{source.uri}@{offset}"
    raise CrawlmillError("no record begins here", where, "crawlmill inspect lists offsets and ordinals")

"""One split to its records and its damage. The only place where an archive is opened for reading it, on every engine."""

from __future__ import annotations

import errno
import os
from collections.abc import Generator, Iterator

from crawlmill.errors import ReadFailed
from crawlmill.plan.fields import MOST
from crawlmill.plan.split import Split
from crawlmill.records.record import Record
from crawlmill.stores import Entry, Spans, open_source
from crawlmill.stores.bounded import Bounded
from crawlmill.warc.damage import BodyDamage, Damage, damage
from crawlmill.warc.ranges import read_span, runs
from crawlmill.warc.reading import MAX_BODY, Reading
from crawlmill.warc.stream import Item
from crawlmill.where import Where

_MISSING = (errno.ENOENT, errno.ENOTDIR)
_UNREADABLE = (
    errno.EACCES,
    errno.EPERM,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.EILSEQ,
    errno.ENXIO,
    errno.ENODEV,
)
"""What a name or a file is at fault for, here and at every later try. All else is the machine's: the run ends."""


def read_split(split: Split, reading: Reading, where: Where | None = None) -> Generator[Item, None, None]:
    """Every record of a split that fits, and every damage row.

    Args:
        split: what is read. The file ends at its planned size, however long it is by now.
        reading: what is asked for; its counters are filled.
        where: a condition on a record's headers; a record of which it cannot be told is a damage row of ``where``.

    Yields:
        Records (valid until the next one) and damage rows. Those that are about the whole file - it is not there, we may
        not read it, it changed - are the same from every split.

    Raises:
        CrawlmillError: reading failed for a reason that lies not in the file: too many open files, an I/O error, a store that
            is away.
    """
    try:
        known = None if split.version is None else Entry(split.uri, split.file_size, split.version)
        source = Bounded(open_source(split.uri, known, spans_of(split)), split.file_size, split.version)
    except OSError as error:
        yield unopened(split.uri, error)
        return
    try:
        try:
            found = read_span(source, split.start, split.end, split.ranges, reading)
            plain = where is None and reading.max_body == MAX_BODY
            yield from found if plain else _chosen(found, reading, where)
            if source.failure is not None:  # an analysis has caught it
                raise source.failure
        except ReadFailed as failure:
            yield unopened(split.uri, failure.error, "reading failed")
        if source.end is not None and split.file_size is None and split.start > source.end and split.ranges is None:
            if source.end == 0:
                yield damage(split.uri, 0, 0, "empty")  # as the split at 0 says
            else:
                yield damage(split.uri, split.start, (split.end or split.start) - split.start, "range")
        if source.changed():
            yield damage(split.uri, source.end or 0, 0, "changed")
    finally:
        source.close()


def spans_of(split: Split) -> Spans:
    """The parts of the file that a split is sure to read.

    >>> spans_of(Split("/a", 5, 9)), spans_of(Split("/a", ranges=((0, 10), (20, 10), (9_000_000, 10))))
    ([(5, 9)], [(0, 30), (9000000, 9000010)])
    """
    if split.ranges is not None:
        return [(run.start, run.end) for run in runs(split.ranges)]
    return [(split.start, MOST if split.end is None else split.end)]


def _chosen(items: Iterator[Item], reading: Reading, where: Where | None) -> Iterator[Item]:
    """The records that fit, each with the limit of its body, and the damage."""
    for item in items:
        if isinstance(item, Record):
            item.max_body = reading.max_body
            try:
                if where is not None and not where(item):
                    reading.rejected += 1
                    continue
            except BodyDamage as bad:
                reading.rejected += 1
                yield damage(item.uri, item.offset, item.length, bad.kind, "where", item.ordinal)
                continue
        yield item


def unopened(uri: str, error: OSError, what: str = "it cannot be opened") -> Damage:
    """The row for a file that is not there, or that we may not read: equal from every split, so that they merge into one.
    Raises :class:`CrawlmillError` for every other error."""
    if error.errno in _MISSING:
        return damage(uri, 0, 0, "missing")
    if error.errno in _UNREADABLE:
        return damage(uri, 0, 0, "unreadable", detail=os.strerror(error.errno))
    raise ReadFailed(what, uri, error) from error

"""What the user typed as one row of records and damage, in order, for those who look and do not count."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from crawlmill.errors import CrawlmillError
from crawlmill.plan.planner import make_plan
from crawlmill.plan.split import Split
from crawlmill.records.record import Record
from crawlmill.sources import Source, open_source
from crawlmill.warc.damage import BodyDamage, damage
from crawlmill.warc.ranges import read_span
from crawlmill.warc.reading import Reading
from crawlmill.warc.stream import Item
from crawlmill.where import Where


def open_archive(uri: str) -> Source:
    """Open an archive that must be there. Raises :class:`CrawlmillError`."""
    try:
        return open_source(uri)
    except OSError as error:
        raise CrawlmillError(error.strerror or str(error), uri, "check the path") from None


def scan(inputs: Sequence[str], reading: Reading, where: Where | None = None) -> Iterator[Item]:
    """Every record that fits, and every damage row, of all inputs.

    Args:
        inputs: as in :func:`crawlmill.plan.inputs.expand`.
        reading: what is asked for. Its counters are filled over all inputs.
        where: a condition on a record's headers.

    Yields:
        Records (valid until the next one) and damage rows; an archive that cannot be opened is a damage row.
    """
    total = 0
    for split in make_plan(inputs, 1 << 62).splits:
        reading.bytes = 0
        try:
            yield from read_split(split, reading, where)
        finally:
            total += reading.bytes
            reading.bytes = total


def read_split(split: Split, reading: Reading, where: Where | None = None) -> Iterator[Item]:
    """Every record of a split that fits, and every damage row, as :func:`scan`. Raises :class:`CrawlmillError`."""
    try:
        source = open_source(split.uri)
    except OSError as error:
        if split.start == 0:
            kind = "missing" if isinstance(error, FileNotFoundError) else "unreadable"
            yield damage(split.uri, 0, 0, kind, detail="" if kind == "missing" else os.strerror(error.errno or 0))
        return
    try:
        for item in read_span(source, split.start, split.end, split.ranges, reading):
            if isinstance(item, Record):
                item.max_body = reading.max_body
            if where is None or not isinstance(item, Record):
                yield item
                continue
            try:
                fits = where(item)
            except BodyDamage as bad:
                yield damage(item.uri, item.offset, item.length, bad.kind, "where", item.ordinal)
                continue
            if fits:
                yield item
    except OSError as error:
        raise CrawlmillError(f"reading failed: {error.strerror or error}", split.uri, "try again") from error
    finally:
        source.close()

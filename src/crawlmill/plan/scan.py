"""What the user typed as one row of records and damage, in order, for those who look and do not count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from crawlmill.errors import CrawlmillError
from crawlmill.plan import read
from crawlmill.plan.planner import make_plan
from crawlmill.plan.split import Split
from crawlmill.records.record import Record
from crawlmill.stores import Source, open_source
from crawlmill.stores.bounded import Bounded
from crawlmill.warc.damage import OF_FILES, BodyDamage, Damage, damage
from crawlmill.warc.reading import Reading
from crawlmill.warc.stream import Item
from crawlmill.where import Where


def open_archive(uri: str) -> Source:
    """Open an archive that must be there. Raises :class:`CrawlmillError`."""
    try:
        source = open_source(uri)
    except OSError as error:
        raise CrawlmillError(error.strerror or str(error), uri, "check the path") from None
    return Bounded(source, None, None)  # what fails while it is read is an error of ours, too


def scan(inputs: Sequence[str], reading: Reading, where: Where | None = None) -> Iterator[Item]:
    """Every record that fits, and every damage row, of all inputs.

    Args:
        inputs: as in :func:`crawlmill.plan.inputs.expand`.
        reading: what is asked for. Its counters are filled over all inputs.
        where: a condition on a record's headers.

    Yields:
        Records (valid until the next one) and damage rows; an archive that cannot be opened is one damage row.
    """
    total = 0
    said: set[Damage] = set()
    for split in make_plan(inputs, 1 << 62).splits:
        reading.bytes = 0
        try:
            for item in read_split(split, reading, where):
                if isinstance(item, Damage) and item.kind in OF_FILES:
                    if item in said:
                        continue
                    said.add(item)
                yield item
        finally:
            total += reading.bytes
            reading.bytes = total


def read_split(split: Split, reading: Reading, where: Where | None = None) -> Iterator[Item]:
    """Every record of a split that fits, and every damage row, as :func:`scan`. Raises :class:`CrawlmillError`."""
    for item in read.read_split(split, reading):
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

"""``crawlmill.inspect``: records and damage as rows that say what there is, and where."""

from __future__ import annotations

from collections.abc import Iterator

from crawlmill.looking.scanning import Inputs, Planned, scan
from crawlmill.records.record import Record
from crawlmill.warc.damage import BodyDamage, Damage

Row = dict[str, object]


def inspect(
    inputs: Inputs,
    *,
    types: str | None = None,
    where: str | None = None,
    limit: int | None = None,
    base: str | None = None,
    planned: Planned | None = None,
) -> Iterator[Row]:
    """Where each record lies and what it is, and the damage between records, as rows.

    Args:
        inputs, types, where, base, planned: as in :func:`crawlmill.scan`.
        limit: stop after so many records. Default: None.

    Returns:
        An iterator of dicts. A record's has ``uri``, ``offset``, ``ordinal``, ``length`` (its place: bytes of the file as
        stored, which record of its member), ``type``, ``status``, ``mime`` (of the HTTP response, None when there is none),
        ``date`` and ``url`` (as written). A damage row has its place, ``type`` (``!`` and its kind), ``message``, and
        ``records`` (whole records in the span that are not counted).

    Raises:
        UsageError, CrawlmillError: as in :func:`crawlmill.scan`.

    >>> import crawlmill
    >>> first = next(crawlmill.inspect("data_samples/formats/members.warc.gz", where="mime=image/png"))
    >>> first["offset"], first["length"], first["status"], first["url"]
    (4541, 16334, '200', 'https://cdn.example.net/picture.png')
    """
    return _rows(scan(inputs, types=types, where=where, base=base, planned=planned), limit)


def _rows(items: Iterator[Record | Damage], limit: int | None) -> Iterator[Row]:
    count = 0
    for item in items:
        if isinstance(item, Damage):
            yield _damage_row(item)
            continue
        yield from _record_rows(item)
        count += 1
        if count == limit:
            return


def _record_rows(record: Record) -> Iterator[Row]:
    row: Row = {"uri": record.uri, "offset": record.offset, "ordinal": record.ordinal, "length": record.length}
    row["type"] = record.type
    bad: BodyDamage | None = None
    try:
        row |= {"status": record.status, "mime": record.mime}
    except BodyDamage as found:
        bad, row["status"], row["mime"] = found, None, None
    yield {**row, "date": record.date, "url": record.url}
    if bad is not None:
        yield _damage_row(
            Damage(record.uri, record.offset, record.length, bad.kind, str(bad), "inspect", record.ordinal)
        )


def _damage_row(item: Damage) -> Row:
    row: Row = {"uri": item.uri, "offset": item.offset, "ordinal": item.ordinal, "length": item.length}
    return {**row, "type": f"!{item.kind}", "message": item.message, "records": item.records}

"""A table with a row for every record: where it lies and what its headers say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Union

from crawlmill import Record, analysis
from crawlmill.reducers import rows

Row = tuple[Union[str, int, None], ...]


@analysis(
    reduce=rows,
    key="uri: string, offset: int64, ordinal: int64",
    value="length: int64, type: string, url: string?, date: string?, status: string?, mime: string?, identified: string?, "
    "payload_length: int64, digest: string?, host: string?, ip: string?, record_id: string?, languages: string?",
)
def records(record: Record) -> Iterator[tuple[Row, Row]]:
    """A row for every record: where it lies and what its headers say.

    Rows: ``uri, offset, ordinal, length, type, url, date, status, mime, identified, payload_length, digest, host, ip,
    record_id, languages``. Reads headers only; ``payload_length`` is that of the payload as stored.
    """
    headers = record.headers
    digest = headers.get("WARC-Payload-Digest") or headers.get("WARC-Block-Digest")
    key = record.uri, record.offset, record.ordinal
    yield (
        key,
        (
            record.length,
            record.type,
            record.url,
            record.date,
            record.status,
            record.mime,
            record.identified,
            record.payload_length,
            digest,
            record.host,
            record.ip,
            record.id,
            headers.get("WARC-Identified-Content-Language"),
        ),
    )


if __name__ == "__main__":
    from crawlmill.streaming import mapper_main

    mapper_main("records")

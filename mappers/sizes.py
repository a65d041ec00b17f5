"""Sizes of payloads by media type, as histograms."""

from __future__ import annotations

from collections.abc import Iterator

from crawlmill import Record, analysis
from crawlmill.reducers import histogram


@analysis(reduce=histogram, key="mime: string", value="counts: list<int64>", types="response")
def sizes(record: Record) -> Iterator[tuple[str, int]]:
    """Payload sizes per declared media type, as a histogram.

    Rows: ``mime, counts``. ``counts[0]`` is the number of empty payloads, ``counts[i]`` of those with 2**(i-1) to 2**i - 1
    bytes as stored.
    """
    mime = record.mime
    if mime is not None:
        yield mime, record.payload_length


if __name__ == "__main__":
    from crawlmill.streaming import mapper_main

    mapper_main("sizes")

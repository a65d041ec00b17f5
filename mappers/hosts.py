"""Pages per host."""

from __future__ import annotations

from collections.abc import Iterator

from crawlmill import Record, analysis
from crawlmill.reducers import total


@analysis(reduce=total, key="host: string", value="pages: int64", types="response")
def hosts(record: Record) -> Iterator[tuple[str, int]]:
    """Pages per host.

    Rows: ``host, pages``.
    """
    host = record.host
    if host is not None:
        yield host, 1


if __name__ == "__main__":
    from crawlmill.streaming import mapper_main

    mapper_main("hosts")

"""Pages per web origin: scheme://host[:port]."""

from __future__ import annotations

from collections.abc import Iterator

from crawlmill import Record, analysis
from crawlmill.reducers import total


@analysis(reduce=total, key="origin: string", value="pages: int64", types="response")
def origins(record: Record) -> Iterator[tuple[str, int]]:
    """Pages per web origin: scheme://host[:port].

    Rows: ``origin, pages``.
    """
    origin = record.origin
    if origin is not None:
        yield origin, 1


if __name__ == "__main__":
    from crawlmill.streaming import mapper_main

    mapper_main("origins")

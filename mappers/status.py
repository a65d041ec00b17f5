"""Responses per HTTP status."""

from __future__ import annotations

from collections.abc import Iterator

from crawlmill import Record, analysis
from crawlmill.reducers import total


@analysis(reduce=total, key="status: string", value="responses: int64", types="response")
def status(record: Record) -> Iterator[tuple[str, int]]:
    """Responses per HTTP status.

    Rows: ``status, responses``.
    """
    status = record.status
    if status is not None:
        yield status, 1


if __name__ == "__main__":
    from crawlmill.streaming import mapper_main

    mapper_main("status")

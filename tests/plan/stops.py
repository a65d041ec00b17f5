"""An analysis that ends a run half-way, once: for the test of resuming."""

from __future__ import annotations

import os
from collections.abc import Iterator

from crawlmill import Record, analysis
from crawlmill.errors import CrawlmillError
from crawlmill.reducers import total


@analysis(reduce=total, key="type: string", value="records: int64", types="response,revisit")
def stops(record: Record) -> Iterator[tuple[str, int]]:
    """Cannot go on at one page while ``STOPS`` is set."""
    if "STOPS" in os.environ and record.offset > 30_000 and "00001" in record.uri:
        raise CrawlmillError("told to stop")
    yield record.type, 1

"""Responses per media type: the declared one, and the one that the crawler identified."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

from crawlmill import Record, analysis
from crawlmill.reducers import total

Key = tuple[str, Optional[str]]


@analysis(reduce=total, key="declared: string, identified: string?", value="responses: int64", types="response")
def mime(record: Record) -> Iterator[tuple[Key, int]]:
    """Responses per media type, declared and identified.

    Rows: ``declared, identified, responses``. Declared is Content-Type to the first ``;`` or ``,``, lower-cased, ``''`` when
    absent; identified is null where the crawler did not say.
    """
    declared = record.mime
    if declared is not None:
        yield (declared, record.identified), 1


if __name__ == "__main__":
    from crawlmill.streaming import mapper_main

    mapper_main("mime")

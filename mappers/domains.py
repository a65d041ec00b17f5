"""Pages per registered domain, by the public-suffix rules."""

from __future__ import annotations

from collections.abc import Iterator

from crawlmill import Record, analysis
from crawlmill.reducers import total


@analysis(reduce=total, key="domain: string", value="pages: int64", types="response", depends="public-suffixes")
def domains(record: Record) -> Iterator[tuple[str, int]]:
    """Pages per registered domain, by the public-suffix rules.

    Rows: ``domain, pages``.
    """
    domain = record.registered_domain
    if domain is not None:
        yield domain, 1


if __name__ == "__main__":
    from crawlmill.streaming import mapper_main

    mapper_main("domains")

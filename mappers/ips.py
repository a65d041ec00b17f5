"""Distinct addresses that a host was fetched from."""

from __future__ import annotations

from collections.abc import Iterator

from crawlmill import Record, analysis
from crawlmill.records import urls
from crawlmill.reducers import distinct

UNKNOWN = "0.0.0.0"  # what Common Crawl writes when the address is not known


@analysis(reduce=distinct, key="host: string", value="addresses: int64", types="response metadata/json")
def ips(record: Record) -> Iterator[tuple[str, str]]:
    """Distinct IP addresses per host (WARC, ARC or WAT).

    Rows: ``host, addresses``. Exact up to 1,000 addresses of a host, estimated above.
    """
    if record.type == "metadata":
        wat = record.wat
        if wat is None or wat.source_type != "response":
            return
        host, ip = None if wat.url is None else urls.host(wat.url), wat.ip
    else:
        host, ip = record.host, record.ip
    if host is not None and ip and ip != UNKNOWN:
        yield host, ip


if __name__ == "__main__":
    from crawlmill.streaming import mapper_main

    mapper_main("ips")

"""Responses per value of the Server header, from WARC or WAT."""

from __future__ import annotations

from collections.abc import Iterator

from crawlmill import Record, analysis
from crawlmill.reducers import total


@analysis(reduce=total, key="server: string", value="responses: int64", types="response metadata/json")
def servers(record: Record) -> Iterator[tuple[str, int]]:
    """Responses per Server header, from WARC or WAT.

    Rows: ``server, responses``. A response with several values counts once for each; one without the header for none.
    """
    if record.type == "metadata":
        wat = record.wat
        values = wat.header_values("Server") if wat is not None and wat.source_type == "response" else []
    else:
        http = record.http
        values = http.headers.get_all("Server") if http is not None and http.status is not None else []
    for value in values if len(values) < 2 else sorted(set(values)):
        yield value, 1


if __name__ == "__main__":
    from crawlmill.streaming import mapper_main

    mapper_main("servers")

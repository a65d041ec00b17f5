"""The question of cc-pyspark's ``server_count.py`` as an analysis of ours: ``servers``, with a row for responses without one."""

from __future__ import annotations

from collections.abc import Iterator

from crawlmill import Record, analysis
from crawlmill.reducers import total

NONE = "(no server in HTTP header)"


@analysis(reduce=total, key="server: string", value="responses: int64", types="response")
def server_count(record: Record) -> Iterator[tuple[str, int]]:
    """Responses per value of the Server header; once for each of several, and a row for none or an empty one."""
    http = record.http
    found = {value for value in http.headers.get_all("Server") if value} if http is not None else set()
    for value in sorted(found) or [NONE]:
        yield value, 1

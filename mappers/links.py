"""Links from host to host, from the pages of a WARC or from WAT."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from crawlmill import Record, analysis
from crawlmill.records import html, urls
from crawlmill.reducers import total

PATHS = ("A@/href", "AREA@/href")


@analysis(reduce=total, key="source: string, target: string", value="links: int64", types="response metadata")
def links(record: Record, *, include_self: bool = False) -> Iterator[tuple[tuple[str, str], int]]:
    """Links from host to host, with counts (WARC or WAT).

    Rows: ``source, target, links``, of ``a`` and ``area`` elements. Links of a host to itself only with ``include_self``.
    """
    source, found = _links(record)
    if source is None:
        return
    targets = Counter(urls.host(url) for url in found)
    for target, count in targets.items():
        if target is not None and (include_self or target != source):
            yield (source, target), count


def _links(record: Record) -> tuple[str | None, Iterable[str]]:
    """The page's host, and the absolute URLs that it links to."""
    if record.type != "metadata":
        tree = record.html
        return (None, ()) if tree is None or record.url is None else (record.host, html.links(tree, record.url))
    wat = record.wat
    if wat is None or wat.source_type != "response" or wat.url is None:
        return None, ()
    base = html.absolute(wat.url, wat.base or "") or wat.url
    absolute = (html.absolute(base, link.url) for link in wat.links if link.path in PATHS)
    return urls.host(wat.url), (url for url in absolute if url is not None)


if __name__ == "__main__":
    from crawlmill.streaming import mapper_main

    mapper_main("links")

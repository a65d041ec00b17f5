"""Links from host to host, from the pages of a WARC or from WAT."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from crawlmill import Record, analysis
from crawlmill.records import html, resolving, urls
from crawlmill.reducers import total

PATHS = ("A@/href", "AREA@/href")
LONGEST = 255
"""Characters of the host of a page: it stands in the row of every host that the page links to (a name has at most 253)."""


@analysis(
    reduce=total,
    key="source: string, target: string",
    value="links: int64",
    types="response metadata/json",
    depends="resiliparse?",
)
def links(record: Record, *, include_self: bool = False) -> Iterator[tuple[tuple[str, str], int]]:
    """Links from host to host, with counts (WARC or WAT).

    Rows: ``source, target, links``, of ``a`` and ``area`` elements. Links of a host to itself only with ``include_self``.
    """
    source, found = _links(record)
    if source is None:
        return
    if len(source) > LONGEST:
        raise ValueError(f"the page's host has {len(source)} characters")
    for target, count in Counter(map(urls.host, found)).items():
        if target is not None and (include_self or target != source):
            yield (source, target), count


def _links(record: Record) -> tuple[str | None, Iterable[str]]:
    """The page's host, and the sites that it links to."""
    if record.type == "metadata":
        wat = record.wat
        if wat is None or wat.source_type != "response" or wat.url is None:
            return None, ()
        written = (link.url for link in wat.links if link.path in PATHS)
        return urls.host(wat.url), resolving.sites(wat.url, wat.base, written)
    tree = None if record.host is None else record.html
    if tree is None:
        return None, ()
    return record.host, resolving.sites(record.url or "", html.base(tree), html.hrefs(tree))


if __name__ == "__main__":
    from crawlmill.streaming import mapper_main

    mapper_main("links")

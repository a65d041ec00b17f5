"""Links from host to host, from the pages of a WARC or from WAT."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from urllib.parse import urljoin

from crawlmill import Record, analysis
from crawlmill.records import html, urls
from crawlmill.records.wat import Wat
from crawlmill.reducers import total

PATHS = ("A@/href", "AREA@/href")
_AROUND = "".join(map(chr, range(33)))  # white space and controls, which browsers strip (WHATWG URL section 4.4)
_INSIDE = str.maketrans("", "", "\t\r\n")


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
    for target, count in Counter(map(urls.host, found)).items():
        if target is not None and (include_self or target != source):
            yield (source, target), count


def _links(record: Record) -> tuple[str | None, Iterable[str]]:
    """The page's host, and the absolute URLs that it links to."""
    if record.type == "metadata":
        wat = record.wat
        if wat is None or wat.source_type != "response" or wat.url is None:
            return None, ()
        return urls.host(wat.url), _links_of_wat(wat, wat.url)
    tree = None if record.host is None else record.html
    return (None, ()) if tree is None else (record.host, html.links(tree, record.url or ""))


def _links_of_wat(wat: Wat, url: str) -> Iterator[str]:
    """As ``html.links`` gives them; a WAT has them as the page wrote them."""
    base = (_absolute(url, wat.base) if wat.base else None) or url
    for link in wat.links:
        if link.path in PATHS:
            found = _absolute(base, link.url)
            if found is not None:
                yield found


def _absolute(base: str, href: str) -> str | None:
    try:
        found = urljoin(base, href.strip(_AROUND).translate(_INSIDE))
    except ValueError:
        return None
    return found if found[:8].lower().startswith(("http://", "https://")) else None


if __name__ == "__main__":
    from crawlmill.streaming import mapper_main

    mapper_main("links")

"""One split to rows: what each extractor makes of each page, what was rejected and why, and the damage on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from crawlmill.errors import DamageLimit
from crawlmill.guard.calls import Calls, Ended
from crawlmill.plan.read import read_split
from crawlmill.plan.split import Split
from crawlmill.records.html import decode
from crawlmill.records.record import Record
from crawlmill.spark.arrays import KINDS
from crawlmill.spark.batches import ROWS, SIZE, batched
from crawlmill.spark.tables import DAMAGE, WARC
from crawlmill.spark_apps.extractors import EXTRACTORS
from crawlmill.warc.damage import BodyDamage, Damage, damage
from crawlmill.warc.reading import MAX_RECORD, Reading
from crawlmill.where import Where

APP = "extract_text"
"""What the damage table calls us."""
MAX_PAGE = 8 << 20
"""Bytes of a page above which it is not extracted, unless said otherwise."""
SECONDS = 10.0
"""CPU seconds that an extractor has for a page, unless said otherwise."""

PLACE = ("uri", "offset", "ordinal", "length")
PAGE = (*PLACE, "url", "date", "digest")
TEXT = (*PAGE, "language_detected", "extractor", "extractor_version", "text")
REJECTED = (*PAGE, "extractor", "extractor_version", "reason", "detail")
COLUMNS = {
    "kind": "string",
    **{name: WARC.columns[name].type for name in PAGE},
    **dict.fromkeys(("language_detected", "extractor", "extractor_version", "text", "reason", "detail"), "string"),
    **{f"damage_{name}": type for name, type in DAMAGE.items() if name not in PLACE},
}
"""Columns of all rows, and Spark's names of their types. ``kind`` is the table that a row belongs to: ``text``, ``rejected``
or ``damage``; the columns of the others are null."""
REASONS = {
    "not-html": "the response is no page",
    "too-large": "the page is larger than the limit",
    "encoding": "the page has a content encoding that is not known",
    "damaged": "the archive's damage table has the record",
    "empty": "the page is empty, or the extractor found no text",
    "raised": "the extractor raised what `detail` says",
    "timeout": "the extractor did not finish the page in time",
    "crash": "the extractor ended its process, twice",
}
"""Why a page has no text."""
Row = dict[str, object]


@dataclass(frozen=True)
class Texts:
    """What is asked of every split; it travels with each task.

    Attributes:
        extractors: names of :data:`crawlmill.spark_apps.extractors.EXTRACTORS`.
        where: a condition on a record's headers.
        seconds: CPU seconds of an extractor for a page.
        max_page: bytes of a page.
        max_record: bytes of a block that may be loaded.
        full: inflate everything and check digests.
        strict: raise at the first damage.
        factory: what makes the function that extracts, see :func:`crawlmill.spark_apps.extractors.load`.
    """

    extractors: tuple[str, ...]
    where: Where | None = None
    seconds: float = SECONDS
    max_page: int = MAX_PAGE
    max_record: int = MAX_RECORD
    full: bool = False
    strict: bool = False
    factory: str = "crawlmill.spark_apps.extractors:load"


def text_batches(split: Split, texts: Texts) -> Iterator[pa.RecordBatch]:
    """The rows of a split, in file order: for each response one of each extractor, and damage rows.

    Raises:
        DamageLimit: there is damage and ``texts`` are strict. CrawlmillError: the archive cannot be read any further, or an
            extractor cannot be loaded.
    """
    kinds = [KINDS[type] for type in COLUMNS.values()]
    cells = [(name, kind.cell) for name, kind in zip(COLUMNS, kinds, strict=True)]
    rows = ([cell(row.get(name)) for name, cell in cells] for row in text_rows(split, texts))
    yield from batched(rows, tuple(COLUMNS), kinds, ROWS, SIZE)


def text_rows(split: Split, texts: Texts) -> Iterator[Row]:
    """The rows of :func:`text_batches`, one by one, without the columns that are null."""
    reading = Reading(frozenset({"response", "arc"}), texts.max_record, texts.full, max_body=texts.max_page)
    versions = [(name, EXTRACTORS[name].version) for name in texts.extractors]  # of this node's packages
    with Calls(texts.factory, texts.extractors, texts.seconds) as extract:
        for item in read_split(split, reading, texts.where):
            if isinstance(item, Damage):
                yield _damage(item, texts)
                continue
            try:
                page, reason = page_of(item, texts.max_page)
            except BodyDamage as bad:
                lost = damage(item.uri, item.offset, item.length, bad.kind, APP, item.ordinal)
                yield _damage(lost, texts)
                page, reason = "", "damaged"
            common = _common(item)
            for name, version in versions:
                row = {**common, "extractor": name, "extractor_version": version}
                yield row | ({"kind": "rejected", "reason": reason} if reason else _extracted(extract, name, page))


def page_of(record: Record, max_page: int) -> tuple[str, str]:
    """The characters of the page in a record, and why there are none; one of the two is empty or both are.

    Raises:
        BodyDamage: they cannot be had.
    """
    if record.http is None or record.http.status is None:
        return "", "not-html"
    if record.http.mime or record.identified:  # else the body has to say what it is
        if not record.is_html:
            return "", "not-html"
        if record.payload_length > max_page:
            return "", "too-large"
    try:
        body = record.body if record.is_html else None
    except BodyDamage as bad:
        if bad.kind != "oversized":
            raise
        return "", "too-large"
    if body is None:
        return "", "not-html"
    if "unknown-encoding" in record.body_problems:
        return "", "encoding"
    return decode(body, record.http.headers.get("Content-Type")), ""


def _common(record: Record) -> Row:
    """The columns of the record. A header that cannot be had is null: the damage table says so."""
    return {name: WARC.columns[name].get(record, 0) for name in PAGE}


def _extracted(extract: Callable[[str, str], tuple[str, str | None]], name: str, page: str) -> Row:
    if not page.strip():
        return {"kind": "rejected", "reason": "empty"}
    try:
        text, language = extract(name, page)
    except Ended as ended:
        return {"kind": "rejected", "reason": ended.kind, "detail": ended.detail or None}
    if not text:
        return {"kind": "rejected", "reason": "empty"}
    return {"kind": "text", "text": text, "language_detected": language}


def _damage(row: Damage, texts: Texts) -> Row:
    if texts.strict:
        raise DamageLimit(row.message, f"{row.uri}@{row.offset}", "all of it: leave out --damage fail")
    values = {name: getattr(row, name) for name in DAMAGE}
    return {"kind": "damage", **{name if name in PLACE else f"damage_{name}": value for name, value in values.items()}}

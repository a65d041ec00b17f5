"""One split to Arrow record batches, of its records or of its damage. Knows nothing of Spark."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Callable

import pyarrow as pa

from crawlmill.errors import CrawlmillError, DamageLimit
from crawlmill.plan.read import read_split
from crawlmill.plan.split import Split
from crawlmill.records.record import Record
from crawlmill.spark.arrays import KINDS, Cell, Kind
from crawlmill.spark.tables import DAMAGE, Column, table_of
from crawlmill.task import said, types_to_read
from crawlmill.terminal import escaped
from crawlmill.warc.damage import BodyDamage, Damage, damage
from crawlmill.warc.reading import MAX_BODY, MAX_RECORD, Reading
from crawlmill.where import Where

ROWS = 4096
"""Rows of a batch at most."""
SIZE = 8 << 20
"""Bytes of a batch at most, unless a single row has more."""
_log = logging.getLogger("crawlmill.spark")


@dataclass(frozen=True)
class Query:
    """What is asked of every split; it travels with each task.

    Attributes:
        table: ``warc``, ``wat`` or ``wet``.
        columns: columns of the table, in the order of the result.
        types: record types in place of the table's own; None for those.
        where: a condition on a record's headers.
        max_record: bytes of a block that may be loaded.
        max_payload: bytes of a payload or body, after which it is cut.
        full: inflate everything and check digests.
        strict: raise at the first damage.
        max_body: bytes of a body that may be decoded and parsed.
    """

    table: str
    columns: tuple[str, ...]
    types: frozenset[str] | None = None
    where: Where | None = None
    max_record: int = MAX_RECORD
    max_payload: int = MAX_RECORD
    full: bool = False
    strict: bool = False
    max_body: int = MAX_BODY

    def reading(self) -> Reading:
        """What a walk is asked for."""
        types = table_of(self.table).types if self.types is None else self.types
        wanted, only_json = types_to_read([types])
        return Reading(wanted, self.max_record, self.full, only_json=only_json, max_body=self.max_body)


Read = Callable[[Split], Iterator[pa.RecordBatch]]


def reader_of(query: Query, damage: bool = False) -> Read:
    """What reads the records of a split, or its damage."""
    return partial(damage_batches if damage else batches, query=query)


def batches(split: Split, query: Query, rows: int = ROWS, size: int = SIZE) -> Iterator[pa.RecordBatch]:
    """The records of a split, in file order.

    Args:
        split: a span of an archive.
        query: what is asked.
        rows, size: rows and bytes of a batch at most.

    Raises:
        DamageLimit: there is damage and the query is strict. CrawlmillError: the archive cannot be read any further.
    """
    found = _logged(_rows(split, query), split, query)
    types = [table_of(query.table).columns[name].type for name in query.columns]
    yield from batched(found, query.columns, [KINDS[type] for type in types], rows, size)


def damage_batches(split: Split, query: Query, rows: int = ROWS, size: int = SIZE) -> Iterator[pa.RecordBatch]:
    """The damage that :func:`batches` meets in a split for the same query, as rows of the damage table."""
    kinds = [KINDS[type] for type in DAMAGE.values()]
    found = (
        [kind.cell(value) for kind, value in zip(kinds, _damage_row(item))]
        for item in _rows(split, query)
        if isinstance(item, Damage)
    )
    yield from batched(found, tuple(DAMAGE), kinds, rows, size)


def _damage_row(row: Damage) -> list[object]:
    return [getattr(row, name) for name in DAMAGE]


def _rows(split: Split, query: Query) -> Iterator[list[Cell] | Damage]:
    """The cells of each record, and each damage row.

    A record of which a header cannot be had is no row: so it is in the table of the analysis ``records``. What cannot be
    had of a body is null. Both are damage.
    """
    table = table_of(query.table)
    columns = [table.columns[name] for name in query.columns]
    for item in read_split(split, query.reading(), query.where):
        if isinstance(item, Damage):
            yield item
            continue
        lost: dict[str, Damage] = {}
        cells = _cells(item, columns, query.max_payload, table.analysis, lost)
        yield from lost.values()
        if cells is not None:
            yield cells


def _cells(
    record: Record, columns: Sequence[Column], limit: int, analysis: str, lost: dict[str, Damage]
) -> list[Cell] | None:
    """A record's cells; None when there is no row. What was lost is put into ``lost``, one row a kind of damage."""
    cells: list[Cell] = []
    for type, get, body in columns:
        try:
            cells.append(KINDS[type].cell(get(record, limit)))
            continue
        except BodyDamage as bad:
            kind, detail = bad.kind, ""
        except CrawlmillError:
            raise
        except Exception as error:  # a parser may raise anything for what the web holds
            kind, detail = "analysis", said(error)
        row = damage(record.uri, record.offset, record.length, kind, analysis, record.ordinal, detail=detail)
        lost.setdefault(kind, row)
        if not body:
            return None
        cells.append(None)
    return cells


def _logged(items: Iterator[list[Cell] | Damage], split: Split, query: Query) -> Iterator[list[Cell]]:
    """The cells alone; of damage, one warning a split."""
    first: Damage | None = None
    count = 0
    for item in items:
        if not isinstance(item, Damage):
            yield item
            continue
        if query.strict:
            raise DamageLimit(item.message, f"{item.uri}@{item.offset}", f"all of it: format {query.table}_damage")
        first = first or item
        count += 1
    if first is not None:
        text = "%s: damage rows: %d, the first at %d: %s; the format %s_damage has them"
        _log.warning(text, split.uri, count, first.offset, escaped(first.message), query.table)


def batched(
    rows: Iterator[list[Cell]], names: Sequence[str], kinds: Sequence[Kind], most: int, size: int
) -> Iterator[pa.RecordBatch]:
    """Rows in batches of at most ``most`` rows and ``size`` bytes; a row larger than that stands alone."""
    sizes = [kind.size for kind in kinds]
    kept: list[list[Cell]] = []
    total = 0
    for row in rows:
        bytes_of_row = sum([count(cell) for count, cell in zip(sizes, row)])
        if kept and (len(kept) >= most or total + bytes_of_row > size):
            yield _batch(kept, names, kinds)
            kept, total = [], 0
        kept.append(row)
        total += bytes_of_row
    if kept:
        yield _batch(kept, names, kinds)


def _batch(rows: Sequence[list[Cell]], names: Sequence[str], kinds: Sequence[Kind]) -> pa.RecordBatch:
    arrays = [kind.array(cells) for kind, cells in zip(kinds, zip(*rows))]
    schema = pa.schema([pa.field(name, kind.arrow) for name, kind in zip(names, kinds)])
    return pa.RecordBatch.from_arrays(arrays, schema=schema)

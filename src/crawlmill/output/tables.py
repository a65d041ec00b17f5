"""From merged lines to tables: Arrow schemas, rows in key order, and the sinks that take them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import pyarrow as pa

from crawlmill import wire
from crawlmill.contract import Analysis, Reducer
from crawlmill.partial import damage_rows
from crawlmill.schema import Schema, parse_schema
from crawlmill.warc.damage import COLUMNS

Row = tuple[object, ...]
BATCH = 50_000
"""Rows that a sink is given at once, at most."""
ROWS = 10_000
"""Rows of a table that is read in parts."""
DAMAGE_SCHEMA: Schema = parse_schema(COLUMNS)
_ARROW = {
    "string": pa.string(),
    "int64": pa.int64(),
    "bool": pa.bool_(),
    "list<string>": pa.list_(pa.string()),
    "list<int64>": pa.list_(pa.int64()),
}


class Sink(Protocol):
    """Takes the rows of one table, in key order."""

    def write(self, rows: Sequence[Row]) -> None: ...

    def close(self) -> None:
        """The table is whole."""

    def abort(self) -> None:
        """It will not be: leave nothing behind."""


def arrow_schema(schema: Schema) -> pa.Schema:
    """The Arrow schema of declared columns.

    >>> from crawlmill.schema import parse_schema
    >>> arrow_schema(parse_schema("mime: string, counts: list<int64>")).types
    [DataType(string), ListType(list<item: int64>)]
    """
    return pa.schema([pa.field(column.name, _ARROW[column.type], nullable=column.nullable) for column in schema])


def table_of(schema: Schema, rows: Sequence[Row]) -> pa.Table:
    """Rows as an Arrow table."""
    columns = zip(*rows, strict=True) if rows else ([] for _ in schema)
    arrays = [pa.array(values, _ARROW[column.type]) for column, values in zip(schema, columns, strict=True)]
    return pa.Table.from_arrays(arrays, schema=arrow_schema(schema))


def schema_of(analysis: Analysis) -> Schema:
    """The columns of an analysis' table: key, then value."""
    return analysis.key + analysis.value


class TableSink:
    """Keeps a table in memory."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._tables: list[pa.Table] = []

    def write(self, rows: Sequence[Row]) -> None:
        self._tables.append(table_of(self._schema, rows))

    def close(self) -> None:
        pass

    def abort(self) -> None:
        self._tables = []

    @property
    def table(self) -> pa.Table:
        """What was written."""
        return pa.concat_tables(self._tables) if self._tables else table_of(self._schema, [])


def rows_of(analysis: Analysis, key: bytes, state: object) -> Iterator[Row]:
    """The rows of one merged key."""
    _, columns = wire.parse_key(key)
    single = len(analysis.value) == 1
    for value in analysis.reducer.finish(state):
        yield (*columns, value) if single else (*columns, *value)


def deliver(
    lines: Iterable[bytes], analyses: Sequence[Analysis], reducers: Mapping[str, Reducer], sinks: Mapping[str, Sink]
) -> dict[str, int]:
    """Send the rows of merged lines to the sinks, and answer the counters.

    Args:
        lines: merged lines in key order.
        analyses: those of the run.
        reducers: the merge of each name.
        sinks: by name of the analysis, and ``!damage``. All are closed, or all aborted.
    """
    by_name = {analysis.name: analysis for analysis in analyses}
    counters: dict[str, int] = {}
    batch: list[Row] = []
    current = ""
    try:
        for name, key, state in _states(lines, reducers):
            if name == wire.COUNTERS:
                counters[str(wire.parse_key(key)[1][0])] = int(state)  # type: ignore[call-overload]
                continue
            if name != current or len(batch) >= BATCH:
                if batch:
                    sinks[current].write(batch)
                batch, current = [], name
            if name == wire.DAMAGE:
                batch.extend(
                    (row.uri, row.offset, row.length, row.kind, row.message, row.analysis, row.ordinal, row.records)
                    for row in damage_rows(key, reducers[name].finish(state))
                )
            else:
                batch.extend(rows_of(by_name[name], key, state))
        if batch:
            sinks[current].write(batch)
        for sink in sinks.values():
            sink.close()
    except BaseException:
        for sink in sinks.values():
            sink.abort()
        raise
    return counters


def _states(lines: Iterable[bytes], reducers: Mapping[str, Reducer]) -> Iterator[tuple[str, bytes, object]]:
    name, prefix, load = "", b"", None
    for line in lines:
        key, value = wire.split(line)
        if load is None or not key.startswith(prefix):
            name = wire.name_of(key)
            prefix, load = wire.prefix(name).encode(), reducers[name].load
        yield name, key, load(json.loads(value))

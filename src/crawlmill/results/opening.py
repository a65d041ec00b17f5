"""Whatever holds rows - a result file, a run's folder, a part file, a pipe - as named tables."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from crawlmill import registry, wire
from crawlmill.contract import Analysis
from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.output import REPORT
from crawlmill.output.folder import WORK
from crawlmill.output.formats import format_of_bytes
from crawlmill.output.reading import read_table
from crawlmill.output.tables import DAMAGE_SCHEMA, Row, rows_of, schema_of, table_of
from crawlmill.partial import damage_rows, reducers_of
from crawlmill.schema import Column, Schema
from crawlmill.scratch import Scratch
from crawlmill.stores import is_stream, local_path, store_of
from crawlmill.stores.names import shown
from crawlmill.terminal import escaped

_WIRE = b'["'


@dataclass(frozen=True)
class Opened:
    """Tables by name, in the order of what holds them; ``single`` when it is a file of one table."""

    tables: dict[str, pa.Table]
    single: bool = False


def open_tables(path: str) -> Opened:
    """The tables that a path names.

    Args:
        path: a result file; the folder of a finished run, in any store; a file or folder of lines of the wire format, as mappers and
            reducers write them (equal keys are merged when the analysis is known); ``-`` for any of these files on
            standard input.

    Raises:
        UsageError: no such file, or not a result. CrawlmillError: it is not what it seems.
    """
    if path == "-":
        return _piped(sys.stdin.buffer.read())
    store = store_of(path)
    if not store.local:
        with store.fetched(path) as copy:
            return open_tables(copy)
    path = local_path(path)
    if is_stream(path):
        with open(path, "rb") as file:
            return _piped(file.read())
    if os.path.isdir(path):
        return _folder(path)
    if not os.path.isfile(path):
        raise UsageError("no such file", shown(path), "name a result file, or the folder of a run")
    with open(path, "rb") as file:
        if file.read(2) == _WIRE:
            file.seek(0)
            return Opened(wire_tables(file))
    return Opened({escaped(os.path.basename(path).rpartition(".")[0]): read_table(path)}, single=True)


def _piped(data: bytes) -> Opened:
    if data.startswith(_WIRE):
        return Opened(wire_tables(data.splitlines()))
    if not data:
        raise CrawlmillError("standard input is empty", hint="pipe a result into it")
    ending = format_of_bytes(data[:4096])
    with Scratch() as folder:
        path = os.path.join(folder, f"stdin.{ending}")
        with open(path, "wb") as file:
            file.write(data)
        return Opened({"stdin": read_table(path)}, single=True)


def _folder(path: str) -> Opened:
    try:
        with open(os.path.join(path, REPORT), encoding="utf-8") as file:
            files: dict[str, str] = json.load(file)["files"]
    except FileNotFoundError:
        parts = sorted(name for name in os.listdir(path) if name.startswith("part-"))
        if parts:
            return Opened(wire_tables(line for name in parts for line in _lines(os.path.join(path, name))))
        unfinished = os.path.isdir(os.path.join(path, WORK))
        what, hint = (
            ("the run is not finished", "go on with --resume")
            if unfinished
            else ("no run made this folder", "name a result")
        )
        raise UsageError(what, shown(path), hint) from None
    except (ValueError, KeyError, TypeError):
        raise CrawlmillError(
            "not readable", shown(os.path.join(path, REPORT)), "was it written by crawlmill?"
        ) from None
    last = sorted(files, key=lambda name: (name == "damage", name))
    return Opened({name: read_table(os.path.join(path, files[name]), _schema(name)) for name in last})


def _lines(path: str) -> list[bytes]:
    with open(path, "rb") as file:
        return file.readlines()


def _schema(name: str) -> Schema | None:
    if name == "damage":
        return DAMAGE_SCHEMA
    found = _analysis(name)
    return None if found is None else schema_of(found)


def _analysis(name: str) -> Analysis | None:
    """The analysis of a name in keys, when it is installed."""
    try:
        return registry.load([name.partition("[")[0]])[0]
    except CrawlmillError:
        return None


def wire_tables(lines: Iterable[bytes]) -> dict[str, pa.Table]:
    r"""The tables that lines of the wire format hold.

    >>> wire_tables([b'["x","a"]\t1\n', b'["x","b"]\t2\n'])["x"].to_pydict()
    {'key': ['a', 'b'], 'value': [1, 2]}
    """
    groups: dict[str, list[tuple[bytes, bytes]]] = {}
    for line in lines:
        if line.strip():
            key, value = wire.split(line)
            groups.setdefault(wire.name_of(key), []).append((key, value))
    ordered_names = sorted(groups, key=lambda name: (name.startswith("!"), name))
    try:
        return {name: _wire_table(name, groups[name]) for name in ordered_names}
    except (ValueError, TypeError) as error:
        raise CrawlmillError(
            f"not lines of a mapper or reducer: {error}", hint="were they cut, or merged by something else?"
        ) from None


def _wire_table(name: str, pairs: list[tuple[bytes, bytes]]) -> pa.Table:
    found = None if name.startswith("!") else _analysis(name)
    if found is None and not name.startswith("!"):
        return _plain_table(pairs)
    reducers: dict[str, Any] = dict(reducers_of([] if found is None else [found]))
    reducer = reducers[name if found is None else found.name]
    states: dict[bytes, Any] = {}
    for key, value in pairs:
        state = reducer.load(json.loads(value))
        states[key] = reducer.merge(states[key], state) if key in states else state
    if found is not None:
        return table_of(schema_of(found), [row for key in sorted(states) for row in rows_of(found, key, states[key])])
    if name == wire.DAMAGE:
        damage = [row for key in sorted(states) for row in damage_rows(key, reducer.finish(states[key]))]
        rows = [tuple(getattr(row, column.name) for column in DAMAGE_SCHEMA) for row in damage]
        return table_of(DAMAGE_SCHEMA, rows)
    counts = [(wire.parse_key(key)[1][0], states[key]) for key in sorted(states)]
    return table_of((Column("counter", "string"), Column("count", "int64")), counts)


def _plain_table(pairs: list[tuple[bytes, bytes]]) -> pa.Table:
    """Lines of an analysis that is not installed here: its keys as they are, values as JSON unless all are numbers."""
    keys = [wire.parse_key(key)[1] for key, _ in pairs]
    width = max(map(len, keys))
    values: list[object] = [json.loads(value) for _, value in pairs]
    numbers = all(type(value) is int for value in values)
    if not numbers:
        values = [value.decode() for _, value in pairs]
    columns = [[key[at] if at < len(key) else None for key in keys] for at in range(width)]
    kinds = ["int64" if all(type(cell) in (int, type(None)) for cell in cells) else "string" for cells in columns]
    names = ["key"] if width == 1 else [f"key{at + 1}" for at in range(width)]
    schema = tuple(Column(name, kind, True) for name, kind in zip(names, kinds, strict=True))
    cells = [
        [_text(cell) if kind == "string" else cell for cell in row] for row, kind in zip(columns, kinds, strict=True)
    ]
    rows: list[Row] = list(zip(*cells, values, strict=True))
    return table_of((*schema, Column("value", "int64" if numbers else "string")), rows)


def _text(cell: wire.Scalar) -> str | None:
    return cell if cell is None or isinstance(cell, str) else json.dumps(cell)


def ordered(table: pa.Table, by: str) -> pa.Table:
    """The rows by a column: numbers from the largest, texts from the first; ties stay in their order.

    >>> ordered(pa.table({"host": ["b", "a"], "pages": [1, 3]}), "pages")["host"].to_pylist()
    ['a', 'b']
    """
    if by not in table.column_names:
        raise UsageError(f"no column is called {by!r}", hint=f"there are {', '.join(table.column_names)}")
    kind = table.schema.field(by).type
    if pa.types.is_list(kind):
        raise UsageError(f"{by} holds lists, which have no order", hint="name a column of numbers or texts")
    cells = table[by].to_pylist()
    if pa.types.is_integer(kind):
        order = sorted(range(len(cells)), key=lambda at: (cells[at] is None, -(cells[at] or 0), at))
    else:
        order = sorted(range(len(cells)), key=lambda at: (cells[at] is None, cells[at] or "", at))
    return table.take(pa.array(order, pa.int64()))  # typed: an empty list would be of no type

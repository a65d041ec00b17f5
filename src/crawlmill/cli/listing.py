"""Lines as they come: a drawn table on a terminal, tab-separated values in a pipe, JSON lines when asked for."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from crawlmill.drawing import cell as drawn_cell
from crawlmill.drawing import console
from crawlmill.records.record import Record
from crawlmill.warc.damage import BodyDamage, Damage
from crawlmill.warc.stream import Item

if TYPE_CHECKING:
    from rich.text import Text

Line = dict[str, object]
BATCH = 200
"""Rows of a drawn table after which it is shown, with the widths they gave."""
WIDEST = 40
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def inspect_lines(items: Iterable[Item], limit: int | None = None) -> Iterator[Line]:
    """What ``inspect`` says about records and damage: ``url`` holds a damage row's message in a text, JSON has its own
    field for that."""
    count = 0
    for item in items:
        if isinstance(item, Damage):
            yield _damage_line(item)
            continue
        yield from _record_lines(item)
        count += 1
        if count == limit:
            return


def _record_lines(record: Record) -> Iterator[Line]:
    line: Line = {"uri": record.uri, "offset": record.offset, "ordinal": record.ordinal, "length": record.length}
    line["type"] = record.type
    bad: BodyDamage | None = None
    try:
        line |= {"status": record.status, "mime": record.mime}
    except BodyDamage as found:
        bad, line["status"], line["mime"] = found, None, None
    yield {**line, "date": record.date, "url": record.url}
    if bad is not None:
        yield _damage_line(
            Damage(record.uri, record.offset, record.length, bad.kind, str(bad), "inspect", record.ordinal)
        )


def _damage_line(row: Damage) -> Line:
    line: Line = {"uri": row.uri, "offset": row.offset, "ordinal": row.ordinal, "length": row.length}
    return {**line, "type": f"!{row.kind}", "message": row.message, "records": row.records}


@contextmanager
def listing(
    columns: Sequence[str], as_json: bool, numbers: Sequence[str] = (), wide: Sequence[str] = ()
) -> Iterator[Callable[[Line], None]]:
    """A function that takes lines and writes them to stdout.

    Args:
        columns: those of a text, in their order; JSON has whatever the line has.
        as_json: write JSON lines.
        numbers: columns that a drawn table aligns to the right.
        wide: columns that get the rest of a terminal's width.
    """
    if as_json:
        yield lambda line: print(json.dumps(line, ensure_ascii=False, separators=(",", ":")))
    elif not sys.stdout.isatty():
        yield lambda line: print("\t".join(cell(line, column) for column in columns))
    else:
        drawn = _Drawn(columns, numbers, wide)
        try:
            yield drawn.add
        finally:
            drawn.flush()


def cell(line: Line, column: str) -> str:
    """A value as text on one line: control characters are blanks, a damage row's message stands where the URL would.

    >>> cell({"url": "http://a.example/\\t"}, "url"), cell({"message": "bad"}, "url"), cell({"status": None}, "status")
    ('http://a.example/ ', 'bad', '')
    """
    value = _value(line, column)
    return "" if value is None else _CONTROL.sub(" ", str(value))


def _value(line: Line, column: str) -> object:
    return line.get(column, line.get("message") if column == "url" else None)


class _Drawn:
    """Rows drawn in batches, so that the first are seen while the last are read."""

    def __init__(self, columns: Sequence[str], numbers: Sequence[str], wide: Sequence[str]) -> None:
        self._columns, self._numbers, self._wide = columns, numbers, wide
        self._console = console(sys.stdout)
        self._rows: list[tuple[str, list[Text]]] = []
        self._widths: dict[str, int] = {}

    def add(self, line: Line) -> None:
        style = "red" if str(line.get("type", "")).startswith("!") else ""
        cells = (None if value is None else str(value) for value in (_value(line, column) for column in self._columns))
        self._rows.append((style, [drawn_cell(value, sys.stdout) for value in cells]))
        if len(self._rows) == BATCH:
            self.flush()

    def flush(self) -> None:
        from rich.table import Table

        first = not self._widths
        if not self._rows and not first:
            return
        if first:
            for at, column in enumerate(self._columns):
                self._widths[column] = min(WIDEST, max([len(column), *(len(cells[at]) for _, cells in self._rows)]))
        table = Table(box=None, show_header=first, header_style="bold", pad_edge=False, expand=bool(self._wide))
        for column in self._columns:
            side = "right" if column in self._numbers else "left"
            if column in self._wide:
                table.add_column(column, justify=side, ratio=1, overflow="fold", min_width=20)  # type: ignore[arg-type]
            else:
                table.add_column(column, justify=side, width=self._widths[column], overflow="fold")  # type: ignore[arg-type]
        for style, cells in self._rows:
            table.add_row(*cells, style=style)
        self._console.print(table)
        self._rows = []

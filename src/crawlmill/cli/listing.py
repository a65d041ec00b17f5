"""Lines as they come: a drawn table on a terminal, tab-separated values in a pipe, JSON lines when asked for."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from crawlmill.drawing import cell as drawn_cell
from crawlmill.drawing import console

if TYPE_CHECKING:
    from rich.text import Text

Line = dict[str, object]
BATCH = 200
"""Rows of a drawn table after which it is shown, with the widths they gave."""
WIDEST = 40
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


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

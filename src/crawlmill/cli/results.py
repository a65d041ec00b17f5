"""Commands that show results: tables of a run, of a file or of a pipe, as rows and as pictures."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from crawlmill.cli.common import AsJson, note

if TYPE_CHECKING:
    import pyarrow as pa

Path = Annotated[
    str,
    typer.Argument(
        metavar="PATH|-", help="A result file, a run's folder, a mapper's or reducer's output, or - for stdin."
    ),
]
FIRST = 20
"""Rows that are shown unless the user says how many."""


class Kind(StrEnum):
    """How a table is drawn."""

    bar = "bar"
    histogram = "histogram"
    graph = "graph"


def show(
    path: Path,
    top: Annotated[int | None, typer.Option(min=1, help="Rows with the largest numbers first.")] = None,
    by: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column that --top sorts by; the first number unless said.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show rows of a result. Without --top and --by they come in key order.

    Example: [bold]crawlmill show out --top 5[/bold]
    """
    from crawlmill.output.text import json_line
    from crawlmill.results.opening import open_tables
    from crawlmill.results.report import show_table

    found = open_tables(path)
    for name, table in found.tables.items():
        rows = _chosen(table, top, by, as_json)
        if as_json:
            for row in rows.to_pylist():
                line = json_line(list(row), tuple(row.values()))
                sys.stdout.write(line if found.single else json_line(["table", "row"], (name, row)))
        else:
            show_table(rows, name, sys.stdout, f"{rows.num_rows:,} of {table.num_rows:,} rows")


def _chosen(table: pa.Table, top: int | None, by: str | None, as_json: bool) -> pa.Table:
    from crawlmill.results.opening import ordered
    from crawlmill.results.report import top_rows

    if by is not None:
        table = ordered(table, by)
    elif top is not None and table.num_rows:
        return top_rows(table, top)
    return table.slice(0, top or (table.num_rows if as_json else FIRST))


def plot(
    path: Path,
    output: Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="The picture: .png or .svg.")],
    kind: Annotated[Kind | None, typer.Option(help="Guessed from the columns unless said.")] = None,
    top: Annotated[int | None, typer.Option(min=1, help="Bars (20) or edges (60) that are drawn.")] = None,
    key: Annotated[str | None, typer.Option(help="Of a histogram: one key instead of the sum over all.")] = None,
    title: Annotated[str | None, typer.Option(help="Above the picture; the table's name unless said.")] = None,
) -> None:
    """Draw a result: bars of counts, a histogram of sizes, or a graph of links.

    Example: [bold]crawlmill plot out/origins.parquet -o origins.png --top 15[/bold]
    """
    from crawlmill.errors import UsageError
    from crawlmill.results.opening import open_tables
    from crawlmill.results.plots import draw, save
    from crawlmill.stores.names import local_path, shown

    tables = {name: table for name, table in open_tables(path).tables.items() if name[:1] != "!" and name != "damage"}
    if len(tables) != 1:
        has = ", ".join(tables) or "none that can be drawn"
        raise UsageError("name one table", path, f"it has {has}")
    ((name, table),) = tables.items()
    save(draw(table, kind.value if kind else None, top, name if title is None else title, key), local_path(output))
    note(f"written to {shown(output)}")

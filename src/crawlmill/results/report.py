"""A finished run for people: the top rows, what was counted, what was skipped, and the damage in one line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import IO, TYPE_CHECKING, BinaryIO

import pyarrow as pa

from crawlmill.finished import Run, report_of
from crawlmill.output.formats import format_named
from crawlmill.output.tables import schema_of
from crawlmill.units import human

if TYPE_CHECKING:
    from crawlmill.task import Job


def top_rows(table: pa.Table, count: int) -> pa.Table:
    """The rows with the largest first number, ties in key order; of a table without numbers the first rows.

    >>> import pyarrow as pa
    >>> top_rows(pa.table({"host": ["a", "b", "c"], "pages": [1, 3, 3]}), 2)["host"].to_pylist()
    ['b', 'c']
    """
    numbers = [field.name for field in table.schema if pa.types.is_int64(field.type)]
    if not numbers or "offset" in numbers:
        return table.slice(0, count)
    values = table[numbers[0]].to_pylist()
    order = sorted(range(len(values)), key=lambda at: (-(values[at] or 0), at))[:count]
    return table.take(pa.array(order, pa.int64()))


def top_of(tables: Iterable[pa.Table], count: int) -> tuple[pa.Table, int]:
    """The :func:`top_rows` of a table that comes in parts, at least one, and how many rows there are."""
    best: list[pa.Table] = []
    rows = 0
    for table in tables:
        best = [top_rows(pa.concat_tables([*best, table]), count)]
        rows += table.num_rows
    return best[0], rows


def show_tables(run: Run, top: int, out: IO[str]) -> None:
    """The top rows of every analysis."""
    for analysis in run.analyses:
        table, rows = top_of(run.batches(analysis.name), top)
        show_table(table, f"{analysis.name}: {analysis.summary}", out, f"{table.num_rows} of {rows:,} rows")


def show_table(table: pa.Table, title: str, out: IO[str], caption: str = "") -> None:
    """A table, drawn."""
    from rich import box
    from rich.table import Table

    from crawlmill.drawing import cell, show

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for field in table.schema:
        drawn.add_column(
            cell(field.name, out), justify="right" if pa.types.is_integer(field.type) else "left", overflow="fold"
        )
    for row in table.to_pylist():
        drawn.add_row(*[cell(value, out) for value in row.values()])
    show(drawn, out, [title], [caption] if caption else [])


def show_summary(run: Run, job: Job, out: IO[str]) -> None:
    """What was read, what was passed over, and the damage."""
    print("\n".join(summary(run, job)), file=out)


def summary(run: Run, job: Job) -> list[str]:
    """The lines of :func:`show_summary`."""
    counters = run.counters
    files = len(run.plan.inputs)
    read = f"read {counters.get('records', 0):,} records, {human(counters.get('bytes', 0))}, {files} file{'s' * (files != 1)}"
    lines = [f"{read} in {run.seconds:.1f} s"]
    for analysis in run.analyses:
        skipped = run.skipped(analysis, job.types)
        if skipped:
            listed = ", ".join(f"{count:,} {kind or 'without a type'}" for kind, count in skipped.items())
            lines.append(f"{analysis.name} did not count: {listed}")
    if counters.get("rejected"):
        lines.append(f"rejected by --where: {counters['rejected']:,}")
    lines.append(damage_line(run))
    if run.output is not None:
        lines.append(f"written to {run.output}")
    return lines


def damage_line(run: Run) -> str:
    """The damage in one line."""
    rows = run.damage.num_rows
    if not rows:
        return "damage: none"
    kinds: dict[str, int] = {}
    for kind in run.damage["kind"].to_pylist():
        kinds[kind] = kinds.get(kind, 0) + 1
    first = run.damage.slice(0, 1).to_pylist()[0]
    listed = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    return f"damage: {rows:,} row{'s' * (rows != 1)} ({listed}); first: {first['uri']}@{first['offset']}: {first['message']}"


def write_json(run: Run, job: Job, top: int, out: IO[str]) -> None:
    """The report and the top rows as one JSON object."""
    fields = report_of(run, job, {})
    fields.pop("files")
    fields["top"] = {analysis.name: top_of(run.batches(analysis.name), top)[0].to_pylist() for analysis in run.analyses}
    json.dump(fields, out, indent=1, ensure_ascii=False)
    out.write("\n")


def write_rows(run: Run, format: str, out: BinaryIO) -> None:
    """All rows of the one analysis of a run, to a file or a pipe. Raises :class:`UsageError` for an unknown format."""
    (analysis,) = run.analyses
    writer = format_named(format).write(out, schema_of(analysis))
    for batch in run.batches(analysis.name):
        writer.write([tuple(row.values()) for row in batch.to_pylist()])
    writer.close()
    out.flush()

"""A question in SQL over web archives: the views warc, wat, wet and index.

  spark-submit spark_apps/sql.py "SELECT status, count(*) AS pages FROM warc WHERE type = 'response' GROUP BY status" \\
      --warc data_samples/*.warc.gz
  spark-submit spark_apps/sql.py "SELECT url FROM index WHERE fetch_status = 404" --index data_samples/cdx/index.cdxj

The answer is a table on stdout, or with -o a folder of Parquet, JSON lines or CSV; then DIR/_damage takes what could not be
read of the archives.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import crawlmill.spark
from crawlmill.errors import UsageError
from crawlmill.spark.indexes import read_index
from crawlmill.spark.tables import TABLES
from crawlmill.spark_apps.common import (
    add_max_body,
    add_output,
    add_reading,
    application,
    note,
    reading,
    run,
    save,
    save_damage,
)

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

EPILOG = """VIEWS: those that are named. warc, wat and wet have the columns that docs/spark.md lists; those of bodies
(payload, body, text) only with --columns, for Spark does not tell a source which columns a query uses. index has the columns
of Common Crawl's columnar index; of a CDXJ all but those of the crawl.
--where, --check and the like are for all of warc, wat and wet; --columns is for the first of them that is named.
ROWS on stdout are cut at --limit, and said. Damage of what was read is reported on stderr, or written with -o."""


def views(spark: SparkSession, args: argparse.Namespace) -> list[DataFrame]:
    """Register what is named; answers the damage tables of it."""
    lost = []
    columns = args.columns
    for name in TABLES:
        paths = getattr(args, name)
        if not paths:
            continue
        options = reading(args)
        if columns is not None:
            options["columns"] = columns
        columns = None
        crawlmill.spark.records(spark, paths, table=name, **options).createOrReplaceTempView(name)
        lost.append(crawlmill.spark.damage(spark, paths, table=name, **options))
    if args.index is not None:
        read_index(spark, args.index).createOrReplaceTempView("index")
    return lost


def work(spark: SparkSession, args: argparse.Namespace) -> None:
    """Ask, and show or write."""
    if not any(getattr(args, name) for name in (*TABLES, "index")):
        raise UsageError("no view is named", hint="use --warc, --wat, --wet or --index")
    lost = views(spark, args)
    damage = lost[0] if lost else None
    for more in lost[1:]:
        damage = damage.union(more) if damage is not None else more
    answer = spark.sql(args.query)
    if args.output is not None:
        save(answer, args)
        if damage is not None:
            save_damage(damage, args)
        return
    rows = answer.limit(args.limit + 1).collect()
    print(as_text(answer.columns, [list(row) for row in rows[: args.limit]]))
    if len(rows) > args.limit:
        note(f"the first {args.limit} rows; --limit shows more, -o DIR writes all")
    if damage is not None:
        for row in damage.groupBy("uri", "kind").count().orderBy("uri", "kind").collect():
            note(f"damage: {row['count']} {row.kind} in {row.uri}")


def as_text(names: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table as text, a line a row, numbers to the right.

    >>> print(as_text(["status", "pages"], [["200", 73], [None, 1]]))
    status  pages
    200        73
    NULL        1
    """
    texts = [[_text(cell) for cell in row] for row in rows]
    widths = [max(len(name), *(len(row[at]) for row in texts), 0) for at, name in enumerate(names)]
    right = [bool(rows) and all(isinstance(row[at], (int, float)) for row in rows) for at in range(len(names))]

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(cells, widths, right, strict=True)
        ]
        return "  ".join(padded).rstrip()

    return "\n".join(map(line, [list(names), *texts]))


def _text(cell: object) -> str:
    """A cell on one line."""
    if cell is None:
        return "NULL"
    if isinstance(cell, (bytes, bytearray)):
        return f"{len(cell)} bytes"
    return " ".join(str(cell).split())


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = application(__doc__ or "", EPILOG)
    made.add_argument("query", metavar="SELECT", help="the question")
    for name in TABLES:
        made.add_argument(f"--{name}", nargs="+", metavar="ARCHIVE", help=f"archives of the view {name}")
    made.add_argument("--index", metavar="INDEX", help="CDXJ, or the columnar index as Parquet: the view index")
    made.add_argument("--columns", metavar="NAMES", help="columns of a view of archives, separated by commas")
    made.add_argument("--limit", type=int, default=100, metavar="N", help="rows on stdout (default: %(default)s)")
    add_reading(made, inputs=False)
    add_max_body(made)
    add_output(made, required=False)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the application; answers the exit code."""
    return run(parser(), work, argv)


if __name__ == "__main__":
    sys.exit(main())

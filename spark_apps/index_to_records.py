"""The records that rows of an index name, by range reads, chosen with SQL over the columns of the columnar index.

  spark-submit spark_apps/index_to_records.py data_samples/cdx/index.cdxj --base data_samples -o pages \\
      --where "url_host_registered_domain = 'example.org' and fetch_status = 200" --columns url,status,text

INDEX is CDXJ (files, a folder) or the columnar index as Parquet. The result is a table, or with --format warc a folder of
.warc.gz files. DIR/_damage takes what could not be read, and rows of kind range for what the index has wrong.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from crawlmill.errors import DamageLimit, UsageError
from crawlmill.plan.planner import cut
from crawlmill.plan.read import read_split
from crawlmill.plan.split import Split
from crawlmill.spark.arrays import KINDS
from crawlmill.spark.batches import Query, reader_of
from crawlmill.spark.indexes import read_index, splits_of_index
from crawlmill.spark.options import plain, query_of, split_size_of
from crawlmill.spark.tables import DAMAGE, ddl, table_of
from crawlmill.spark_apps.common import (
    FORMATS,
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
from crawlmill.stores import local_path, scheme
from crawlmill.warc.damage import Damage
from crawlmill.warc.stream import Item

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

EPILOG = """HOW: the rows that fit are grouped by archive, the ranges of each cut into tasks, near ones fetched by one request
and what lies between passed over. The index is never collected on the driver. Columns are those of the table warc
(docs/spark.md): payload, body and text among them. Damage is read by a second pass; --format warc needs one only."""
COLUMNS = "uri,offset,length,type,url,date,status,mime,headers"
PARTITIONS = 10_000
"""The most tasks."""


def splits(spark: SparkSession, args: argparse.Namespace, size: int) -> DataFrame:
    """The manifest lines of what is to be read, one task each (several where there are very many), kept for two passes."""
    from pyspark.sql.functions import explode, udf

    rows = read_index(spark, args.index)
    if args.where:
        rows = rows.where(args.where)
    base = args.base
    if base is not None and scheme(base) == "file":
        base = os.path.abspath(local_path(base))
    cut_one = udf(
        lambda line: [part.to_json() for part in cut(Split.from_line(line), size)], "array<string>", useArrow=False
    )
    lines = splits_of_index(rows, os.path.abspath(args.index) if scheme(args.index) == "file" else args.index, base)
    found = lines.select(explode(cut_one("split")).alias("split")).persist()
    return found.repartition(max(1, min(PARTITIONS, found.count())))  # a number: else Spark makes one task of them


def mapped(lines: DataFrame, read: Callable[[Iterator[Split]], Iterator[pa.RecordBatch]], schema: str) -> DataFrame:
    """What a function makes of the splits that the manifest lines of a task name.

    Its rows travel by an RDD. ``mapInArrow`` would want pandas; a data source is planned on the driver, which would have to
    hold what the index names.
    """

    def rows(given: Iterable[Row]) -> Iterator[tuple[object, ...]]:
        for batch in read(Split.from_line(row.split) for row in given):
            cells = [_plain(column) for column in batch.columns]
            yield from zip(*cells, strict=True)

    return lines.sparkSession.createDataFrame(lines.rdd.mapPartitions(rows), schema, verifySchema=False)


def _plain(column: pa.Array) -> list[object]:
    """The cells of a column as Spark takes them from Python."""
    cells: list[object] = column.to_pylist()
    if isinstance(column, pa.MapArray):
        return [cell if cell is None else dict(cell) for cell in cells]  # type: ignore[call-overload]  # a map is a list of pairs
    return cells


def table(lines: DataFrame, query: Query, damage: bool) -> DataFrame:
    """The records that manifest lines name, or their damage."""
    read = reader_of(query, damage)
    schema = _damage_ddl() if damage else ddl(table_of(query.table), query.columns)
    return mapped(lines, lambda splits: (batch for split in splits for batch in read(split)), schema)


def subset(lines: DataFrame, query: Query, folder: str) -> DataFrame:
    """Write a WARC a task into a folder that every worker sees; answers the damage. A task raises :class:`DamageLimit` when
    there is damage and the query is strict."""

    def items(splits: Iterator[Split]) -> Iterator[Item]:
        for split in splits:
            for item in read_split(split, query.reading(), query.where):
                if query.strict and isinstance(item, Damage):
                    raise DamageLimit(item.message, f"{item.uri}@{item.offset}", "all of it: leave out --damage fail")
                yield item

    def read(splits: Iterator[Split]) -> Iterator[pa.RecordBatch]:
        from pyspark import TaskContext

        from crawlmill.results.subset import write_subset

        context = TaskContext.get()
        assert context is not None
        path = os.path.join(folder, f"part-{context.partitionId():05d}.warc.gz")
        made = write_subset(items(splits), path, overwrite=True)
        if not made.records:
            os.unlink(path)
        columns = [
            KINDS[type].array([KINDS[type].cell(getattr(row, name)) for row in made.damage])
            for name, type in DAMAGE.items()
        ]
        yield pa.RecordBatch.from_arrays(columns, names=list(DAMAGE))

    return mapped(lines, read, _damage_ddl())


def _damage_ddl() -> str:
    return ", ".join(f"{name} {type}" for name, type in DAMAGE.items())


def work(spark: SparkSession, args: argparse.Namespace) -> None:
    """Choose, read, write."""
    options = plain({name: value for name, value in reading(args).items() if name != "where"})
    query = query_of(table_of("warc"), {**options, "columns": args.columns})
    lines = splits(spark, args, split_size_of(options))
    if args.format != "warc":
        save(table(lines, query, False), args)
        save_damage(table(lines, query, True), args)
        return
    if scheme(args.output) != "file":
        raise UsageError("WARC files are written to a folder that every worker sees", args.output, "name a local path")
    folder = os.path.abspath(local_path(args.output))
    if os.path.isdir(folder) and os.listdir(folder) and not args.overwrite:
        raise UsageError("the output exists", args.output, "use --overwrite, or another name")
    os.makedirs(folder, exist_ok=True)
    for name in os.listdir(folder):
        if name.startswith("part-") and name.endswith(".warc.gz"):
            os.unlink(os.path.join(folder, name))
    save_damage(subset(lines, query, folder), args)
    note(f"{sum(name.endswith('.warc.gz') for name in os.listdir(folder))} archives in {args.output}")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = application(__doc__ or "", EPILOG)
    made.add_argument("index", metavar="INDEX", help="CDXJ, or the columnar index as Parquet")
    made.add_argument("--columns", default=COLUMNS, help="of the table warc (default: %(default)s)")
    add_reading(made, inputs=False, where='only rows of the index that fit, in SQL, as "fetch_status = 200"')
    add_max_body(made)
    add_output(made, formats=(*FORMATS, "warc"))
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the application; answers the exit code."""
    return run(parser(), work, argv)


if __name__ == "__main__":
    sys.exit(main())

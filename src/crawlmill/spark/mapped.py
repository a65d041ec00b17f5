"""A function over splits as a DataFrame: the tables of a Spark without Python data sources (3.5), and
what an application makes of archives on any."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from crawlmill.plan.split import Split
from crawlmill.spark.batches import Read, reader_of
from crawlmill.spark.options import partitions_of, paths_of, plain, query_of
from crawlmill.spark.tables import DAMAGE, ddl, table_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def read_mapped(spark: SparkSession, paths: list[str], table: str, damage: bool, options: dict[str, str]) -> DataFrame:
    """The same rows as the data source has."""
    found = plain({**options, "paths": json.dumps(paths)})
    query = query_of(table_of(table), found)
    schema = ", ".join(f"{name} {type}" for name, type in DAMAGE.items())
    if not damage:
        schema = ddl(table_of(table), query.columns)
    return _by_arrow(spark, partitions_of(found), reader_of(query, damage), schema)


def map_splits(
    spark: SparkSession, inputs: Sequence[str], options: Mapping[str, str], read: Read, schema: str
) -> DataFrame:
    """What a function makes of each split of archives.

    Args:
        spark: a session.
        inputs: archives, as a user names them.
        options: ``split_bytes`` and ``base``, where they differ from the default.
        read: from a split to batches. It travels with every task, and is called again when a task is repeated: its rows
            must depend on the split alone.
        schema: Spark's text of the batches' schema.
    """
    paths = paths_of(inputs)
    if not hasattr(spark, "dataSource"):
        return _by_arrow(spark, partitions_of(plain({**options, "paths": json.dumps(paths)})), read, schema)
    from crawlmill.spark.source import mapped_source

    source = mapped_source(read, schema)  # mapInArrow would want pandas
    spark.dataSource.register(source)
    return spark.read.format(source.name()).options(**options).load(paths)


def _by_arrow(spark: SparkSession, partitions: Sequence[Sequence[Split]], read: Read, schema: str) -> DataFrame:
    lines = [(number, split.to_json()) for number, splits in enumerate(partitions) for split in splits]
    manifest = spark.createDataFrame(lines, "number bigint, split string")

    def each(given: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in given:
            for line in batch.column(1).to_pylist():
                yield from read(Split.from_line(line))

    return manifest.repartitionByRange(max(1, len(partitions)), "number").mapInArrow(each, schema)

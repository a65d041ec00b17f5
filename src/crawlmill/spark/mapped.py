"""The tables for a Spark without Python data sources (3.5): ``mapInArrow`` over a DataFrame of splits, one a partition."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from crawlmill.plan.split import Split
from crawlmill.spark.batches import batches, damage_batches
from crawlmill.spark.options import plain, query_of, splits_of
from crawlmill.spark.tables import DAMAGE, ddl, table_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def read_mapped(spark: SparkSession, paths: list[str], table: str, damage: bool, options: dict[str, str]) -> DataFrame:
    """The same rows as the data source has."""
    found = plain({**options, "paths": json.dumps(paths)})
    query = query_of(table_of(table), found)
    splits = splits_of(found)
    schema = ", ".join(f"{name} {type}" for name, type in DAMAGE.items())
    if not damage:
        schema = ddl(table_of(table), query.columns)
    lines = [(number, split.to_json()) for number, split in enumerate(splits)]
    manifest = spark.createDataFrame(lines, "number bigint, split string")

    def read(given: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in given:
            for line in batch.column(1).to_pylist():
                yield from (damage_batches if damage else batches)(Split.from_line(line), query)

    return manifest.repartitionByRange(max(1, len(lines)), "number").mapInArrow(read, schema)

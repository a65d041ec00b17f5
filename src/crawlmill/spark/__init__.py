"""Archives as Spark DataFrames: ``register(spark)`` once, then ``spark.read.format("warc").load(...)``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Union

from crawlmill.errors import UsageError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Inputs = Union[str, "os.PathLike[str]", Sequence[Union[str, "os.PathLike[str]"]]]


def register(spark: SparkSession) -> None:
    """Make the formats ``warc``, ``wat``, ``wet``, and ``warc_damage``, ``wat_damage``, ``wet_damage`` known to a session.

    Classic sessions and Spark Connect. Raises :class:`UsageError` on a Spark older than 4, which has :func:`records` and
    :func:`damage`.
    """
    if not hasattr(spark, "dataSource"):
        raise UsageError(
            f"Spark {spark.version} has no Python data sources",
            hint="crawlmill.spark.records(spark, inputs) and .damage(spark, inputs) work with it",
        )
    from crawlmill.spark.source import SOURCES

    for source in SOURCES:
        spark.dataSource.register(source)


def records(
    spark: SparkSession,
    inputs: Inputs,
    *,
    table: str = "warc",
    columns: str | Sequence[str] | None = None,
    types: str | None = None,
    where: str | None = None,
    **options: str | int,
) -> DataFrame:
    """The records of archives, with any Spark from 3.5 on.

    Args:
        spark: a session.
        inputs: files, folders, globs, manifests, ``*.paths.gz`` listings.
        table: ``warc``, ``wat`` or ``wet``.
        columns: columns of the table; the default ones when None.
        types: record types in place of the table's own, e.g. ``"response revisit"``.
        where: a condition on the headers, see :class:`crawlmill.where.Where`.
        options: ``check``, ``damage``, ``max_record``, ``max_body``, ``max_payload``, ``split_bytes``, ``base``.

    Raises:
        UsageError: an option, a column or an input is wrong; on Spark 4 Spark wraps it in an AnalysisException.
    """
    return _read(spark, inputs, table, False, _options(columns, types, where, options))


def damage(
    spark: SparkSession,
    inputs: Inputs,
    *,
    table: str = "warc",
    columns: str | Sequence[str] | None = None,
    types: str | None = None,
    where: str | None = None,
    **options: str | int,
) -> DataFrame:
    """What :func:`records` could not read of the same inputs with the same arguments: the damage table.

    Each row is there once. The format ``warc_damage`` has a row that is about a whole file - it went missing, it changed
    while it was read - from each of its splits.
    """
    return each_once(_read(spark, inputs, table, True, _options(columns, types, where, options)))


def each_once(lost: DataFrame) -> DataFrame:
    """A damage table with each row once, in order. Each split of a file that is gone has the same row."""
    return lost.distinct().coalesce(1).sortWithinPartitions("uri", "offset", "ordinal", "analysis", "kind")


def _options(
    columns: str | Sequence[str] | None,
    types: str | None,
    where: str | None,
    options: dict[str, str | int],
) -> dict[str, str]:
    named = {"columns": columns if columns is None or isinstance(columns, str) else ",".join(columns)}
    named.update(types=types, where=where)
    return {name: str(value) for name, value in {**named, **options}.items() if value is not None}


def _read(spark: SparkSession, inputs: Inputs, table: str, damage: bool, options: dict[str, str]) -> DataFrame:
    from crawlmill.spark.options import paths_of, plain, query_of

    paths = paths_of(inputs)
    if not hasattr(spark, "dataSource"):
        from crawlmill.spark.mapped import read_mapped

        return read_mapped(spark, paths, table, damage, options)
    from crawlmill.spark.tables import table_of

    query_of(table_of(table), plain(options))
    register(spark)
    return spark.read.format(f"{table}_damage" if damage else table).options(**options).load(paths)

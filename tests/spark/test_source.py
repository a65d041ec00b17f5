"""The data sources in a real session: the rows of the local engine, and Spark's own traps."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import crawlmill
import crawlmill.spark

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = [pytest.mark.spark, pytest.mark.xdist_group("spark")]


def lines(rows: Iterable[Any], names: list[str] | None = None) -> list[str]:
    """Rows of Spark or of Arrow as sorted JSON lines."""
    dicts = [row if isinstance(row, dict) else row.asDict(recursive=True) for row in rows]
    return sorted(json.dumps({name: row[name] for name in names or row}, sort_keys=True) for row in dicts)


def read(spark: SparkSession, format: str, inputs: str | list[str], **options: object) -> DataFrame:
    return spark.read.format(format).options(**options).load(inputs)


def message(error: BaseException) -> str:
    """The line of a traceback that is ours."""
    return next(line for line in str(error).splitlines() if line.startswith("crawlmill.errors."))


def test_rows_and_damage_are_those_of_the_local_engine(spark: SparkSession, everything: list[str]) -> None:
    run = crawlmill.run("records", everything, workers=1)
    names = run["records"].column_names
    records = read(spark, "warc", everything)
    assert lines(records.collect(), names) == lines(run["records"].to_pylist())
    damage = read(spark, "warc_damage", everything)
    assert lines(damage.collect()) == lines(run.damage.to_pylist()) and damage.columns == run.damage.column_names


def test_an_index_in_place_of_archives(spark: SparkSession, samples: Path, tmp_path: Path) -> None:
    index = str(samples / "cdx/index.cdxj")
    run = crawlmill.run("records", index, workers=1)
    records = read(spark, "warc", index, split_bytes="20k")
    assert lines(records.collect(), run["records"].column_names) == lines(run["records"].to_pylist())
    assert records.rdd.getNumPartitions() > 10 and read(spark, "warc_damage", index).count() == 0
    place = {"filename": str(samples / "damaged/truncated.warc.gz"), "offset": 1, "length": 99}
    (tmp_path / "wrong.cdxj").write_text(f"example)/ 20260105080011 {json.dumps(place)}\n")
    damage = read(spark, "warc_damage", str(tmp_path / "wrong.cdxj")).collect()
    assert [(row.offset, row.length, row.kind) for row in damage] == [(1, 99, "range")]


def test_actions_on_one_load_do_not_disturb_each_other(spark: SparkSession, samples: Path) -> None:
    """With ``pushFilters`` a filter of one action stays in the next: 3 rows instead of 106, and unions of twice the same."""
    records = read(spark, "warc", str(samples / "CC-SAMPLE-*-00000.warc.gz"), columns="type,offset,url")
    assert records.count() == 106
    assert records.where("type = 'warcinfo'").count() == 1
    assert records.count() == 106
    both = records.where("type='metadata'").union(records.where("type='request'")).groupBy("type").count()
    assert {tuple(row) for row in both.collect()} == {("metadata", 35), ("request", 35)}


def test_nothing_defines_push_filters(spark: SparkSession) -> None:
    from pyspark.sql.datasource import DataSourceReader

    from crawlmill.spark.source import SOURCES, SplitReader

    assert all("pushFilters" not in vars(cls) for source in SOURCES for cls in source.__mro__)
    assert SplitReader.pushFilters is DataSourceReader.pushFilters


def test_splits_at_odd_sizes_give_the_same_rows(spark: SparkSession, samples: Path) -> None:
    inputs = [str(samples / "*.warc.gz"), str(samples / "damaged/flipped-late.warc.gz")]
    whole = read(spark, "warc", inputs)
    for size in (9973, 30_011):
        cut = read(spark, "warc", inputs, split_bytes=size)
        assert cut.rdd.getNumPartitions() > whole.rdd.getNumPartitions() == 4
        assert lines(cut.collect()) == lines(whole.collect())


def test_wat_and_wet_have_their_own_columns(spark: SparkSession, samples: Path) -> None:
    wat = read(spark, "wat", str(samples / "wat"))
    links = wat.selectExpr("url", "explode(links) as link").selectExpr("url", "link.url as target", "link.text as text")
    assert ("https://www.example.com/", "/lighthouse", "The lighthouse") in [tuple(row) for row in links.collect()]
    run = crawlmill.run("languages", str(samples / "wet"), workers=1)
    wet = read(spark, "wet", str(samples / "wet")).selectExpr("explode(split(languages, ',')) as language")
    counts = {row["language"]: row["count"] for row in wet.groupBy("language").count().collect()}
    assert counts == dict(zip(*[column.to_pylist() for column in run["languages"].columns], strict=True))
    for format in ("wat_damage", "wet_damage"):
        assert read(spark, format, str(samples / "damaged/truncated.warc.gz")).select("kind").collect() == [
            ("truncated",)
        ]


def test_bodies_only_when_asked_for(spark: SparkSession, samples: Path) -> None:
    inputs = str(samples / "*.warc.gz")
    assert not {"payload", "body", "text"} & set(read(spark, "warc", inputs).columns)
    for asked in (
        read(spark, "warc", inputs, columns="payload,text", types="response", where="status=404"),
        spark.read.format("warc")
        .schema("payload binary, text string")
        .options(types="response", where="status=404")
        .load(inputs),
    ):
        run = crawlmill.run("records", inputs, types="response", where="status=404", workers=1)
        rows = asked.collect()
        assert sorted(len(row.payload) for row in rows) == sorted(run["records"]["payload_length"].to_pylist())
        assert asked.columns == ["payload", "text"] and any(row.text for row in rows)


def test_sql(spark: SparkSession, samples: Path) -> None:
    options = f"path '{samples / '*.warc.gz'}', columns 'host,status', types 'response'"
    spark.sql(f"CREATE OR REPLACE TEMPORARY VIEW pages USING warc OPTIONS ({options})")
    found = spark.sql("SELECT status, count(*) AS pages FROM pages WHERE status IS NOT NULL GROUP BY status").collect()
    run = crawlmill.run("status", str(samples / "*.warc.gz"), workers=1)
    assert {tuple(row) for row in found} == {tuple(row.values()) for row in run["status"].to_pylist()}


def test_what_is_wrong_is_one_clear_line(spark: SparkSession, samples: Path, tmp_path: Path) -> None:
    good = str(samples / "*.warc.gz")
    (tmp_path / "none.paths").write_text("\n")
    for words, frame in (
        ("warc: no column is called 'colour'; there are uri", lambda: read(spark, "warc", good, columns="url,colour")),
        ("no column is called 'colour'", lambda: spark.read.format("warc").schema("url string, colour int").load(good)),
        ("warc: the column 'offset' is bigint, not int", lambda: spark.read.format("warc").schema("offset int").load(good)),
        ("no option is called 'wheres'", lambda: read(spark, "warc", good, wheres="status=200")),
        ("the columns are always uri", lambda: spark.read.format("warc_damage").schema("url string").load(good)),
        ("no input", lambda: read(spark, "warc", str(tmp_path / "none.paths"))),
        ("nothing matches", lambda: read(spark, "warc", str(tmp_path / "*.warc.gz"))),
        ("damaged/truncated.warc.gz@26427: the file ends inside this record", lambda: read(
            spark, "warc", str(samples / "damaged/truncated.warc.gz"), damage="fail"
        )),
    ):  # fmt: skip
        with pytest.raises(Exception, match="crawlmill") as failed:
            frame().collect()
        assert words in message(failed.value)
    assert spark.read.format("warc").load(str(tmp_path / "no.warc.gz")).count() == 0
    (row,) = spark.read.format("warc_damage").load(str(tmp_path / "no.warc.gz")).collect()
    assert row.kind == "missing"


def test_a_partition_that_spark_makes_up_is_empty() -> None:
    """Spark reads one partition of None where ``partitions()`` answers none."""
    pytest.importorskip("pyspark")
    from pyspark.sql.datasource import InputPartition

    from crawlmill.spark.batches import Query, reader_of
    from crawlmill.spark.source import SplitReader

    assert list(SplitReader({}, reader_of(Query("warc", ("url",)))).read(InputPartition(None))) == []


def test_tasks_that_fail_and_are_retried_give_exact_rows(spark: SparkSession, samples: Path) -> None:
    inputs = str(samples / "*.warc.gz")

    def fails_twice(rows: Iterable[Any]) -> Iterable[Any]:
        import os

        from pyspark import TaskContext

        context = TaskContext.get()
        assert context is not None
        for number, row in enumerate(rows):
            if number == 20 and context.attemptNumber() == 0:
                raise RuntimeError("the first try")
            if number == 30 and context.attemptNumber() == 1:
                os._exit(137)  # as the kernel ends a process that has no memory left
            yield row

    records = read(spark, "warc", inputs)
    found = records.rdd.mapPartitions(fails_twice).collect()
    assert lines(found) == lines(records.collect()) and len(found) == 270


def test_records_and_damage_take_what_a_run_takes(spark: SparkSession, samples: Path) -> None:
    inputs = [samples / "*.warc.gz", samples / "damaged/truncated.warc.gz"]
    found = crawlmill.spark.records(
        spark, inputs, columns=["uri", "url"], where="status=404", types="response", check="full", max_record=1 << 20
    )
    assert found.columns == ["uri", "url"] and found.count() == 3
    assert [row.kind for row in crawlmill.spark.damage(spark, inputs, columns="url").collect()] == ["truncated"]
    with pytest.raises(crawlmill.errors.UsageError, match="no column is called 'colour'"):
        crawlmill.spark.records(spark, inputs, columns="colour")


def test_the_way_of_an_older_spark_gives_the_same_rows(spark: SparkSession, everything: list[str]) -> None:
    """``mapInArrow`` over a DataFrame of splits; test_versions.py runs it on such a Spark."""
    from crawlmill.spark.mapped import read_mapped

    options = {"split_bytes": "30000", "columns": "uri,offset,ordinal,url,headers", "types": "response"}
    assert lines(read_mapped(spark, everything, "warc", False, options).collect()) == lines(
        read(spark, "warc", everything, **options).collect()
    )
    mapped = read_mapped(spark, everything, "warc", True, {})
    assert lines(mapped.collect()) == lines(read(spark, "warc_damage", everything).collect())
    assert mapped.rdd.getNumPartitions() == 40  # the empty file shares one

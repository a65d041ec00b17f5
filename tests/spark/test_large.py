"""Large records and long plans through a driver of 1 GB."""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import crawlmill
import crawlmill.spark
from archives import gz, make_record
from crawlmill.engines.spark import Session
from crawlmill.plan.planner import make_plan, together
from crawlmill.spark.options import partitions_of
from many import copies

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

in_spark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("spark")]
LARGE = 500 << 20
PARTITIONS = 1000


def test_small_files_share_a_partition(tmp_path: Path) -> None:
    manifest = copies(tmp_path, 640)
    with open(manifest, "a") as file:
        file.write(f"{tmp_path}/missing.warc.gz\n")
    plan = make_plan([str(manifest)])
    found = partitions_of({"path": str(manifest)})
    assert [split for splits in found for split in splits] == list(plan.splits)
    assert [len(splits) for splits in found] == [10] * 64 + [1]  # what cannot be seen may be large
    size = plan.size // 640
    assert [len(splits) for splits in together(plan, 3 * size)] == [3] * 213 + [1, 1]
    assert [len(splits) for splits in partitions_of({"path": str(manifest), "split_bytes": "1"})] == [1] * 641


@pytest.mark.slow
def test_a_plan_of_many_files(tmp_path: Path) -> None:
    found = partitions_of({"path": str(copies(tmp_path, 100_000))})
    assert sum(map(len, found)) == 100_000 and 64 <= len(found) < 70


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file of small records, with one of 500 MB in the middle, which deflates well."""
    path = tmp_path_factory.mktemp("large") / "large.warc.gz"
    small = [make_record("response", f"http://a.example/{at}", os.urandom(3000)) for at in range(2000)]
    head = len(make_record("response", None).partition(b"\r\n\r\n")[2]) - 4
    started = make_record("response", "http://a.example/large", content_length=head + LARGE)[:-4]
    deflate = zlib.compressobj(1, wbits=31)
    with open(path, "wb") as file:
        file.write(gz(small[:1000]))
        file.write(deflate.compress(started))
        for _ in range(LARGE >> 20):
            file.write(deflate.compress(bytes(1 << 20)))
        file.write(deflate.compress(b"\r\n\r\n") + deflate.flush())
        file.write(gz(small[1000:]))
    return str(path)


class TestInSpark:
    """The session of all tests, whose driver, which is its executor too, has 1 GB."""

    pytestmark = in_spark

    def test_a_plan_of_many_partitions_with_a_large_record(self, spark: SparkSession, large: str) -> None:
        reader = spark.read.format("warc").option("columns", "url,payload_length")
        records = reader.option("split_bytes", str(os.path.getsize(large) // PARTITIONS)).load(large)
        assert records.rdd.getNumPartitions() >= PARTITIONS
        local = crawlmill.run("records", large, workers=1)["records"]
        rows = sorted(map(tuple, records.collect()))
        assert rows == sorted((row["url"], row["payload_length"]) for row in local.to_pylist())
        assert ("http://a.example/large", LARGE) in rows and len(rows) == 2001

    def test_the_payload_of_a_large_record(self, spark: SparkSession, large: str) -> None:
        asked = {"columns": "url,payload,payload_truncated,payload_length", "where": "url=http://a.example/large"}
        (row,) = crawlmill.spark.records(spark, large, max_payload="1m", max_record="600m", **asked).collect()
        assert len(row.payload) == 1 << 20 and row.payload_truncated and row.payload_length == LARGE
        (row,) = crawlmill.spark.records(spark, large, **asked).collect()
        (damage,) = crawlmill.spark.damage(spark, large, **asked).collect()
        assert row.payload is None and damage.kind == "oversized"

    def test_an_analysis_of_a_large_record(self, spark: SparkSession, large: str) -> None:
        there = crawlmill.run(["sizes", "records"], large, on=Session(spark))
        here = crawlmill.run(["sizes", "records"], large, workers=1)
        assert all(there[name].equals(here[name]) for name in here) and there.damage.equals(here.damage)

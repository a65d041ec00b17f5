"""The index of the sample crawl is the one that its writer made, and every row leads back to its record."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import crawlmill
from crawlmill.spark.indexes import read_index, url_columns
from crawlmill.spark_apps import build_index

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.spark, pytest.mark.xdist_group("spark")]

# The names and types of cc-index-schema-flat.json (https://github.com/commoncrawl/cc-index-table), in its order.
SCHEMA = """url_surtkey string, url string, url_host_name string, url_host_tld string, url_host_2nd_last_part string,
url_host_3rd_last_part string, url_host_4th_last_part string, url_host_5th_last_part string, url_host_registry_suffix string,
url_host_registered_domain string, url_host_private_suffix string, url_host_private_domain string,
url_host_name_reversed string, url_protocol string, url_port int, url_path string, url_query string, fetch_time timestamp,
fetch_status smallint, fetch_redirect string, content_digest string, content_mime_type string, content_mime_detected string,
content_charset string, content_languages string, content_truncated string, warc_filename string, warc_record_offset int,
warc_record_length int, warc_segment string, crawl string, subset string"""


@pytest.fixture(scope="module")
def built(spark: SparkSession, samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both indexes of the sample crawl, and the damage of a file that is cut."""
    out: Path = tmp_path_factory.mktemp("index") / "out"
    inputs = [str(samples / "*.warc.gz")]
    assert build_index.main([*inputs, "--base", str(samples), "-o", str(out), "--crawl", "CC-SAMPLE"]) == 0
    return out


def test_cdxj_is_that_of_the_writer_line_by_line(built: Path, samples: Path) -> None:
    lines = "".join(gzip.open(path, "rt").read() for path in sorted((built / "cdxj").glob("part-*")))
    assert lines == (samples / "cdx/index.cdxj").read_text()


def test_the_columnar_index_has_the_published_columns(spark: SparkSession, built: Path) -> None:
    rows = read_index(spark, str(built / "columnar"))
    assert [f"{name} {type}" for name, type in rows.dtypes] == SCHEMA.replace("\n", " ").split(", ")
    assert (built / "columnar/crawl=CC-SAMPLE/subset=warc").is_dir() and rows.count() == 88
    row = rows.where("url_host_name = 'shop.example.co.uk' and url_path = '/login'").collect()[0]
    assert row.url_surtkey == "uk,co,example,shop)/login" and row.url_host_registered_domain == "example.co.uk"
    assert (row.fetch_status, row.crawl, row.content_mime_type) == (302, "CC-SAMPLE", "text/html")
    assert row.fetch_time.isoformat().startswith("2026-01-05T")
    odd = rows.where("fetch_status = -1").collect()
    assert [row.url for row in odd] == ["http://museum.example/strange"]
    assert rows.where("content_languages like '%,%'").count() > 0


def test_both_indexes_are_the_same_table(spark: SparkSession, built: Path) -> None:
    parquet, lines = read_index(spark, str(built / "columnar")), read_index(spark, str(built / "cdxj"))
    names = lines.columns
    assert sorted(map(str, lines.collect())) == sorted(
        map(str, parquet.selectExpr(*[name if "record" not in name else f"bigint({name})" for name in names]).collect())
    )


def test_every_row_gives_back_its_record(spark: SparkSession, built: Path, samples: Path) -> None:
    rows = read_index(spark, str(built / "columnar")).collect()
    for row in rows:
        record = crawlmill.get(samples / row.warc_filename, row.warc_record_offset)
        assert record.url == row.url and record.length == row.warc_record_length
        assert record.type in ("response", "revisit")
    for row in rows[::40]:
        words = [str(samples / row.warc_filename), "--offset", str(row.warc_record_offset), "--what", "headers"]
        done = subprocess.run(
            [sys.executable, "-m", "crawlmill", "get", *words], capture_output=True, check=True, timeout=60
        )
        assert f"WARC-Target-URI: {row.url}".encode() in done.stdout


def test_a_run_takes_what_was_built(built: Path, samples: Path) -> None:
    expected = crawlmill.run("status", str(samples / "cdx/index.cdxj"), workers=1, pool="thread")["status"]
    for folder in ("columnar", "cdxj"):
        run = crawlmill.run("status", str(built / folder), base=str(samples), workers=1, pool="thread")
        assert run["status"].equals(expected)


def test_damage_stands_beside_the_index(spark: SparkSession, samples: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    cut = str(samples / "damaged/truncated.warc.gz")
    assert build_index.main([cut, "-o", str(out), "--format", "cdxj"]) == 0
    lines = [json.loads(line) for path in (out / "_damage").glob("*.json") for line in path.read_text().splitlines()]
    assert [row["kind"] for row in lines] == ["truncated"] and not (out / "columnar").exists()
    assert spark.read.text(str(out / "cdxj")).where(f"value like '%{cut}%'").count() == 6, "no base: the whole path"


def test_names_of_hosts() -> None:
    """As cc-index-table's HostName has them: registries apart from private suffixes, nothing of an address."""

    def of(host: str) -> list[object]:
        return list((url_columns(f"http://{host}/") or ())[1:12])

    assert of("my.blog.github.io")[6:10] == ["io", "github.io", "github.io", "blog.github.io"]
    assert of("a.b.c.d.e.f.com")[1:6] == ["com", "f", "e", "d", "c"] and of("co.uk")[6:8] == ["co.uk", None]
    assert of("192.0.2.1") == ["192.0.2.1", *[None] * 10] and of("www.example.com.")[0] == "www.example.com"

"""Indexes of web archives: CDXJ, and the columnar index as Parquet, as Common Crawl publishes them.

Every HTTP response and every revisit of a URL with a host gets a row that says where it lies. DIR/cdxj takes lines
sorted by key and time, DIR/columnar a Parquet table partitioned by crawl and subset, DIR/_damage what could not be read.
crawlmill reads both in place of archives:

  spark-submit spark_apps/build_index.py data_samples/*.warc.gz --base data_samples -o index
  crawlmill run status index/columnar --base data_samples
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import crawlmill.spark
from crawlmill.spark.indexes import URL_COLUMNS, url_columns
from crawlmill.spark_apps.common import add_output, add_reading, application, note, reading, run, save, save_damage
from crawlmill.stores import local_path, scheme

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

EPILOG = """FILENAMES: of an archive in Common Crawl's layout the part from crawl-data/ on; else the name below --base;
else the whole path. crawl, segment and subset come from that layout; else they are --crawl, - and warc.
charset and languages are those of the metadata record that belongs to a response.
The columnar index holds offsets as 32-bit numbers: a file above 2 GiB is an error there."""
COLUMNS = "uri,offset,length,type,url,date,status,mime,identified,digest,record_id,truncated,headers"
_LAYOUT = re.compile(r"(?:^|/)(crawl-data/([^/]+)/segments/([^/]+)/(crawldiagnostics|robotstxt|warc|wat|wet)/.+)$")
_FILE_SCHEMA = "filename string, crawl string, segment string, subset string"


def file_columns(uri: str, base: str, crawl: str) -> tuple[str, str, str, str]:
    """(filename, crawl, segment, subset) of an archive.

    >>> file_columns("s3://commoncrawl/crawl-data/CC-MAIN-2026-04/segments/1505.2/warc/a.warc.gz", "", "x")
    ('crawl-data/CC-MAIN-2026-04/segments/1505.2/warc/a.warc.gz', 'CC-MAIN-2026-04', '1505.2', 'warc')
    >>> file_columns("/data/b/a.warc.gz", "/data/", "mine")
    ('b/a.warc.gz', 'mine', '-', 'warc')
    """
    found = _LAYOUT.search(uri)
    if found is not None:
        return found[1], found[2], found[3], found[4]
    return uri[len(base) :] if base and uri.startswith(base) else uri, crawl, "-", "warc"


def cdxj_line(row: Sequence[str | None]) -> str:
    """A line of CDXJ of the fields in the order of :data:`CDXJ`, None for those that it does not have.

    >>> cdxj_line(["com,example)/", "20260105080011", "https://www.example.com/", "text/html", *[None] * 3, "80", "0", \
"a.warc.gz", *[None] * 4])
    'com,example)/ 20260105080011 {"url": "https://www.example.com/", "mime": "text/html", "length": "80", \
"offset": "0", "filename": "a.warc.gz"}'
    """
    key, time, *values = row
    return f"{key} {time} {json.dumps({name: value for name, value in zip(CDXJ, values, strict=True) if value is not None})}"


CDXJ = (
    "url", "mime", "mime-detected", "status", "digest", "length", "offset", "filename", "charset", "languages",
    "truncated", "redirect",
)  # fmt: skip
"""The fields of a line, in Common Crawl's order."""


def index(spark: SparkSession, inputs: Sequence[str], options: dict[str, str], base: str, crawl: str) -> DataFrame:
    """A row a capture: the columns of CDXJ and of the columnar index.

    Args:
        spark: a session.
        inputs: archives.
        options: keyword arguments of :func:`crawlmill.spark.records`.
        base: the beginning of URIs that is left out of filenames.
        crawl: the crawl of archives whose name does not say it.
    """
    from pyspark.sql.functions import udf

    captures = crawlmill.spark.records(spark, inputs, columns=COLUMNS, types="response,revisit", **options)
    notes = crawlmill.spark.records(spark, inputs, columns="uri,concurrent_to,payload", types="metadata", **options)
    notes = notes.selectExpr("uri", "concurrent_to as record_id", "cast(payload as string) as note")
    notes = notes.selectExpr(
        "uri", "record_id", r"nullif(regexp_extract(note, '(?m)^charset-detected:[ \t]*([^\r\n]*)', 1), '') as charset",
        r"""nullif(concat_ws(',', regexp_extract_all(
            regexp_extract(note, '(?m)^languages-cld2:(.*)', 1), '"code-iso-639-3"\\s*:\\s*"([^"]+)"', 1)), '')
            as languages""",
    )  # fmt: skip
    notes = notes.where("record_id is not null").dropDuplicates(["uri", "record_id"])
    of_url = udf(url_columns, URL_COLUMNS, useArrow=False)
    of_file = udf(lambda uri: file_columns(uri, base, crawl), _FILE_SCHEMA, useArrow=False)
    joined = captures.join(notes, ["uri", "record_id"], "left")
    joined = (
        joined.withColumn("of_url", of_url("url")).where("of_url is not null").withColumn("of_file", of_file("uri"))
    )
    return joined.selectExpr(
        "of_url.*", "of_file.*", "url", "offset", "length", "to_timestamp(date) as time",
        "type = 'revisit' as again", "if(status rlike '^[0-9]{3}$', status, null) as status",
        "if(type = 'revisit', 'warc/revisit', coalesce(nullif(mime, ''), 'unk')) as mime",
        "if(type = 'revisit', null, coalesce(identified, 'unk')) as detected",
        "if(type = 'revisit', null, regexp_replace(digest, '^sha1:', '')) as digest",
        "charset", "languages", "truncated", "nullif(headers['location'], '') as redirect",
    )  # fmt: skip


def cdxj(rows: DataFrame) -> DataFrame:
    """The lines of CDXJ, sorted by their bytes."""
    from pyspark.sql.functions import expr, udf

    line = udf(cdxj_line, "string", useArrow=False)(
        expr("""array(url_surtkey, date_format(time, 'yyyyMMddHHmmss'), url, mime, detected, coalesce(status, '-'), digest,
            string(length), string(offset), filename, charset, languages, truncated, redirect)""")
    )
    return rows.select(line.alias("value")).orderBy("value")


def columnar(rows: DataFrame) -> DataFrame:
    """The rows of the columnar index, with the types of its published schema, sorted by key and time."""
    names = [column.split()[0] for column in URL_COLUMNS.split(", ")]
    return rows.selectExpr(
        "url_surtkey", "url", *names[1:], "time as fetch_time", "smallint(coalesce(status, '-1')) as fetch_status",
        "redirect as fetch_redirect", "digest as content_digest", "mime as content_mime_type",
        "detected as content_mime_detected", "charset as content_charset", "languages as content_languages",
        "truncated as content_truncated", "filename as warc_filename", "int(offset) as warc_record_offset",
        "int(length) as warc_record_length", "segment as warc_segment", "crawl", "subset",
    ).orderBy("crawl", "subset", "url_surtkey", "fetch_time")  # fmt: skip


def work(spark: SparkSession, args: argparse.Namespace) -> None:
    """Read once, write what is asked."""
    base = args.base or ""
    if base and scheme(base) == "file":
        base = os.path.abspath(local_path(base))
    base = base.rstrip("/") + "/" if base else ""
    rows = index(spark, args.inputs, reading(args), base, args.crawl).persist()
    whole = rows.where("length > 0")
    if args.format != "columnar":
        save(cdxj(whole), args, "cdxj", "text", compression="gzip")
    if args.format != "cdxj":
        save(columnar(whole), args, "columnar", "parquet", partitionBy=["crawl", "subset"], compression="gzip")
    without = rows.where("length <= 0").count()
    if without:
        note(f"{without} records whose end was not found are left out: their members are too large")
    rows.unpersist()
    save_damage(crawlmill.spark.damage(spark, args.inputs, types="response,revisit,metadata", **reading(args)), args)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = application(__doc__ or "", EPILOG)
    add_reading(made)
    made.add_argument("--crawl", default="local", metavar="NAME", help="crawl of archives not in Common Crawl's layout")
    add_output(made, formats=("both", "cdxj", "columnar"))
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the application; answers the exit code."""
    return run(parser(), work, argv)


if __name__ == "__main__":
    sys.exit(main())

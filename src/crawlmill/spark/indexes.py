"""Indexes of captures as Spark tables: the columnar index of Common Crawl, and CDXJ lines with the same columns."""

from __future__ import annotations

import glob
import os
import re
from typing import TYPE_CHECKING

from crawlmill.errors import UsageError
from crawlmill.plan.index import is_index, is_parquet
from crawlmill.plan.inputs import place_of
from crawlmill.plan.split import Split
from crawlmill.records import surt, urls
from crawlmill.records.suffixes import suffix_start
from crawlmill.sources import local_path, scheme
from crawlmill.warc.ranges import in_order

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_PARTS = re.compile(r"([^:/]+):(?://(?:[^/?#\\]*@)?(?:\[[^\]]*\]|[^/?#\\:]*)(?::(\d*))?)?([^?#]*)(?:\?([^#]*))?")
URL_COLUMNS = (
    "url_surtkey string, url_host_name string, url_host_tld string, url_host_2nd_last_part string, "
    "url_host_3rd_last_part string, url_host_4th_last_part string, url_host_5th_last_part string, "
    "url_host_registry_suffix string, url_host_registered_domain string, url_host_private_suffix string, "
    "url_host_private_domain string, url_host_name_reversed string, url_protocol string, url_port int, url_path string, "
    "url_query string"
)
"""The columns of the columnar index that are parts of a URL, as Spark's schema text."""


def url_columns(url: str) -> tuple[str | int | None, ...] | None:
    """The columns of the columnar index that are parts of a URL; None without a host. An IP address has no host parts.

    >>> url_columns("https://www.example.co.uk:8443/a?b")
    ('uk,co,example:8443)/a?b', 'www.example.co.uk', 'uk', 'co', 'example', 'www', None, 'co.uk', 'example.co.uk', \
'co.uk', 'example.co.uk', 'uk.co.example.www', 'https', 8443, '/a', 'b')
    >>> url_columns("http://192.0.2.7/")[:3]
    ('7,2,0,192)/', '192.0.2.7', None)
    """
    key, host, parts = surt.surt(url), urls.host(url), _PARTS.match(url)
    if key is None or host is None or parts is None:
        return None
    name = host.removesuffix(".")
    labels: list[str | None] = []
    registry: tuple[str | None, str | None] = (None, None)
    private = registry
    if urls.public_suffix(host) is not None:
        labels = [*reversed(name.split("."))]
        registry, private = _suffix_and_domain(name, False), _suffix_and_domain(name, True)
    reverse = ".".join(label or "" for label in labels) or None
    port = int(parts[2]) if parts[2] else None
    return (
        key, name, *[*labels, *[None] * 5][:5], *registry, *private, reverse,
        parts[1].lower(), port if port is not None and port < 65536 else None, parts[3], parts[4],
    )  # fmt: skip


def _suffix_and_domain(name: str, private: bool) -> tuple[str, str | None]:
    start = suffix_start(name, private)
    return name[start:], name[name.rfind(".", 0, start - 1) + 1 :] if start else None


def read_index(spark: SparkSession, path: str) -> DataFrame:
    """An index with the columns of the columnar index: Parquet as it is, CDXJ (files, globs, folders) by its lines.

    Args:
        spark: a session.
        path: a local path is known by its content, another one by ``cdx`` in its name.

    Raises:
        UsageError: a local path that is no index.
    """
    if scheme(path) == "file":
        found = os.path.abspath(local_path(path))
        first = found if os.path.exists(found) else next(iter(sorted(glob.glob(found))), "")
        if not is_index(first):
            raise UsageError("no index", path, "it is CDXJ, or the columnar index as Parquet")
        parquet, path = is_parquet(first), f"file://{found}"
    else:
        parquet = "cdx" not in path.rstrip("/").rpartition("/")[2]
    return spark.read.parquet(path) if parquet else of_cdxj(spark.read.text(path))


def of_cdxj(lines: DataFrame) -> DataFrame:
    """The columns of the columnar index, of CDXJ lines in the column ``value``; those of the crawl are not in it."""
    from pyspark.sql.functions import udf

    of_url = udf(url_columns, URL_COLUMNS, useArrow=False)
    rows = lines.where(r"value rlike '^\\S+ \\d{14} \\{'")
    rows = rows.selectExpr(
        "substring_index(value, ' ', 1) as url_surtkey",
        "to_timestamp(regexp_extract(value, '^\\\\S+ (\\\\d{14}) ', 1), 'yyyyMMddHHmmss') as fetch_time",
        "from_json(substring(value, locate('{', value)), 'map<string,string>') as field",
    )
    rows = rows.withColumn("part", of_url(rows.field["url"]))
    names = [column.split()[0] for column in URL_COLUMNS.split(", ")]
    return rows.selectExpr(
        "url_surtkey", "field['url'] as url", *[f"part.{name}" for name in names[1:]], "fetch_time",
        "smallint(coalesce(try_cast(field['status'] as smallint), -1)) as fetch_status",
        "field['redirect'] as fetch_redirect", "field['digest'] as content_digest", "field['mime'] as content_mime_type",
        "field['mime-detected'] as content_mime_detected",
        "coalesce(field['charset'], field['encoding']) as content_charset", "field['languages'] as content_languages",
        "coalesce(field['truncated'], field['warc-truncated']) as content_truncated",
        "field['filename'] as warc_filename", "bigint(field['offset']) as warc_record_offset",
        "bigint(field['length']) as warc_record_length",
    )  # fmt: skip


def splits_of_index(rows: DataFrame, index: str, base: str | None = None) -> DataFrame:
    """One row an archive: in the column ``split`` the manifest line of all the ranges that rows of an index name.

    Args:
        rows: with ``warc_filename``, ``warc_record_offset`` and ``warc_record_length``.
        index: relative filenames are looked up from there, as those of a manifest.
        base: put before them.
    """
    from pyspark.sql.functions import expr, udf

    places = expr("collect_set(array(bigint(warc_record_offset), bigint(warc_record_length)))")
    line = udf(lambda name, ranges: _line(place_of(name, index, base), ranges), "string", useArrow=False)
    return (
        rows.groupBy("warc_filename").agg(places.alias("ranges")).select(line("warc_filename", "ranges").alias("split"))
    )


def _line(uri: str, ranges: list[list[int]]) -> str:
    return Split(uri, ranges=in_order((offset, length) for offset, length in ranges)).to_json()

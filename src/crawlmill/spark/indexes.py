"""Indexes of captures as Spark tables: the columnar index of Common Crawl, and CDXJ lines with the same columns."""

from __future__ import annotations

import glob
import os
import re
from functools import partial
from typing import TYPE_CHECKING

from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.plan.fields import archive_name, whole
from crawlmill.plan.index import COLUMNS, is_index, is_parquet
from crawlmill.plan.inputs import place_of
from crawlmill.plan.split import Split
from crawlmill.records import surt, urls
from crawlmill.records.suffixes import suffix_start
from crawlmill.stores import is_stream, local_path, scheme, store_of
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


_NUMBER = "try_cast(field['{0}'] as bigint) is not null and field['{0}'] rlike '^-?[0-9]+$'"
_SOUND = (
    r"(coalesce(value rlike '^\\S+ \\d{1,17} \\{' and field['filename'] <> '' and "
    + " and ".join(_NUMBER.format(name) for name in ("offset", "length"))
    + r", false) or raise_error(concat('\n', 'crawlmill.errors.CrawlmillError: ', input_file_name(), ': not a line of CDXJ: ', "
    "substring(value, 1, 100))) is null) and rand() >= 0"
)
"""True for a line of CDXJ; a query ends at any other, with the line that the programs show. A condition that is not
deterministic (``rand``) stays before all others: else a line without a status would be passed over by ``fetch_status = 200``."""


def of_cdxj(lines: DataFrame) -> DataFrame:
    """The columns of the columnar index, of CDXJ lines in the column ``value``; those of the crawl are not in it. A line that
    is none ends the query."""
    from pyspark.sql.functions import udf

    of_url = udf(url_columns, URL_COLUMNS, useArrow=False)
    rows = lines.where("trim(value) <> '' and not (value like '!%' or value like ' CDX%' or value like '#%')")
    rows = rows.selectExpr("value", "from_json(substring(value, locate('{', value)), 'map<string,string>') as field")
    rows = rows.where(_SOUND).selectExpr(
        "substring_index(value, ' ', 1) as url_surtkey",
        "try_to_timestamp(regexp_extract(value, '^\\\\S+ (\\\\d{14}) ', 1), 'yyyyMMddHHmmss') as fetch_time",
        "field",
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

    Raises:
        UsageError: the columns are of other types. In a task :class:`CrawlmillError` for a row that names no archive, or no
            whole numbers of 64 bits.
    """
    from pyspark.sql.functions import expr, udf

    types = dict(rows.dtypes)
    for column in COLUMNS[1:]:
        if _WHOLE.fullmatch(types.get(column, "")) is None:
            raise UsageError(
                f"the column {column} is {types.get(column, 'not there')}", index, "it has whole numbers, as bigint"
            )
    pair = ", ".join(f"try_cast({column} as bigint)" for column in COLUMNS[1:])
    place = udf(lambda name: _place(name, index, base), "struct<real:string,uri:string>", useArrow=False)
    line = udf(partial(_line, index), "string", useArrow=False)
    named = rows.groupBy(COLUMNS[0]).agg(expr(f"collect_set(array({pair}))").alias("ranges"))
    files = named.select(place(COLUMNS[0]).alias("place"), "ranges").groupBy("place.real")
    found = files.agg(expr("min(place.uri)").alias("uri"), expr("flatten(collect_list(ranges))").alias("ranges"))
    return found.select(line("uri", "ranges").alias("split"))


_WHOLE = re.compile(r"tinyint|smallint|int|bigint|string|decimal\(\d+,0\)")


def _place(filename: str | None, index: str, base: str | None) -> tuple[str, str]:
    """What a file is behind all links, and what it is called. (Device and inode differ from node to node.)"""
    try:
        uri = place_of(archive_name(filename), index, base)
    except ValueError as error:
        raise CrawlmillError(f"not a row of an index: {error}: {filename!r:.100}", index, "see its filenames") from None
    if is_stream(uri):
        raise CrawlmillError("Spark's tasks cannot read a pipe", uri, "give the path of a file")
    return store_of(uri).real(uri), uri


def _line(index: str, uri: str, ranges: list[list[int | None]]) -> str:
    try:
        return Split(uri, ranges=in_order((whole(offset), whole(length)) for offset, length in ranges)).to_json()
    except ValueError as error:
        raise CrawlmillError(
            f"not a row of an index: an offset or a length of {uri} is {error}", index, "see its columns"
        ) from None

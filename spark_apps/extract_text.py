"""The text of every page of web archives, by one extractor or several, as Parquet.

Three tables in the folder of -o: text, a row for each page and extractor; rejected, what has no text, and why; damage, what
of the archives could not be read. Each response has one row of each extractor, in text or in rejected.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING

from crawlmill.errors import UsageError
from crawlmill.spark.mapped import map_splits
from crawlmill.spark.options import size_of
from crawlmill.spark.tables import DAMAGE
from crawlmill.spark_apps import common, extractors, kept
from crawlmill.spark_apps.pages import (
    COLUMNS,
    MAX_PAGE,
    PLACE,
    REASONS,
    REJECTED,
    SECONDS,
    TEXT,
    Texts,
    text_batches,
)
from crawlmill.warc.reading import MAX_RECORD
from crawlmill.where import parse_where

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

TABLES = {
    "text": [*TEXT],
    "rejected": [*REJECTED],
    "damage": [name if name in PLACE else f"damage_{name} AS {name}" for name in DAMAGE],
}
"""The tables, and their columns out of those of :data:`crawlmill.spark_apps.pages.COLUMNS`."""
EPILOG = "reasons in the column `reason` of rejected:\n" + "".join(
    f"  {name:10} {text}\n" for name, text in REASONS.items()
)


def parser() -> argparse.ArgumentParser:
    """The arguments."""
    found = common.application(__doc__, EPILOG)
    common.add_reading(found)
    common.add_output(found, formats=("parquet",))
    kept.add_keeping(found)
    known = ", ".join(extractors.EXTRACTORS)
    found.add_argument(
        "--extractor", metavar="NAME[,NAME]", default="resiliparse", help=f"of {known} (default: %(default)s)"
    )
    found.add_argument(
        "--timeout",
        metavar="S",
        type=float,
        default=SECONDS,
        help="CPU seconds of an extractor for a page (default: %(default)g)",
    )
    found.add_argument("--max-page", metavar="SIZE", default=str(MAX_PAGE), help="bytes of a page, as 2m (default: 8m)")
    return found


def asked(args: argparse.Namespace) -> Texts:
    """What the arguments ask for. Raises :class:`CrawlmillError` when they are wrong or a package is missing here."""
    if args.timeout <= 0:
        raise UsageError(f"--timeout is {args.timeout:g}", hint="give a page some seconds, as 10 or 0.5")
    names = extractors.names_of(args.extractor)
    extractors.load(*names)
    sizes = {name: value for name in ("max_page", "max_record") if (value := getattr(args, name)) is not None}
    return Texts(
        extractors=names,
        where=None if args.where is None else parse_where(args.where),
        seconds=args.timeout,
        max_page=size_of(sizes, "max_page", MAX_PAGE),
        max_record=size_of(sizes, "max_record", MAX_RECORD),
        full=args.check == "full",
        strict=args.damage == "fail",
    )


def extracted(spark: SparkSession, paths: list[str], texts: Texts, **options: str) -> DataFrame:
    """The rows of all three tables: the columns of :data:`crawlmill.spark_apps.pages.COLUMNS`.

    Args:
        spark: a session.
        paths: archives.
        texts: what is asked.
        options: ``split_bytes`` and ``base``, as of the tables of :mod:`crawlmill.spark`.
    """
    schema = ", ".join(f"{name} {type}" for name, type in COLUMNS.items())
    return map_splits(spark, paths, options, partial(text_batches, texts=texts), schema)


def table(rows: DataFrame, kind: str) -> DataFrame:
    """One of :data:`TABLES` out of the rows of :func:`extracted`. Each split of a file that is gone has the same damage row."""
    found = rows.where(f"kind = '{kind}'").selectExpr(*TABLES[kind])
    return found.distinct() if kind == "damage" else found


def work(spark: SparkSession, args: argparse.Namespace) -> None:
    """Extract once, then write the three tables. A table that is written from rows which were computed anew might lack a page
    that another one lacks too: an extractor that ran out of time may not do so again."""
    texts = asked(args)
    kept.check_absent(spark, args, *TABLES)
    plan = {name: value for name in ("split_bytes", "base") if (value := getattr(args, name)) is not None}
    rows = kept.keep(extracted(spark, args.inputs, texts, **plan), args)
    for kind in TABLES:
        common.save(table(rows, kind), args, kind)
    tell(rows)


def tell(rows: DataFrame) -> None:
    """Print how many rows there are."""
    counts = {tuple(row)[:-1]: row["count"] for row in rows.groupBy("kind", "extractor", "reason").count().collect()}
    names = sorted({extractor for kind, extractor, _ in counts if kind != "damage"})
    for name in names:
        rejected = sorted(
            (reason, count) for (_, extractor, reason), count in counts.items() if reason and extractor == name
        )
        why = ", ".join(f"{count} {reason}" for reason, count in rejected)
        total = sum(count for _, count in rejected)
        print(f"{name}: {counts.get(('text', name, None), 0)} texts, {total} rejected" + (f": {why}" if why else ""))
    damaged = ("damage", None, None) in counts
    print(f"damage: {table(rows, 'damage').count() if damaged else 'none'}")


if __name__ == "__main__":
    raise SystemExit(common.run(parser(), work))

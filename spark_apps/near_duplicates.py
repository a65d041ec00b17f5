"""Near duplicates among texts, by MinHash and LSH: which pairs, which clusters, and what is left when one of each is kept.

Three tables in the folder of -o: pairs, the candidates that share a bucket, with their estimated and exact Jaccard
similarity; clusters, every text that has a near duplicate, with the one that is kept; kept, the rows of the input without the
others. The one that is kept is the first by (url, uri, offset, ordinal).
"""

from __future__ import annotations

import argparse
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING

import crawlmill.spark
from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.spark_apps import common, kept
from crawlmill.spark_apps.components import components
from crawlmill.spark_apps.minhash import Shape, fingerprint, shape_of

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

PLACE = ("url", "uri", "offset", "ordinal")
"""What names a text, in the order that says which comes first."""
FULL = 100
"""Texts of a bucket above which only the first is paired with each of the others: all with all would be millions of pairs."""
FINGERPRINT = "shingles array<bigint>, signature array<bigint>, buckets array<bigint>, same binary"
TABLES = ("pairs", "clusters", "kept")
EPILOG = """a pair of similarity s is found with the chance 1 - (1 - s**rows)**bands; without --bands and --rows this is at
least 0.95 at the threshold. Texts with equal shingles are found always; of those only the first is compared with others."""


def parser() -> argparse.ArgumentParser:
    """The arguments."""
    found = common.application(__doc__, EPILOG)
    found.add_argument("inputs", nargs="+", metavar="INPUT", help="tables of text, or archives: see --from")
    found.add_argument(
        "--from",
        dest="source",
        choices=("parquet", "warc", "wet"),
        default="parquet",
        help="parquet: tables with url, uri, offset, ordinal and text, as extract_text.py writes them; warc: pages of archives, "
        "by what a reader sees of them; wet: texts of WET files (default: %(default)s)",
    )
    common.add_reading(found, inputs=False)
    common.add_max_body(found)
    common.add_output(found, formats=("parquet",))
    kept.add_keeping(found)
    found.add_argument("--extractor", metavar="NAME", help="of a table with the texts of several, those of this one")
    found.add_argument("--shingle", metavar="N", type=int, default=5, help="words of a shingle (default: %(default)s)")
    found.add_argument(
        "--threshold",
        metavar="S",
        type=Fraction,
        default=Fraction("0.8"),
        help="near duplicates have at least this similarity (default: 0.8)",
    )
    found.add_argument("--permutations", metavar="N", type=int, default=128, help="(default: %(default)s)")
    found.add_argument(
        "--bands", metavar="N", type=int, help="with --rows, in place of what --threshold makes of --permutations"
    )
    found.add_argument("--rows", metavar="N", type=int)
    return found


def work(spark: SparkSession, args: argparse.Namespace) -> None:
    """Find, and write the three tables."""
    if not 0 < args.threshold <= 1:
        raise UsageError(f"--threshold is {float(args.threshold):g}", hint="it is above 0 and at most 1")
    if args.shingle < 1:
        raise UsageError(f"--shingle is {args.shingle}", hint="1 is the least")
    shape = shape_of(args.threshold, args.permutations, args.bands, args.rows)
    tables = TABLES if args.source == "parquet" else (*TABLES, "damage")
    kept.check_absent(spark, args, *tables)
    keep = partial(kept.keep, args=args)
    rows = texts(spark, args)
    prints = keep(fingerprints(rows, args.shingle, args.permutations, shape))
    check_once(prints)
    narrow = keep(with_first(prints))
    members = keep(shared_buckets(narrow))
    pairs = keep(equal_pairs(narrow).union(compared(candidates(members), prints)))
    edges = pairs.where(f"jaccard >= {float(args.threshold)!r}D").select("a", "b")
    clusters = keep(clusters_of(prints, components(edges, keep)))
    common.save(shown_pairs(pairs, prints), args, "pairs")
    common.save(clusters, args, "clusters")
    dropped = clusters.where("not kept").select(*PLACE[1:])
    common.save(rows.join(dropped, [*PLACE[1:]], "left_anti"), args, "kept")
    if "damage" in tables:
        lost = crawlmill.spark.damage(spark, args.inputs, table=args.source, columns="url,text", **common.reading(args))
        common.save(lost, args, "damage")
    print(f"texts with words: {prints.count()}; {shape.bands} bands of {shape.rows} rows")
    full = members.where(f"size(ids) > {FULL}").count()
    if full:
        print(f"buckets with more than {FULL} texts: {full}; of these only the first was compared with the others")
    print(f"pairs: {pairs.count()} candidates, {edges.count()} of them near duplicates")
    print(f"clusters: {clusters.where('kept').count()}; dropped: {clusters.where('not kept').count()} texts")


def texts(spark: SparkSession, args: argparse.Namespace) -> DataFrame:
    """The rows of the input that have a text: at least the columns of :data:`PLACE` and ``text``.

    Raises:
        UsageError: columns are missing, or there are the texts of several extractors and none is chosen.
    """
    if args.source != "parquet":
        columns = "url,uri,offset,ordinal,length,date,digest,text"
        types = "response" if args.source == "warc" else None
        return crawlmill.spark.records(
            spark, args.inputs, table=args.source, columns=columns, types=types, **common.reading(args)
        ).where("text != ''")
    if args.where is not None or args.base is not None:
        raise UsageError(
            "--where and --base are for archives", hint="choose rows with Spark before, or use --from warc"
        )
    rows = spark.read.parquet(*args.inputs)
    missing = [name for name in (*PLACE, "text") if name not in rows.columns]
    if missing:
        raise UsageError(
            f"no column is called {missing[0]!r}", ", ".join(args.inputs), "name tables as extract_text.py writes them"
        )
    if args.extractor is not None:
        if "extractor" not in rows.columns:
            raise UsageError("no column is called 'extractor'", ", ".join(args.inputs), "leave out --extractor")
        return rows.where(rows.extractor == args.extractor)
    if "extractor" in rows.columns:
        names = sorted(str(row.extractor) for row in rows.select("extractor").distinct().limit(10).collect())
        if len(names) > 1:
            raise UsageError(
                f"there are texts of {', '.join(names)}", ", ".join(args.inputs), f"choose: --extractor {names[0]}"
            )
    return rows


def fingerprints(rows: DataFrame, shingle: int, permutations: int, shape: Shape) -> DataFrame:
    """A row for each text with a word in it: ``id``, :data:`PLACE`, and what a
    :class:`crawlmill.spark_apps.minhash.Fingerprint` has."""
    from pyspark.sql import functions as F

    # md5 of what names the text: the same in every run, and 16 bytes in place of a URL and a path.
    place = F.concat_ws("\0", "uri", F.col("offset").cast("string"), F.col("ordinal").cast("string"))
    make = F.udf(
        partial(fingerprint, size=shingle, permutations=permutations, shape=shape), FINGERPRINT, useArrow=False
    )
    made = rows.select(F.unhex(F.md5(place)).alias("id"), *PLACE, make("text").alias("made"))
    return made.where("made is not null").select("id", *PLACE, "made.*")


def check_once(prints: DataFrame) -> None:
    """Raises :class:`CrawlmillError` when a text is there twice: it would be its own duplicate."""
    from pyspark.sql import functions as F

    counts = prints.groupBy("id").agg(
        F.min("uri").alias("uri"), F.min("offset").alias("offset"), F.count("*").alias("n")
    )
    for row in counts.where("n > 1").limit(1).collect():
        raise CrawlmillError("the text of this place is there twice", f"{row.uri}@{row.offset}", "name each table once")


def first() -> Column:
    """The place and the id of a text as one value: the smaller is the first."""
    from pyspark.sql import functions as F

    return F.struct(*PLACE, "id")


def with_first(prints: DataFrame) -> DataFrame:
    """Of each text ``id``, ``buckets``, the number of its shingles as ``size``, and ``first``: the first text of those that
    have the same shingles."""
    from pyspark.sql import functions as F

    firsts = prints.groupBy("same").agg(F.min(first()).alias("first")).select("same", F.col("first.id").alias("first"))
    return prints.join(firsts, "same").selectExpr("id", "first", "buckets", "bigint(size(shingles)) AS size")


def shared_buckets(narrow: DataFrame) -> DataFrame:
    """The buckets with several texts in them, of those that are first of their like: ``bucket`` and ``ids``, in order."""
    from pyspark.sql import functions as F

    members = narrow.where("id = first").select("id", F.explode("buckets").alias("bucket"))
    return members.groupBy("bucket").agg(F.sort_array(F.collect_list("id")).alias("ids")).where("size(ids) > 1")


def candidates(members: DataFrame) -> DataFrame:
    """The pairs ``a < b`` out of :func:`shared_buckets`, each once; of a bucket with more than :data:`FULL` texts those with
    its first."""
    from pyspark.sql import functions as F

    all_with_all = "flatten(transform(ids, (a, at) -> transform(slice(ids, at + 2, size(ids)), b -> struct(a, b))))"
    first_with_all = "transform(slice(ids, 2, size(ids)), b -> struct(ids[0] AS a, b))"
    pairs = F.expr(f"explode(if(size(ids) <= {FULL}, {all_with_all}, {first_with_all}))").alias("pair")
    return members.select(pairs).select("pair.a", "pair.b").distinct()


def equal_pairs(narrow: DataFrame) -> DataFrame:
    """Of texts with the same shingles, the first with each of the others; columns as of :func:`compared`."""
    columns = ("first AS a", "id AS b", "size AS shared", "size AS total", "1.0D AS jaccard", "1.0D AS estimate")
    return narrow.where("id != first").selectExpr(*columns)


def compared(pairs: DataFrame, prints: DataFrame) -> DataFrame:
    """Pairs with their similarity.

    Returns:
        Columns ``a`` and ``b`` (ids), ``shared`` and ``total`` (shingles in both and in either), ``jaccard``, ``estimate``
        (the part of the signatures in which they agree).
    """
    one = prints.selectExpr("id AS a", "shingles AS shingles_a", "signature AS signature_a")
    two = prints.selectExpr("id AS b", "shingles AS shingles_b", "signature AS signature_b")
    agree = "size(filter(arrays_zip(signature_a, signature_b), pair -> pair.signature_a = pair.signature_b))"
    both = pairs.join(one, "a").join(two, "b").selectExpr(
        "a", "b",
        "bigint(size(array_intersect(shingles_a, shingles_b))) AS shared",
        "bigint(size(shingles_a) + size(shingles_b)) AS sizes",
        f"{agree} / size(signature_a) AS estimate",
    )  # fmt: skip
    counted = both.selectExpr("a", "b", "shared", "sizes - shared AS total", "estimate")
    return counted.selectExpr("a", "b", "shared", "total", "shared / total AS jaccard", "estimate")


def clusters_of(prints: DataFrame, found: DataFrame) -> DataFrame:
    """The members of each component: :data:`PLACE`, the same of the one that is kept as ``kept_url`` and so on, ``kept``
    (whether it is that one) and ``members``."""
    from pyspark.sql import functions as F

    members = prints.select("id", *PLACE).join(found.withColumnRenamed("node", "id"), "id")
    keepers = members.groupBy("root").agg(F.min(first()).alias("keeper"), F.count("*").alias("members"))
    names = [F.col(f"keeper.{name}").alias(f"kept_{name}") for name in PLACE]
    is_kept = (F.col("id") == F.col("keeper.id")).alias("kept")
    return members.join(keepers, "root").select(*PLACE, *names, is_kept, "members")


def shown_pairs(pairs: DataFrame, prints: DataFrame) -> DataFrame:
    """Pairs with the places of their texts, the first one first."""
    from pyspark.sql import functions as F

    place = prints.select("id", first().alias("place"))
    joined = pairs.join(place.toDF("a", "place_a"), "a").join(place.toDF("b", "place_b"), "b")
    joined = joined.withColumn("one", F.least("place_a", "place_b")).withColumn("two", F.greatest("place_a", "place_b"))
    names = [
        F.col(f"{side}.{name}").alias(f"{name}_{mark}") for side, mark in (("one", "a"), ("two", "b")) for name in PLACE
    ]
    return joined.select(*names, "shared", "total", "jaccard", "estimate")


if __name__ == "__main__":
    raise SystemExit(common.run(parser(), work))

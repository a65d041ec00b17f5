"""The graph of hosts that link to each other, with degrees, PageRank and harmonic centrality, from WAT or WARC.

  spark-submit spark_apps/host_graph.py data_samples/wat -o graph

DIR/vertices (id, reversed host), DIR/edges (from, to) and DIR/ranks are text in the formats of Common Crawl's host-level web
graphs; DIR/hosts is one Parquet table of a row a host: id, host_rev, pages, out_degree, in_degree, harmonic, pagerank.
DIR/_damage takes what could not be read.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from crawlmill import Record, analysis, registry, wire
from crawlmill.mapside import map_side
from crawlmill.partial import damage_rows
from crawlmill.plan.split import Split
from crawlmill.records import urls
from crawlmill.reducers import total
from crawlmill.spark.arrays import KINDS
from crawlmill.spark.mapped import map_splits
from crawlmill.spark.options import plain, query_of
from crawlmill.spark.tables import DAMAGE, table_of
from crawlmill.spark_apps.common import (
    add_max_body,
    add_output,
    add_reading,
    application,
    reading,
    run,
    save,
    save_damage,
)
from crawlmill.task import Job

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column, DataFrame, SparkSession

EPILOG = """EDGES are those of the analysis links: href of a and area elements, each pair of hosts once. Hosts lose www., links
inside a host do not count, IP addresses are left out, hosts without links stay; ids are in the order of reversed names, from
0. Common Crawl takes more kinds of links, and only names under a domain of IANA.
PAGERANK: power iteration, damping 0.85, the rank of a host without links goes to all alike, until the sum of changes is below
--tolerance. Up to --exact hosts on the driver, above that one join a step.
HARMONIC CENTRALITY of v: the sum of 1/d(u, v) over all u that reach v. Up to --exact hosts by sets on the driver, exactly;
above that by HyperBall (Boldi and Vigna, In-Core Computation of Geometric Centralities with HyperBall, 2013) with a
HyperLogLog sketch of 4,096 registers a host (a relative standard error of about 2 % a ball), one join a step."""
DAMPING = 0.85
REGISTERS = 12
"""Logarithm of the number of registers of a sketch."""
_FOUND = "source string, target string, count bigint, " + ", ".join(
    f"damage_{name} {type}" for name, type in DAMAGE.items()
)
_COLUMNS = [item.strip().split(" ", 1) for item in _FOUND.split(", ")]


@analysis(reduce=total, key="host: string", value="pages: int64", types="response metadata/json")
def pages(record: Record) -> Iterator[tuple[str, int]]:
    """Responses per host, of a WARC or of its WAT."""
    wat = record.wat if record.type == "metadata" else None
    url = record.url if wat is None else wat.url if wat.source_type == "response" else None
    host = None if url is None else urls.host(url)
    if host is not None and (record.type != "metadata" or wat is not None):
        yield host, 1


PAGES = f"{os.path.abspath(__file__)}:pages"


def found_in(split: Split, job: Job) -> Iterator[pa.RecordBatch]:
    """Links, hosts with their pages (no target), and damage of a split, as rows."""
    import pyarrow as pa

    rows: list[list[object]] = []
    nothing = [None] * len(DAMAGE)
    for line in chain.from_iterable(map_side(job, [split])):
        key, value = wire.split(line)
        name, columns = wire.parse_key(key)
        if name == "links":
            rows.append([*columns, int(value), *nothing])
        elif name == "pages":
            rows.append([*columns, None, int(value), *nothing])
        elif name == wire.DAMAGE:
            states = json.loads(value)
            rows += [[None, None, None, *[getattr(row, name) for name in DAMAGE]] for row in damage_rows(key, states)]
    for start in range(0, len(rows), 10_000):
        part = rows[start : start + 10_000]
        arrays = [
            KINDS[type].array([KINDS[type].cell(row[at]) for row in part]) for at, (_, type) in enumerate(_COLUMNS)
        ]
        yield pa.RecordBatch.from_arrays(arrays, names=[name for name, _ in _COLUMNS])


def read_graph(spark: SparkSession, args: argparse.Namespace) -> DataFrame:
    """One pass over the archives: a row a link, a host and a damage row of each split."""
    options = plain(reading(args))
    query = query_of(table_of("warc"), options)
    job = Job(tuple(registry.load(["links", PAGES])), None, query.where, query.max_record, query.full, query.max_body)
    places = {name: text for name, text in reading(args).items() if name in ("split_bytes", "base")}
    return map_splits(spark, args.inputs, places, partial(found_in, job=job), _FOUND)


def name_of(host: str | None) -> str | None:
    """The reversed name of a host in the graph; None for an address.

    >>> name_of("www.example.co.uk"), name_of("192.0.2.1"), name_of("example.com.")
    ('uk.co.example', None, 'com.example')
    """
    if host is None or urls.public_suffix(host) is None:
        return None
    name = host.removesuffix(".")
    if name.startswith("www.") and name.count(".") > 1:
        name = name[4:]
    return urls.reverse_host(name)


def numbered(rows: DataFrame, order: Sequence[Column | str], name: str, start: int) -> DataFrame:
    """Rows with their place in an order of all of them, without bringing them together in one task."""
    from pyspark.sql import Window
    from pyspark.sql.functions import create_map, lit, row_number, spark_partition_id

    parts = rows.orderBy(*order).withColumn("_part", spark_partition_id()).localCheckpoint()
    counts = {row["_part"]: row["count"] for row in parts.groupBy("_part").count().collect()}
    before, pairs = start - 1, [lit(-1), lit(0)]
    for part in sorted(counts):
        pairs += [lit(part), lit(before)]
        before += counts[part]
    place = row_number().over(Window.partitionBy("_part").orderBy(*order))
    return parts.withColumn(name, place + create_map(*pairs)[parts["_part"]].cast("bigint")).drop("_part")


def graph_of(found: DataFrame) -> tuple[DataFrame, DataFrame]:
    """The vertices (id, host_rev, pages) and the edges (source, target: ids) of what was found."""
    from pyspark.sql.functions import expr, udf

    name = udf(name_of, "string", useArrow=False)
    ends = found.where("source is not null").select(
        name("source").alias("source"), name("target").alias("target"), expr("target is null").alias("page"), "count"
    )
    ends = ends.where("source is not null").persist()
    sides = ends.selectExpr("source as host_rev", "if(page, count, 0) as pages").union(
        ends.where("target is not null").selectExpr("target as host_rev", "bigint(0) as pages")
    )
    hosts = sides.groupBy("host_rev").agg(expr("sum(pages) as pages"))
    vertices = numbered(hosts, ["host_rev"], "id", 0).localCheckpoint()
    links = ends.where("target <> source").select("source", "target").distinct()
    edges = (
        links.join(vertices.selectExpr("host_rev as source", "id as from"), "source")
        .join(vertices.selectExpr("host_rev as target", "id as to"), "target")
        .selectExpr("from as source", "to as target")
        .localCheckpoint()
    )
    ends.unpersist()
    return vertices, edges


def pagerank(vertices: DataFrame, edges: DataFrame, tolerance: float, iterations: int) -> DataFrame:
    """(id, pagerank): the ranks sum up to 1."""
    from pyspark.sql.functions import expr

    count = vertices.count()
    degrees = edges.groupBy("source").agg(expr("count(*) as degree")).localCheckpoint()
    ranks = vertices.select("id", expr(f"1d / {count} as pagerank"))
    for _ in range(iterations):
        told = ranks.join(degrees.withColumnRenamed("source", "id"), "id", "left")
        given = told.where("degree is not null").selectExpr("id as source", "pagerank / degree as share")
        lost = told.where("degree is null").agg(expr("coalesce(sum(pagerank), 0d)")).collect()[0][0]
        got = given.join(edges, "source").groupBy("target").agg(expr("sum(share) as got"))
        base = (1 - DAMPING + DAMPING * lost) / count
        after = ranks.join(got.withColumnRenamed("target", "id"), "id", "left").selectExpr(
            "id", f"{base!r}d + {DAMPING}d * coalesce(got, 0d) as pagerank", "pagerank as before"
        )
        after = after.localCheckpoint()
        change = after.agg(expr("sum(abs(pagerank - before))")).collect()[0][0] or 0.0
        ranks = after.select("id", "pagerank")
        if change < tolerance:
            break
    return ranks


def ranked(vertices: DataFrame, edges: DataFrame, exact: int, tolerance: float, iterations: int) -> DataFrame:
    """(id, harmonic, pagerank): on the driver up to so many vertices, by joins above."""
    count = vertices.count()
    if count > exact:
        return hyperball(vertices, edges).join(pagerank(vertices, edges, tolerance, iterations), "id")
    pairs = [(row.source, row.target) for row in edges.collect()]
    rows = zip(
        range(count), exact_harmonic(count, pairs), small_pagerank(count, pairs, tolerance, iterations), strict=True
    )
    return vertices.sparkSession.createDataFrame(list(rows), "id bigint, harmonic double, pagerank double")


def small_pagerank(count: int, edges: Sequence[tuple[int, int]], tolerance: float, iterations: int) -> list[float]:
    """As :func:`pagerank`, of the vertices 0 to count - 1.

    >>> [round(rank, 3) for rank in small_pagerank(3, [(0, 1), (1, 2), (2, 1)], 1e-9, 1000)]
    [0.05, 0.486, 0.464]
    """
    degrees = [0] * count
    for source, _ in edges:
        degrees[source] += 1
    ranks = [1 / max(1, count)] * count
    for _ in range(iterations):
        lost = sum(rank for rank, degree in zip(ranks, degrees, strict=True) if not degree)
        after = [(1 - DAMPING + DAMPING * lost) / count] * count
        for source, target in edges:
            after[target] += DAMPING * ranks[source] / degrees[source]
        change = sum(abs(new - old) for new, old in zip(after, ranks, strict=True))
        ranks = after
        if change < tolerance:
            break
    return ranks


def exact_harmonic(count: int, edges: Sequence[tuple[int, int]]) -> list[float]:
    """Harmonic centrality of the vertices 0 to count - 1: balls that grow by one step each time, as sets of bits.

    >>> exact_harmonic(3, [(0, 1), (1, 2)])
    [0.0, 1.0, 1.5]
    """
    balls = [1 << vertex for vertex in range(count)]
    values, step = [0.0] * count, 0
    while True:
        step += 1
        grown = list(balls)
        for source, target in edges:
            grown[target] |= balls[source]
        if grown == balls:
            return values
        for vertex in range(count):
            values[vertex] += (grown[vertex].bit_count() - balls[vertex].bit_count()) / step
        balls = grown


def hyperball(vertices: DataFrame, edges: DataFrame) -> DataFrame:
    """As :func:`exact_harmonic`, with a sketch of each ball."""
    from pyspark.sql.functions import expr

    sketch = f"hll_sketch_agg(id, {REGISTERS}) as ball"
    balls = vertices.groupBy("id").agg(expr(sketch)).selectExpr("id", "ball", "1d as size", "0d as harmonic")
    balls = balls.localCheckpoint()
    step = 0
    while True:
        step += 1
        told = balls.selectExpr("id as source", "ball").join(edges, "source").selectExpr("target as id", "ball")
        union = told.union(balls.select("id", "ball")).groupBy("id").agg(expr("hll_union_agg(ball) as grown"))
        after = (
            balls.drop("ball")
            .join(union, "id")
            .selectExpr("id", "grown as ball", "harmonic", "size", "double(hll_sketch_estimate(grown)) as now")
        )
        after = after.selectExpr(
            "id",
            "ball",
            "greatest(now, size) as size",
            f"harmonic + greatest(now - size, 0d) / {step} as harmonic",
            "now > size as grew",
        )
        after = after.localCheckpoint()
        balls = after.drop("grew")
        if after.where("grew").limit(1).count() == 0:
            return balls.select("id", "harmonic")


def work(spark: SparkSession, args: argparse.Namespace) -> None:
    """Read once, build, rank, write."""
    from pyspark.sql.functions import desc, expr

    found = read_graph(spark, args).persist()
    vertices, edges = graph_of(found)
    out = edges.groupBy("source").agg(expr("count(*) as out_degree")).withColumnRenamed("source", "id")
    into = edges.groupBy("target").agg(expr("count(*) as in_degree")).withColumnRenamed("target", "id")
    hosts = vertices.join(out, "id", "left").join(into, "id", "left")
    hosts = hosts.join(ranked(vertices, edges, args.exact, args.tolerance, args.iterations), "id").selectExpr(
        "id", "host_rev", "pages", "coalesce(out_degree, 0) as out_degree", "coalesce(in_degree, 0) as in_degree",
        "harmonic", "pagerank",
    ).localCheckpoint()  # fmt: skip
    text = {"format": "text", "compression": "gzip"}
    save(vertices.orderBy("id").selectExpr(r"concat_ws('\t', id, host_rev) as value"), args, "vertices", **text)
    save(
        edges.orderBy("source", "target").selectExpr(r"concat_ws('\t', source, target) as value"), args, "edges", **text
    )
    places = numbered(hosts, [desc("pagerank"), "host_rev"], "pr_pos", 1)
    places = numbered(places, [desc("harmonic"), "host_rev"], "harmonicc_pos", 1)
    lines = places.selectExpr(
        "harmonicc_pos as at", r"concat_ws('\t', harmonicc_pos, harmonic, pr_pos, pagerank, host_rev) as value"
    )
    head = spark.sql(r"SELECT bigint(0) AS at, '#harmonicc_pos\t#harmonicc_val\t#pr_pos\t#pr_val\t#host_rev' AS value")
    save(head.union(lines).orderBy("at").select("value"), args, "ranks", **text)
    save(hosts.orderBy("id"), args, "hosts", "parquet")
    lost = found.where("damage_uri is not null").selectExpr(*[f"damage_{name} as {name}" for name in DAMAGE])
    save_damage(lost, args)
    found.unpersist()


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = application(__doc__ or "", EPILOG)
    add_reading(made)
    add_max_body(made)
    made.add_argument(
        "--exact",
        type=int,
        default=10_000,
        metavar="N",
        help="hosts up to which ranks are made on the driver (%(default)s)",
    )
    made.add_argument(
        "--tolerance", type=float, default=1e-8, help="sum of changes at which PageRank ends (%(default)s)"
    )
    made.add_argument("--iterations", type=int, default=100, metavar="N", help="of PageRank at most (%(default)s)")
    add_output(made, formats=("text",))
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the application; answers the exit code."""
    return run(parser(), work, argv)


if __name__ == "__main__":
    sys.exit(main())

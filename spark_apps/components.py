"""From edges to the connected components of their graph, as a DataFrame: large-star and small-star, turn by turn.

After Kiveris et al., Connected Components in MapReduce and Beyond (2014). Nothing is collected on the driver; no step makes
more edges than there were.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from crawlmill.errors import CrawlmillError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

MOST = 60
"""Turns after which we give up. Their number grows with the logarithm of the longest path: a path of a million edges
takes about twenty."""


def components(edges: DataFrame, keep: Callable[[DataFrame], DataFrame], most: int = MOST) -> DataFrame:
    """The component of each node.

    Args:
        edges: columns ``a`` and ``b``, of one type that has an order; no nulls.
        keep: computes a frame once, so that a turn does not repeat those before it.
        most: turns at most.

    Returns:
        Columns ``node`` and ``root``, the smallest node of its component; a row for each node of an edge.

    Raises:
        CrawlmillError: it takes more turns.
    """
    from pyspark.sql import functions as F

    larger, smaller = F.greatest("a", "b").alias("u"), F.least("a", "b").alias("v")
    now = keep(edges.where("a != b").select(larger, smaller).distinct())
    count = now.count()
    for _ in range(most):
        before, before_count = now, count
        now = keep(small_star(large_star(now)))
        count = now.count()
        if count == before_count and now.join(before, ["u", "v"], "left_anti").isEmpty():
            roots = now.select(F.col("v").alias("u"), "v").distinct()
            return now.union(roots).toDF("node", "root")
    raise CrawlmillError(f"the components were not found in {most} turns")


def large_star(edges: DataFrame) -> DataFrame:
    """Each larger neighbour of a node, joined to the smallest of the node and all its neighbours. Edges are ``u > v``."""
    from pyspark.sql import functions as F

    both = edges.union(edges.select(F.col("v").alias("u"), F.col("u").alias("v")))
    least = both.groupBy("u").agg(F.min("v").alias("m")).select("u", F.least("u", "m").alias("m"))
    return both.join(least, "u").where("v > u").select(F.col("v").alias("u"), F.col("m").alias("v")).distinct()


def small_star(edges: DataFrame) -> DataFrame:
    """A node and its smaller neighbours, joined to the smallest of them. Edges are ``u > v``."""
    from pyspark.sql import functions as F

    least = edges.groupBy("u").agg(F.min("v").alias("m"))
    moved = edges.join(least, "u").where("v != m").select(F.col("v").alias("u"), F.col("m").alias("v"))
    return moved.union(least.select("u", F.col("m").alias("v"))).distinct()

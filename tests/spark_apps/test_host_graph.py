"""The host graph of the sample crawl: edges of the known answers, ranks those of networkx, files as they are published."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import crawlmill
from crawlmill.spark_apps import host_graph

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

nx = pytest.importorskip("networkx", reason="networkx is not installed: pip install 'crawlmill[plot]'")
pagerank_alg = pytest.importorskip("networkx.algorithms.link_analysis.pagerank_alg")
_pagerank_python = pagerank_alg._pagerank_python
pytest.importorskip("resiliparse", reason="resiliparse is not installed: pip install 'crawlmill[html]'")
pytestmark = [pytest.mark.spark, pytest.mark.xdist_group("spark")]


def lines_of(folder: Path) -> list[list[str]]:
    return [
        line.split("\t") for path in sorted(folder.glob("part-*")) for line in gzip.open(path, "rt").read().splitlines()
    ]


@pytest.fixture(scope="module")
def graph(spark: SparkSession, samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out: Path = tmp_path_factory.mktemp("graph") / "out"
    assert host_graph.main([str(samples / "wat"), "-o", str(out), "--tolerance", "1e-9"]) == 0
    return out


@pytest.fixture(scope="module")
def expected(samples: Path) -> nx.DiGraph:
    """The graph by names, from the answers that the crawl's writer counted."""
    answers = json.loads((samples / "answers.json").read_text())["crawl"]
    made = nx.DiGraph()
    for pair in answers["links"]:
        source, target = map(host_graph.name_of, pair.split(" "))
        if source and target and source != target:
            made.add_edge(source, target)
    for host in answers["hosts"]:
        if name := host_graph.name_of(host):
            made.add_node(name)
    for pair in answers["links"]:
        made.add_nodes_from(name for name in map(host_graph.name_of, pair.split(" ")) if name)
    return made


def test_vertices_and_edges(graph: Path, expected: nx.DiGraph) -> None:
    vertices = lines_of(graph / "vertices")
    assert vertices == [[str(at), name] for at, name in enumerate(sorted(expected))] and len(vertices) > 15
    names = dict(map(tuple, vertices))  # type: ignore[arg-type]
    edges = [(int(source), int(target)) for source, target in lines_of(graph / "edges")]
    assert edges == sorted(set(edges))
    assert {(names[str(source)], names[str(target)]) for source, target in edges} == set(expected.edges)


def test_degrees_and_ranks_are_those_of_networkx(spark: SparkSession, graph: Path, expected: nx.DiGraph) -> None:
    rows = {row.host_rev: row for row in spark.read.parquet(str(graph / "hosts")).collect()}
    ranks = _pagerank_python(expected, alpha=0.85, tol=1e-12, max_iter=1000)  # nx.pagerank needs scipy
    centrality = nx.harmonic_centrality(expected)
    for name in expected:
        row = rows[name]
        assert (row.in_degree, row.out_degree) == (expected.in_degree(name), expected.out_degree(name))
        assert row.pagerank == pytest.approx(ranks[name], abs=1e-6)
        assert row.harmonic == pytest.approx(centrality[name], abs=1e-12)
    assert sum(row.pagerank for row in rows.values()) == pytest.approx(1)


def test_the_file_of_ranks_is_as_published(graph: Path, expected: nx.DiGraph) -> None:
    head, *rows = lines_of(graph / "ranks")
    assert head == ["#harmonicc_pos", "#harmonicc_val", "#pr_pos", "#pr_val", "#host_rev"]
    assert [int(row[0]) for row in rows] == list(range(1, len(expected) + 1))
    values = [float(row[1]) for row in rows]
    assert values == sorted(values, reverse=True)
    by_rank = [float(row[3]) for row in sorted(rows, key=lambda row: int(row[2]))]
    assert by_rank == sorted(by_rank, reverse=True) and {int(row[2]) for row in rows} == set(range(1, len(rows) + 1))


def test_hyperball_is_near_for_a_graph_that_is_larger(spark: SparkSession) -> None:
    """Sketches of small sets are exact, so the whole of this graph must come out within the error of a sketch."""
    made = nx.gnp_random_graph(400, 0.006, seed=4, directed=True)
    vertices = spark.createDataFrame([(at,) for at in made], "id bigint")
    edges = spark.createDataFrame(list(made.edges), "source bigint, target bigint")
    found = {row.id: row.harmonic for row in host_graph.hyperball(vertices, edges).collect()}
    centrality = nx.harmonic_centrality(made)
    assert max(centrality.values()) > 50
    for vertex in made:
        assert found[vertex] == pytest.approx(centrality[vertex], rel=0.05, abs=1e-6)
    by_joins = host_graph.pagerank(vertices, edges, 0.0, 3).collect()
    alone = host_graph.small_pagerank(400, list(made.edges), 0.0, 3)
    assert [row.pagerank for row in sorted(by_joins)] == pytest.approx(alone, rel=1e-9)
    assert host_graph.exact_harmonic(400, list(made.edges)) == pytest.approx([centrality[at] for at in range(400)])


def test_a_warc_gives_the_same_graph_and_damage_is_said(
    spark: SparkSession, samples: Path, tmp_path: Path, expected: nx.DiGraph
) -> None:
    out = tmp_path / "out"
    inputs = [str(samples / "*.warc.gz"), str(samples / "damaged/truncated.warc.gz")]
    assert host_graph.main([*inputs, "-o", str(out), "--iterations", "1"]) == 0
    names = {name for _, name in lines_of(out / "vertices")}
    assert names >= set(expected)
    damage = [row.kind for row in spark.read.json(str(out / "_damage")).collect()]
    run = crawlmill.run(["links", host_graph.PAGES], inputs, workers=1, pool="thread")
    assert sorted(damage) == sorted(run.damage["kind"].to_pylist()) != []

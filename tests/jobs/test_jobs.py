"""The mrjob jobs, started as a user starts them. That the generic one gives the rows of every other engine is in
tests/conformance."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import networkx
import pytest

import crawlmill
from crawlmill.jobs import LooseVersion

ROOT = Path(__file__).resolve().parents[2]


def job(
    name: str, *words: str, stdin: bytes = b"", code: int = 0, **options: object
) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, f"jobs/{name}.py", "--no-conf", *words]
    done = subprocess.run(command, cwd=ROOT, input=stdin, capture_output=True, check=False, timeout=600)
    assert done.returncode == code, done.stderr.decode()
    return done


def lines_of(done: subprocess.CompletedProcess[bytes], name: str) -> dict[tuple[object, ...], object]:
    """Keys and values of the lines of one name."""
    pairs = [line.split(b"\t") for line in done.stdout.splitlines()]
    return {tuple(json.loads(key)[1:]): json.loads(value) for key, value in pairs if json.loads(key)[0] == name}


def test_archives_are_never_read_as_lines(samples: Path) -> None:
    """mrjob's inline and local runners read the first member of a .warc.gz and say nothing (Yelp/mrjob#1409)."""
    paths = sorted(str(path) for path in samples.glob("*.warc.gz"))
    done = job("analyze", "--analysis", "origins", "-r", "inline", *paths)
    table = crawlmill.run("origins", paths)["origins"].to_pylist()
    assert lines_of(done, "origins") == {(row["origin"],): row["pages"] for row in table}
    assert b"splits=3" in done.stderr.replace(b" ", b"")
    listed = job("analyze", "--analysis", "origins", "-q", stdin="".join(f"{path}\n" for path in paths).encode())
    assert sorted(listed.stdout.splitlines()) == sorted(done.stdout.splitlines())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "stdin", "code", "said"),
    [
        (["--analysis", "nothing", "x.warc.gz"], b"", 2, "no analysis is called 'nothing'"),
        (["--analysis", "origins"], b"\x1f\x8b\x08" + bytes(40), 2, "an archive on standard input is no manifest"),
        (["--analysis", "origins"], b"", 2, "no input"),
        (["x.warc.gz"], b"", 2, "no analysis is named"),
        (["--analysis", "origins", "--where", "status~1", "x.warc.gz"], b"", 2, "status~1"),
    ],
)
def test_what_is_wrong_is_one_line(words: list[str], stdin: bytes, code: int, said: str) -> None:
    done = job("analyze", "-q", *words, stdin=stdin, code=code)
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("crawlmill: ") and said in line


def test_the_first_hosts(samples: Path) -> None:
    paths = sorted(str(path) for path in samples.glob("*.warc.gz"))
    rows = crawlmill.run("hosts", paths)["hosts"].to_pylist()
    expected = sorted((-row["pages"], row["host"]) for row in rows)[:5]
    done = job("top_hosts", "--top", "5", "-r", "inline", "-q", *paths)
    assert list(lines_of(done, "top_hosts").items()) == [((at, host), -n) for at, (n, host) in enumerate(expected, 1)]


@pytest.fixture(scope="module")
def wat(samples: Path) -> list[str]:
    return sorted(str(path) for path in (samples / "wat").iterdir())


def pagerank(graph: networkx.DiGraph, damping: float = 0.85) -> dict[str, float]:  # type: ignore[type-arg]
    """PageRank by its definition: who links nowhere gives to all alike. (That of networkx needs scipy.)"""
    ranks = dict.fromkeys(graph, 1 / len(graph))
    for _ in range(200):
        lost = sum(rank for host, rank in ranks.items() if not graph.out_degree(host))
        got = {
            host: sum(ranks[source] / graph.out_degree(source) for source in graph.predecessors(host)) for host in graph
        }
        ranks = {host: (1 - damping) / len(graph) + damping * (got[host] + lost / len(graph)) for host in graph}
    return ranks


@pytest.mark.slow
def test_the_graph_of_hosts(wat: list[str]) -> None:
    found = lines_of(job("host_graph", "--iterations", "60", "-r", "inline", "-q", *wat), "host_graph")
    graph = networkx.DiGraph((row["source"], row["target"]) for row in crawlmill.run("links", wat)["links"].to_pylist())
    assert {host for (host,) in found} == set(graph)
    total = sum(value[2] for value in found.values())  # type: ignore[index]
    ranks = pagerank(graph)
    assert any(not graph.out_degree(host) for host in graph)
    for (host,), (out, incoming, rank) in found.items():  # type: ignore[misc]
        assert (out, incoming) == (graph.out_degree(host), graph.in_degree(host))
        assert rank / total == pytest.approx(ranks[str(host)], rel=1e-4)


@pytest.mark.slow
def test_damage_and_counters_go_through_every_step(samples: Path) -> None:
    inputs = [str(samples / "damaged" / "truncated.warc.gz"), str(samples / "damaged" / "empty.warc.gz")]
    run = crawlmill.run("hosts", inputs)
    for name in ("top_hosts", "host_graph"):
        done = job(name, "-r", "inline", "-q", *inputs)
        kept = {key[0]: value for key, value in lines_of(done, "!counters").items()}
        assert kept == run.counters and len(lines_of(done, "!damage")) == run.damage.num_rows == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", ["top_hosts", "host_graph"])
def test_processes_give_what_one_process_gives(name: str, wat: list[str], samples: Path) -> None:
    inputs = wat if name == "host_graph" else [str(samples / "*.warc.gz")]
    inline, local = (job(name, "-r", runner, "-q", *inputs) for runner in ("inline", "local"))
    assert sorted(local.stdout.splitlines()) == sorted(inline.stdout.splitlines()) != []


@pytest.mark.hadoop
@pytest.mark.xdist_group("hadoop")
@pytest.mark.parametrize("name", ["top_hosts", "host_graph"])
def test_hadoop_gives_what_one_process_gives(name: str, wat: list[str], samples: Path, cluster: Path) -> None:
    words = ["--iterations", "1", *wat] if name == "host_graph" else [str(samples / "*.warc.gz")]
    inline = job(name, "-r", "inline", "-q", *words)
    there = job(name, "-r", "hadoop", "--python-bin", sys.executable, "-D", "mapreduce.job.reduces=2", "-q", *words)
    assert sorted(there.stdout.splitlines()) == sorted(inline.stdout.splitlines()) != []


def test_versions_compare_as_distutils_did() -> None:
    rows = ["0.20", "1.0.3", "2.4.3", "2.10", "3.5.0"]
    assert sorted(rows, key=LooseVersion) == rows and LooseVersion("2.7") != LooseVersion("2.7.1")

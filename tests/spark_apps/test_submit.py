"""Every application by ``spark-submit``, on the sample crawl, whose answers are known: on this machine, and on clusters."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from clusters import SMALL, Standalone, yarn_settings
from crawlmill.spark_apps.host_graph import name_of
from submitting import APPS, Place, submit

ROOT = APPS.parent
SAMPLES = ROOT / "data_samples"
_ANSWERS: dict[str, Any] = json.loads((SAMPLES / "answers.json").read_text())
ANSWERS, FORMATS = _ANSWERS["crawl"], _ANSWERS["formats"]["warc"]
CRAWL = str(SAMPLES / "*.warc.gz")
COPIES = [str(SAMPLES / "formats" / name) for name in ("members.warc.gz", "one-member.warc.gz", "plain.warc")]
"""The same records in three containers."""


def lines_of(folder: Path) -> list[str]:
    """The lines of a folder of text files, in the order of their names; packed ones too."""
    texts = [
        gzip.open(path, "rt").read() if path.suffix == ".gz" else path.read_text()
        for path in sorted(folder.glob("part-*"))
    ]
    return "".join(texts).splitlines()


def analysed(out: Path, printed: str) -> None:
    for name, key in (("origins", "origin"), ("status", "status")):
        rows = map(json.loads, (out / f"{name}.jsonl").read_text().splitlines())
        assert {row.pop(key): row.popitem()[1] for row in rows} == ANSWERS[name]
    assert (out / "damage.jsonl").read_text() == ""


def indexed(out: Path, printed: str) -> None:
    assert lines_of(out / "cdxj") == (SAMPLES / "cdx/index.cdxj").read_text().splitlines()


def chosen(out: Path, printed: str) -> None:
    lines = (SAMPLES / "cdx/index.cdxj").read_text().splitlines()
    fields = [json.loads(line[line.index("{") :]) for line in lines if re.match("org,example[,)]", line)]
    expected = sorted((row["url"], int(row["offset"])) for row in fields if row["status"] == "200")
    assert sorted((row["url"], row["offset"]) for row in map(json.loads, lines_of(out))) == expected
    assert len(expected) == 9 and lines_of(out / "_damage") == []


def answered(out: Path, printed: str) -> None:
    rows = [line.split() for line in printed.splitlines()]
    rows = rows[
        rows.index(["host", "pages"]) + 1 :
    ]  # spark-submit puts what the driver's python warns of on stdout too
    assert {host: int(pages) for host, pages in rows} == ANSWERS["hosts"]


def drawn(out: Path, printed: str) -> None:
    names = dict(line.split("\t") for line in lines_of(out / "vertices"))
    edges = [line.split("\t") for line in lines_of(out / "edges")]
    expected = {tuple(map(name_of, pair.split(" "))) for pair in ANSWERS["links"]}
    expected = {(source, target) for source, target in expected if source and target and source != target}
    assert {(names[source], names[target]) for source, target in edges} == expected and len(edges) == len(expected)
    assert len(lines_of(out / "ranks")) == len(names) + 1


def extracted(out: Path, printed: str) -> None:
    texts, rejected = (pq.read_table(out / name) for name in ("text", "rejected"))
    assert texts.num_rows + rejected.num_rows == ANSWERS["records_by_type"]["response"]
    no_pages = rejected["reason"].to_pylist().count("not-html")
    assert no_pages == ANSWERS["records_by_type"]["response"] - ANSWERS["html_responses"]
    assert texts.num_rows > 50 and all(texts["text"].to_pylist())
    assert pq.read_table(out / "damage").num_rows == 0


def told_apart(out: Path, printed: str) -> None:
    kept, clusters = (pq.read_table(out / name) for name in ("kept", "clusters"))
    assert set(kept["uri"].to_pylist()) == {COPIES[0]} and kept.num_rows == FORMATS["html_responses"]
    members = clusters["members"].to_pylist()
    assert members and all(number % len(COPIES) == 0 for number in members)
    assert clusters["kept"].to_pylist().count(True) == kept.num_rows, "each text has copies"


@dataclass(frozen=True)
class Case:
    """An application once: its arguments without ``-o``, what holds of the folder and of stdout, and the page whose test runs
    it by ``spark-submit`` on this machine already."""

    app: str
    words: tuple[str, ...]
    check: Callable[[Path, str], None]
    output: bool = True
    page: str | None = None


QUESTION = "SELECT host, count(*) AS pages FROM warc WHERE type = 'response' AND host IS NOT NULL GROUP BY host"
CHOICE = "url_host_registered_domain = 'example.org' and fetch_status = 200"
CASES = (
    Case("analyze.py", ("origins,status", CRAWL, "--format", "jsonl"), analysed, page="spark.md"),
    Case("build_index.py", (CRAWL, "--base", str(SAMPLES)), indexed, page="spark_apps.md"),
    Case(
        "index_to_records.py",
        (str(SAMPLES / "cdx/index.cdxj"), "--where", CHOICE, "--columns", "url,offset,payload_length", "--format", "json"),
        chosen,
        page="spark_apps.md",
    ),
    Case("sql.py", (QUESTION, "--warc", CRAWL), answered, output=False),
    Case("host_graph.py", (str(SAMPLES / "wat"), "--iterations", "2"), drawn, page="spark_apps.md"),
    Case("extract_text.py", (CRAWL, "--extractor", "resiliparse"), extracted, page="spark_text.md"),
    Case("near_duplicates.py", (*COPIES, "--from", "warc"), told_apart, page="spark_text.md"),
)  # fmt: skip


@pytest.fixture(scope="session")
def local(java: None) -> Place:
    """This machine, without a cluster."""
    return Place()


@pytest.fixture
def on_standalone(standalone: Standalone) -> Place:
    """A cluster of two workers."""
    return Place(standalone.master, SMALL)


@pytest.fixture
def on_yarn(yarn: Path) -> Place:
    """A cluster of Hadoop."""
    return Place("yarn", yarn_settings())


# A row is the name of a fixture that gives a Place, the marks of its tests, and what runs there. On YARN a start takes 15
# seconds: two of them, and analyze.py by the engine's own tests.
PLACES = [
    (
        "local",
        [pytest.mark.slow, pytest.mark.spark, pytest.mark.xdist_group("spark")],
        [case for case in CASES if case.page is None],
    ),
    ("on_standalone", [pytest.mark.slow, pytest.mark.spark, pytest.mark.xdist_group("standalone")], CASES),
    (
        "on_yarn",
        [pytest.mark.slow, pytest.mark.spark, pytest.mark.hadoop, pytest.mark.xdist_group("hadoop")],
        [case for case in CASES if case.app in ("near_duplicates.py", "sql.py")],
    ),
]
RUNS = [
    pytest.param(place, case, id=f"{place}-{case.app}", marks=marks) for place, marks, cases in PLACES for case in cases
]


@pytest.mark.parametrize(("place", "case"), RUNS)
def test_an_application_by_spark_submit(
    place: str, case: Case, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extra ``spark`` brings no pandas, so the driver finds none here."""
    for package in ("pyspark", "resiliparse"):
        pytest.importorskip(package, reason=f"{package} is not installed: pip install 'crawlmill[spark,html]'")
    (tmp_path / "pandas.py").write_text("raise ImportError('hidden by a test')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    where: Place = request.getfixturevalue(place)
    out = tmp_path / "out"
    output = ("-o", out.as_uri()) if case.output else ()  # by its scheme: a cluster's own file system may be another
    done = submit(case.app, *case.words, *output, master=where.master, settings=where.settings)
    assert done.returncode == 0, done.stderr[-4000:]
    case.check(out, done.stdout)


@pytest.mark.parametrize("case", [case for case in CASES if case.page], ids=lambda case: case.app)
def test_a_page_runs_what_is_left_out_here(case: Case) -> None:
    text = (ROOT / "docs" / str(case.page)).read_text("utf-8").replace("\\\n", " ")
    assert re.search(rf"^\$ spark-submit .*{case.app}", text, re.M)


def test_every_application_has_its_case() -> None:
    programs = {path.name for path in APPS.glob("*.py") if 'if __name__ == "__main__"' in path.read_text("utf-8")}
    assert programs == {case.app for case in CASES}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.app)
def test_help_needs_no_spark_and_the_work_says_that_it_does(case: Case) -> None:
    hidden = "import runpy, sys; sys.modules['pyspark'] = None; runpy.run_path(sys.argv.pop(1), run_name='__main__')"

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", hidden, str(APPS / case.app), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    shown = run("--help")
    assert shown.returncode == 0 and shown.stdout.startswith("usage: ") and "--output DIR" in shown.stdout, shown.stderr
    done = run(*case.words, "-o", "x")
    assert done.returncode == 1 and done.stderr.endswith("; pip install 'crawlmill[spark]'\n"), done.stderr
    assert done.stderr.count("\n") == 1

"""A store that is away: it is waited for, somebody is told, and then the task fails without a row."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import crawlmill
from archives import gz, make_record
from crawlmill.engines.spark import Spark
from crawlmill.errors import CrawlmillError, StoreAway, UsageError
from crawlmill.stores import for_nodes, patience, store_of
from crawlmill.stores.patience import Away, patiently
from web_hdfs import WebHdfsServer, web_hdfs

DATA = gz([make_record("response", f"http://a.example/{number}", os.urandom(3000)) for number in range(200)])
LARGE = make_record("response", "http://a.example/", os.urandom(6 << 20)) * 4
"""Its third read is that of a body, when an analysis asks for it."""
URI = "hdfs:///crawl"
CATCHES = '''
import crawlmill
from crawlmill.reducers import total

@crawlmill.analysis(reduce=total, key="size: int64", value="records: int64", types="response")
def sizes(record):
    """Catches whatever its record raises."""
    try:
        yield len(record.body), 1
    except Exception:
        yield -1, 1
'''


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebHdfsServer]:
    with web_hdfs() as made:
        monkeypatch.setenv("CRAWLMILL_WEBHDFS", f"127.0.0.1:{made.port}")
        monkeypatch.setenv("CRAWLMILL_STORE_WAIT", "0")
        for name in ("a", "b", "c"):
            made.add(f"/crawl/{name}.warc.gz", DATA)
        yield made


def away_from(server: WebHdfsServer, operation: str, first: int, last: int) -> None:
    """Let the server refuse requests of an operation, from one number to another."""
    server.at[operation, first] = lambda: setattr(server, "refuse", f"{operation}:page")
    server.at[operation, last + 1] = lambda: setattr(server, "refuse", "")


@pytest.mark.slow
@pytest.mark.parametrize("operation", ["LISTSTATUS", "OPEN", "READ", "GETFILESTATUS"])
def test_a_store_that_comes_back_costs_nothing(
    server: WebHdfsServer, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRAWLMILL_STORE_WAIT", "60")
    said: list[str] = []
    monkeypatch.setattr(patience, "say", said.append)
    away_from(server, operation, 1, 3)
    run = crawlmill.run("records", URI, workers=1, pool="thread")
    assert run.counters["records"] == 600 and run.damage.num_rows == 0
    assert server.refuse == "" and server.asked[operation] > 3
    assert all(f"{URI}" in line and "waiting" in line for line in said)


def test_who_waits_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    said, slept, failures = [], [], iter(range(7))
    monkeypatch.setattr(patience, "say", said.append)
    monkeypatch.setattr(patience.time, "sleep", slept.append)

    def attempt() -> str:
        if next(failures, None) is not None:
            raise Away("503")
        return "here"

    assert patiently(attempt, "x://h/a", 120) == "here"
    assert slept == [0.3, 0.6, 1.2, 2.4, 4.8, 9.6, 10.0]
    assert said[0] == "x://h/a: 503; waiting, 120 s more at most" and len(said) == 5


def test_a_store_that_stays_away_ends_the_run_and_resume_goes_on(server: WebHdfsServer, tmp_path: Path) -> None:
    here = crawlmill.run("records", URI, workers=1, pool="thread")
    server.asked.clear()
    away_from(server, "READ", 3, 1 << 30)
    with pytest.raises(StoreAway, match=r"c\.warc\.gz: the store is out of reach.*waited 0 s.*--resume"):
        crawlmill.run("records", URI, workers=1, pool="thread", output=tmp_path / "out")
    server.refuse = ""
    server.at.clear()
    server.reads.clear()
    run = crawlmill.run("records", URI, workers=1, pool="thread", output=tmp_path / "out", resume=True)
    assert run["records"].equals(here["records"]) and run.damage.num_rows == 0
    assert {path for path, _, _ in server.reads} == {"/crawl/c.warc.gz"}


def test_an_analysis_that_catches_everything_does_not_hide_it(server: WebHdfsServer, tmp_path: Path) -> None:
    (tmp_path / "catching.py").write_text(CATCHES)
    server.add("/crawl/a.warc", LARGE)
    away_from(server, "READ", 3, 3)
    with pytest.raises(StoreAway):
        crawlmill.run(f"{tmp_path}/catching.py:sizes", f"{URI}/a.warc", workers=1, pool="thread")


@pytest.mark.slow
def test_a_record_is_not_blamed_for_the_store(server: WebHdfsServer, tmp_path: Path) -> None:
    """The time that an analysis may take for a record does not run while the store is waited for."""
    (tmp_path / "catching.py").write_text(CATCHES.replace("except Exception", "except ZeroDivisionError"))
    server.add("/crawl/a.warc", LARGE)
    away_from(server, "READ", 3, 6)
    words = ["run", f"{tmp_path}/catching.py:sizes", f"{URI}/a.warc", "--json", "--record-timeout", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "crawlmill", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "CRAWLMILL_STORE_WAIT": "100"},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["damage"]["rows"] == 0 and server.asked["READ"] > 6
    assert "waiting, " in done.stderr


@pytest.mark.slow
def test_a_mapper_tells_hadoop(server: WebHdfsServer) -> None:
    away_from(server, "READ", 1, 3)
    done = subprocess.run(
        [sys.executable, "-m", "crawlmill.mappers.records"],
        input=f"{URI}/a.warc.gz\n",
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "CRAWLMILL_STORE_WAIT": "100"},
    )
    assert '["!counters","records"]\t200' in done.stdout and "!damage" not in done.stdout, done.stderr
    assert f"reporter:status:{URI}/a.warc.gz: " in done.stderr


def test_how_long_is_an_option(server: WebHdfsServer) -> None:
    server.refuse = "page"
    words = [sys.executable, "-m", "crawlmill", "run", "origins", f"{URI}/a.warc.gz", "--store-wait", "0.5"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "waited 0.5 s" in done.stderr and done.stderr.count("\n") == 1, done.stderr


def test_how_long_travels_to_the_nodes(server: WebHdfsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRAWLMILL_STORE_WAIT", "7")
    found = for_nodes()
    assert found["CRAWLMILL_STORE_WAIT"] == "7" and found["CRAWLMILL_WEBHDFS"] == os.environ["CRAWLMILL_WEBHDFS"]
    monkeypatch.delenv("CRAWLMILL_STORE_WAIT")
    assert list(for_nodes()) == ["CRAWLMILL_WEBHDFS"]
    for wrong in ("soon", "-1", "nan", "inf"):
        monkeypatch.setenv("CRAWLMILL_STORE_WAIT", wrong)
        with pytest.raises(UsageError, match="it is a number of seconds"):
            patience.wait_limit()


@pytest.mark.slow
@pytest.mark.parametrize("operation", ["MKDIRS", "CREATE", "WRITE", "RENAME", "GETFILESTATUS"])
def test_a_result_is_put_over_a_store_that_comes_and_goes(
    server: WebHdfsServer, tmp_path: Path, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRAWLMILL_STORE_WAIT", "60")
    (tmp_path / "run.json").write_text("{}")
    away_from(server, operation, 1, 2)
    store_of(URI).put(str(tmp_path), "hdfs:///results/a", False)
    assert store_of(URI).held("hdfs:///results/a") == {"run.json"} and server.asked[operation] > 2


@pytest.mark.parametrize("replace", [False, True])
def test_a_rename_whose_answer_was_lost_was_done(
    server: WebHdfsServer, tmp_path: Path, replace: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRAWLMILL_STORE_WAIT", "60")
    (tmp_path / "run.json").write_text("{}")
    store = store_of(URI)
    if replace:
        server.add("/results/a/run.json", b"old")

    def rename() -> None:
        (staged,) = [name for name in server.files if name.startswith("/results/.a.new.") and name.count("/") == 2]
        for name in [name for name in server.files if name.startswith(staged)]:
            server.files["/results/a" + name[len(staged) :]] = server.files.pop(name)
        server.refuse = "RENAME:page"

    last = 2 if replace else 1
    server.at["RENAME", last] = rename
    server.at["RENAME", last + 1] = lambda: setattr(server, "refuse", "")
    store.put(str(tmp_path), "hdfs:///results/a", replace)
    assert server.files["/results/a/run.json"].data == b"{}" and server.asked["RENAME"] == last + 1
    assert [name for name in server.files if name.startswith("/results/")] == ["/results/a", "/results/a/run.json"]


def test_a_store_that_goes_while_a_result_replaces_another_leaves_one_of_both(
    server: WebHdfsServer, tmp_path: Path
) -> None:
    """Whatever request it is that fails."""
    (tmp_path / "run.json").write_text("new")
    real, number, count, kept = server.answer, 0, 1, b""
    while count > number:  # the last time none did
        server.files = {name: file for name, file in server.files.items() if not name.startswith("/results")}
        server.add("/results/a/run.json", b"old")
        number, count = number + 1, 0

        def answer(*words: object) -> object:
            nonlocal count
            count += 1
            server.refuse = "page" if count == number else ""  # noqa: B023
            return real(*words)  # type: ignore[arg-type]

        server.answer = answer  # type: ignore[method-assign,assignment]
        with contextlib.suppress(CrawlmillError):
            store_of(URI).put(str(tmp_path), "hdfs:///results/a", True)
        kept = server.files["/results/a/run.json"].data or b""
        assert kept in (b"old", b"new"), number
    assert number > 8 and kept == b"new"


def test_the_setting_travels_to_executors(server: WebHdfsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRAWLMILL_STORE_WAIT", "9")
    assert "spark.executorEnv.CRAWLMILL_STORE_WAIT=9" in Spark()._settings()

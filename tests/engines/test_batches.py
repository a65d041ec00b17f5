"""Runs of several batches on engines that stream: the same bytes, and after a kill no finished batch is done again."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import crawlmill
from archives import gz, make_record
from clusters import yarn_settings
from crawlmill.cluster import daemons
from crawlmill.engines import Engine
from crawlmill.engines.mrjob import MrJob
from crawlmill.engines.spark import Spark
from crawlmill.errors import UsageError
from crawlmill.submit import read_events

BAD = str(Path(__file__).with_name("analyses.py"))
NAMES = [f"{BAD}:slow_bodies", "origins", "records"]
TABLES = ("slow_bodies.jsonl", "origins.jsonl", "records.jsonl", "damage.jsonl")


@pytest.fixture(scope="module")
def crawl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six files, one of them damaged."""
    folder, rng = tmp_path_factory.mktemp("batches"), random.Random(7)
    for number in range(6):
        pages = [make_record("response", f"http://{number}.example/{at}", rng.randbytes(9000)) for at in range(40)]
        data = bytearray(gz(pages))
        if number == 4:
            data[len(data) // 2 : len(data) // 2 + 8] = b"damaged!"
        (folder / f"{number}.warc.gz").write_bytes(data)
    return folder


@pytest.fixture(scope="module")
def whole(crawl: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What this machine gives in one batch."""
    out = tmp_path_factory.mktemp("whole") / "out"
    crawlmill.run(NAMES, crawl, output=out, format="jsonl", workers=2)
    return contents(out)


def contents(out: Path) -> dict[str, bytes]:
    assert sorted(os.listdir(out)) == sorted([*TABLES, "run.json"])
    return {name: (out / name).read_bytes() for name in TABLES}


@pytest.mark.slow
@pytest.mark.parametrize(
    "engine", [MrJob(), pytest.param(Spark("local[2]"), marks=[pytest.mark.spark, pytest.mark.xdist_group("spark")])]
)
def test_batches_change_no_byte(engine: Engine, crawl: Path, whole: dict[str, bytes], tmp_path: Path) -> None:
    said: list[str] = []
    crawlmill.run(NAMES, crawl, output=tmp_path / "out", format="jsonl", on=engine, batch=4, say=said.append)
    assert contents(tmp_path / "out") == whole
    assert [line for line in said if line.startswith("batch")] == ["batch 1 of 2: 4 splits", "batch 2 of 2: 2 splits"]


def command(crawl: Path, out: Path, *words: str) -> list[str]:
    run = [sys.executable, "-m", "crawlmill", "run", ",".join(NAMES), str(crawl), "-o", str(out), "--format", "jsonl"]
    return [*run, "--batch", "2", *words]


def end_when(ready: Callable[[], bool], words: list[str]) -> None:
    """Start a run and kill it, and what it started here, when it has come so far: applications on a cluster live on."""
    process = subprocess.Popen(
        words, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 300
    try:
        while not ready():
            assert process.poll() is None and time.monotonic() < until, process.communicate()[1]
            time.sleep(0.02)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def applications() -> dict[str, str]:
    """Every application that the cluster knows: its final status."""
    port = daemons.ports()["resourcemanager_http"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/ws/v1/cluster/apps", timeout=30) as answer:
        found: dict[str, Any] = json.load(answer)
    return {one["id"]: one["finalStatus"] for one in (found["apps"] or {"app": []})["app"]}


def check_on_yarn(words: list[str], crawl: Path, whole: dict[str, bytes], tmp_path: Path) -> None:
    """Killed in its second batch, killed again between its second and its third: every batch has succeeded once."""
    out, before = tmp_path / "out", applications()
    work, first = out / "_work", command(crawl, out, *words)

    def ids() -> list[str]:
        path = work / "events.jsonl"
        told = [event.application for event in read_events(str(path))] if path.exists() else []
        return list(dict.fromkeys(one for one in told if one is not None))

    def in_the_second() -> bool:
        return (work / "batch-00000.lines.json").exists() and len(ids()) == 2

    end_when(in_the_second, first)
    killed = ids()[1]
    again = [*first, "--resume"]
    end_when((work / "batch-00001.lines.json").exists, again)
    subprocess.run(again, check=True, capture_output=True)
    assert contents(out) == whole
    ours = {one: status for one, status in applications().items() if one not in before}
    # It may have come to its end before it was ended, or have been named and never submitted.
    assert ours.pop(killed, "KILLED") in ("KILLED", "SUCCEEDED", "UNDEFINED")
    extra = [one for one, status in ours.items() if status != "SUCCEEDED"]
    assert len(ours) - len(extra) == 3 and len(extra) <= 1, ours  # the third may have begun when the second kill came


@pytest.mark.slow
@pytest.mark.hadoop
@pytest.mark.xdist_group("hadoop")
def test_a_killed_run_on_hadoop_goes_on(cluster: Path, crawl: Path, whole: dict[str, bytes], tmp_path: Path) -> None:
    check_on_yarn(["--on", "hadoop", "--node-python", sys.executable], crawl, whole, tmp_path)


@pytest.mark.slow
@pytest.mark.hadoop
@pytest.mark.spark
@pytest.mark.xdist_group("hadoop")
def test_a_killed_run_on_spark_goes_on(yarn: Path, crawl: Path, whole: dict[str, bytes], tmp_path: Path) -> None:
    settings = [word for setting in yarn_settings() for word in ("-D", setting)]
    words = ["--on", "spark", "--master", "yarn", "--node-python", sys.executable, *settings]
    check_on_yarn(words, crawl, whole, tmp_path)


@pytest.mark.slow
def test_another_engine_may_go_on(crawl: Path, whole: dict[str, bytes], tmp_path: Path) -> None:
    """A batch is a batch, whatever engine did it."""
    out = tmp_path / "out"
    work = out / "_work"
    end_when((work / "batch-00000.lines.json").exists, command(crawl, out, "--on", "mrjob", "--runner", "local"))
    kept = (work / "batch-00000.lines").stat().st_mtime_ns
    end_when((work / "batch-00001.lines.json").exists, command(crawl, out, "--resume", "--workers", "1"))
    assert (work / "batch-00000.lines").stat().st_mtime_ns == kept
    with pytest.raises(UsageError, match="the run has batches of 2 splits, not of 3"):
        crawlmill.run(NAMES, crawl, output=out, resume=True, batch=3)
    crawlmill.run(NAMES, crawl, output=out, resume=True, format="jsonl")
    assert contents(out) == whole

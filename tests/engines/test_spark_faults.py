"""The Spark engine on a standalone cluster while parts of it fail or lag: the same rows as on this machine."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import crawlmill
from archives import gz, make_record
from clusters import SMALL, Standalone
from crawlmill.api import Run
from crawlmill.engines.spark import Spark

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("standalone")]
BAD = str(Path(__file__).with_name("analyses.py"))
NAMES = [f"{BAD}:slow_bodies", f"{BAD}:slow_merges", "records"]
FAULTY = (
    *SMALL,
    "spark.executorEnv.SLOW_MERGES=10",
    "spark.cores.max=2",
    "spark.scheduler.minRegisteredResourcesRatio=1",  # no task before both executors are there
)
SPECULATION = (
    "spark.speculation=true",
    "spark.speculation.interval=100ms",
    "spark.speculation.quantile=0.25",
    "spark.speculation.multiplier=1.1",
    "spark.speculation.minTaskRuntime=200ms",
    "spark.speculation.task.duration.threshold=4s",
)


@pytest.fixture(scope="module")
def crawl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight files, two of them damaged."""
    folder, rng = tmp_path_factory.mktemp("crawl"), random.Random(5)
    for number in range(8):
        records = [make_record("response", f"http://{at}.example/", rng.randbytes(2000)) for at in range(100)]
        data = bytearray(gz(records, 1))
        if number % 4 == 3:
            data[len(data) // 2 : len(data) // 2 + 8] = b"damaged!"
        (folder / f"{number}.warc.gz").write_bytes(data)
    return folder


@pytest.fixture(scope="module")
def here(crawl: Path) -> Run:
    """What this machine reads in them."""
    run = crawlmill.run(NAMES, crawl)
    assert run.counters["records"] == 798 and run.damage.num_rows >= 2
    return run


def executors(cluster: Standalone) -> dict[Path, int]:
    """The folders of the executors that run, and their pids."""
    return {Path(folder): pid for pid, folder, line in below(cluster) if b"CoarseGrainedExecutorBackend" in line}


def workers(cluster: Standalone, executor: Path) -> list[int]:
    """The Python workers of an executor: children of its daemon, which is Python too."""
    found = [pid for pid, folder, line in below(cluster) if folder == str(executor) and b"pyspark.daemon" in line]
    return [pid for pid in found if parent(pid) in found]


def below(cluster: Standalone) -> Iterator[tuple[int, str, bytes]]:
    """The processes whose working folder is that of an executor: pid, folder, command line."""
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            folder = os.readlink(f"/proc/{name}/cwd") if name.isdigit() else ""
            if folder.startswith(f"{cluster.folder}/work-"):
                yield int(name), folder, Path(f"/proc/{name}/cmdline").read_bytes()


def parent(pid: int) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def log(executor: Path) -> str:
    with contextlib.suppress(FileNotFoundError):  # it has just started
        return (executor / "stderr").read_text("utf-8", "replace")
    return ""


def faulty(cluster: Standalone, crawl: Path, stage: int, act: Callable[[Path], None], *settings: str) -> Run:
    """Run the analyses on the cluster, and ``act`` on an executor when both are at tasks of a stage."""
    acted, over = threading.Event(), threading.Event()

    def at_work() -> list[Path]:
        mark = re.compile(rf"Running task \S+ in stage {stage}\.0 ")
        return [folder for folder in executors(cluster) if mark.search(log(folder)) and workers(cluster, folder)]

    def wait_and_act() -> None:
        while len(found := at_work()) < 2:
            if over.wait(0.05):
                return
        act(max(found))
        if not over.is_set():
            acted.set()

    actor = threading.Thread(target=wait_and_act)
    actor.start()
    try:
        run = crawlmill.run(NAMES, crawl, on=Spark(cluster.master, 4, sys.executable, (*FAULTY, *settings)))
    finally:
        over.set()
        actor.join(60)
    assert acted.is_set(), "it came too late: the job was over"
    return run


def logs_of_last(cluster: Standalone) -> str:
    """What the executors of the last application wrote."""
    last = max((path.parent.name for path in cluster.folder.glob("work-*/app-*/*")), default="")
    return "".join(log(path) for path in sorted(cluster.folder.glob(f"work-*/{last}/*")))


def assert_equal(there: Run, here: Run) -> None:
    assert all(there[name].equals(here[name]) for name in here)
    assert there.damage.equals(here.damage) and there.counters == here.counters


@pytest.mark.parametrize("stage", [0, 1], ids=["reads", "merges"])
def test_a_killed_executor_loses_nothing(standalone: Standalone, crawl: Path, here: Run, stage: int) -> None:
    killed: list[Path] = []

    def kill(executor: Path) -> None:
        os.kill(executors(standalone)[executor], signal.SIGKILL)
        killed.append(executor)

    assert_equal(faulty(standalone, crawl, stage, kill), here)
    (executor,) = killed
    assert len(list(executor.parent.iterdir())) == 2  # the worker started another


def test_a_killed_python_worker_loses_nothing(standalone: Standalone, crawl: Path, here: Run) -> None:
    def kill(executor: Path) -> None:
        os.kill(workers(standalone, executor)[0], signal.SIGKILL)

    assert_equal(faulty(standalone, crawl, 0, kill), here)
    assert "Python worker exited unexpectedly (crashed)" in logs_of_last(standalone)


@pytest.mark.parametrize("stage", [0, 1], ids=["reads", "merges"])
def test_what_lags_is_done_twice_and_counts_once(standalone: Standalone, crawl: Path, here: Run, stage: int) -> None:
    """The Python workers of an executor are stopped, as on a node that has no time for them, and go on at the end."""
    stopped: list[int] = []

    def stop(executor: Path) -> None:
        for pid in workers(standalone, executor):
            os.kill(pid, signal.SIGSTOP)
            stopped.append(pid)

    try:
        run = faulty(standalone, crawl, stage, stop, *SPECULATION)
    finally:
        for pid in stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
    assert_equal(run, here)
    again = re.findall(rf"Running task (\d+)\.1 in stage {stage}\.0 ", logs_of_last(standalone))
    assert stopped and again


def test_a_packed_environment_runs_the_tasks(standalone: Standalone, samples: Path, packed: Path) -> None:
    inputs, names = samples / "*.warc.gz", ["tags", f"{BAD}:parser_home"]
    there = crawlmill.run(names, inputs, on=Spark(standalone.master, 2, settings=SMALL, env=str(packed)))
    assert there["tags"].equals(crawlmill.run("tags", inputs, workers=1)["tags"]) and there["tags"].num_rows > 5
    (home,) = there["parser_home"].to_pylist()
    assert (home["folder"], home["package"]) == ("env", "/resiliparse/__init__.py") and home["records"] > 50

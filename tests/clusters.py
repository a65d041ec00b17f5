"""A real Hadoop for the tests marked ``hadoop``, started by the project's own command, and a standalone cluster of Spark:
each is started once, and ended with nothing left."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from crawlmill.engines.spark import spark_submit

CRAWLMILL = [sys.executable, "-m", "crawlmill"]
HEEDS_CTRL_C = ["env", "--default-signal=INT"]
"""Before a command that a test interrupts: what a shell starts with `&` has the signal ignored, and hands that on."""


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home of a cluster that is up. ``os.environ`` names it for the time of the tests."""
    home = tmp_path_factory.mktemp("hadoop") / "cluster"
    before = {name: os.environ.pop(name, None) for name in ("HADOOP_HOME", "HADOOP_CONF_DIR", "CRAWLMILL_WEBHDFS")}
    os.environ["CRAWLMILL_CLUSTER"] = str(home)
    done = subprocess.run([*CRAWLMILL, "hadoop", "up"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    yield home
    done = subprocess.run([*CRAWLMILL, "hadoop", "down"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    del os.environ["CRAWLMILL_CLUSTER"]
    os.environ.pop("CRAWLMILL_WEBHDFS", None)
    os.environ.update({name: value for name, value in before.items() if value is not None})
    running = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert f"-Dcrawlmill.home={home}" not in running and not home.exists()


@pytest.fixture
def hdfs(cluster: Path) -> object:
    """Runs ``hdfs dfs`` with the arguments that it is given."""

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [*CRAWLMILL, "hadoop", "shell", "--", "hdfs", "dfs", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


class Standalone(NamedTuple):
    """A running cluster.

    Attributes:
        master: its URL.
        folder: below it, the folders of executors: ``work-N/APPLICATION/EXECUTOR``, each with its log, ``stderr``.
    """

    master: str
    folder: Path


@pytest.fixture(scope="session")
def standalone(java: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standalone]:
    """A standalone cluster of Spark with two workers of one core, which has one executor of an application on each."""
    pytest.importorskip("pyspark", reason="pyspark is not installed: pip install 'crawlmill[spark]'")
    folder = tmp_path_factory.mktemp("standalone")
    *words, submit = spark_submit()
    start = [*words, os.path.join(os.path.dirname(submit), "spark-class"), "org.apache.spark.deploy"]
    environment = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "256m"}
    environment["SPARK_DAEMON_JAVA_OPTS"] = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
    port, web = free_ports(2)
    master = f"spark://127.0.0.1:{port}"
    daemons = [["master.Master", "--port", str(port), "--webui-port", str(web)]]
    for number in range(2):
        limits = ["--cores", "1", "--memory", "1g", "--work-dir", str(folder / f"work-{number}")]
        daemons.append(["worker.Worker", "--port", "0", "--webui-port", "0", *limits, master])
    with ExitStack() as stack:
        for number, (name, *options) in enumerate(daemons):
            log = stack.enter_context(open(folder / f"{number}.log", "wb"))
            process = subprocess.Popen(
                [*start[:-1], f"{start[-1]}.{name}", "--host", "127.0.0.1", *options],
                stdout=log, stderr=log, env=environment, cwd=folder,
            )  # fmt: skip
            stack.callback(process.wait, 60)
            stack.callback(process.terminate)
        until = time.monotonic() + 120
        while alive(web) < 2:
            assert time.monotonic() < until, "".join(path.read_text() for path in sorted(folder.glob("*.log")))
            time.sleep(0.2)
        yield Standalone(master, folder)


def alive(web: int) -> int:
    """How many workers a master of Spark has."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{web}/json/", timeout=10) as answer:
            found: int = json.load(answer)["aliveworkers"]
            return found
    except OSError:
        return 0


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]

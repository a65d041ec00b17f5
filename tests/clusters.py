"""A real Hadoop for the tests marked ``hadoop``, started by the project's own command, a standalone cluster of Spark,
and a server of Spark Connect: each is started once, and ended with nothing left."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import pytest

from crawlmill.engines.spark import spark_submit

CRAWLMILL = [sys.executable, "-m", "crawlmill"]
HEEDS_CTRL_C = ["env", "--default-signal=INT"]
"""Before a command that a test interrupts: what a shell starts with `&` has the signal ignored, and hands that on."""


SMALL = tuple(
    f"spark.{program}.{setting}"
    for program in ("driver", "executor")
    for setting in ("memory=512m", "extraJavaOptions=-XX:+UseSerialGC -XX:TieredStopAtLevel=1")
)
"""Settings of Spark for a driver and executors that start fast and stay small."""


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


@pytest.fixture
def yarn(cluster: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a cluster, which Spark finds."""
    monkeypatch.setenv("HADOOP_CONF_DIR", str(cluster / "etc/hadoop"))
    return cluster


def yarn_settings() -> tuple[str, ...]:
    """Settings for one small executor, and for the jars that this machine has."""
    pyspark = pytest.importorskip("pyspark", reason="pyspark is not installed: pip install 'crawlmill[spark]'")
    jars = f"spark.yarn.jars=local:{Path(pyspark.__file__).parent}/jars/*"
    return jars, *SMALL, "spark.yarn.am.memory=512m", "spark.executor.instances=1"


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with resiliparse, packed."""
    folder = tmp_path_factory.mktemp("packed")
    words = [sys.executable, "-m", "venv", "--copies", "--without-pip", str(folder / "env")]
    subprocess.run(words, timeout=120, check=True)
    (site,) = folder.glob("env/lib/python3*/site-packages")
    for name in ("resiliparse", "fastwarc"):
        for file in metadata.files(name) or []:
            if ".." not in file.parts:
                (site / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file.locate(), site / file)
    with tarfile.open(folder / "env.tar.gz", "w:gz", compresslevel=1) as archive:
        archive.add(folder / "env", "")
    return folder / "env.tar.gz"


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
    port, web = free_ports(2)
    master = f"spark://127.0.0.1:{port}"
    daemons = [["master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", str(web)]]
    for number, host in enumerate(("127.0.0.1", "localhost")):  # two names: Spark repeats no laggard on its own host
        limits = ["--cores", "1", "--memory", "1g", "--work-dir", str(folder / f"work-{number}")]
        daemons.append(["worker.Worker", "--host", host, "--port", "0", "--webui-port", "0", *limits, master])
    with ExitStack() as stack:
        for number, (name, *options) in enumerate(daemons):
            words = [f"org.apache.spark.deploy.{name}", *options]
            stack.enter_context(daemon(["spark-class", *words], folder / f"{number}.log", "256m"))
        wait_for(lambda: alive(web) == 2, folder)
        yield Standalone(master, folder)


@pytest.fixture(scope="session")
def connect_server(java: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server of Spark Connect."""
    pytest.importorskip("grpc_status", reason="Spark Connect needs grpcio and more: pip install 'pyspark[connect]'")
    folder = tmp_path_factory.mktemp("connect")
    (port,) = free_ports(1)
    settings = [
        "spark.connect.grpc.binding.address=127.0.0.1",
        f"spark.connect.grpc.binding.port={port}",
        "spark.driver.bindAddress=127.0.0.1",
        "spark.driver.host=127.0.0.1",
        "spark.ui.enabled=false",
        "spark.sql.shuffle.partitions=2",
        f"spark.sql.warehouse.dir={folder / 'warehouse'}",
    ]
    words = ["--master", "local[2,4]", *[word for setting in settings for word in ("--conf", setting)]]
    words += ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal"]
    with daemon(["spark-submit", *words], folder / "server.log", "1g"):
        wait_for(lambda: listens(port), folder)
        yield f"sc://127.0.0.1:{port}"


@contextmanager
def daemon(command: list[str], log: Path, memory: str) -> Iterator[None]:
    """A program of Spark that runs while the block does, with its output in a file."""
    *before, submit = spark_submit()
    environment = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": memory}
    environment["SPARK_DAEMON_JAVA_OPTS"] = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
    environment["PYSPARK_PYTHON"] = sys.executable
    words = [*before, os.path.join(os.path.dirname(submit), command[0]), *command[1:]]
    with open(log, "wb") as file:
        process = subprocess.Popen(words, stdout=file, stderr=file, env=environment, cwd=log.parent)
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def wait_for(true: Callable[[], bool], logs: Path) -> None:
    """Wait until something is true; two minutes at most."""
    until = time.monotonic() + 120
    while not true():
        assert time.monotonic() < until, "".join(path.read_text() for path in sorted(logs.glob("*.log")))
        time.sleep(0.2)


def listens(port: int) -> bool:
    """Whether somebody listens on a port of 127.0.0.1."""
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


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

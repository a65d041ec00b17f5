"""What real clusters need. A real Hadoop for the tests marked ``hadoop``: started once by the project's own command, and ended
with nothing left; Java for those marked ``spark``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CRAWLMILL = [sys.executable, "-m", "crawlmill"]


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


@pytest.fixture(scope="session")
def java() -> None:
    """Skips where there is no Java."""
    home = os.environ.get("JAVA_HOME")
    if shutil.which("java") is None and not (home and os.access(f"{home}/bin/java", os.X_OK)):
        pytest.skip("no java on this machine: Spark needs Java 17")


SPARK_SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.memory": "1g",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.shuffle.partitions": "2",
}


@pytest.fixture(scope="session")
def spark(java: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """One Spark session for all tests: a JVM costs more than most of them. A task has four tries."""
    pytest.importorskip("pyspark", reason="pyspark is not installed: pip install 'crawlmill[spark]'")
    os.environ.update(SPARK_LOCAL_IP="127.0.0.1", PYSPARK_PYTHON=sys.executable)
    from pyspark.sql import SparkSession

    import crawlmill.spark

    builder = SparkSession.builder.master("local[2,4]")
    for name, value in SPARK_SETTINGS.items():
        builder = builder.config(name, value)
    session = builder.config("spark.sql.warehouse.dir", str(tmp_path_factory.mktemp("warehouse"))).getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    crawlmill.spark.register(session)
    yield session
    session.stop()

"""One Spark session for all tests marked ``spark``, since a JVM costs more than all of them; and an older Spark."""

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

SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.memory": "1g",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.shuffle.partitions": "2",
}
OLD = "3.5.7"
PACKAGES = [
    f"pyspark=={OLD}",
    "pandas<3",
    "pyarrow",
    "brotli",
    "lz4",
    "zstandard",
    "cloudpickle",
    "resiliparse",
    "warcio",
]


@pytest.fixture(scope="session")
def java() -> None:
    """Skips where there is no Java."""
    home = os.environ.get("JAVA_HOME")
    if shutil.which("java") is None and not (home and os.access(f"{home}/bin/java", os.X_OK)):
        pytest.skip("no java on this machine: Spark needs Java 17")


@pytest.fixture(scope="session")
def spark(java: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A session with the sources registered; a task has four tries."""
    pytest.importorskip("pyspark", reason="pyspark is not installed: pip install 'crawlmill[spark]'")
    os.environ.update(SPARK_LOCAL_IP="127.0.0.1", PYSPARK_PYTHON=sys.executable)
    from pyspark.sql import SparkSession

    import crawlmill.spark

    builder = SparkSession.builder.master("local[2,4]")
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    session = builder.config("spark.sql.warehouse.dir", str(tmp_path_factory.mktemp("warehouse"))).getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    crawlmill.spark.register(session)
    yield session
    session.stop()


@pytest.fixture(scope="session")
def old_python(java: None, root: Path) -> Path:
    """The python of an environment with an older Spark, made once below build/."""
    base = next(
        (name for name in (sys.executable, "python3.11", "python3.10") if name and shutil.which(name) and fits(name)),
        None,
    )
    if base is None:
        pytest.skip(f"Spark {OLD} runs on Python 3.8 to 3.11, and there is none here")
    home = root / "build" / f"spark-{OLD}"
    python = home / "bin" / "python"
    stamp = home / "packages"
    if not stamp.exists() or stamp.read_text() != str(PACKAGES):
        subprocess.run([base, "-m", "venv", "--clear", str(home)], check=True, timeout=120)
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        subprocess.run([*pip, *PACKAGES], check=True, timeout=900)
        subprocess.run([*pip, "--no-deps", "--editable", str(root)], check=True, timeout=300)
        stamp.write_text(str(PACKAGES))
    return python


def spark_home(python: Path) -> str:
    """The home of the Spark in a python's environment."""
    return str(next(python.parent.parent.glob("lib/*/site-packages/pyspark")))


def led_to(home: str | None, environment: pytest.MonkeyPatch) -> None:
    """Let the environment name one Spark; or none, so that a program takes its own."""
    for name in [name for name in os.environ if name.startswith(("SPARK_", "PYSPARK_"))]:
        environment.delenv(name)
    environment.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    if home is not None:
        environment.setenv("SPARK_HOME", home)


def fits(python: str) -> bool:
    code = "import sys; print(sys.version_info[:2] == (3, 11))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    return done.stdout.strip() == "True"

"""Applications through the real ``spark-submit``, wherever a test wants them to run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from crawlmill.engines.spark import spark_submit
from sessions import SETTINGS

APPS = Path(__file__).resolve().parent.parent / "spark_apps"
LOCAL = "local[2]"


@dataclass(frozen=True)
class Place:
    """Where applications run: Spark's master, and the settings (``key=value``) that it needs."""

    master: str = LOCAL
    settings: tuple[str, ...] = ()


def submit(
    app: str, *words: str, master: str = LOCAL, settings: Sequence[str] = (), timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    """What became of an application: its exit code, what it printed, and on stderr Spark's log as well.

    Driver and executors run on the python of the tests, which has crawlmill: a cluster is one of this machine. What the
    tests or a user have set for Spark does not count.

    Args:
        app: a file of ``spark_apps``.
        words: its arguments.
        master: of Spark.
        settings: ``key=value``; they win over those of the tests' session.
        timeout: in seconds.
    """
    ours = {**SETTINGS, "spark.pyspark.python": sys.executable, "spark.pyspark.driver.python": sys.executable}
    ours |= {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
    command = [*spark_submit(), "--master", master]
    for setting in (*(f"{name}={value}" for name, value in ours.items()), *settings):
        command += ["--conf", setting]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SPARK_", "PYSPARK_"))}
    return subprocess.run(
        [*command, str(APPS / app), *words],
        env={**environment, "SPARK_LOCAL_IP": "127.0.0.1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )

"""A real Hadoop for the tests marked ``hadoop``: started once by the project's own command, and ended with nothing left."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    pass

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

"""The same rows by Spark Connect, and by the Spark 3.5 that Amazon's EMR 7 has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import crawlmill
from crawlmill.engines.spark import Spark
from sessions import OLD, led_to, spark_home

pytestmark = [pytest.mark.spark, pytest.mark.xdist_group("spark")]
PROGRAM = Path(__file__).with_name("session_rows.py")


def rows_by(python: Path | str, where: str, folder: Path, inputs: list[str]) -> dict[str, Any]:
    """What a session prints that is started by another python."""
    command = [str(python), str(PROGRAM), where, str(folder), *inputs]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(found: dict[str, Any], inputs: list[str]) -> None:
    """Hold what a session printed against the local engine."""
    run = crawlmill.run("records", inputs, workers=1)
    names = run["records"].column_names
    assert sorted([str({name: row[name] for name in names}) for row in found["records"]]) == sorted(
        map(str, run["records"].to_pylist())
    )
    assert sorted(map(str, found["damage"])) == sorted(map(str, run.damage.to_pylist()))
    assert found["again"] == [run.counters["records:warcinfo"], run.counters["records"]]
    pages = crawlmill.run("records", inputs, types="response", where="status=404", workers=1)
    assert sorted(found["payloads"]) == sorted(pages["records"]["payload_length"].to_pylist())


def test_connect(connect_server: str, samples: Path, tmp_path: Path) -> None:
    inputs = [str(samples / "*.warc.gz"), str(samples / "damaged")]
    found = rows_by(sys.executable, connect_server, tmp_path, inputs)
    assert found["session"].startswith("pyspark.sql.connect")
    compare(found, inputs)


@pytest.mark.slow
def test_an_older_spark(old_python: Path, samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    led_to(None, monkeypatch)
    inputs = [str(samples / "*.warc.gz"), str(samples / "damaged")]
    found = rows_by(old_python, "local[2]", tmp_path, inputs)
    assert found["spark"] == OLD
    compare(found, inputs)


@pytest.mark.slow
def test_analyses_need_the_zip_alone(
    old_python: Path, samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older Spark; driver and executors on a bare Python, 3.9 where there is one."""
    led_to(spark_home(old_python), monkeypatch)
    roots = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    bare = [*sorted(Path(roots, "versions").glob("3.9.*/bin/python")), old_python.resolve()][0]
    done = subprocess.run([bare, "-c", "import crawlmill"], capture_output=True, check=False, timeout=60)
    assert b"No module named 'crawlmill'" in done.stderr
    inputs = [str(samples / "*.warc.gz"), str(samples / "damaged")]
    settings = (f"spark.pyspark.python={bare}", f"spark.pyspark.driver.python={bare}")
    there = crawlmill.run(["origins", "records"], inputs, on=Spark("local[2,4]", settings=settings))
    here = crawlmill.run(["origins", "records"], inputs, workers=1)
    assert all(there[name].equals(here[name]) for name in here)
    assert there.damage.equals(here.damage) and there.counters == here.counters

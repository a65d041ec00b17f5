"""cc-pyspark as PyPI has it: an environment of its own, and the words that run its server count."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

# FastWARC 2 has no FastWARCError, which cc-pyspark imports; its README asks for Spark 3.5.7.
PACKAGES = ("cc-pyspark==0.1.0.dev0", "pyspark==3.5.7", "fastwarc==0.15.2")
JOBS = {"warcio": "server_count.py", "FastWARC": "server_count_fastwarc.py"}


def environment(folder: Path) -> str:
    """Make the environment where it is not there yet; its python. Raises RuntimeError with the reason when it cannot be had."""
    python, stamp = str(folder / "bin/python"), folder / "installed"
    wanted = "\n".join((sys.version, *PACKAGES))
    if not (stamp.is_file() and stamp.read_text() == wanted):
        pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--retries", "1", *PACKAGES]
        for words in ([sys.executable, "-m", "venv", "--clear", str(folder)], pip):
            try:
                subprocess.run(words, check=True, capture_output=True, text=True, timeout=1200)
            except subprocess.CalledProcessError as error:
                said = (error.stderr or error.stdout).strip().splitlines()
                raise RuntimeError(f"{words[2]}: {said[-1] if said else error}") from None
            except subprocess.TimeoutExpired as error:
                raise RuntimeError(str(error)) from None
        stamp.write_text(wanted)
    return python


def submit(
    python: str, reader: str, master: str, manifest: Path, folder: Path, tasks: int
) -> tuple[list[str], dict[str, str]]:
    """The command of a job and what its environment needs; its table is left in a folder.

    As its README says, the modules that a job imports go with ``--py-files``. A task a file in place of 400, and JSON in place
    of Parquet, save it work.
    """
    packages = next(Path(python).parent.parent.glob("lib/python*/site-packages"))
    code = packages / "cc_pyspark"
    settings = ("spark.ui.enabled=false", "spark.driver.bindAddress=127.0.0.1", "spark.driver.host=127.0.0.1")
    words = [str(packages / "pyspark/bin/spark-submit"), "--master", master]
    for setting in (*settings, "spark.ui.showConsoleProgress=false", f"spark.sql.warehouse.dir={folder}"):
        words += ["--conf", setting]
    modules = (code / "sparkcc_fastwarc.py", code / "jobs/server_count.py")
    words += ["--py-files", ",".join(map(str, modules)), str(code / "jobs" / JOBS[reader])]
    words += [f"file://{manifest}", "servers", "--num_input_partitions", str(tasks), "--num_output_partitions", "1"]
    words += ["--output_format", "json", "--output_compression", "None"]
    pythons = {"PYSPARK_PYTHON": python, "PYSPARK_DRIVER_PYTHON": python, "PYTHONPATH": ""}
    return words, {"SPARK_HOME": str(packages / "pyspark"), **pythons}


def rows(folder: Path) -> dict[str, int]:
    """The table that a job left."""
    lines = [line for part in (folder / "servers").glob("part-*") for line in part.read_text().splitlines()]
    return {row["key"]: row["val"] for row in map(json.loads, lines)}

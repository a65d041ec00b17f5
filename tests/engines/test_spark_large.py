"""A table that is larger than the memory of Spark's driver, and than what the command may hold."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from archives import gz, make_record
from clusters import SMALL, Standalone

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("standalone")]
FILES, RECORDS = 32, 15_000
DRIVER = 512 << 20
MOST = 300 << 20
"""Bytes of memory that the command may take."""


def test_a_table_larger_than_the_driver(standalone: Standalone, tmp_path: Path) -> None:
    folder = tmp_path / "crawl"
    folder.mkdir()
    pages = [make_record("response", f"http://a.example/{at:06}?{'q' * 900}") for at in range(RECORDS)]
    (folder / "00.warc.gz").write_bytes(gz(pages, 1))
    for number in range(1, FILES):
        shutil.copyfile(folder / "00.warc.gz", folder / f"{number:02}.warc.gz")  # links would be read once
    words = [sys.executable, "-m", "crawlmill", "run", "records", str(folder), "--on", "spark", "--reducers", "4"]
    words += ["--master", standalone.master, "--node-python", sys.executable, "--top", "1"]
    for setting in SMALL:
        words += ["-D", setting]
    out = tmp_path / "out"
    with open(tmp_path / "log", "w+") as log:
        process = subprocess.Popen([*words, "-o", str(out), "--format", "jsonl"], stdout=log, stderr=log)
        peak = 0
        while process.poll() is None:
            peak = max(peak, memory(process.pid))
            time.sleep(0.05)
        log.seek(0)
        assert process.returncode == 0, log.read()
    assert 0 < peak < MOST
    table = out / "records.jsonl"
    assert table.stat().st_size > DRIVER
    count, last = 0, ""
    with open(table) as file:
        for row in map(json.loads, file):
            at = f"{row['uri']},{row['offset']},"  # the order is that of the key's bytes
            assert at > last
            count, last = count + 1, at
    assert count == FILES * RECORDS


def memory(pid: int) -> int:
    """Bytes of memory of a process that belong to no file; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("RssAnon:")), 0)

"""A table that is larger than the memory of Spark's driver, and than what the command may hold."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from archives import gz, make_record
from clusters import SMALL, Standalone

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("standalone")]
DRIVER = 512 << 20
MOST = 300 << 20
"""Bytes of memory that the command may take."""


def test_a_table_larger_than_the_driver(standalone: Standalone, tmp_path: Path) -> None:
    folder = tmp_path / "crawl"
    folder.mkdir()
    pages = [make_record("response", f"http://a.example/{at:06}?{'q' * 900}") for at in range(15_000)]
    (folder / "00.warc.gz").write_bytes(gz(pages, 1))
    for number in range(1, 32):
        os.link(folder / "00.warc.gz", folder / f"{number:02}.warc.gz")
    words = [sys.executable, "-m", "crawlmill", "run", "records", str(folder), "--on", "spark", "--reducers", "4"]
    words += ["--master", standalone.master, "--node-python", sys.executable, "--top", "1"]
    for setting in SMALL:
        words += ["-D", setting]
    outputs = {}
    for name, more in {"there": words[6:], "here": []}.items():
        out = tmp_path / name
        command = [*words[:6], *more, "-o", str(out), "--format", "jsonl"]
        with open(tmp_path / "log", "w+") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
            peak = 0
            while process.poll() is None:
                peak = max(peak, memory(process.pid))
                time.sleep(0.05)
            log.seek(0)
            assert process.returncode == 0, log.read()
        assert 0 < peak < MOST
        outputs[name] = out / "records.jsonl"
    assert outputs["there"].stat().st_size > DRIVER
    assert subprocess.run(["cmp", *map(str, outputs.values())], check=False, timeout=120).returncode == 0


def memory(pid: int) -> int:
    """Bytes of memory of a process that belong to no file; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("RssAnon:")), 0)

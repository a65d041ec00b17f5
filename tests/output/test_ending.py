"""A run that is ended anywhere, and resumed, gives the same bytes."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from archives import gz, make_record

ANALYSES = str(Path(__file__).parents[1] / "engines/analyses.py")
BATCHES: list[tuple[str, ...]] = [(), ("--batch", "1"), ("--batch", "2")]


def ending(kind: str, folder: Path, *words: str) -> dict[str, int]:
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("ending.py")), kind, str(folder), *words],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, int] = json.loads(done.stdout)
    return found


WORDS = ("--pool", "thread", "--workers", "1", "--format", "jsonl", "--split-size", "1")


@pytest.mark.slow
@pytest.mark.parametrize("batch", BATCHES)
def test_killed_at_each_step(batch: tuple[str, ...], samples: Path, tmp_path: Path) -> None:
    """Between the report and the clean-up, in the final merge, between batches and inside them."""
    found = ending("kill", tmp_path, "origins,records", str(samples / "*.warc.gz"), *WORDS, *batch)
    assert found["ended"] > 14 + 4 * bool(batch) and found["refused"] > 8


@pytest.mark.slow
@pytest.mark.parametrize("batch", BATCHES[:2])
def test_a_full_disk(batch: tuple[str, ...], samples: Path, tmp_path: Path) -> None:
    found = ending("full", tmp_path, "status,mime", str(samples / "*.warc.gz"), *WORDS, *batch)
    assert found["ended"] > 9


RUN = [sys.executable, "-m", "crawlmill", "run", f"{ANALYSES}:slow_bodies,origins,records", "--workers", "2"]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = random.Random(7)
    pages = [make_record("response", f"http://a.example/{number}", rng.randbytes(30_000)) for number in range(220)]
    path = tmp_path_factory.mktemp("large") / "large.warc.gz"
    path.write_bytes(gz(pages))
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != "run.json"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "format", "batch"),
    [(signal.SIGKILL, "jsonl", 10_000), (signal.SIGKILL, "parquet", 2), (signal.SIGTERM, "jsonl", 3)],
)
def test_ended_anywhere_by_a_signal(number: int, format: str, batch: int, large: Path, tmp_path: Path) -> None:
    """Ten seeded signals each, SIGKILL to the whole process group, resumed until the run is done."""
    words = [*RUN, str(large), "--split-size", "1", "--format", format, "--batch", str(batch)]
    whole = tmp_path / "whole"
    began = time.monotonic()
    subprocess.run([*words, "-o", str(whole)], check=True, capture_output=True)
    took = time.monotonic() - began
    rng, ended, runs = random.Random(30), 0, 0
    while ended < 10:
        out = tmp_path / f"out{runs}"
        runs += 1
        while not (out / "run.json").exists():
            again = ["--resume"] if out.exists() else []
            process = subprocess.Popen(
                [*words, "-o", str(out), *again], start_new_session=True, stderr=subprocess.PIPE, stdout=subprocess.PIPE
            )
            try:
                _, errors = process.communicate(timeout=rng.uniform(0.2, took))
                assert process.returncode == 0, errors
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, number) if number == signal.SIGKILL else process.send_signal(number)
                _, errors = process.communicate()
                ended += process.returncode != 0
                if number == signal.SIGTERM and process.returncode:
                    python = not errors or (out / "run.json").exists()  # which is starting, or ending
                    assert (python and process.returncode == -signal.SIGTERM) or (
                        process.returncode == 130 and b"goes on with --resume" in errors
                    ), errors
        if (out / "_work").exists():  # killed after the last rename
            subprocess.run([*words, "-o", str(out), "--resume"], check=True, capture_output=True)
        assert contents(out) == contents(whole)

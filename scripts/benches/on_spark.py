"""The rows of ``bench_engines`` about Spark: one question on the local engine, on Spark cold and warm, and by cc-pyspark."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benches import cc_pyspark
from benches.usage import Times, Tree, last_line, measure
from crawlmill.cluster.fetch import java
from crawlmill.errors import CrawlmillError
from crawlmill.spark.rdd import cause_of

HERE = Path(__file__).resolve().parent
QUESTION = f"{HERE / 'server_count.py'}:server_count"
TINY = HERE.parent.parent / "data_samples/CC-SAMPLE-20260105110000-20260105140000-00001.warc.gz"
TINIEST = f", a file of {TINY.stat().st_size >> 10} KiB"
LIMIT = 7200.0
"""Seconds that one command may take."""
TRIES = 3
"""Runs of the smallest job, whose median is the fixed overhead of a warm session."""


@dataclass(frozen=True)
class Row:
    """What one way took, and what it answered."""

    took: Times
    answer: dict[str, int]


@dataclass
class SparkBench:
    """The files, the processes that read them at a time, and a folder for what the ways leave."""

    files: list[str]
    workers: int
    folder: Path
    rows: dict[str, Row] = field(default_factory=dict)
    _names: Iterator[int] = field(default_factory=itertools.count)

    @property
    def master(self) -> str:
        return f"local[{self.workers},4]"

    def new(self, suffix: str = "") -> Path:
        """A path that is not there yet."""
        return self.folder / f"spark-{next(self._names)}{suffix}"


def without_spark() -> str | None:
    """Why there is no Spark here; None when there is."""
    try:
        java()
    except CrawlmillError as error:
        return str(error)
    return None if importlib.util.find_spec("pyspark") else "no pyspark was found: scripts/setup spark"


def _environment(**more: str) -> dict[str, str]:
    return {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable, **more}


def _answer(folder: Path) -> dict[str, int]:
    lines = (folder / "server_count.jsonl").read_text().splitlines()
    return {row["server"]: row["responses"] for row in map(json.loads, lines)}


def _command(bench: SparkBench, *options: str) -> Iterator[tuple[str, Row]]:
    out = bench.new()
    words = [sys.executable, "-m", "crawlmill", "run", QUESTION, *bench.files, "-o", str(out), "--format", "jsonl"]
    yield "", Row(measure([*words, *options], bench.new(".log"), timeout=LIMIT, env=_environment()), _answer(out))


def local(bench: SparkBench) -> Iterator[tuple[str, Row]]:
    """The local engine."""
    return _command(bench, "--workers", str(bench.workers))


def cold(bench: SparkBench) -> Iterator[tuple[str, Row]]:
    """``--on spark``, from the start of the command to its end."""
    return _command(bench, "--on", "spark", "--master", bench.master)


def warm(bench: SparkBench) -> Iterator[tuple[str, Row]]:
    """A session that has run the job on the first files; then on a tiny file, and on all."""
    with _session(bench) as job:
        job(bench.files[: bench.workers])
        tiny = [job([str(TINY)]) for _ in range(TRIES)]
        yield TINIEST, _median(tiny)
        yield "", job(bench.files)


def _median(rows: list[Row]) -> Row:
    return sorted(rows, key=lambda row: row.took.wall)[len(rows) // 2]


@contextmanager
def _session(bench: SparkBench) -> Iterator[Callable[[list[str]], Row]]:
    """A process with a session; what is called runs one job there, and measures it."""
    log = bench.new(".log")
    with open(log, "wb") as said:
        words = [sys.executable, str(HERE / "warm_session.py"), QUESTION, bench.master]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": said}
        process = subprocess.Popen(words, text=True, env=_environment(), **pipes)  # type: ignore[call-overload]  # named options in a dict
    tree = Tree(process.pid)
    watchdog = threading.Timer(LIMIT, tree.kill)
    watchdog.start()

    def expect(word: str) -> None:
        if process.stdout.readline().strip() != word:
            raise RuntimeError(f"the session ended: {last_line(log.read_text(errors='replace'))}")

    def job(inputs: list[str]) -> Row:
        out = bench.new()
        before = tree.times()
        process.stdin.write(json.dumps({"inputs": inputs, "output": str(out)}) + "\n")
        process.stdin.flush()
        expect("done")
        return Row(tree.times() - before, _answer(out))

    try:
        expect("ready")
        yield job
    finally:
        process.stdin.close()  # which ends the session
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            tree.kill()
            process.wait(30)
        watchdog.cancel()


def peer(reader: str) -> Callable[[SparkBench], Iterator[tuple[str, Row]]]:
    """cc-pyspark's job with one of its two readers, from the start of ``spark-submit`` to its end."""

    def way(bench: SparkBench) -> Iterator[tuple[str, Row]]:
        python = cc_pyspark.environment(HERE.parent.parent / "build/cc-pyspark")
        manifest, out = bench.new(".manifest"), bench.new()
        manifest.write_text("".join(f"{path}\n" for path in bench.files))
        words, needs = cc_pyspark.submit(python, reader, f"local[{bench.workers}]", manifest, out, len(bench.files))
        options = {"why": cause_of, "env": _environment(**needs), "cwd": bench.folder}
        took = measure(words, bench.new(".log"), timeout=LIMIT, **options)
        yield "", Row(took, cc_pyspark.rows(out))

    return way


WAYS: dict[str, Callable[[SparkBench], Iterator[tuple[str, Row]]]] = {
    "local engine": local,
    "spark cold": cold,
    "spark warm": warm,
    "cc-pyspark, warcio": peer("warcio"),
    "cc-pyspark, FastWARC": peer("FastWARC"),
}


def run(bench: SparkBench, names: list[str]) -> None:
    """Run some of the ways and print their figures."""
    size = sum(map(os.path.getsize, bench.files))
    print(
        f"\n{len(bench.files)} files, {size / 2**20:.0f} MiB, responses per Server header, {bench.workers} workers",
        flush=True,
    )
    print(
        f"{'':44}{'wall s':>8}{'CPU s':>8}{'python':>8}{'java':>8}{'others':>8}{'responses':>12}{'rows':>8}", flush=True
    )
    for name in names:
        reason = None if name == "local engine" else without_spark()
        try:
            if reason is not None:
                raise RuntimeError(reason)
            for part, row in WAYS[name](bench):
                bench.rows[name + part] = row
                took, used, counted = row.took, row.took.used, sum(row.answer.values())
                figures = f"{took.wall:8.1f}{used.all:8.1f}{used.python:8.1f}{used.java:8.1f}{took.others:8.1f}"
                print(f"{name + part:44}{figures}{counted:12}{len(row.answer):8}", flush=True)
        except RuntimeError as error:
            print(f"{name:44} left out: {error}", flush=True)
    for line in compared(bench.rows):
        print(line, flush=True)


def compared(rows: dict[str, Row]) -> Iterator[str]:
    """The figures that a reader wants to know, of those ways that ran; none of ways whose answers differ."""
    whole = {name: row for name, row in rows.items() if name in WAYS}
    first = next(iter(whole), "")
    differ = {name: _different(whole[first].answer, row.answer) for name, row in whole.items()}
    for name, keys in differ.items():
        if keys:
            yield f"{name} answers otherwise than {first}: {len(keys)} rows, {keys[0]!r} the first; it is not compared"
    same = {name for name, keys in differ.items() if not keys}
    if {"local engine", "spark warm"} <= same:
        wall, fixed, ours = (rows[name].took.wall for name in ("spark warm", f"spark warm{TINIEST}", "local engine"))
        yield f"spark warm / local engine, wall: {wall / ours:.2f}, or {(wall - fixed) / ours:.2f} less the fixed {fixed:.2f} s"
    for name in ("cc-pyspark, warcio", "cc-pyspark, FastWARC"):
        if {name, "spark cold"} <= same:
            theirs, used = rows[name].took.used, rows["spark cold"].took.used
            yield f"{name} / spark cold: Python CPU {theirs.python / used.python:.2f}, all CPU {theirs.all / used.all:.2f}"


def _different(one: dict[str, int], other: dict[str, int]) -> list[str]:
    return sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))

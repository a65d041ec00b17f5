"""The engines that the conformance suite holds: a row each, with what an engine cannot do and why."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from clusters import SMALL, Standalone, yarn_settings
from crawlmill import jobspec
from crawlmill.engines import Engine, Work
from crawlmill.engines.hadoop import Hadoop
from crawlmill.engines.local import Local
from crawlmill.engines.mrjob import MrJob
from crawlmill.engines.spark import Spark
from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.shipping import ship
from crawlmill.stores import STDIN
from sessions import OLD, led_to, spark_home


class _Own:
    """What engines of the tests have in common."""

    keeps_partials = False
    split_size = None

    def commands(self, work: Work) -> list[str]:
        raise UsageError("the test's own")


def refuse_failed(code: int, errors: str) -> None:
    """Raise for a program that failed what it said last."""
    if code:
        raise CrawlmillError(([line for line in errors.splitlines() if line.strip()] or ["it said nothing"])[-1])


@dataclass(frozen=True)
class Pipe(_Own):
    """``mapper | LC_ALL=C sort | reducer`` in a shell: what Hadoop Streaming does, without Hadoop."""

    record_timeout: float | None = None

    def run(self, work: Work) -> list[str]:
        """Two mappers, one sort, one reducer, each a process of its own."""
        folder = Path(work.scratch, "pipe")
        folder.mkdir()
        if any(split.uri == STDIN for split in work.plan.splits):
            raise UsageError("standard input is taken by the manifest")
        for path in ship(work.job, folder):
            if Path(path).parent != folder:
                shutil.copy(path, folder)
        half = len(work.plan.splits) // 2
        for name, splits in (("a", work.plan.splits[:half]), ("b", work.plan.splits[half:])):
            (folder / name).write_text("".join(split.to_json() + "\n" for split in splits))
        limit = "" if self.record_timeout is None else f" --record-timeout {self.record_timeout}"
        code = f"{sys.executable} crawlmill.zip"
        text = f"set -eo pipefail; export LC_ALL=C; for part in a b; do {code} map --job job.json{limit} < $part; done"
        text += f" | sort | {code} reduce --job job.json > out"
        done = subprocess.run(
            ["bash", "-c", text], cwd=folder, capture_output=True, text=True, check=False, timeout=300
        )
        refuse_failed(done.returncode, done.stderr)
        return [str(folder / "out")]


@dataclass(frozen=True)
class Row:
    """An engine under test.

    Attributes:
        name: the test's name for it.
        make: the engine, from what the fixture gives and the options of an engine.
        needs: the fixture that has what it runs on, if any.
        marks: what it needs.
        gaps: what it cannot do, by the name of the test, and why. Each is a strict expected failure with UsageError.
        only: the tests that it is in, where those are not :data:`EVERYWHERE`.
    """

    name: str
    make: Callable[..., Engine]
    needs: str | None = None
    marks: tuple[pytest.MarkDecorator, ...] = ()
    gaps: dict[str, str] = field(default_factory=dict)
    only: frozenset[str] = frozenset()

    def engine(self, request: pytest.FixtureRequest, **options: object) -> Engine:
        """The engine, on what it needs."""
        return self.make(None if self.needs is None else request.getfixturevalue(self.needs), **options)


def _hadoop(_: object, **options: object) -> Engine:
    return Hadoop(reducers=3, node_python=sys.executable, **options)  # type: ignore[arg-type]


def _mrjob(runner: str) -> Callable[..., Engine]:
    return lambda _, **options: MrJob(runner, **options)


def _mrjob_on_hadoop(_: object, **options: object) -> Engine:
    return MrJob("hadoop", reducers=3, node_python=sys.executable, **options)  # type: ignore[arg-type]


def _spark(_: object, **options: object) -> Engine:
    return Spark("local[2,4]", reducers=3, settings=("spark.driver.memory=1g",), **options)  # type: ignore[arg-type]


def _standalone(cluster: Standalone, **options: object) -> Engine:
    return Spark(cluster.master, 3, sys.executable, SMALL, **options)  # type: ignore[arg-type]


@dataclass(frozen=True)
class OldSpark(_Own):
    """The engine with another Spark than ours, whose Python 3.11 it takes along."""

    python: Path

    def run(self, work: Work) -> list[str]:
        names = "spark.pyspark.python", "spark.pyspark.driver.python"
        settings = ("spark.driver.memory=1g", *(f"{name}={self.python}" for name in names))
        with pytest.MonkeyPatch.context() as environment:
            led_to(spark_home(self.python), environment)
            return Spark("local[2,4]", reducers=3, settings=settings).run(work)


@dataclass(frozen=True)
class OnYarn(_Own):
    """The engine with its executors in containers of a cluster."""

    home: Path

    def run(self, work: Work) -> list[str]:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("HADOOP_CONF_DIR", str(self.home / "etc/hadoop"))
            return Spark("yarn", 3, sys.executable, yarn_settings()).run(work)


@dataclass(frozen=True)
class Connected(_Own):
    """A session of Spark Connect, in a process that has no other."""

    url: str

    def run(self, work: Work) -> list[str]:
        program = Path(__file__).with_name("connected.py")
        asked = pickle.dumps((jobspec.to_json(work.job), work.plan, work.scratch))
        done = subprocess.run(
            [sys.executable, str(program), self.url], input=asked, capture_output=True, check=False, timeout=300
        )
        refuse_failed(done.returncode, done.stderr.decode())
        found: list[str] = json.loads(done.stdout)
        return found


NO_NOTEBOOK = "its tasks find an analysis by name or file; what stands in a notebook only has neither"
NO_STDIN = "its tasks do not have our standard input"
CLUSTER = {"notebook": NO_NOTEBOOK, "standard_input": NO_STDIN}
ON_HADOOP = (pytest.mark.hadoop, pytest.mark.xdist_group("hadoop"))
ON_SPARK = (pytest.mark.spark, pytest.mark.xdist_group("spark"))


ON_STANDALONE = (pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("standalone"))
ON_YARN = (pytest.mark.spark, pytest.mark.slow, *ON_HADOOP)
EVERYWHERE = frozenset(
    {"analyses", "counters", "filters", "resume", "notebook", "standard_input", "own_code", "late_module"}
)
"""The tests of an engine; another place of it has the first ones, and one of Spark's has real archives too."""
ELSEWHERE = frozenset({"analyses", "counters", "own_code"})


def _slow(name: str) -> tuple[pytest.MarkDecorator, ...]:
    """Slow, and all its tests in one worker, which runs the engine once."""
    return pytest.mark.slow, pytest.mark.xdist_group(name)


ROWS = [
    Row("local", lambda _, **options: Local(workers=2, **options), None, (pytest.mark.xdist_group("local"),)),
    Row("pipe", lambda _, **options: Pipe(**options), None, _slow("pipe"), CLUSTER),
    Row("mrjob inline", _mrjob("inline"), None, _slow("mrjob inline"), CLUSTER),
    Row("mrjob local", _mrjob("local"), None, _slow("mrjob local"), CLUSTER),
    Row("spark", _spark, "java", ON_SPARK, {"standard_input": NO_STDIN}),
    Row("spark standalone", _standalone, "standalone", ON_STANDALONE, only=ELSEWHERE | {"corpus"}),
    Row("spark yarn", OnYarn, "cluster", ON_YARN, only=ELSEWHERE),
    Row(f"spark {OLD}", OldSpark, "old_python", (*ON_SPARK, pytest.mark.slow), only=ELSEWHERE),
    Row("spark connect", Connected, "connect_server", ON_SPARK, only=ELSEWHERE | {"notebook"}),
    Row("hadoop", _hadoop, "cluster", ON_HADOOP, CLUSTER),
    Row("mrjob hadoop", _mrjob_on_hadoop, "cluster", ON_HADOOP, CLUSTER, EVERYWHERE - {"own_code", "late_module"}),
]


def rows(test: str) -> list[object]:
    """The engines as parameters of a test; what one cannot do is expected to fail, and must."""
    found = []
    for row in ROWS:
        if test not in (row.only or EVERYWHERE):
            continue
        marks = list(row.marks)
        if test in row.gaps:
            marks.append(pytest.mark.xfail(raises=UsageError, strict=True, reason=row.gaps[test]))
        found.append(pytest.param(row, id=row.name, marks=marks))
    return found

"""The Spark engine: the application ``spark_apps/analyze.py`` under ``spark-submit``, or a session that is there already."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from crawlmill.engines import Work
from crawlmill.engines.telling import told
from crawlmill.errors import MissingExtra, UsageError
from crawlmill.hadoop import mapreduce
from crawlmill.hadoop.failures import reason
from crawlmill.hadoop.yarn import Yarn, tagged
from crawlmill.jobspec import own_zip
from crawlmill.plan.planner import CLUSTER_SPLIT
from crawlmill.shipping import ENV, JOB, ZIP, folder_of, packed_uri, write_zip
from crawlmill.spark.rdd import bring_files, lines_of, run_lines
from crawlmill.stores import for_nodes
from crawlmill.submit import Patterns, Reason, Seen, follow, new_program

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Spark:
    """Spark, by ``spark-submit``: that of ``SPARK_HOME``, else the one that comes with pyspark.

    Attributes:
        master: as Spark has it: ``local[4]``, ``spark://HOST:PORT``, ``yarn``.
        reducers: tasks that merge; None for as many as Spark likes.
        node_python: the interpreter of driver and executors on a cluster, 3.9 or later; None for ``python3``, or that of ``env``.
        settings: ``key=value`` for ``--conf``.
        record_timeout: seconds after which an analysis that is still on one record is ended.
        env: a packed environment (``.tar.gz``, ``.tgz``, ``.tar``, ``.zip``), here or in HDFS, that executors unpack. Its
            Python runs the tasks, the one that runs this the driver.
        staging: a folder that driver and executors share, as of :class:`Session`.
    """

    master: str = "local[*,4]"
    reducers: int | None = None
    node_python: str | None = None
    settings: tuple[str, ...] = ()
    record_timeout: float | None = None
    env: str | None = None
    staging: str | None = None
    keeps_partials = False
    split_size = CLUSTER_SPLIT

    def __post_init__(self) -> None:
        if self.env is None:
            return
        packed_uri(self.env)  # refuses what is none before anything starts
        if self.master.startswith("local"):
            raise UsageError(f"--env is for the nodes of a cluster, and the master is {self.master}")

    def run(self, work: Work) -> list[str]:
        """Run one application; answers a file of merged lines for each reducer.

        Raises:
            CrawlmillError: it failed, with the line that says why. UsageError: standard input is an input.
            MissingExtra: there is no Spark.
        """
        program = new_program()
        folder = os.path.join(work.scratch, program)
        os.mkdir(folder)
        parts = os.path.join(folder, "parts")
        engine = self
        if self.master == "yarn":
            engine = replace(self, settings=tagged(self.settings, "spark.yarn.tags", program))
        follow(engine._command(work, folder, parts), os.environ, patterns(self.master, program), program, work.tell)
        return sorted(os.path.join(parts, name) for name in os.listdir(parts) if name.startswith("part-"))

    def commands(self, work: Work) -> list[str]:
        """The one command, which leaves sorted parts in a folder."""
        return [shlex.join(self._command(work, work.scratch, os.path.join(work.scratch, "parts")))]

    def _command(self, work: Work, folder: str, parts: str) -> list[str]:
        """The words of ``spark-submit``, with all that it needs written to a folder."""
        _refuse_stdin(work)
        submit = spark_submit()
        lines = lines_of(work, self.reducers, self.record_timeout)
        shipped = [os.path.join(folder, ZIP), *own_zip(work.job, folder)]
        write_zip(shipped[0])
        job, manifest = os.path.join(folder, JOB), os.path.join(folder, "splits.jsonl")
        with open(job, "w", encoding="utf-8") as file:
            file.write(lines.job)
        with open(manifest, "w", encoding="ascii") as file:
            file.writelines(line + "\n" for line in lines.splits)
        words = [*submit, "--master", self.master]
        words += ["--name", "crawlmill " + ",".join(analysis.name for analysis in work.job.analyses)]
        for setting in (*self._settings(), *self.settings):
            words += ["--conf", setting]
        if self.env is not None:
            words += ["--archives", f"{packed_uri(self.env)}#{ENV}"]
        words += ["--py-files", ",".join(shipped), str(folder_of("crawlmill.spark_apps") / "analyze.py")]
        words += ["--job", job, "--manifest", manifest, "--tasks", str(lines.tasks), "-o", parts]
        if self.reducers is not None:
            words += ["--reducers", str(self.reducers)]
        if self.record_timeout is not None:
            words += ["--record-timeout", str(self.record_timeout)]
        if self.staging is not None:
            words += ["--staging", self.staging]
        return words

    def _settings(self) -> list[str]:
        """Settings that the application needs; those of the user stand behind them and win."""
        if self.master.startswith("local"):
            python = driver = sys.executable
            found = ["spark.driver.bindAddress=127.0.0.1", "spark.driver.host=127.0.0.1", "spark.ui.enabled=false"]
        else:
            python = self.node_python or ("python3" if self.env is None else f"./{ENV}/bin/python")
            driver = python if self.env is None else sys.executable
            found = []
        found += [f"spark.pyspark.python={python}", f"spark.pyspark.driver.python={driver}"]
        found += ["spark.ui.showConsoleProgress=false", "spark.speculation=false"]
        found += [f"spark.executorEnv.{name}={value}" for name, value in for_nodes().items()]
        return found


@dataclass(frozen=True)
class Session:
    """A Spark session of this program: ``crawlmill.run("origins", inputs, on=Session(spark))``.

    Attributes:
        spark: a classic session, or one of Spark Connect.
        reducers, record_timeout: as of :class:`Spark`.
        staging: a folder that driver and executors share, where they are not one machine.
    """

    spark: SparkSession
    reducers: int | None = None
    record_timeout: float | None = None
    staging: str | None = None
    keeps_partials = False
    split_size = CLUSTER_SPLIT

    def run(self, work: Work) -> list[str]:
        """Run one job; answers a file of merged lines for each reducer. Raises :class:`CrawlmillError`."""
        with told(work, "spark"):
            return self._run(work)

    def _run(self, work: Work) -> list[str]:
        _refuse_stdin(work)
        lines = lines_of(work, self.reducers, self.record_timeout)
        folder = os.path.join(work.scratch, f"spark-{uuid.uuid4().hex[:8]}")
        if type(self.spark).__module__.startswith("pyspark.sql.connect"):
            from crawlmill.spark.frames import run_frames

            write_zip(zipped := os.path.join(work.scratch, ZIP))
            return run_frames(self.spark, lines, [zipped, *own_zip(work.job, work.scratch)], folder)
        bring_files(self.spark.sparkContext, own_zip(work.job, work.scratch))
        return run_lines(self.spark.sparkContext, lines, folder, self.staging)

    def commands(self, work: Work) -> list[str]:
        """Raises :class:`UsageError`: nothing is submitted."""
        raise UsageError("a session of this program is not a command", hint="use --on spark")


_TRACKING = re.compile(r"^\s+tracking URL: (https?:\S+)")
_APPLICATION = re.compile(
    r"(?:Application ID is assigned: |Submitt(?:ing|ed) application |with app ID )(app\w*[_-][\w-]+)"
)


def read(line: str) -> Seen | None:
    """What a line of the log of ``spark-submit`` and of our application says.

    >>> read("26/11/26 16:37:35 INFO Client: Application ID is assigned: application_1795710946035_0005").application
    'application_1795710946035_0005'
    >>> read("map 40% reduce 0%").fraction
    0.2
    """
    if told := _TRACKING.search(line):
        return Seen(url=told[1], message=f"tracking: {told[1]}")
    if told := _APPLICATION.search(line):
        return Seen(application=told[1])
    return mapreduce.read(line)  # ours says how far it is in Hadoop's words


def _explain(application: str | None, lines: Sequence[str]) -> Reason:
    """Why it failed.

    >>> _explain(None, ["ERROR SparkContext: Error initializing SparkContext.", "java.io.IOException: disk full", "at a.B"]).what
    'disk full'
    """
    return reason([line for line in lines if "Error initializing SparkContext" not in line])  # the next line says why


def patterns(master: str, program: str) -> Patterns:
    """What is known of the log and the application of a program. On YARN it is tagged with the program's name, and may outlive its
    driver; elsewhere it ends with that."""
    if master != "yarn":
        return Patterns(read, explain=_explain, notable=mapreduce.NOTABLE, engine="spark")
    yarn = cluster()
    return Patterns(
        read, yarn.kill, lambda: yarn.running(program), _explain, mapreduce.NOTABLE, engine="spark", cluster="yarn"
    )


def cluster() -> Yarn:
    """What is asked for the applications of an earlier run: YARN's own command, of Spark's jars."""
    *before, submit = spark_submit()
    tool = os.path.join(os.path.dirname(submit), "spark-class")
    return Yarn((*before, tool, "org.apache.hadoop.yarn.client.cli.ApplicationCLI"), os.environ)


def _refuse_stdin(work: Work) -> None:
    if work.plan.streams:
        raise UsageError(
            "Spark's tasks cannot read our standard input or a pipe", min(work.plan.streams), "give the path of a file"
        )


def spark_submit() -> list[str]:
    """The words that start ``spark-submit``. Raises :class:`MissingExtra` when there is no Spark.

    An environment that is not active does not find its own (``Could not find valid SPARK_HOME``), so its home is named.
    """
    home = os.environ.get("SPARK_HOME")
    if home and os.access(os.path.join(home, "bin/spark-submit"), os.X_OK):
        return [os.path.join(home, "bin/spark-submit")]
    spec = importlib.util.find_spec("pyspark")
    if spec is not None and spec.submodule_search_locations:
        home = next(iter(spec.submodule_search_locations))
        return ["env", f"SPARK_HOME={home}", os.path.join(home, "bin/spark-submit")]
    found = shutil.which("spark-submit")
    if found is None:
        raise MissingExtra("pyspark", "spark")
    return [found]

"""The mrjob engine: the generic job of ``jobs/analyze.py`` over a manifest, on one of mrjob's runners."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from crawlmill import jobspec
from crawlmill.cluster.finding import find_hadoop
from crawlmill.engines import Work
from crawlmill.errors import MissingExtra, UsageError
from crawlmill.hadoop import mapreduce
from crawlmill.hadoop.failures import reason
from crawlmill.hadoop.staging import Staging
from crawlmill.hadoop.yarn import Yarn, staging_of, tagged, yarn_of
from crawlmill.plan.planner import CLUSTER_SPLIT
from crawlmill.shipping import folder_of, refuse_what_stays
from crawlmill.submit import Patterns, Reason, Seen, follow, new_program

RUNNERS = ("inline", "local", "hadoop")
_STEP = re.compile(r"Running step (\d+) of (\d+)")


def _read(line: str) -> Seen | None:
    """What a line of mrjob says where it runs the tasks itself: it tells its steps alone.

    >>> _read("Running step 1 of 1...").stage
    'step 1 of 1'
    """
    told = _STEP.search(line)
    return told and Seen(fraction=(int(told[1]) - 1) / int(told[2]), stage=f"step {told[1]} of {told[2]}")


def _explain(application: str | None, lines: Sequence[str]) -> Reason:
    return reason(list(lines))


HERE = Patterns(_read, explain=_explain, engine="mrjob")
"""The log of mrjob where it runs the tasks on this machine."""


@dataclass(frozen=True)
class MrJob:
    """mrjob.

    Attributes:
        runner: ``inline`` (one process), ``local`` (processes of this machine) or ``hadoop``.
        reducers: reduce tasks; only Hadoop heeds it.
        node_python: the interpreter on Hadoop's nodes, 3.9 or later.
        settings: ``key=value`` for ``-D``.
        record_timeout: seconds after which an analysis that is still on one record is ended.
    """

    runner: str = "inline"
    reducers: int = 1
    node_python: str = "python3"
    settings: tuple[str, ...] = ()
    record_timeout: float | None = None
    keeps_partials = False

    def __post_init__(self) -> None:
        if self.runner not in RUNNERS:
            raise UsageError(f"mrjob has no runner {self.runner!r} here", hint=f"there are {', '.join(RUNNERS)}")

    @property
    def split_size(self) -> int | None:
        """That of Hadoop, where a task is dear; else the planner's own."""
        if self.runner != "hadoop":
            return None
        return CLUSTER_SPLIT

    def run(self, work: Work) -> list[str]:
        """Run one job; answers a file of merged lines for each reducer.

        Raises:
            CrawlmillError: the job failed. UsageError: standard input is an input. MissingExtra: there is no mrjob.
        """
        program = new_program()
        local = os.path.join(work.scratch, program)
        os.mkdir(local)
        parts = os.path.join(local, "parts")
        temporary = {"TMPDIR": local}  # mrjob's own folders go with ours, also when it was killed
        if self.runner != "hadoop":
            words = [sys.executable, *self._words(work, local, parts)]
            follow(words, {**os.environ, **temporary}, HERE, program, work.tell)
            return sorted(os.path.join(parts, name) for name in os.listdir(parts) if name.startswith("part-"))
        found = find_hadoop()
        staging = Staging(found, staging_of(program))
        engine = replace(self, settings=tagged(self.settings, "mapreduce.job.tags", program))
        words = [sys.executable, *engine._words(work, local, f"hdfs://{staging.path}/out")]
        known = mapreduce.patterns(found, program, "mrjob")
        try:
            follow(words, {**found.environment, **temporary}, known, program, work.tell)
            return staging.get_parts(parts)
        finally:
            staging.remove()

    def commands(self, work: Work) -> list[str]:
        """The one command, which writes its output to standard output."""
        return [shlex.join([sys.executable, *self._words(work, work.scratch, None)])]

    def _words(self, work: Work, folder: str, output: str | None) -> list[str]:
        """What Python is given, with the job and the manifest written to a folder."""
        if importlib.util.find_spec("mrjob") is None:
            raise MissingExtra("mrjob", "mrjob")
        if work.plan.streams:
            raise UsageError(
                "a job of mrjob cannot read standard input or a pipe", min(work.plan.streams), "give the path of a file"
            )
        refuse_what_stays(work.job)  # before anything is started
        job, manifest = os.path.join(folder, "asked.json"), os.path.join(folder, "splits.jsonl")
        with open(job, "w", encoding="utf-8") as file:
            file.write(jobspec.to_json(work.job))
        with open(manifest, "w", encoding="ascii") as file:
            file.writelines(split.to_json() + "\n" for split in work.plan.splits)
        words = [str(folder_of("crawlmill.jobs") / "analyze.py"), "-r", self.runner, "--no-conf", "--job", job]
        if output is not None:
            words += ["--output-dir", output, "--no-cat-output"]
        if self.record_timeout is not None:
            words += ["--record-timeout", str(self.record_timeout)]
        if self.runner == "hadoop":
            words += ["--python-bin", self.node_python, "-D", f"mapreduce.job.reduces={self.reducers}"]
        for setting in self.settings:
            words += ["-D", setting]
        return [*words, manifest]


def cluster() -> Yarn:
    """What is asked for the applications of an earlier run. Raises as :func:`crawlmill.cluster.finding.find_hadoop`."""
    return yarn_of(find_hadoop())

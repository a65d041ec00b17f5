"""The Hadoop engine: one streaming job for all analyses, over a manifest in HDFS; the partials come back as sorted files."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from crawlmill.cluster.finding import Found, find_hadoop, streaming_jar
from crawlmill.engines import Work
from crawlmill.errors import UsageError
from crawlmill.hadoop.mapreduce import patterns
from crawlmill.hadoop.staging import Staging
from crawlmill.hadoop.yarn import Yarn, staging_of, tagged, yarn_of
from crawlmill.plan.planner import CLUSTER_SPLIT, Plan
from crawlmill.shipping import ENV, JOB, ZIP, packed_uri, ship
from crawlmill.stores import for_nodes
from crawlmill.submit import follow, new_program
from crawlmill.task import Job


@dataclass(frozen=True)
class Hadoop:
    """A Hadoop cluster.

    Attributes:
        reducers: reduce tasks; their outputs are merged into one order.
        node_python: the interpreter on the nodes, 3.9 or later; None for ``python3``, or that of ``env``.
        env: a packed environment (``.tar.gz``, ``.tgz``, ``.tar``, ``.zip``), here or in HDFS, that the nodes unpack.
        queue: the YARN queue.
        settings: ``key=value`` for ``-D``.
        record_timeout: seconds after which an analysis that is still on one record is ended.
    """

    reducers: int = 1
    node_python: str | None = None
    queue: str | None = None
    settings: tuple[str, ...] = ()
    record_timeout: float | None = None
    env: str | None = None
    keeps_partials = False
    split_size = CLUSTER_SPLIT

    def __post_init__(self) -> None:
        if self.env is not None:
            packed_uri(self.env)  # refuses what is none before anything starts

    def run(self, work: Work) -> list[str]:
        """Run one job; answers a file of merged lines for each reducer.

        Raises:
            CrawlmillError: the job failed; with the first line that says why.
            UsageError: there is no Hadoop, or standard input is an input.
        """
        place = self._prepare(work)
        try:
            place.staging.put(place.manifest)
            words = [place.found.command, *self.job_command(work.job, work.plan, place)]
            known = patterns(place.found, place.program, "hadoop")
            follow(words, place.found.environment, known, place.program, work.tell)
            return place.staging.get_parts(str(place.local / "parts"))
        finally:
            place.staging.remove()

    def commands(self, work: Work) -> list[str]:
        """The commands for a shell: a folder in HDFS, the manifest, the job."""
        place = self._prepare(work)
        staging = place.staging
        steps = (
            staging.mkdir_words,
            staging.put_words(place.manifest),
            self.job_command(work.job, work.plan, place),
        )
        return [shlex.join([place.found.command, *words]) for words in steps]

    def job_command(self, job: Job, plan: Plan, place: Submission) -> list[str]:
        """The words of the one ``hadoop jar`` command. Generic options stand before all others: Hadoop refuses them later."""
        generic: dict[str, object] = {
            "mapreduce.job.name": "crawlmill " + ",".join(analysis.name for analysis in job.analyses),
            "mapreduce.input.lineinputformat.linespermap": lines_per_map(plan),
            "mapreduce.job.reduces": self.reducers,
            "mapreduce.map.speculative": "false",
            "mapreduce.reduce.speculative": "false",
            "mapreduce.task.timeout": 600_000,
            "stream.map.input.ignoreKey": "true",
            "stream.jobconf.truncate.limit": 20_000,
        }
        if self.queue is not None:
            generic["mapreduce.job.queuename"] = self.queue
        words = ["jar", streaming_jar(place.found)]
        settings = (*(f"{key}={value}" for key, value in generic.items()), *self.settings)
        for setting in tagged(settings, "mapreduce.job.tags", place.program):
            words += ["-D", setting]
        words += ["-files", ",".join(place.files)]
        if self.env is not None:
            words += ["-archives", f"{packed_uri(self.env)}#{ENV}"]
        words += ["-inputformat", "org.apache.hadoop.mapred.lib.NLineInputFormat"]
        words += ["-input", f"{place.remote}/manifest.jsonl", "-output", f"{place.remote}/out"]
        for name, value in for_nodes(f"hdfs://{place.remote}").items():
            words += ["-cmdenv", f"{name}={value}"]
        limit = "" if self.record_timeout is None else f" --record-timeout {self.record_timeout}"
        python = self.node_python or (f"{ENV}/bin/python" if self.env else "python3")
        words += ["-mapper", f"{python} {ZIP} map --job {JOB}{limit}"]
        words += ["-reducer", f"{python} {ZIP} reduce --job {JOB}"]
        return words

    def _prepare(self, work: Work) -> Submission:
        if work.plan.streams:
            raise UsageError(
                "the nodes cannot read our standard input or a pipe", min(work.plan.streams), "put the file into HDFS"
            )
        found = find_hadoop()
        program = new_program()
        local = Path(work.scratch, program)
        local.mkdir()
        (local / "manifest.jsonl").write_text("".join(split.to_json() + "\n" for split in work.plan.splits))
        return Submission(found, local, program, tuple(ship(work.job, local)))


@dataclass(frozen=True)
class Submission:
    """The files of a job, here and in HDFS, and the Hadoop that runs it; ``program`` is the name of what submits it."""

    found: Found
    local: Path
    program: str
    files: tuple[str, ...]

    @property
    def remote(self) -> str:
        """The path of the folder in HDFS."""
        return staging_of(self.program)

    @property
    def staging(self) -> Staging:
        """The folder in HDFS."""
        return Staging(self.found, self.remote)

    @property
    def manifest(self) -> str:
        """The path of the manifest here."""
        return str(self.local / "manifest.jsonl")


def lines_per_map(plan: Plan) -> int:
    """Splits that a map task takes: about half of :data:`CLUSTER_SPLIT` together, and at least two tasks."""
    lines = max(1, len(plan.splits) * CLUSTER_SPLIT // plan.size // 2) if plan.size else 1
    return min(lines, max(1, len(plan.splits) // 2))


def cluster() -> Yarn:
    """What is asked for the applications of an earlier run. Raises as :func:`crawlmill.cluster.finding.find_hadoop`."""
    return yarn_of(find_hadoop())

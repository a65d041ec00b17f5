"""ArchiveJob: an MRJob whose first mapper runs analyses over the archives of a manifest. What the user names is planned into
that manifest first, so mrjob never sees an archive: its inline and local runners read the first gzip member of one and
stop, with exit code 0 (Yelp/mrjob#1409).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from functools import partial

from mrjob.job import MRJob
from mrjob.protocol import BytesValueProtocol
from mrjob.step import MRStep as MRStep  # jobs take it from here: mrjob may be imported only after our package

from crawlmill import wire
from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.mapside import Reports, map_side
from crawlmill.partial import merged, reducers_of
from crawlmill.plan.split import Split
from crawlmill.scratch import Scratch
from crawlmill.streaming import add_job_options, job_of, read_job
from crawlmill.task import Job
from crawlmill.terminal import guard

Pairs = Iterator[tuple[bytes, bytes]]
JOB = "job.json"


class WireProtocol:
    """Lines of the wire format as pairs of bytes. mrjob's own JSON protocol writes other bytes with ujson than without."""

    def read(self, line: bytes) -> tuple[bytes, bytes]:
        """The key and the value of a line."""
        return wire.split(line)

    def write(self, key: bytes, value: bytes) -> bytes:
        """The line of a key and a value."""
        return b"%b\t%b" % (key, value)


class ArchiveJob(MRJob):  # type: ignore[misc]  # mrjob has no types
    """A job over web archives. A subclass names its analyses, or leaves that to ``--analysis``."""

    INPUT_PROTOCOL = BytesValueProtocol
    INTERNAL_PROTOCOL = OUTPUT_PROTOCOL = WireProtocol
    HADOOP_INPUT_FORMAT = "org.apache.hadoop.mapred.lib.NLineInputFormat"
    ANALYSES: tuple[str, ...] = ()

    def configure_args(self) -> None:
        """The options of a job, for the program that starts it; tasks read the job from a file that travels with them."""
        super().configure_args()
        if not self.ANALYSES:
            self.arg_parser.add_argument("--analysis", action="append", help="names, or FILE.py:NAME, with commas")
        self.arg_parser.add_argument(
            "--job", metavar="FILE", help="a job that an engine wrote, in place of these options"
        )
        self.arg_parser.add_argument("--split-size", type=int, metavar="MIB", help="of the units inside a large file")
        self.arg_parser.add_argument("--base", help="put before relative names in manifests")
        add_job_options(self.arg_parser)
        for option in ("--record-timeout", "--memory"):
            self.pass_arg_through(option)

    def load_args(self, args: list[str]) -> None:
        """Plan the inputs and lay out what travels to the tasks, when this is the program that starts them."""
        super().load_args(args)
        self._shipped: list[str] = []
        self._lines_per_map = 1
        if not self.is_task():
            self._lay_out()

    def _lay_out(self) -> None:
        from crawlmill.cluster.finding import find_hadoop, know_hdfs
        from crawlmill.engines.hadoop import lines_per_map
        from crawlmill.plan.planner import CLUSTER_SPLIT, make_plan
        from crawlmill.shipping import ship
        from crawlmill.stores import for_nodes

        options = self.options
        know_hdfs()
        names = list(self.ANALYSES) or options.analysis or []
        job = read_job(options.job) if options.job else job_of(names, options)
        on_hadoop = options.runner == "hadoop"
        self._folder = Scratch()
        inputs = [item for item in options.args if item != "-"] or [_manifest_on_stdin(self._folder.name)]
        size = options.split_size << 20 if options.split_size else CLUSTER_SPLIT if on_hadoop else None
        plan = make_plan(inputs, size, options.base)
        if plan.streams:
            raise UsageError(
                "a job of mrjob cannot read a pipe or a descriptor", min(plan.streams), "give the path of a file"
            )
        manifest = os.path.join(self._folder.name, "splits.jsonl")
        with open(manifest, "w", encoding="ascii") as file:
            file.writelines(split.to_json() + "\n" for split in plan.splits)
        options.args = [manifest]
        self._shipped = ship(job, self._folder.name)
        if on_hadoop:
            options.py_files = [*(options.py_files or []), self._shipped.pop(0)]  # the zip, on PYTHONPATH there
            self._lines_per_map = lines_per_map(plan)
            os.environ.update(find_hadoop().environment)
            options.cmdenv = {**for_nodes(), **(options.cmdenv or {})}

    def files(self) -> list[str]:
        """What travels to every task."""
        return [*super().files(), *self._shipped]

    def jobconf(self) -> dict[str, object]:
        """Settings of Hadoop for jobs over a manifest."""
        return {
            "mapreduce.input.lineinputformat.linespermap": self._lines_per_map,
            "mapreduce.map.speculative": "false",
            "mapreduce.reduce.speculative": "false",
            "mapreduce.task.timeout": 600_000,
            "stream.map.input.ignoreKey": "true",
            "stream.jobconf.truncate.limit": 20_000,
            **super().jobconf(),
        }

    def reading(self) -> MRStep:
        """The step that runs the analyses over the manifest: the first of a job of several."""
        return MRStep(
            mapper_init=self.mapper_init,
            mapper=self.mapper,
            mapper_final=self.mapper_final,
            reducer_init=self.reducer_init,
            reducer=self.reducer,
        )

    @property
    def job(self) -> Job:
        """The job, in a task."""
        return read_job(JOB)

    # ---- the map side

    def mapper_init(self) -> None:
        """Nothing is to be read yet."""
        self._splits: list[Split] = []

    def mapper(self, _: None, line: bytes) -> None:
        """One line of the manifest in."""
        self._splits.append(Split.from_line(line.decode("utf-8")))

    def mapper_final(self) -> Pairs:
        """Read the splits: merged pairs, damage and counters out as memory fills."""
        options, reports = self.options, Reports(self.set_status, partial(self.increment_counter, "crawlmill"))
        for lines in map_side(
            self.job,
            self._splits,
            memory=options.memory << 20,
            record_timeout=options.record_timeout,
            reports=reports,
        ):
            yield from map(wire.split, lines)

    # ---- the reduce side

    def reducer_init(self) -> None:
        """Know how each name merges."""
        self._reducers = reducers_of(self.job.analyses)

    def reducer(self, key: bytes, values: Iterable[bytes]) -> Pairs:
        """The values of one key, merged."""
        for line in merged((b"%b\t%b" % (key, value) for value in values), self._reducers):
            yield wire.split(line)


def _manifest_on_stdin(folder: str) -> str:
    from crawlmill.warc.layout import begins_archive, is_compressed

    data = sys.stdin.buffer.read()
    if is_compressed(data[:65536]) or begins_archive(data[:65536]):
        raise UsageError("an archive on standard input is no manifest", hint="give its path as an argument")
    path = os.path.join(folder, "stdin.manifest")
    with open(path, "wb") as file:
        file.write(data)
    return path


def main(job: type[ArchiveJob], arguments: list[str] | None = None) -> None:
    """Run a job, or one of its tasks, as a program: an error of ours is one line and its exit code."""
    guard()
    try:
        job(arguments).execute()
    except CrawlmillError as error:
        if "--debug" in sys.argv:
            raise
        print(f"crawlmill: {error}", file=sys.stderr, flush=True)
        sys.exit(error.exit_code)

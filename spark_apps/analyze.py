"""Any analyses as one Spark application: ``spark-submit --py-files crawlmill.zip analyze.py origins,status INPUT... -o DIR``.

``-o`` is a folder of this machine, which gets the files of any other run, or a URI of another file system (``hdfs://...``),
which gets sorted parts of the wire format. The first needs crawlmill installed where the driver runs, the second and the
executors need the zip alone (``crawlmill hadoop zip``).
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from crawlmill.errors import CrawlmillError, MissingExtra, UsageError
from crawlmill.scratch import Scratch
from crawlmill.spark.rdd import Lines, bring_files, progress, run_lines, save_parts, tasks_of
from crawlmill.stores import local_path, scheme
from crawlmill.streaming import add_job_options, job_of
from crawlmill.terminal import guard

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def parse(words: list[str] | None = None) -> argparse.Namespace:
    """The arguments."""
    parser = argparse.ArgumentParser(prog="analyze.py", description="Run analyses over web archives on Spark.")
    parser.add_argument("analyses", nargs="?", metavar="ANALYSIS[,ANALYSIS...]", help="names, or FILE.py:NAME")
    parser.add_argument("inputs", nargs="*", metavar="INPUT", help="files, folders, globs, manifests")
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="a local folder, or a URI")
    parser.add_argument("--format", default="parquet", help="of the files: parquet, jsonl, csv or tsv")
    parser.add_argument("--overwrite", action="store_true", help="replace what a run left in a local -o")
    parser.add_argument("--split-size", type=int, metavar="MIB", help="of the units inside a large file")
    parser.add_argument("--base", help="put before relative names in manifests")
    parser.add_argument("--reducers", type=int, help="tasks that merge")
    parser.add_argument("--staging", metavar="URI", help="a folder that driver and executors share (/tmp of HDFS)")
    parser.add_argument("--job", metavar="FILE", help="a job that an engine wrote, in place of analyses and options")
    parser.add_argument("--manifest", metavar="FILE", help="the splits of that job")
    parser.add_argument("--tasks", type=int, help="how many tasks read them")
    add_job_options(parser)
    return parser.parse_args(words)


def main() -> None:
    """Run the application: an error of ours is one line and its exit code."""
    guard()
    arguments = parse()
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        print(f"crawlmill: {MissingExtra('pyspark', 'spark')}", file=sys.stderr)
        sys.exit(MissingExtra.exit_code)
    spark = SparkSession.builder.getOrCreate()
    code = 0
    try:
        spark.sparkContext.setLogLevel("OFF")  # what fails is said in one line
        run(spark, arguments)
    except CrawlmillError as error:
        if arguments.debug:
            raise
        print(f"crawlmill: {error}", file=sys.stderr, flush=True)  # before the JVM ends, which passes it on
        code = error.exit_code
    finally:
        spark.stop()
    sys.exit(code)


def run(spark: SparkSession, arguments: argparse.Namespace) -> None:
    """What the arguments ask for. Raises :class:`CrawlmillError`."""
    if arguments.job is not None:
        with open(arguments.job, encoding="utf-8") as job, open(arguments.manifest, encoding="ascii") as manifest:
            lines = Lines(
                job.read(), manifest.read().splitlines(), arguments.tasks, arguments.reducers, arguments.record_timeout
            )
        with progress(spark.sparkContext, lambda text: print(text, flush=True)):
            run_lines(spark.sparkContext, lines, arguments.output, arguments.staging)
        return
    if not arguments.analyses or not arguments.inputs:
        raise UsageError("name analyses and inputs", hint="analyze.py origins,status crawl/*.warc.gz -o out")
    if scheme(arguments.output) != "file":
        leave_parts(spark, arguments)
    else:
        write_tables(spark, arguments)


def leave_parts(spark: SparkSession, arguments: argparse.Namespace) -> None:
    """Sorted parts of the wire format, in a folder of another file system."""
    from crawlmill import jobspec
    from crawlmill.jobspec import own_zip, with_code
    from crawlmill.plan.planner import CLUSTER_SPLIT, make_plan
    from crawlmill.spark.options import refuse_streams

    job = with_code(job_of(arguments.analyses.split(","), arguments))
    size = arguments.split_size << 20 if arguments.split_size else CLUSTER_SPLIT
    plan = make_plan(arguments.inputs, size, arguments.base)
    refuse_streams(plan.streams)
    splits = [split.to_json() for split in plan.splits]
    tasks = tasks_of(len(splits), plan.size)
    lines = Lines(jobspec.for_nodes(job), splits, tasks, arguments.reducers, arguments.record_timeout)
    with Scratch() as folder:
        bring_files(spark.sparkContext, own_zip(job, folder))
        save_parts(spark.sparkContext, lines, arguments.output)


def write_tables(spark: SparkSession, arguments: argparse.Namespace) -> None:
    """The files of a run, in a local folder."""
    try:
        from crawlmill.api import run as run_analyses
        from crawlmill.engines.spark import Session
    except ImportError as error:
        raise UsageError(
            f"tables need the whole of crawlmill on the driver: {error}",
            hint="pip install crawlmill there, or write parts to another file system: -o hdfs:///...",
        ) from None
    found = run_analyses(
        list(job_of(arguments.analyses.split(","), arguments).analyses),
        arguments.inputs,
        output=local_path(arguments.output),
        format=arguments.format,
        overwrite=arguments.overwrite,
        types=arguments.types,
        where=arguments.where,
        check=arguments.check,
        max_record=arguments.max_record << 20,
        max_body=arguments.max_body << 20,
        split_size=arguments.split_size << 20 if arguments.split_size else None,
        base=arguments.base,
        ship=arguments.ship,
        on=Session(spark, arguments.reducers, arguments.record_timeout, arguments.staging),
    )
    print(f"damage rows: {found.damage.num_rows}; written to {found.output}", file=sys.stderr)


if __name__ == "__main__":
    main()

"""What the applications share: their arguments, the session, results that are whole, and errors as one line.

An application makes its parser with :func:`application`, and its ``main`` calls :func:`run` with a function of a session
and the arguments. It works under ``spark-submit``, under ``python``, and inside a session that is there already.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from crawlmill import errors
from crawlmill.errors import CrawlmillError, MissingExtra
from crawlmill.spark import each_once
from crawlmill.terminal import guard

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

FORMATS = ("parquet", "json", "csv")
Work = Callable[["SparkSession", argparse.Namespace], None]
_OURS = re.compile(r"^crawlmill\.errors\.(\w+): (.*)$", re.M)


def application(doc: str, epilog: str | None = None) -> argparse.ArgumentParser:
    """A parser with what every application has: ``--master`` and ``--debug``.

    Args:
        doc: what the application does, its first line in short.
        epilog: the end of ``--help``: how it computes what it does.
    """
    parser = argparse.ArgumentParser(
        description=doc, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument(
        "--master", metavar="URL", help="Spark's master, as local[4]; the one of spark-submit if left out"
    )
    parser.add_argument("--debug", action="store_true", help="show tracebacks, and Spark's log")
    return parser


def add_reading(
    parser: argparse.ArgumentParser,
    *,
    inputs: bool = True,
    where: str = "only records whose headers fit, as 'status=200'",
) -> None:
    """Arguments of an application that reads archives; :func:`reading` gives their values.

    Args:
        parser: where they go.
        inputs: whether the archives are its positional arguments.
        where: what the condition is on.
    """
    if inputs:
        parser.add_argument(
            "inputs", nargs="+", metavar="ARCHIVE", help="files, folders, globs, manifests, *.paths.gz listings"
        )
    parser.add_argument("--where", metavar="CONDITION", help=where)
    parser.add_argument("--check", choices=("fast", "full"), default="fast", help="full: check every CRC and digest")
    parser.add_argument(
        "--damage",
        choices=("report", "fail"),
        default="report",
        help="fail: end at the first damage (default: report it)",
    )
    parser.add_argument(
        "--split-bytes", metavar="SIZE", help="bytes of a task inside a large file, as 64m; 0: whole files"
    )
    parser.add_argument("--max-record", metavar="SIZE", help="bytes of a record that may be loaded (default: 64m)")
    parser.add_argument("--base", metavar="PREFIX", help="put before relative names in manifests")


def add_max_body(parser: argparse.ArgumentParser) -> None:
    """The argument of an application that parses pages or JSON; :func:`reading` gives its value."""
    parser.add_argument("--max-body", metavar="SIZE", help="bytes of a body, decoded, that may be parsed (default: 8m)")


def reading(args: argparse.Namespace) -> dict[str, str]:
    """The values of :func:`add_reading` and :func:`add_max_body`, as keyword arguments of :func:`crawlmill.spark.records` and
    ``damage``."""
    names = ("where", "check", "damage", "split_bytes", "max_record", "max_body", "base")
    return {name: value for name in names if (value := getattr(args, name, None)) is not None}


def add_output(parser: argparse.ArgumentParser, *, required: bool = True, formats: Sequence[str] = FORMATS) -> None:
    """Arguments of an application that writes a table; :func:`save` writes it."""
    parser.add_argument("-o", "--output", metavar="DIR", required=required, help="the folder that takes the result")
    if len(formats) > 1:
        parser.add_argument("--format", choices=formats, default=formats[0], help="(default: %(default)s)")
    parser.add_argument("--overwrite", action="store_true", help="replace what DIR holds")


def save(
    frame: DataFrame,
    args: argparse.Namespace,
    folder: str | None = None,
    format: str | None = None,
    **options: str | list[str],
) -> str:
    """Write a table into the folder of ``-o``, or into one below it, and answer where. Spark puts ``_SUCCESS`` there last.

    Args:
        frame: what is written.
        args: with the values of :func:`add_output`.
        folder: a name below the folder of ``-o``.
        format: one of Spark's, in place of ``--format``.
        options: of Spark's ``DataFrameWriter.save``, as ``compression`` and ``partitionBy``.
    """
    path = args.output if folder is None else f"{args.output.rstrip('/')}/{folder}"
    kind: str = format or getattr(args, "format", None) or FORMATS[0]
    writer = frame.write.format(kind).mode("overwrite" if args.overwrite else "error")
    (writer.option("header", True) if kind == "csv" else writer).save(path, **options)  # type: ignore[arg-type]
    return str(path)


def save_damage(lost: DataFrame, args: argparse.Namespace) -> int:
    """Write a damage table as JSON lines into ``_damage`` of the folder of ``-o``, which readers of that folder pass over;
    say how many rows it has, if any, and answer that. Equal rows are one: each split of a file that is gone has it. The
    result must be there already."""
    path = save(each_once(lost), args, "_damage", "json")
    count = lost.sparkSession.read.schema(lost.schema).json(path).count()
    if count:
        note(f"damage: {count} rows, in {path}")
    return count


def note(line: str) -> None:
    """Say something beside the output."""
    print(f"crawlmill: {line}", file=sys.stderr, flush=True)


def run(parser: argparse.ArgumentParser, work: Work, argv: Sequence[str] | None = None) -> int:
    """Parse, do the work in a session, and answer the exit code; every error that we expect is one line on stderr.

    Args:
        parser: of :func:`application`.
        work: what is done.
        argv: the arguments; those of the process when None.
    """
    guard()
    args = parser.parse_args(argv)
    try:
        spark, ours = _session(f"crawlmill {parser.prog}", args)
        try:
            work(spark, args)
        finally:
            if ours:
                spark.stop()
        return 0
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:  # Spark wraps what a task raised into exceptions of many kinds
        said = _said(error)
        if args.debug or said is None:
            raise
        note(said[0])
        return said[1]


def _session(name: str, args: argparse.Namespace) -> tuple[SparkSession, bool]:
    """The session that is there, or a new one; and whether it is new."""
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise MissingExtra("pyspark", "spark") from None
    there = SparkSession.getActiveSession()
    if there is not None:
        return there, False
    if "PYSPARK_GATEWAY_PORT" not in os.environ and (args.master or "local").startswith("local"):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # else Spark's workers are the first python3 of PATH
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder = SparkSession.builder.appName(name).config("spark.sql.session.timeZone", "UTC")
    if args.master:
        builder = builder.master(args.master)
    if not args.debug:
        builder = builder.config("spark.log.level", "OFF").config(
            "spark.ui.showConsoleProgress", str(sys.stderr.isatty()).lower()
        )
    return builder.getOrCreate(), True


def _said(error: BaseException) -> tuple[str, int] | None:
    """An expected error as one line and its exit code; None for what is a fault of the program.

    What was raised in a worker, or where a source plans, comes back inside an exception of Spark with our line in its text.
    """
    if isinstance(error, CrawlmillError):
        return str(error), error.exit_code
    from py4j.protocol import Py4JError  # type: ignore[import-untyped]
    from pyspark.errors import PySparkException

    if not isinstance(error, (PySparkException, Py4JError)):
        return None
    text = str(error)
    ours = _OURS.search(text)
    if ours is not None:
        kind = getattr(errors, ours[1], CrawlmillError)
        return ours[2], kind.exit_code
    return next((line for line in text.splitlines() if line.strip()), type(error).__name__), 1

"""Rows that are computed once, and folders that are looked at before: for applications that write several tables."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from crawlmill.errors import CrawlmillError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def add_keeping(parser: argparse.ArgumentParser) -> None:
    """The argument that says where :func:`keep` keeps rows."""
    parser.add_argument(
        "--checkpoint",
        metavar="DIR",
        help="keep what is computed once in this folder, which outlives an executor (default: on the executors' disks)",
    )


def keep(frame: DataFrame, args: argparse.Namespace) -> DataFrame:
    """The rows of a frame, computed now and never again.

    Without ``--checkpoint`` they lie in the memory and on the disks of the executors. When one of these is lost the job ends
    with an error: rows that were computed again need not be the same (``persist`` would, in silence).
    """
    if args.checkpoint is None:
        return frame.localCheckpoint()
    frame.sparkSession.sparkContext.setCheckpointDir(args.checkpoint)
    return frame.checkpoint()


def check_absent(spark: SparkSession, args: argparse.Namespace, *folders: str) -> None:
    """Before the work, what Spark would say after it. Raises :class:`CrawlmillError` when a folder below that of ``-o`` is
    there, unless it shall be overwritten."""
    from pyspark.errors import AnalysisException

    for folder in () if args.overwrite else folders:
        path = f"{args.output.rstrip('/')}/{folder}"
        try:
            _ = spark.read.text(path).schema
        except AnalysisException:
            continue  # it is not there; and what else may be wrong with it Spark says when it writes
        raise CrawlmillError("it is there already", path, "choose another folder, or --overwrite")

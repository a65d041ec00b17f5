"""Runs an engine's work in a session of Spark Connect: ``python connected.py sc://HOST:PORT < WORK``.

WORK is a pickle of the job as JSON, the plan and a folder for the result. Prints the files of merged lines as JSON.
"""

from __future__ import annotations

import json
import pickle
import sys

from pyspark.sql import SparkSession

from crawlmill import jobspec
from crawlmill.engines import Work
from crawlmill.engines.spark import Session


def main(url: str) -> None:
    """Run what stands on standard input."""
    job, plan, scratch = pickle.load(sys.stdin.buffer)
    spark = SparkSession.builder.remote(url).getOrCreate()
    files = Session(spark, reducers=3).run(Work(jobspec.from_json(job), plan, {}, scratch))
    spark.stop()
    print(json.dumps(files))


if __name__ == "__main__":
    main(sys.argv[1])

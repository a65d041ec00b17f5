"""A Spark session that stays: takes jobs from stdin, a JSON line each, and answers with a line when one is done."""

from __future__ import annotations

import json
import os
import sys

from pyspark.sql import SparkSession

import crawlmill
from crawlmill.engines.spark import Session


def main(analysis: str, master: str) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # the JVM inherits our stdout: what it may say is no answer
    settings = {"spark.ui.enabled": "false", "spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
    settings["spark.ui.showConsoleProgress"] = "false"
    spark = SparkSession.builder.master(master).config(map=settings).getOrCreate()
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        crawlmill.run(analysis, job["inputs"], output=job["output"], format="jsonl", on=Session(spark))
        print("done", file=answers, flush=True)
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])

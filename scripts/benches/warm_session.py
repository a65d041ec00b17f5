"""A Spark session that stays: takes jobs from stdin, a JSON line each, and answers with a line when one is done."""

from __future__ import annotations

import json
import sys

from pyspark.sql import SparkSession

import crawlmill
from crawlmill.engines.spark import Session


def main(analysis: str, master: str) -> None:
    settings = {"spark.ui.enabled": "false", "spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
    settings["spark.ui.showConsoleProgress"] = "false"
    spark = SparkSession.builder.master(master).config(map=settings).getOrCreate()
    print("ready", flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        crawlmill.run(analysis, job["inputs"], output=job["output"], format="jsonl", on=Session(spark))
        print("done", flush=True)
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Reads archives in a session of its own, and prints the rows and the damage as one JSON object.

    python session_rows.py MASTER|sc://HOST:PORT FOLDER INPUT...

FOLDER takes what Spark writes. Run by test_versions.py, also with another version of Spark.
"""

from __future__ import annotations

import json
import os
import sys

from pyspark.sql import SparkSession

import crawlmill.spark


def main(where: str, folder: str, *inputs: str) -> None:
    """Print what the session reads."""
    os.environ.update(SPARK_LOCAL_IP="127.0.0.1", PYSPARK_PYTHON=sys.executable)
    builder = SparkSession.builder
    if where.startswith("sc://"):
        builder = builder.remote(where)
    else:
        builder = builder.master(where)
        for name, value in (
            ("spark.ui.enabled", "false"),
            ("spark.ui.showConsoleProgress", "false"),
            ("spark.driver.memory", "1g"),
            ("spark.sql.shuffle.partitions", "2"),
            ("spark.sql.warehouse.dir", folder),
        ):
            builder = builder.config(name, value)
    spark = builder.getOrCreate()
    found: dict[str, object] = {"spark": spark.version, "session": type(spark).__module__}
    records = crawlmill.spark.records(spark, inputs)
    found["records"] = [row.asDict(recursive=True) for row in records.collect()]
    found["damage"] = [row.asDict(recursive=True) for row in crawlmill.spark.damage(spark, inputs).collect()]
    found["again"] = records.where("type = 'warcinfo'").count(), records.count()
    pages = crawlmill.spark.records(spark, inputs, columns="url,payload", where="status=404", types="response")
    found["payloads"] = [len(row.payload) for row in pages.collect()]
    spark.stop()
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])

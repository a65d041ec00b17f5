"""A manifest that grows, read as a stream: every archive once, whatever ends in between."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.spark, pytest.mark.xdist_group("spark")]


def run(spark: SparkSession, manifest: Path, folder: Path, format: str = "warc") -> list[int]:
    """One run to the end of the manifest as it is; the rows of each batch that had any."""
    reader = spark.readStream.format(format).option("maxFilesPerTrigger", 1)
    if format == "warc":
        reader = reader.option("columns", "uri,offset,ordinal,url")
    writer = reader.load(str(manifest)).writeStream.format("parquet").option("path", str(folder / format))
    query = writer.option("checkpointLocation", str(folder / f"{format}-at")).trigger(availableNow=True).start()
    assert query.awaitTermination(120)
    return [progress.numInputRows for progress in query.recentProgress if progress.numInputRows]


def test_a_stream_goes_on_where_it_ended(spark: SparkSession, samples: Path, tmp_path: Path) -> None:
    archives = sorted(samples.glob("*.warc.gz"))
    manifest, link = tmp_path / "crawl.paths", tmp_path / "link.warc.gz"
    link.symlink_to(archives[1])
    manifest.write_text("".join(f"{path}\n" for path in archives[:2]))
    assert run(spark, manifest, tmp_path) == [106, 107]
    assert run(spark, manifest, tmp_path) == []
    with manifest.open("a") as file:
        file.write(f"{archives[2]}\n{archives[0]}\n")  # the first one again: read once
        file.write(f"{samples}/./{archives[0].name}\nfile://{archives[1]}\n{link}\n")  # and by other names
    assert run(spark, manifest, tmp_path) == [57]
    found = spark.read.parquet(str(tmp_path / "warc"))
    whole = spark.read.format("warc").option("columns", "uri,offset,ordinal,url").load(str(samples / "*.warc.gz"))
    assert sorted(found.collect()) == sorted(whole.collect())

    manifest.write_text("".join(f"{path}\n" for path in archives[1:]))
    with pytest.raises(Exception, match="the first 4 lines of the manifest are not those that were read"):
        run(spark, manifest, tmp_path)


def test_damage_is_a_stream_too(spark: SparkSession, samples: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "crawl.paths"
    manifest.write_text("")
    assert run(spark, manifest, tmp_path, "warc_damage") == []
    manifest.write_text(f"{samples / 'damaged/truncated.warc.gz'}\n{tmp_path / 'no.warc.gz'}\n")
    assert run(spark, manifest, tmp_path, "warc_damage") == [1, 1]
    kinds = spark.read.parquet(str(tmp_path / "warc_damage")).select("kind").collect()
    assert sorted(row.kind for row in kinds) == ["missing", "truncated"]


def test_a_stream_of_anything_else_is_one_clear_error(spark: SparkSession, samples: Path, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="a stream is read from one manifest"):
        run(spark, samples / "*.warc.gz", tmp_path)

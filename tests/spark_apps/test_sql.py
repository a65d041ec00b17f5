"""Questions in SQL, with the answers that data_samples/answers.json has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from crawlmill.spark_apps import sql

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.spark, pytest.mark.xdist_group("spark")]


@pytest.fixture(scope="module")
def answers(samples: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((samples / "answers.json").read_text())
    return found["crawl"]


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> list[list[str]]:
    """The rows on stdout, without the heading."""
    capsys.readouterr()
    assert sql.main(words) == 0
    return [line.split() for line in capsys.readouterr().out.splitlines()[1:]]


def test_a_table_on_stdout(
    spark: SparkSession, samples: Path, answers: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    query = "SELECT host, count(*) FROM warc WHERE type = 'response' AND host IS NOT NULL GROUP BY host"
    found = asked(capsys, query, "--warc", str(samples / "*.warc.gz"))
    assert {host: int(count) for host, count in found} == answers["hosts"]


def test_views_are_joined(spark: SparkSession, samples: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The WAT says where a record lies, and so does the index."""
    query = (
        "SELECT count(*) FROM wat JOIN index ON source_offset = warc_record_offset AND source_filename = warc_filename"
    )
    query += (
        " WHERE source_type IN ('response', 'revisit') AND source_length = warc_record_length AND wat.url = index.url"
    )
    found = asked(capsys, query, "--wat", str(samples / "wat"), "--index", str(samples / "cdx/index.cdxj"))
    assert found == [["88"]]
    found = asked(capsys, "SELECT count(*) FROM wet WHERE length(text) > 10", "--wet", str(samples / "wet"))
    assert int(found[0][0]) > 50


def test_files_bodies_limits_and_damage(
    spark: SparkSession, samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out")
    words = ["--warc", str(samples / "damaged/truncated.warc.gz"), "--columns", "url,body", "--where", "status=200"]
    assert sql.main(["SELECT url, length(body) AS bytes FROM warc", *words, "-o", out, "--format", "csv"]) == 0
    rows = spark.read.option("header", True).csv(out).collect()
    assert len(rows) > 3 and all(int(row.bytes) > 0 for row in rows if row.bytes)
    assert spark.read.json(f"{out}/_damage").count() == 1
    capsys.readouterr()
    assert sql.main(["SELECT url FROM warc", *words, "--limit", "2"]) == 0
    told = capsys.readouterr()
    assert len(told.out.splitlines()) == 3 and "crawlmill: the first 2 rows" in told.err
    assert "crawlmill: damage: 1 truncated in" in told.err


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["SELECT 1"], 2, "no view is named"),
        (["SELECT url FROM wat", "--warc", "."], 1, "TABLE_OR_VIEW_NOT_FOUND"),
        (["SELEKT", "--warc", "."], 1, "PARSE_SYNTAX_ERROR"),
        (["SELECT url FROM index", "--index", "warc.paths"], 2, "no index"),
    ],
)
def test_a_wrong_question_is_one_line(
    spark: SparkSession, samples: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    words: list[str], code: int, line: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(samples)
    for name in ("warc", "wat", "wet", "index"):
        spark.catalog.dropTempView(name)
    assert sql.main(words) == code
    said = [text for text in capsys.readouterr().err.splitlines() if text.startswith("crawlmill: ")]
    assert len(said) == 1 and line in said[0]

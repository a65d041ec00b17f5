"""What the applications share, in a real session: results that are whole, damage beside them, errors as one line."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import crawlmill.spark
from crawlmill.spark_apps import common

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.spark, pytest.mark.xdist_group("spark")]


def parser() -> argparse.ArgumentParser:
    made = common.application("Copies the table warc.")
    common.add_reading(made)
    common.add_output(made)
    return made


def copy(spark: SparkSession, args: argparse.Namespace) -> None:
    options = common.reading(args)
    common.save(crawlmill.spark.records(spark, args.inputs, columns="uri,offset,url", **options), args)
    common.save_damage(crawlmill.spark.damage(spark, args.inputs, **options), args)


def test_a_table_and_its_damage(
    spark: SparkSession, samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = str(samples / "damaged/truncated.warc.gz")
    out = str(tmp_path / "out")
    assert common.run(parser(), copy, [cut, "-o", out, "--where", "status=200"]) == 0
    assert {row.uri for row in spark.read.parquet(out).collect()} == {cut}, "the folder reads as the table alone"
    damage = "".join(path.read_text() for path in Path(out, "_damage").glob("*.json"))
    assert [json.loads(line)["kind"] for line in damage.splitlines()] == ["truncated"]
    assert f"crawlmill: damage: 1 rows, in {out}/_damage" in capsys.readouterr().err
    assert common.run(parser(), copy, [cut, "-o", out]) == 1, "a result is not written over"
    assert "already exists" in capsys.readouterr().err
    assert common.run(parser(), copy, [str(samples), "-o", out, "--overwrite", "--format", "json"]) == 0
    assert len(spark.read.json(out).collect()) == 270


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["nothing-here-*"], 2, "nothing-here-*: nothing matches; check the pattern"),
        (["damaged/truncated.warc.gz", "--damage", "fail"], 3, "the file ends inside this record"),
        (["damaged/truncated.warc.gz", "--where", "colour=red"], 2, "crawlmill: "),
    ],
)
def test_an_error_is_one_line_and_its_exit_code(
    spark: SparkSession, samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch, words: list[str], code: int, line: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(samples)
    assert common.run(parser(), copy, [*words, "-o", str(tmp_path / "out")]) == code
    said = [text for text in capsys.readouterr().err.splitlines() if text.startswith("crawlmill: ")]
    assert len(said) == 1 and line in said[0]


def test_a_fault_of_the_program_is_not_hidden(spark: SparkSession, samples: Path, tmp_path: Path) -> None:
    def breaks(spark: SparkSession, args: argparse.Namespace) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        common.run(parser(), breaks, [str(samples), "-o", str(tmp_path / "out")])

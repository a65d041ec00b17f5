"""The application that extracts text, in a real session: the rows of a plain loop over the splits, in three tables."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import text_pages
from archives import gz, make_record
from crawlmill.plan.planner import make_plan
from crawlmill.spark_apps import common, extract_text
from crawlmill.spark_apps.pages import Texts, text_batches
from text_pages import STORY, article

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

for package in ("resiliparse", "trafilatura", "justext"):
    pytest.importorskip(package, reason=f"{package} is not installed: pip install 'crawlmill[text]'")
in_spark = [pytest.mark.spark, pytest.mark.xdist_group("spark")]


def in_order(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    return sorted(json.dumps(dict(row), sort_keys=True) for row in rows)


def rows_of(frame: DataFrame) -> list[dict[str, Any]]:
    return [row.asDict() for row in frame.collect()]


def test_help_needs_no_spark(root: Path) -> None:
    command = [sys.executable, str(root / "spark_apps/extract_text.py"), "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert "--extractor" in shown and "timeout    the extractor did not finish" in shown


@pytest.fixture(scope="module")
def out(spark: SparkSession, samples: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The tables of all samples by two extractors."""
    folder = str(tmp_path_factory.mktemp("text") / "out")
    inputs = [str(samples / "*.warc.gz"), str(samples / "damaged")]
    words = [*inputs, "-o", folder, "--extractor", "resiliparse,trafilatura", "--split-bytes", "60k"]
    assert common.run(extract_text.parser(), extract_text.work, words) == 0
    return folder


class TestInSpark:
    pytestmark = in_spark

    def test_the_tables_have_the_rows_of_a_plain_loop(self, spark: SparkSession, samples: Path, out: str) -> None:
        inputs = [str(samples / "*.warc.gz"), str(samples / "damaged")]
        texts = Texts(("resiliparse", "trafilatura"))
        batches = [batch for split in make_plan(inputs, None).splits for batch in text_batches(split, texts)]
        loop = [row for batch in batches for row in batch.to_pylist()]
        sizes = {}
        for kind in extract_text.TABLES:
            found = rows_of(spark.read.parquet(f"{out}/{kind}"))
            prefix = "damage_" if kind == "damage" else ""
            wanted = [
                {name: row.get(prefix + name, row.get(name)) for name in found[0]}
                for row in loop
                if row["kind"] == kind
            ]
            assert in_order(found) == in_order(wanted), kind
            assert Path(out, kind, "_SUCCESS").exists()
            sizes[kind] = len(found)
        assert sizes == {"text": 248, "rejected": 86, "damage": 15}

    def test_the_columns(self, spark: SparkSession, out: str) -> None:
        text = spark.read.parquet(f"{out}/text")
        place = ["uri", "offset", "ordinal", "length", "url", "date", "digest"]
        assert text.columns == [*place, "language_detected", "extractor", "extractor_version", "text"]
        rejected = spark.read.parquet(f"{out}/rejected")
        assert rejected.columns == [*place, "extractor", "extractor_version", "reason", "detail"]
        assert text.where("digest is null or extractor_version is null").count() == 0

    def test_a_result_is_not_written_over_and_that_is_said_before_the_work(
        self, spark: SparkSession, samples: Path, out: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = [str(samples / "nothing-here"), "-o", out]
        assert common.run(extract_text.parser(), extract_text.work, words) == 1
        assert capsys.readouterr().err == (
            f"crawlmill: {out}/text: it is there already; choose another folder, or --overwrite\n"
        )

    def test_a_page_that_ends_its_process_costs_its_row(self, spark: SparkSession, root: Path, tmp_path: Path) -> None:
        for name in ("archives", "text_pages"):
            spark.sparkContext.addPyFile(str(root / "tests" / f"{name}.py"))
        path = str(text_pages.write_archive(tmp_path / "pages.warc.gz"))
        texts = Texts(("resiliparse",), seconds=1.0, factory="text_pages:troubled")
        rows = extract_text.extracted(spark, [path], texts).localCheckpoint()
        rejected = rows_of(extract_text.table(rows, "rejected"))
        wanted = {**text_pages.REASONS, "http://a.example/broken": "damaged"}
        assert {row["url"]: row["reason"] for row in rejected} == wanted
        texts_of = {row["url"]: row["language_detected"] for row in rows_of(extract_text.table(rows, "text"))}
        assert texts_of == {
            f"http://a.example/{name}": "deu" if name == "deu" else "eng" for name in ("eng", "deu", "last")
        }

    def test_a_page_that_takes_too_long_by_the_command(
        self, spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A page that trafilatura needs half a minute for, between two that take milliseconds."""
        small, large = article(*STORY["eng"]), article(*map(str, range(200_000)))  # the square of short paragraphs
        pages = [
            make_record("response", f"http://a.example/{at}", page) for at, page in enumerate((small, large, small))
        ]
        path = tmp_path / "large.warc.gz"
        path.write_bytes(gz(pages))
        out = str(tmp_path / "out")
        words = [str(path), "-o", out, "--extractor", "trafilatura", "--timeout", "0.5"]
        assert common.run(extract_text.parser(), extract_text.work, words) == 0
        assert capsys.readouterr().out == "trafilatura: 2 texts, 1 rejected: 1 timeout\ndamage: none\n"
        assert spark.read.parquet(f"{out}/damage").count() == 0

    @pytest.mark.parametrize(
        ("words", "code", "line"),
        [
            (["--extractor", "lynx"], 2, "no extractor is called 'lynx'; there are resiliparse, trafilatura, justext"),
            (["--timeout", "0"], 2, "--timeout is 0; give a page some seconds, as 10 or 0.5"),
            (["--where", "status~200"], 2, "status~200"),
            (["--damage", "fail"], 3, "all of it: leave out --damage fail"),
        ],
    )
    def test_errors_are_one_line(
        self, spark: SparkSession, samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
        words: list[str], code: int, line: str,
    ) -> None:  # fmt: skip
        out = str(tmp_path / "out")
        words = [str(samples / "damaged"), "-o", out, *words]
        assert common.run(extract_text.parser(), extract_text.work, words) == code
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and line in said
        assert not Path(out).exists()

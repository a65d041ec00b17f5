"""Records that an index names and SQL chooses: those of a whole reading, as a table and as archives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import crawlmill
from crawlmill.spark_apps import index_to_records

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.spark, pytest.mark.xdist_group("spark")]


def test_chosen_records_are_those_of_a_whole_reading(spark: SparkSession, samples: Path, tmp_path: Path) -> None:
    out, index = str(tmp_path / "out"), str(samples / "cdx/index.cdxj")
    condition = "url_host_registered_domain = 'example.org' and fetch_status = 200"
    columns = "url,offset,payload,text,status,payload_truncated,headers"
    assert index_to_records.main([index, "--where", condition, "--columns", columns, "-o", out]) == 0
    found = {(row.url, row.offset): row.asDict() for row in spark.read.parquet(out).collect()}
    whole = spark.read.format("warc").option("columns", columns).option("where", "status=200 and domain=example.org")
    expected = {
        (row.url, row.offset): row.asDict()
        for row in whole.option("types", "response,revisit").load(str(samples / "*.warc.gz")).collect()
    }
    assert found == expected and len(found) == 9
    assert spark.read.text(f"{out}/_damage").count() == 0


def test_a_subset_is_archives_that_read_alike(spark: SparkSession, samples: Path, tmp_path: Path) -> None:
    out, index = tmp_path / "out", str(samples / "cdx/index.cdxj")
    args = [index, "--where", "fetch_status <> 200", "--format", "warc", "--split-bytes", "50k", "-o", str(out)]
    assert index_to_records.main(args) == 0
    run = crawlmill.run("status", str(out), workers=1, pool="thread")
    whole = crawlmill.run("status", index, workers=1, pool="thread")["status"].to_pylist()
    assert run["status"].to_pylist() == [row for row in whole if row["status"] != "200"]
    assert run.damage.num_rows == 0
    assert index_to_records.main(args) == 2, "what is there stays"
    assert index_to_records.main([*args, "--overwrite"]) == 0


def test_a_wrong_row_is_damage_and_a_wrong_question_one_line(
    spark: SparkSession, samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = str(sorted(samples.glob("*.warc.gz"))[0])
    rows = [(0, 700), (5, 700)]
    about = [{"url": "http://a.example/", "filename": archive, "offset": str(at), "length": str(n)} for at, n in rows]
    index = tmp_path / "index.cdxj"
    index.write_text("".join(f"example,a)/ 20260105080011 {json.dumps(row)}\n" for row in about))
    out = str(tmp_path / "out")
    assert index_to_records.main([str(index), "-o", out, "--format", "json"]) == 0
    assert [row.type for row in spark.read.json(out).collect()] == ["warcinfo"]
    damage = [(row.offset, row.kind) for row in spark.read.json(f"{out}/_damage").collect()]
    assert damage == [(0, "range"), (5, "range")], "the first has another length"
    capsys.readouterr()
    assert index_to_records.main([str(index), "-o", out, "--overwrite", "--where", "colour = 'red'"]) == 1
    assert index_to_records.main([archive, "-o", out, "--overwrite"]) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("crawlmill: ")]
    assert "colour" in said[0] and "no index; it is CDXJ" in said[1] and len(said) == 2
    for format in ("json", "warc"):
        words = [str(index), "-o", f"{out}-{format}", "--format", format, "--damage", "fail"]
        assert index_to_records.main(words) == 3
        said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("crawlmill: ")]
        assert len(said) == 1 and "the index names a range that is not a record's" in said[0]


GOOD = {"url": "http://a.example/", "filename": "a.warc.gz", "offset": "0", "length": "700"}
WILD = [
    json.dumps({**GOOD, "offset": "9" * 40}),
    json.dumps({**GOOD, "offset": float("inf")}),
    json.dumps({**GOOD, "length": 1.5}),
    json.dumps({**GOOD, "length": None}),
    json.dumps({**GOOD, "offset": [1]}),
    json.dumps({**GOOD, "filename": None}),
    json.dumps({**GOOD, "filename": "a\0b"}),
    json.dumps({"filename": "a.warc.gz", "offset": 0}),
    '{"offset": ' + "[" * 3000 + "]" * 3000 + "}",
    '{"filename"',
    "no JSON",
]


def said_by(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """The exit code of the program, and what it says of its own."""
    capsys.readouterr()
    code = index_to_records.main(words)
    return code, [line for line in capsys.readouterr().err.splitlines() if line.startswith("crawlmill: ")]


@pytest.mark.parametrize("wild", WILD, ids=range(len(WILD)))
def test_a_wild_line_is_one_line_also_where_the_question_would_pass_it_over(
    spark: SparkSession, samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], wild: str
) -> None:
    (tmp_path / "a.warc.gz").write_bytes(sorted(samples.glob("*.warc.gz"))[0].read_bytes())
    index = tmp_path / "index.cdxj"
    index.write_text(f"!meta {{}}\n\ncom,a)/ 20260105080011 {json.dumps(GOOD)}\ncom,a)/ 20260105080011 {wild}\n")
    for where in ([], ["--where", "fetch_status = 200 or warc_record_offset = 0"]):
        code, said = said_by([str(index), "-o", str(tmp_path / "out"), "--overwrite", *where], capsys)
        assert code == 1 and len(said) == 1, said
        assert (
            "index.cdxj: not a line of CDXJ: com,a)/ 20260105080011 " in said[0] or "not the name of a file" in said[0]
        )


def test_large_and_negative_numbers_are_rows(spark: SparkSession, samples: Path, tmp_path: Path) -> None:
    (tmp_path / "a.warc.gz").write_bytes(sorted(samples.glob("*.warc.gz"))[0].read_bytes())
    index, out = tmp_path / "index.cdxj", str(tmp_path / "out")
    most = (1 << 63) - 1
    rows = [{**GOOD, "offset": str(at)} for at in (-5, 1 << 40, most)] + [{**GOOD, "length": most}]
    index.write_text("".join(f"com,a)/ 20260105080011 {json.dumps(row)}\n" for row in rows))
    assert index_to_records.main([str(index), "-o", out, "--format", "json"]) == 0
    assert [row.type for row in spark.read.json(out).collect()] == ["warcinfo"]
    damage = sorted((row.offset, row.kind) for row in spark.read.json(f"{out}/_damage").collect())
    assert damage == [(-5, "range"), (0, "range"), (1 << 40, "range"), (most, "range")]


def test_columns_that_say_nothing_are_one_line(
    spark: SparkSession, samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    columns = {
        "warc_filename": pa.array(["a.warc.gz"]),
        "warc_record_offset": pa.array([0]),
        "warc_record_length": pa.array([700]),
    }
    for name, wrong in (
        ("warc_record_offset", pa.array([1.5])),
        ("warc_record_offset", pa.array([True])),
        ("warc_record_offset", pa.array(["9" * 40])),
        ("warc_record_length", pa.array([None], pa.int64())),
        ("warc_filename", pa.array([None], pa.string())),
        ("warc_filename", pa.array(["a\0b"])),
    ):
        path = tmp_path / "index.parquet"
        parquet.write_table(pa.table({**columns, name: wrong}), path)
        code, said = said_by([str(path), "-o", str(tmp_path / "out"), "--overwrite"], capsys)
        assert code in (1, 2) and len(said) == 1 and "index.parquet" in said[0], said


def test_a_file_under_two_names_is_read_once(spark: SparkSession, samples: Path, tmp_path: Path) -> None:
    (tmp_path / "a.warc.gz").write_bytes(sorted(samples.glob("*.warc.gz"))[0].read_bytes())
    (tmp_path / "b.warc.gz").symlink_to("a.warc.gz")
    names = ["a.warc.gz", "./a.warc.gz", "b.warc.gz", str(tmp_path / "a.warc.gz")]
    index, out = tmp_path / "index.cdxj", str(tmp_path / "out")
    index.write_text("".join(f"com,a)/ 20260105080011 {json.dumps({**GOOD, 'filename': name})}\n" for name in names))
    assert index_to_records.main([str(index), "-o", out, "--format", "json"]) == 0
    assert spark.read.json(out).count() == 1

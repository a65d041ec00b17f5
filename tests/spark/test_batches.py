"""From a split to Arrow batches: the same rows as the analysis ``records``, without Spark."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import crawlmill
from archives import gz, make_record
from crawlmill.errors import DamageLimit, UsageError
from crawlmill.plan.planner import make_plan
from crawlmill.plan.split import Split
from crawlmill.spark.arrays import KINDS
from crawlmill.spark.batches import Query, batches, damage_batches
from crawlmill.spark.options import inputs_of, partitions_of, plain, query_of, size_of
from crawlmill.spark.tables import TABLES, WARC, WAT, WET

Rows = list[dict[str, Any]]
HERE = ("uri", "offset", "ordinal")


def rows_of(inputs: str | list[str], query: Query, split_size: int | None = None) -> Rows:
    plan = make_plan([inputs] if isinstance(inputs, str) else inputs, split_size)
    return [row for split in plan.splits for batch in batches(split, query) for row in batch.to_pylist()]


def damage_of(inputs: str | list[str], query: Query, split_size: int | None = None) -> Rows:
    plan = make_plan([inputs] if isinstance(inputs, str) else inputs, split_size)
    return [row for split in plan.splits for batch in damage_batches(split, query) for row in batch.to_pylist()]


def place(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in HERE)


@pytest.mark.slow
@pytest.mark.parametrize("split_size", [None, 3001, 20_000])
def test_rows_and_damage_are_those_of_the_analysis_records(everything: list[str], split_size: int | None) -> None:
    run = crawlmill.run("records", everything, workers=1)
    wanted = sorted(run["records"].to_pylist(), key=place)
    query = Query("warc", WARC.default)
    found = [{name: row[name] for name in wanted[0]} for row in rows_of(everything, query, split_size)]
    assert sorted(found, key=place) == wanted and len(wanted) == 1208
    damage = damage_of(everything, query, split_size)
    assert sorted(damage, key=place) == sorted(run.damage.to_pylist(), key=place) and len(damage) > 10


def test_every_column_of_a_response(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    http = [
        ("Content-Type", "Text/HTML; charset=x"),
        ("Set-Cookie", "a=1, b"),
        ("set-cookie", "c=2"),
        ("Content-Encoding", "gzip"),
    ]
    headers = [("WARC-Truncated", "length"), ("WARC-IP-Address", "192.0.2.1"), ("WARC-Payload-Digest", "sha1:A")]
    body = gz([b"<p>M\xc3\xbcll"])
    url = "https://www.example.co.uk/a"
    path.write_bytes(gz([make_record("response", url, body, http_headers=http, headers=headers)]))
    (row,) = rows_of(str(path), Query("warc", tuple(WARC.columns)))
    record_id = row.pop("record_id")
    assert record_id.startswith("<urn:uuid:")
    assert row == {
        "uri": str(path), "offset": 0, "ordinal": 0, "length": path.stat().st_size, "type": "response", "url": url,
        "date": "2024-05-01T12:00:00Z", "status": "200", "mime": "text/html", "identified": None,
        "payload_length": len(body), "digest": "sha1:A", "host": "www.example.co.uk",
        "registered_domain": "example.co.uk", "ip": "192.0.2.1", "concurrent_to": None, "languages": None, "truncated": "length",
        "headers": [("content-type", "Text/HTML; charset=x"), ("set-cookie", "a=1, b\nc=2"), ("content-encoding", "gzip")],
        "payload": body, "payload_truncated": False, "body": b"<p>M\xc3\xbcll", "body_truncated": False, "text": "Müll",
    }  # fmt: skip


def test_wat_and_wet(samples: Path) -> None:
    wat = rows_of(str(samples / "wat"), Query("wat", WAT.default))
    page = next(row for row in wat if row["links"])
    assert (page["url"], page["status"], page["title"]) == (
        "https://www.example.com/",
        "200",
        "Example & <b>friends</b>",
    )
    assert page["links"][1] == {"path": "A@/href", "url": "/lighthouse", "text": "The lighthouse"}
    assert (page["source_type"], page["source_offset"]) == ("response", 876) and len(wat) == 270
    wet = rows_of(str(samples / "wet"), Query("wet", WET.default))
    assert len(wet) == 59 and all(row["text"] and row["languages"] is not None for row in wet)


def test_what_a_body_lost_is_null_and_a_damage_row(samples: Path, tmp_path: Path) -> None:
    """The rows that a run of an analysis of that name would report, which touches the same."""
    (tmp_path / "mine.py").write_text(
        "from crawlmill import analysis\nfrom crawlmill.reducers import total\n"
        "@analysis(reduce=total, key='url: string?', value='bytes: int64')\n"
        "def records(record):\n    '''Payloads.'''\n    yield record.url, len(record.payload)\n"
    )
    inputs = str(samples / "damaged")
    run = crawlmill.run(f"{tmp_path / 'mine.py'}:records", inputs, workers=1, max_record=2000)
    query = Query("warc", ("uri", "offset", "url", "payload", "body", "text"), max_record=2000)
    damage = sorted(damage_of(inputs, query), key=str)
    assert damage == sorted(run.damage.to_pylist(), key=str)
    lost = {(row["uri"], row["offset"]) for row in damage if row["analysis"]}
    assert {row["kind"] for row in damage} >= {"body", "oversized"}
    rows = rows_of(inputs, query)
    assert {(row["uri"], row["offset"]) for row in rows if row["payload"] is None} == lost
    assert all(row["url"] or row["payload"] is not None for row in rows) and len(rows) == run.counters["records"]


def test_a_payload_is_cut_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(gz([make_record("response", "http://a.example/", body) for body in (b"x" * 11, b"y" * 10)]))
    query = Query("warc", ("payload", "payload_truncated", "payload_length"), max_payload=10)
    assert [tuple(row.values()) for row in rows_of(str(path), query)] == [
        (b"x" * 10, True, 11),
        (b"y" * 10, False, 10),
    ]


def test_types_and_where_are_those_of_a_run(samples: Path) -> None:
    inputs = str(samples / "*.warc.gz")
    for types, where in (
        ("response", "status=200 and mime=text/html"),
        ("revisit,metadata", None),
        (None, "status!=200"),
    ):
        run = crawlmill.run("records", inputs, types=types, where=where, workers=1)
        options = {name: value for name, value in (("types", types), ("where", where)) if value is not None}
        found = rows_of(inputs, query_of(WARC, options, HERE))
        assert sorted(map(place, found)) == sorted(map(place, run["records"].to_pylist())) and found


def test_batches_are_capped_by_rows_and_by_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    sizes = [10, 10, 3000, 10, 900, 10, 10]
    path.write_bytes(gz([make_record("response", "http://a.example/", b"x" * size) for size in sizes]))
    query = Query("warc", ("payload",))
    split = Split(str(path))

    def cut(rows: int, size: int) -> list[int]:
        return [batch.num_rows for batch in batches(split, query, rows, size)]

    assert cut(100, 1 << 20) == [7] and cut(3, 1 << 20) == [3, 3, 1]
    assert cut(100, 940) == [2, 1, 2, 2]


def test_a_strict_query_raises_and_another_warns(samples: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = str(samples / "damaged/truncated.warc.gz")
    with pytest.raises(DamageLimit, match=f"{path}@26427: the file ends inside this record"):
        rows_of(path, Query("warc", ("url",), strict=True))
    assert rows_of(path, Query("warc", ("url",)))
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: damage rows: 1, the first at 26427: the file ends inside this record; the format warc_damage has them"
    ]


def test_every_split_of_a_missing_file_has_the_same_damage_row(tmp_path: Path) -> None:
    splits = [Split(str(tmp_path / "no.warc.gz"), 0, 10), Split(str(tmp_path / "no.warc.gz"), 10)]
    query = Query("warc", ("url",))
    found = [row for split in splits for batch in damage_batches(split, query) for row in batch.to_pylist()]
    assert [row["kind"] for row in found] == ["missing"] * 2 and found[0] == found[1]


def test_no_pandas_is_imported() -> None:
    """Importing it costs each Python worker two seconds."""
    code = (
        "import sys\nfrom crawlmill.plan.split import Split\nfrom crawlmill.spark.batches import *\n"
        "from crawlmill.spark.tables import *\n"
        "for table, path in ((WARC, sys.argv[1]), (WAT, sys.argv[2])):\n"
        "    query = Query(table.name, table.default + ('payload', 'payload_truncated'))\n"
        "    assert sum(batch.num_rows for batch in batches(Split(path), query))\n"
        "    list(damage_batches(Split(path), query))\n"
        "assert not {'pandas', 'pyspark'} & set(sys.modules)\n"
    )
    root = Path(__file__).resolve().parent.parent.parent / "data_samples"
    files = [next(root.glob("*.warc.gz")), next(root.glob("wat/*.wat.gz"))]
    subprocess.run([sys.executable, "-c", code, *files], check=True, timeout=60)


@pytest.mark.parametrize("type", KINDS)
def test_arrays_are_what_arrow_makes_itself(type: str) -> None:
    values: dict[str, list[object]] = {
        "string": ["", "a", None, "ü" * 70, "\0"],
        "binary": [b"", None, b"\xff" * 9],
        "bigint": [0, -1, None, 2**63 - 1, -(2**63)],
        "boolean": [True, False, None, True, True, False, False, True, None],
        "map<string,string>": [[], None, [("a", "1"), ("", "ü")]],
        "array<struct<path:string,url:string,text:string>>": [
            [("a", "b", "c")],
            None,
            [],
            [("", "", ""), ("x", "ü", "z")],
        ],
    }
    kind = KINDS[type]
    for some in (values[type], [value for value in values[type] if value is not None], [None], [], [None] * 9):
        found = kind.array([kind.cell(value) for value in some])
        found.validate(full=True)
        names = ("path", "url", "text")
        plain = [
            [dict(zip(names, item, strict=True)) for item in value] if type.startswith("array") and value else value
            for value in some
        ]  # fmt: skip
        assert found.equals(pa.array(plain, kind.arrow)), some


# ---- options


def test_options_that_do_not_fit_are_one_clear_error() -> None:
    for options, words in (
        ({"wheres": "status=200"}, "no option is called 'wheres'"),
        ({"columns": "url,colour"}, "warc: no column is called 'colour'; there are uri, offset"),
        ({"columns": "url,url"}, "named twice"),
        ({"columns": ","}, "no column is named"),
        ({"where": "status<200"}, "status has no order"),
        ({"max_record": "lots"}, "write bytes"),
        ({"max_record": "9" * 5000}, "write bytes"),
        ({"max_payload": "\u0663"}, "write bytes"),
        ({"max_payload": "-1"}, "write bytes"),
        ({"max_record": "2g"}, "1g is the most"),
        ({"check": "yes"}, "one of fast, full"),
        ({"damage": "ignore"}, "one of report, fail"),
    ):
        with pytest.raises(UsageError, match=words):
            query_of(WARC, plain(options))
    for given, words in (
        ({}, "no input"),
        ({"path": "-"}, "standard input"),
        ({"paths": "a.warc.gz"}, "a JSON array of texts"),
        ({"paths": '"a.warc.gz"'}, "a JSON array of texts"),
        ({"paths": "[1]"}, "a JSON array of texts"),
        ({"paths": "[" * 100_000}, "a JSON array of texts"),
    ):
        with pytest.raises(UsageError, match=words):
            inputs_of(given)


def test_a_manifest_cannot_name_standard_input(tmp_path: Path) -> None:
    (tmp_path / "some.paths").write_text("-\n")
    with pytest.raises(UsageError, match="cannot read our standard input or a pipe"):
        partitions_of({"path": str(tmp_path / "some.paths")})


def test_options_are_read_whatever_their_case(samples: Path) -> None:
    options = plain(
        {
            "Columns": "url, status",
            "TYPES": "response",
            "Check": "full",
            "Damage": "fail",
            "Max_Record": "1m",
            "max_body": "2m",
        }
    )
    query = query_of(WARC, options)
    assert (query.columns, query.full, query.strict, query.max_record) == (("url", "status"), True, True, 1 << 20)
    assert query.max_body == query.reading().max_body == 2 << 20 and query_of(WARC, {}).max_body == 8 << 20
    assert query.reading().wanted == {"response", "arc"} and query_of(WAT, {}).reading().only_json == {"metadata"}
    assert size_of({"a": "3K"}, "a", 1) == 3072 and size_of({}, "a", 1) == 1
    path = str(samples / "*.warc.gz")
    partitions = partitions_of({"path": path, "split_bytes": "10k"})
    assert [split for splits in partitions for split in splits] == list(make_plan([path], 10 << 10).splits)
    assert [[split.end for split in splits] for splits in partitions_of({"path": path, "split_bytes": "0"})] == [
        [None]
    ] * 3


def test_bodies_are_left_out_unless_named() -> None:
    bodies = {name for table in TABLES.values() for name, column in table.columns.items() if column.body}
    assert not bodies & {*WARC.default, *WAT.default} and bodies & set(WET.default) == {"text"}

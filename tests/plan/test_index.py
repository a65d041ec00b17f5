"""An index in place of archives: its rows become ranges, each record once, in every form that an index has."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

import crawlmill
from crawlmill.errors import CrawlmillError
from crawlmill.plan.inputs import expand
from crawlmill.plan.planner import RANGES, cut, make_plan
from crawlmill.plan.split import Split
from crawlmill.warc.ranges import in_order

CDXJ = "cdx/index.cdxj"


def rows_of(samples: Path) -> list[dict[str, str]]:
    return [json.loads(line.split(" ", 2)[2]) for line in (samples / CDXJ).read_text().splitlines()]


def places(samples: Path) -> set[tuple[str, int, int]]:
    return {(str(samples / row["filename"]), int(row["offset"]), int(row["length"])) for row in rows_of(samples)}


def planned(*inputs: Path | str, base: str | None = None) -> set[tuple[str, int, int]]:
    plan = make_plan([str(item) for item in inputs], base=base)
    assert all(split.ranges is not None for split in plan.splits)
    return {(split.uri, *item) for split in plan.splits for item in split.ranges or ()}


def columnar(path: Path, rows: list[dict[str, str]]) -> None:
    table = pa.table(
        {
            "url": [row["url"] for row in rows],
            "warc_filename": [row["filename"] for row in rows],
            "warc_record_offset": pa.array([int(row["offset"]) for row in rows], pa.int32()),
            "warc_record_length": pa.array([int(row["length"]) for row in rows], pa.int32()),
        }
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, path)


def test_cdxj_of_any_name_plain_or_gzip(samples: Path, tmp_path: Path) -> None:
    text = (samples / CDXJ).read_bytes()
    (tmp_path / "cdx-00000").write_bytes(b'!meta {"format": "cdxj"}\n' + text)
    parts = text.splitlines(keepends=True)  # ZipNum: members of some lines each
    (tmp_path / "cdx-00000.gz").write_bytes(gzip.compress(b"".join(parts[:30])) + gzip.compress(b"".join(parts[30:])))
    (tmp_path / "found.txt").write_bytes(text)  # a name that a manifest may have
    assert planned(samples / CDXJ) == places(samples)
    for name in ("cdx-00000", "cdx-00000.gz", "found.txt"):
        assert planned(tmp_path / name, base=str(samples)) == places(samples), name


def test_parquet_a_file_or_a_folder(samples: Path, tmp_path: Path) -> None:
    rows = rows_of(samples)
    columnar(tmp_path / "one.gz.parquet", rows)
    columnar(tmp_path / "table/crawl=A/subset=warc/part-0.parquet", rows[:50])
    columnar(tmp_path / "table/crawl=A/subset=other/part-0.parquet", rows[50:])
    (tmp_path / "table/_SUCCESS").touch()
    (tmp_path / "table/_damage").mkdir()
    (tmp_path / "table/_damage/part-0.parquet").write_bytes(b"no row of the index")
    for name in ("one.gz.parquet", "table"):
        assert planned(tmp_path / name, base=str(samples)) == places(samples), name


def test_each_record_once(samples: Path, tmp_path: Path) -> None:
    lines = (samples / CDXJ).read_text().splitlines(keepends=True)
    (tmp_path / "a.cdxj").write_text("".join(lines[:60]))
    (tmp_path / "b.cdxj").write_text("".join(lines[40:]))
    inputs = [str(tmp_path / name) for name in ("a.cdxj", "b.cdxj")]
    given, twice = expand(inputs, str(samples))
    found = [(split.uri, *item) for split, *_ in given for item in split.ranges or ()]
    assert len(found) == len(set(found)) == 88 and set(found) == places(samples)
    assert 0 < len(twice) <= 3
    archive = str(sorted(samples.glob("*.warc.gz"))[0])
    for several in ([archive, samples / CDXJ], [samples / CDXJ, archive]):
        plan = make_plan([str(item) for item in several])
        assert [split for split in plan.splits if split.uri == archive] == [Split(archive)], "all of it, and once"
        assert plan.twice == (archive,) and len(plan.splits) == 3


def test_rows_of_a_run_are_those_of_the_whole_files_at_the_offsets(samples: Path, tmp_path: Path) -> None:
    wanted = {(uri, offset) for uri, offset, _ in places(samples)}
    whole = crawlmill.run("records", [str(samples / "*.warc.gz")], workers=1, pool="thread")
    some = crawlmill.run("records", [str(samples / CDXJ)], workers=2, split_size=4096)
    expected = [row for row in whole["records"].to_pylist() if (row["uri"], row["offset"]) in wanted]
    assert some["records"].to_pylist() == expected and len(expected) == 88
    assert some.damage.num_rows == 0


def test_a_run_over_an_index_is_taken_up_again(samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = str(tmp_path / "out")
    stops = f"{Path(__file__).parent}/stops.py:stops"
    monkeypatch.setenv("STOPS", "1")
    with pytest.raises(CrawlmillError, match="told to stop"):
        crawlmill.run(stops, str(samples / CDXJ), output=out, workers=1, pool="thread", split_size=4096)
    kept = {path.name: path.stat().st_mtime_ns for path in Path(out, "_work").glob("*.part")}
    assert len(kept) > 3
    monkeypatch.delenv("STOPS")
    run = crawlmill.run(stops, str(samples / CDXJ), output=out, resume=True, workers=1, pool="thread", split_size=4096)
    assert run["stops"].to_pylist() == [{"type": "response", "records": 86}, {"type": "revisit", "records": 2}]


def test_a_line_that_is_none_is_said_with_its_place(tmp_path: Path) -> None:
    good = 'com,example)/ 20260105080011 {"offset": "876", "length": "1332", "filename": "a.warc.gz"}\n'
    (tmp_path / "a.cdxj").write_text(good + good.replace('"876"', '"many"'))
    with pytest.raises(CrawlmillError, match=r"a\.cdxj:2: not a line of CDXJ; one is KEY TIMESTAMP"):
        make_plan([str(tmp_path / "a.cdxj")])
    pq = tmp_path / "other.parquet"
    parquet.write_table(pa.table({"url": ["http://a.example/"]}), pq)
    with pytest.raises(
        CrawlmillError, match=r"other\.parquet: not a columnar index: .*it has the columns warc_filename"
    ):
        make_plan([str(pq)])


def test_ranges_are_cut_into_splits_that_hold_each_once() -> None:
    far = in_order((at * 1_000_000, 500) for at in range(RANGES * 2 + 5))
    splits = list(cut(Split("/a.warc.gz", ranges=far)))
    assert [len(split.ranges or ()) for split in splits] == [RANGES, RANGES, 5]
    assert tuple(item for split in splits for item in split.ranges or ()) == far
    assert [split.start for split in splits] == [0, RANGES * 1_000_000, 2 * RANGES * 1_000_000]
    near = in_order((at * 1000, 900) for at in range(100_000))
    splits = list(cut(Split("/a.warc.gz", ranges=near), 16 << 20))
    assert tuple(item for split in splits for item in split.ranges or ()) == near and 5 < len(splits) < 14
    assert list(cut(splits[1])) == [splits[1]], "what was planned stays as it is"
    assert Split.from_line(splits[1].to_json()) == splits[1]

"""How much a store is asked, counted: over a server of the tests that speaks WebHDFS, and over a real HDFS."""

from __future__ import annotations

import os
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import crawlmill
from archives import gz, make_record
from crawlmill.plan.planner import make_plan
from crawlmill.plan.read import read_split
from crawlmill.plan.split import Split
from crawlmill.records.record import Record
from crawlmill.stores import hdfs_http, webhdfs
from crawlmill.warc.reading import Reading
from store_rows import ROWS, Place, placed

LEAST = 64 << 10
REMOTE = [pytest.param(ROWS[name], id=name, marks=ROWS[name].marks) for name in ("hdfs", "webhdfs", "hadoop")]


class Asked:
    """The requests of this process, counted where they are made."""

    def __init__(self) -> None:
        self.count: Counter[str] = Counter()
        self.reads: list[tuple[str, int, int]] = []

    def __call__(self, url: str, uri: str, method: str, body: str | None = None) -> bytes:
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
        self.count[query["op"]] += 1
        try:
            data = hdfs_http.request(url, uri, method, body)
        except hdfs_http.Elsewhere:
            self.count["NameNode of a read"] += 1
            raise
        if query["op"] == "OPEN":
            self.reads.append((uri, int(query["offset"]), len(data)))
        return data

    def clear(self) -> None:
        self.count.clear()
        self.reads.clear()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    made = Asked()
    monkeypatch.setattr(webhdfs, "request", made)
    return made


@pytest.fixture(params=REMOTE)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    (tmp_path / "store").mkdir()
    with placed(request, tmp_path / "store", monkeypatch) as found:
        yield found


def records(size: int, total: int) -> list[bytes]:
    return [make_record("response", f"http://a.example/{at}", os.urandom(size)) for at in range(total // size)]


def many(place: Place, count: int) -> None:
    """Files of several sizes in one folder."""
    data = {size: gz(records(size, size * 3)) for size in (100, 20_000, 800_000)}
    place.write_all({f"{number:03}.warc.gz": data[(100, 20_000, 800_000)[number % 3]] for number in range(count)})


def test_a_hundred_files_cost_one_listing_and_one_read_each(place: Place, asked: Asked) -> None:
    many(place, 100)
    asked.clear()
    plan = make_plan([place.uri])
    assert asked.count == {"LISTSTATUS": 1} and len(plan.inputs) == len(plan.splits) == 100
    asked.clear()
    run = crawlmill.run("status", place.uri, workers=1, pool="thread")
    assert run.counters["records"] == 300 and run.damage.num_rows == 0
    assert asked.count["LISTSTATUS"] == 1 and asked.count["NameNode of a read"] == len(asked.reads) == 100
    # After its last read each file is asked once whether it is still the one that was listed.
    assert asked.count["GETFILESTATUS"] == 100 and asked.count.total() == 401


def test_names_in_one_folder_cost_one_listing_however_they_are_named(
    place: Place, asked: Asked, tmp_path: Path
) -> None:
    many(place, 20)
    uris = [f"{place.uri}/{number:03}.warc.gz" for number in range(21)]  # the last one is not there
    (tmp_path / "crawl.paths").write_text("\n".join(uris))
    for inputs in (uris, [str(tmp_path / "crawl.paths")]):
        asked.clear()
        plan = make_plan(inputs)
        assert [item.uri for item in plan.inputs] == uris
        assert [item.size is None for item in plan.inputs] == [False] * 20 + [True]
        assert asked.count["LISTSTATUS"] <= 2 and asked.count.total() <= 2 + 1, asked.count


def test_a_plain_file_is_read_once(place: Place, asked: Asked) -> None:
    data = b"".join(records(5000, 30 << 20))
    place.write_all({"a.warc": data})
    for split in make_plan([place.uri], 10 << 20).splits:
        asked.clear()
        assert sum(isinstance(item, Record) for item in read_split(split, Reading())) > 1000
        assert sum(count for _, _, count in asked.reads) < (split.end or len(data)) + (2 << 20), asked.reads


def test_a_pattern_costs_one_listing_a_folder(place: Place, asked: Asked) -> None:
    place.write_all({f"{folder}/{name}.warc.gz": b"x" for folder in ("a", "b", "c") for name in range(3)})
    asked.clear()
    assert len(make_plan([f"{place.uri}/[ab]/*.gz"]).inputs) == 6
    assert asked.count == {"LISTSTATUS": 3}  # the folder itself, a and b


@pytest.mark.slow
@pytest.mark.parametrize("size", [2000, 300_000, 3_000_000])
def test_a_split_of_14_mib_costs_few_reads_and_no_small_one(place: Place, asked: Asked, size: int) -> None:
    data = gz(records(size, 42 << 20), 1)
    place.write_all({"a.warc.gz": data})
    found = 0
    splits = make_plan([place.uri], 14 << 20).splits
    assert len(splits) in (3, 4)
    for split in splits:
        asked.clear()
        found += sum(isinstance(item, Record) for item in read_split(split, Reading()))
        assert len(asked.reads) <= 8, asked.reads
        end = split.end or len(data)
        for _, offset, count in asked.reads:
            assert count >= LEAST or offset + count in (len(data), end), asked.reads
        assert sum(count for _, _, count in asked.reads) < (split.end or len(data)) - split.start + (12 << 20)
        assert asked.count["GETFILESTATUS"] == 1
    assert found == (42 << 20) // size


def test_selections_read_their_ranges_and_no_more(place: Place, asked: Asked) -> None:
    data = gz(records(5000, 2_000_000))
    place.write_all({"a.warc.gz": data})
    items = [item for item in read_split(Split(f"{place.uri}/a.warc.gz"), Reading()) if isinstance(item, Record)]
    chosen = [(item.offset, item.length) for item in items[50::100]]
    (split,) = make_plan([f"{place.uri}/a.warc.gz"]).splits
    asked.clear()
    split = Split(split.uri, ranges=tuple(chosen), file_size=split.file_size, version=split.version)
    assert sum(isinstance(item, Record) for item in read_split(split, Reading())) == 4
    assert [(offset, count) for _, offset, count in asked.reads] == chosen


def test_a_local_file_is_asked_once_when_it_is_planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(50):
        (tmp_path / f"{number}.warc.gz").write_bytes(b"x")
    asked: Counter[str] = Counter()
    real = os.stat

    def stat(path: object, *words: object, **options: object) -> os.stat_result:
        asked[os.fspath(path) if isinstance(path, (str, os.PathLike)) else "a descriptor"] += 1  # type: ignore[arg-type]
        return real(path, *words, **options)  # type: ignore[arg-type,call-overload,no-any-return]

    monkeypatch.setattr(os, "stat", stat)
    for item in (tmp_path, tmp_path / "*.gz"):
        asked.clear()
        assert len(make_plan([str(item)]).inputs) == 50
        assert max(asked[str(tmp_path / f"{number}.warc.gz")] for number in range(50)) <= 1

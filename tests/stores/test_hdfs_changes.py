"""Files of HDFS that change, go or are refused in mid-run. A server of the tests speaks WebHDFS here: the moment between two
requests, at which a file changes, cannot be chosen in a real HDFS."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

import crawlmill
from archives import gz, make_record
from crawlmill.errors import StoreAway
from crawlmill.plan.planner import make_plan
from crawlmill.plan.read import read_split
from crawlmill.plan.split import Split
from crawlmill.warc.damage import Damage, damage
from crawlmill.warc.reading import Reading
from web_hdfs import WebHdfsServer, web_hdfs

RECORDS = [make_record("response", f"http://a.example/{number}", b"%d" % number * 40) for number in range(20_000)]
DATA = b"".join(RECORDS)
URI = "hdfs:///crawl/a.warc"


class Store:
    """One file of a server that speaks WebHDFS."""

    def __init__(self, server: WebHdfsServer) -> None:
        self.server = server
        self.file = server.add("/crawl/a.warc", DATA)

    def change(self, data: bytes) -> None:
        self.file.data, self.file.modified = data, self.file.modified + 1000

    def at_read(self, number: int, action: Callable[[], object]) -> None:
        """Do something before the DataNode is asked for the read of that number, from now on."""
        self.server.at = {("READ", self.server.asked["READ"] + number): lambda: action() and None}


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("CRAWLMILL_STORE_WAIT", "0")
    with web_hdfs() as server:
        monkeypatch.setenv("CRAWLMILL_WEBHDFS", f"127.0.0.1:{server.port}")
        yield Store(server)


def told(splits: list[Split]) -> tuple[int, list[Damage]]:
    records, lost = 0, []
    for split in splits:
        for item in read_split(Split.from_line(split.to_json()), Reading()):
            if isinstance(item, Damage):
                lost.append(item)
            else:
                records += 1
    return records, lost


def planned() -> list[Split]:
    splits = list(make_plan([URI], 2 << 20).splits)
    assert len(splits) > 2 and {(split.file_size, split.version) for split in splits} == {(len(DATA), "1000-3")}
    return splits


def test_what_stays_as_it_is(store: Store) -> None:
    assert told(planned()) == (20_000, [])


def test_what_is_added_is_not_read(store: Store) -> None:
    splits = planned()
    store.change(DATA + RECORDS[0] * 100)
    assert told(splits) == (20_000, [damage(URI, len(DATA), 0, "changed")] * len(splits))


def test_a_file_of_another_number_is_another_one(store: Store) -> None:
    splits = planned()
    store.at_read(1, lambda: setattr(store.file, "number", 8))
    assert told(splits[:1])[1] == [damage(URI, len(DATA), 0, "changed")]


@pytest.mark.slow
@pytest.mark.parametrize("left", [0, 1_000_000, 5_000_000])
@pytest.mark.parametrize("at", [1, 2])
def test_what_is_cut_in_mid_read_ends_where_it_ends(store: Store, left: int, at: int) -> None:
    splits = planned()
    store.at_read(at, lambda: store.change(DATA[:left]))
    records, lost = told(splits)
    assert records < 20_000 and lost.count(damage(URI, len(DATA), 0, "changed")) == len(splits)
    assert {row.kind for row in lost} <= {"changed", "truncated", "empty"}


def test_what_is_gone_is_one_equal_row(store: Store) -> None:
    splits = planned()
    store.at_read(5, lambda: store.server.remove("/crawl/a.warc"))
    records, lost = told(splits)
    assert 0 < records < 20_000 and set(lost) == {damage(URI, 0, 0, "missing")}
    store.server.files["/crawl/a.warc"] = store.file
    store.at_read(6, lambda: store.server.remove("/crawl/a.warc"))
    run = crawlmill.run("records", URI, workers=1, pool="thread", split_size=2 << 20)
    assert [row["kind"] for row in run.damage.to_pylist()] == ["missing"] and run["records"].num_rows


def test_what_is_refused_is_one_equal_row(store: Store) -> None:
    splits = planned()
    for kind, row in (
        ("AccessControlException", damage(URI, 0, 0, "unreadable", detail="Permission denied")),
        ("ParentNotDirectoryException", damage(URI, 0, 0, "missing")),
    ):
        store.server.refuse = kind
        assert told(splits) == (0, [row] * len(splits))
        assert [split.file_size for split in make_plan([f"{URI}x"]).splits] == [None], "the reader says it"
        store.server.refuse = ""
        store.at_read(3, lambda kind=kind: setattr(store.server, "refuse", kind))
        assert set(told(splits)[1]) == {row}


def test_what_fails_otherwise_ends_the_run(store: Store) -> None:
    """A 403 that is not HDFS' own refusal of the file says nothing about the file."""
    splits = planned()
    for kind in ("SecurityException", "StandbyException", "IOException", "page"):
        store.server.refuse = kind
        with pytest.raises(StoreAway, match="out of reach"):
            told(splits)
        with pytest.raises(StoreAway, match="out of reach"):
            make_plan([URI])


def test_gzip_over_hdfs(store: Store) -> None:
    store.file.data = gz(RECORDS[:3000])
    splits = list(make_plan([URI], 100_000).splits)
    whole = told(splits)
    assert whole == (3000, [])
    store.file.data += gz(RECORDS[:10])
    records, lost = told(splits)
    assert records == 3000 and {row.kind for row in lost} == {"changed"} and len(lost) == len(splits)

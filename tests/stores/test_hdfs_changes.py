"""Files of HDFS that change, go or are refused in mid-run. A stand-in speaks WebHDFS here: the moment between two requests,
at which a file changes, cannot be chosen in a real HDFS. What HDFS itself answers is held by the tests on a cluster."""

from __future__ import annotations

import json
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import crawlmill
from archives import gz, make_record
from crawlmill.errors import CrawlmillError
from crawlmill.plan.planner import make_plan
from crawlmill.plan.read import read_split
from crawlmill.plan.split import Split
from crawlmill.stores import webhdfs
from crawlmill.warc.damage import Damage, damage
from crawlmill.warc.reading import Reading

RECORDS = [make_record("response", f"http://a.example/{number}", b"%d" % number * 40) for number in range(20_000)]
DATA = b"".join(RECORDS)
URI = "hdfs:///crawl/a.warc"


class HdfsStandIn:
    """One file; what it answers can be changed at any request."""

    def __init__(self) -> None:
        self.data: bytes | None = DATA
        self.modified, self.number, self.reads, self.refuse = 1000, 7, 0, ""
        self.at_read: dict[int, object] = {}

    def answer(self, operation: str, offset: int, length: int) -> tuple[int, bytes]:
        if operation == "OPEN":
            self.reads += 1
            action = self.at_read.get(self.reads)
            if callable(action):
                action(self)
        if self.refuse:
            return 403, json.dumps({"RemoteException": {"exception": self.refuse, "message": "no"}}).encode()
        if self.data is None:
            return 404, json.dumps({"RemoteException": {"exception": "FileNotFoundException", "message": ""}}).encode()
        if operation == "OPEN":
            if offset > len(self.data):
                bad = {"exception": "IllegalArgumentException", "message": "Offset is out of the range"}
                return 400, json.dumps({"RemoteException": bad}).encode()
            return 200, self.data[offset : offset + length]
        fields = {"type": "FILE", "length": len(self.data), "modificationTime": self.modified, "fileId": self.number}
        if operation == "LISTSTATUS":
            return 200, json.dumps({"FileStatuses": {"FileStatus": [{**fields, "pathSuffix": ""}]}}).encode()
        return 200, json.dumps({"FileStatus": fields}).encode()


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[HdfsStandIn]:
    made = HdfsStandIn()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
            code, body = made.answer(query["op"], int(query.get("offset", 0)), int(query.get("length", 0)))
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("CRAWLMILL_WEBHDFS", f"127.0.0.1:{server.server_port}")
    monkeypatch.setattr(webhdfs.time, "sleep", lambda _: None)
    yield made
    server.shutdown()
    server.server_close()


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
    assert len(splits) > 2 and {(split.file_size, split.version) for split in splits} == {(len(DATA), 1000)}
    return splits


def test_what_stays_as_it_is(store: HdfsStandIn) -> None:
    assert told(planned()) == (20_000, [])


def test_what_is_added_is_not_read(store: HdfsStandIn) -> None:
    splits = planned()
    store.data, store.modified = DATA + RECORDS[0] * 100, 2000
    assert told(splits) == (20_000, [damage(URI, len(DATA), 0, "changed")] * len(splits))


def test_a_file_of_another_number_is_another_one(store: HdfsStandIn) -> None:
    splits = planned()
    store.at_read = {2: lambda store: setattr(store, "number", 8)}
    assert told(splits[:1])[1] == [damage(URI, len(DATA), 0, "changed")]


@pytest.mark.parametrize("left", [0, 1_000_000, 5_000_000])
def test_what_is_cut_in_mid_read_ends_where_it_ends(store: HdfsStandIn, left: int) -> None:
    splits = planned()

    def cut(store: HdfsStandIn) -> None:
        store.data, store.modified = DATA[:left], 2000

    store.at_read = {3: cut}
    records, lost = told(splits)
    assert records < 20_000 and lost.count(damage(URI, len(DATA), 0, "changed")) == len(splits)
    assert {row.kind for row in lost} <= {"changed", "truncated", "empty"}


def test_what_is_gone_is_one_equal_row(store: HdfsStandIn) -> None:
    splits = planned()
    store.at_read = {8: lambda store: setattr(store, "data", None)}
    records, lost = told(splits)
    assert 0 < records < 20_000 and set(lost) == {damage(URI, 0, 0, "missing")}
    store.data, store.at_read = DATA, {9: lambda store: setattr(store, "data", None)}
    store.reads = 0
    run = crawlmill.run("records", URI, workers=1, pool="thread", split_size=2 << 20)
    assert [row["kind"] for row in run.damage.to_pylist()] == ["missing"] and run["records"].num_rows


def test_what_is_refused_is_one_equal_row(store: HdfsStandIn) -> None:
    splits = planned()
    for kind, row in (
        ("AccessControlException", damage(URI, 0, 0, "unreadable", detail="Permission denied")),
        ("ParentNotDirectoryException", damage(URI, 0, 0, "missing")),
    ):
        store.refuse = kind
        assert told(splits) == (0, [row] * len(splits))
        assert [split.file_size for split in make_plan([f"{URI}x"]).splits] == [None], "the reader says it"
        store.refuse, store.reads = "", 0
        store.at_read = {3: lambda store, kind=kind: setattr(store, "refuse", kind)}
        assert set(told(splits)[1]) == {row}
        store.at_read = {}


def test_what_fails_otherwise_ends_the_run(store: HdfsStandIn) -> None:
    splits = planned()
    for kind in ("SecurityException", "StandbyException", "IOException"):
        store.refuse = kind
        with pytest.raises(CrawlmillError, match="HDFS"):
            told(splits)


def test_gzip_over_hdfs(store: HdfsStandIn) -> None:
    store.data = gz(RECORDS[:3000])
    splits = list(make_plan([URI], 100_000).splits)
    whole = told(splits)
    assert whole == (3000, [])
    store.data += gz(RECORDS[:10])
    records, lost = told(splits)
    assert records == 3000 and {row.kind for row in lost} == {"changed"} and len(lost) == len(splits)

"""What every store does. A new store is a row in tests/store_rows.py, and passes."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import crawlmill
from archives import gz, make_record
from crawlmill.errors import CrawlmillError, StoreAway, UsageError
from crawlmill.plan.planner import make_plan
from crawlmill.plan.read import read_split
from crawlmill.plan.split import Split
from crawlmill.records.record import Record
from crawlmill.stores import open_source, store_of
from crawlmill.warc.damage import Damage
from crawlmill.warc.reading import Reading
from store_rows import Place, placed, rows

RECORDS = [make_record("response", f"http://a.example/{number}", os.urandom(2000)) for number in range(300)]
DATA = gz(RECORDS)


@pytest.fixture(params=rows())
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with placed(request, folder_in(tmp_path), monkeypatch) as found:
        yield found


@pytest.fixture(params=rows(lambda kind: kind.folders))
def folders(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with placed(request, folder_in(tmp_path), monkeypatch) as found:
        yield found


@pytest.fixture(params=rows(lambda kind: kind.writes))
def written(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with placed(request, folder_in(tmp_path), monkeypatch) as found:
        yield found


@pytest.fixture(params=rows(lambda kind: not kind.writes))
def read_only(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with placed(request, folder_in(tmp_path), monkeypatch) as found:
        yield found


@pytest.fixture(params=rows(lambda kind: kind.refuses))
def refusing(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with placed(request, folder_in(tmp_path), monkeypatch) as found:
        yield found


@pytest.fixture(params=rows(lambda kind: kind.remote))
def remote(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with placed(request, folder_in(tmp_path), monkeypatch) as found:
        yield found


def folder_in(tmp_path: Path) -> Path:
    (tmp_path / "store").mkdir()
    return tmp_path / "store"


def items(splits: list[Split]) -> tuple[list[str], list[str]]:
    """URLs of records, and kinds of damage."""
    found = [item for split in splits for item in read_split(Split.from_line(split.to_json()), Reading())]
    urls = [str(item.url) for item in found if isinstance(item, Record)]
    return urls, [item.kind for item in found if isinstance(item, Damage)]


def names(uris: list[str]) -> list[str]:
    return [uri.rpartition("/")[2] for uri in uris]


class TestReading:
    def test_any_part_of_a_file(self, place: Place) -> None:
        uri = place.write("a.warc.gz", DATA)
        chance = random.Random(1)
        with closing(open_source(uri)) as source:
            for _ in range(200):
                offset, count = chance.randrange(len(DATA) + 10), chance.choice([0, 1, 1, 60, 70_000, len(DATA) * 2])
                assert source.read_at(offset, count) == DATA[offset : offset + count]
            assert source.read_at(len(DATA), 1) == source.read_at(-1, 1) == b"" and source.size() == len(DATA)

    def test_a_large_file_by_its_spans(self, folders: Place) -> None:
        data = os.urandom(1 << 20) * 21
        uri = folders.write("large", data)
        spans = [(3 << 20, 19 << 20)]
        with closing(open_source(uri, spans=spans)) as source:
            for at in range(3 << 20, 20 << 20, 300_001):
                assert source.read_at(at, 300_001) == data[at : at + 300_001]
                assert source.read_at(at % 1000, 10) == data[at % 1000 :][:10]

    def test_records_are_those_of_a_local_file(self, place: Place) -> None:
        splits = list(make_plan([place.write("a.warc.gz", DATA)], 200_000).splits)
        assert items(splits) == ([f"http://a.example/{number}" for number in range(300)], [])
        assert len(splits) > 2 or not place.folders

    def test_what_is_not_there_is_missing(self, folders: Place) -> None:
        folders.write("a.warc.gz", DATA)
        for name in ("b.warc.gz", "a.warc.gz/b.warc.gz", "b/c.warc.gz"):
            uri = f"{folders.uri}/{name}"
            with pytest.raises((FileNotFoundError, NotADirectoryError)):
                store_of(uri).tell(uri)
            assert items(list(make_plan([uri]).splits)) == ([], ["missing"])
            assert items([Split(uri, 0, 50), Split(uri, 50)]) == ([], ["missing"] * 2)

    def test_what_is_refused_is_unreadable(self, refusing: Place) -> None:
        uri = refusing.refuse("a.warc.gz")
        assert items([Split(uri)]) == ([], ["unreadable"])
        assert items(list(make_plan([uri]).splits)) == ([], ["unreadable"])

    def test_what_is_away_is_no_damage(self, remote: Place) -> None:
        uri = remote.write("a.warc.gz", DATA)
        splits = list(make_plan([uri]).splits)
        remote.away()
        for split in (splits[0], Split(uri)):
            with pytest.raises(StoreAway, match=r"out of reach: .*--resume"):
                items([split])
        with pytest.raises(StoreAway):
            make_plan([uri])

    def test_another_version_is_told(self, folders: Place) -> None:
        uri = folders.write("a.warc.gz", DATA)
        splits = list(make_plan([uri]).splits)
        before = store_of(uri).tell(uri)
        assert before.same(store_of(uri).tell(uri)) and before.version is not None
        folders.write("a.warc.gz", DATA[::-1])
        assert not before.same(store_of(uri).tell(uri))
        assert "changed" in items(splits)[1]


class TestNames:
    def test_a_listing_tells_what_each_file_tells(self, folders: Place) -> None:
        folders.write_all({"b.warc": bytes(5), "a b%20#?.warc": b"", "c/d.warc": bytes(7)})
        store = store_of(folders.uri)
        found = store.list(folders.uri)
        assert [(entry.size, entry.folder) for entry in found] == [(0, False), (5, False), (None, True)]
        for entry in found:
            assert store.tell(entry.uri) == entry
        assert store.tell(folders.uri).folder and store.list(found[1].uri) == [found[1]]
        with pytest.raises(FileNotFoundError):
            store.list(f"{folders.uri}/x")

    @pytest.mark.parametrize(
        "pattern, expected",
        [
            ("*.warc", ["a.warc", "b.warc"]),
            ("[!a]*", ["b.warc", "c", "d"]),
            ("?", ["c", "d"]),
            ("*/a.warc", ["a.warc", "a.warc"]),
            ("c/*", ["a.warc"]),
            ("**/a.warc", ["a.warc", "a.warc", "a.warc", "a.warc"]),
            ("d/**/a.warc", ["a.warc", "a.warc"]),
            ("x*", []),
            ("x/*", []),
            ("a.warc/*", []),
        ],
    )
    def test_patterns(self, folders: Place, pattern: str, expected: list[str]) -> None:
        folders.write_all(dict.fromkeys(("a.warc", "b.warc", "c/a.warc", "d/a.warc", "d/e/a.warc"), b"x"))
        found = store_of(folders.uri).glob(f"{folders.uri}/{pattern}")
        assert names([entry.uri for entry in found]) == expected
        assert [entry.uri for entry in found] == sorted({entry.uri for entry in found})

    def test_a_folder_and_a_pattern_as_inputs(self, folders: Place) -> None:
        folders.write_all({"a.warc.gz": DATA, "b.warc.gz": DATA})
        for item in (folders.uri, f"{folders.uri}/", f"{folders.uri}/*.gz"):
            plan = make_plan([item])
            assert names([one.uri for one in plan.inputs]) == ["a.warc.gz", "b.warc.gz"]
            assert [one.size for one in plan.inputs] == [len(DATA)] * 2
        for item in (f"{folders.uri}/*.x", f"{folders.uri}/x*/*"):
            with pytest.raises(UsageError, match="nothing matches"):
                make_plan([item])

    def test_a_name_that_looks_like_a_pattern_is_a_name(self, folders: Place) -> None:
        folders.write_all({"a[1].warc.gz": DATA, "b.warc.gz": DATA})
        (split,) = make_plan([f"{folders.uri}/a[1].warc.gz"]).splits
        assert items([split]) == ([f"http://a.example/{number}" for number in range(300)], [])

    def test_a_name_is_the_same_everywhere(self, place: Place) -> None:
        uri = place.write("a.warc.gz", DATA)
        store = store_of(uri)
        name = store.canonical(uri)
        assert store.canonical(name) == name and store.identity(name) == store.identity(uri)
        assert store_of(store.real(name)).identity(store.real(name)) == store.identity(uri)
        plan = make_plan([uri, name])
        assert len(plan.inputs) == 1 and len(plan.twice) == 1


class TestWriting:
    def result(self, folder: Path, text: str = "1") -> str:
        folder.mkdir(parents=True)
        for name in ("run.json", "a b%.parquet"):
            (folder / name).write_text(text)
        (folder / "empty").write_text("")
        return str(folder)

    def test_a_folder_is_put_whole_and_fetched(self, written: Place, tmp_path: Path) -> None:
        uri, store = f"{written.uri}/new/out", store_of(written.uri)
        assert store.held(uri) is None
        store.check_writable(uri)
        store.put(self.result(tmp_path / "result"), uri, False)
        assert store.held(uri) == {"run.json", "a b%.parquet", "empty"}
        assert names([entry.uri for entry in store.list(f"{written.uri}/new")]) == ["out"], "nothing else is left"
        with store.fetched(uri) as copy:
            assert {path.name: path.read_text() for path in Path(copy).iterdir()} == {
                "run.json": "1",
                "a b%.parquet": "1",
                "empty": "",
            }
        with store.fetched(f"{uri}/run.json") as copy:
            assert Path(copy).read_text() == "1"
        store.fetch(f"{uri}/run.json", str(tmp_path / "one"))
        assert (tmp_path / "one").read_text() == "1"

    def test_what_is_there_stays(self, written: Place, tmp_path: Path) -> None:
        uri, store = f"{written.uri}/out", store_of(written.uri)
        store.put(self.result(tmp_path / "first", "1"), uri, False)
        with pytest.raises(UsageError, match="the output exists"):
            store.put(self.result(tmp_path / "second", "2"), uri, False)
        with store.fetched(uri) as copy:
            assert Path(copy, "run.json").read_text() == "1"
        store.put(str(tmp_path / "second"), uri, True)
        with store.fetched(uri) as copy:
            assert Path(copy, "run.json").read_text() == "2"
        file = written.write("file", b"x")
        with pytest.raises(UsageError, match="the output exists"):
            store.put(str(tmp_path / "second"), file, False)
        with pytest.raises(UsageError, match="not a folder"):
            store.held(file)
        assert names([entry.uri for entry in store.list(written.uri)]) == ["file", "out"]

    def test_of_two_that_write_at_once_one_wins_and_one_says_so(self, written: Place, tmp_path: Path) -> None:
        uri, store, together = f"{written.uri}/out", store_of(written.uri), threading.Barrier(2)
        said: list[str] = []

        def put(text: str) -> None:
            folder = self.result(tmp_path / text, text)
            together.wait()
            try:
                store.put(folder, uri, False)
                said.append(text)
            except UsageError as error:
                said.append(error.what)

        threads = [threading.Thread(target=put, args=(text,)) for text in ("1", "2")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (winner,) = set(said) - {"the output exists"}
        assert len(said) == 2
        with store.fetched(uri) as copy:
            assert {path.read_text() for path in Path(copy).iterdir()} == {winner, ""}
        assert names([entry.uri for entry in store.list(written.uri)]) == ["out"]

    def test_where_it_cannot_be_is_said_before(self, written: Place, tmp_path: Path) -> None:
        file = written.write("file", b"x")
        for uri in (f"{file}/out", f"{file}/a/out"):
            with pytest.raises(CrawlmillError):
                store_of(uri).check_writable(uri)
            with pytest.raises(CrawlmillError):
                store_of(uri).put(self.result(tmp_path / uri.replace("/", "_")), uri, False)

    def test_a_result_is_shown_from_there(self, written: Place, tmp_path: Path) -> None:
        archive = tmp_path / "a.warc.gz"
        archive.write_bytes(DATA)
        run = crawlmill.run("records", str(archive), output=f"{written.uri}/out", workers=1, pool="thread")
        from crawlmill.output.reading import read_table
        from crawlmill.results.opening import open_tables

        assert open_tables(f"{written.uri}/out").tables["records"].equals(run["records"])
        assert read_table(f"{written.uri}/out/records.parquet").num_rows == run["records"].num_rows
        with pytest.raises(UsageError, match="the output exists"):
            crawlmill.run("records", str(archive), output=f"{written.uri}/out", workers=1, pool="thread")
        crawlmill.run("records", str(archive), output=f"{written.uri}/out", overwrite=True, workers=1, pool="thread")


def test_a_store_that_is_not_written_says_so(read_only: Place, tmp_path: Path) -> None:
    store, uri = store_of(read_only.uri), read_only.uri if read_only.uri == "-" else f"{read_only.uri}/out"
    for call in (store.check_writable, store.held, lambda uri: store.put(str(tmp_path), uri, True)):
        with pytest.raises(UsageError, match="nothing writes to"):
            call(uri)

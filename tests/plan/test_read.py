"""Files that are not there, that we may not read, that fail in mid-read, or that change while they are read: each split
says the same row, or the run ends with one clear line."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

import crawlmill
from archives import gz, gz_whole, make_record
from crawlmill import Record, analysis
from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.plan.planner import make_plan
from crawlmill.plan.read import read_split
from crawlmill.plan.split import Split
from crawlmill.reducers import total
from crawlmill.stores import open_source
from crawlmill.stores.bounded import Bounded
from crawlmill.stores.local import LocalFile
from crawlmill.warc.damage import Damage, damage
from crawlmill.warc.reading import Reading

Told = tuple[str, int, str]
SIZE = 10_000


def noise(number: int) -> bytes:
    return b"".join(b"%d " % (number * 7919 * at % 100_003) for at in range(1000))


RECORDS = [make_record("response", f"http://a.example/{number}", noise(number)) for number in range(30)]
MORE = [make_record("response", f"http://b.example/{number}", noise(number)) for number in range(5)]
LAYOUTS: dict[str, Callable[[list[bytes]], bytes]] = {
    "members": gz,
    "plain": b"".join,
    "one": gz_whole,
}


def told(split: Split, between: Callable[[int], None] = lambda count: None) -> list[Told]:
    """What a split gives; a function is called after each item."""
    found: list[Told] = []
    for item in read_split(split, Reading()):
        found.append(
            (item.kind, item.offset, "damage") if isinstance(item, Damage) else ("", item.offset, str(item.url))
        )
        between(len(found))
    return found


def planned(path: Path, size: int = SIZE) -> list[Split]:
    splits = list(make_plan([str(path)], size).splits)
    assert all(Split.from_line(split.to_json()).file_size == path.stat().st_size for split in splits)
    return [replace(Split.from_line(split.to_json())) for split in splits]


def kinds(found: list[Told]) -> list[str]:
    return [kind for kind, _, _ in found if kind]


@pytest.fixture(params=LAYOUTS)
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file in one of the layouts, several splits of it where there can be."""
    path = tmp_path / "a.warc.gz"
    path.write_bytes(LAYOUTS[request.param](RECORDS))
    return path


def replaced(path: Path, data: bytes) -> None:
    """Another file under the name."""
    new = path.with_name("new")
    new.write_bytes(data)
    os.replace(new, path)


# ---- not there, not permitted


def test_every_split_of_a_file_that_is_gone_says_so(archive: Path) -> None:
    splits = [*planned(archive), Split(str(archive), 5000, 9000), Split(str(archive), ranges=((700, 20), (9000, 30)))]
    archive.unlink()
    rows = [list(read_split(split, Reading())) for split in splits]
    assert rows == [[damage(str(archive), 0, 0, "missing")]] * len(splits)


def test_a_file_that_is_deleted_in_mid_run_is_one_row(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(gz(RECORDS))

    @analysis(reduce=total, key="url: string", value="pages: int64", types="response")
    def deletes(record: Record) -> Iterator[tuple[str, int]]:
        if record.offset > 20_000:
            path.unlink(missing_ok=True)
        yield str(record.url), 1

    run = crawlmill.run(deletes, str(path), workers=1, pool="thread", split_size=SIZE)
    assert 5 < run["deletes"].num_rows < 30, "what was open was read"
    kept = [(row["uri"], row["offset"], row["length"], row["kind"]) for row in run.damage.to_pylist()]
    assert kept == [(str(path), 0, 0, "missing")]


@contextmanager
def as_nobody(folder: Path, mode: int = 0o755) -> Iterator[None]:
    """Without root's right to read everything, where the tests have it."""
    if os.geteuid():
        yield
        return
    for above in folder.parents:
        if above.name.startswith(("pytest-", "test_", "popen-")):
            above.chmod(0o755)
    folder.chmod(mode)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def unreadable(folder: Path) -> str:
    path = folder / "secret.warc.gz"
    path.write_bytes(gz(RECORDS[:1]))
    path.chmod(0)
    return str(path)


def loop(folder: Path) -> str:
    (folder / "loop.warc.gz").symlink_to(folder / "loop.warc.gz")
    return str(folder / "loop.warc.gz")


def folder_as_file(folder: Path) -> str:
    (folder / "folder.warc.gz").mkdir()
    return str(folder / "folder.warc.gz")


def below_a_file(folder: Path) -> str:
    (folder / "file").touch()
    return str(folder / "file/a.warc.gz")


@pytest.mark.parametrize(
    ("make", "kind", "detail"),
    [
        (lambda folder: str(folder / "no.warc.gz"), "missing", ""),
        (below_a_file, "missing", ""),
        (lambda folder: str(folder / ("x" * 300)), "unreadable", "File name too long"),
        (loop, "unreadable", "Too many levels of symbolic links"),
        (folder_as_file, "unreadable", "Is a directory"),
        (unreadable, "unreadable", "Permission denied"),
    ],
)
def test_what_the_name_or_the_file_is_at_fault_for_is_damage(
    make: Callable[[Path], str], kind: str, detail: str, tmp_path: Path
) -> None:
    uri = make(tmp_path)
    with as_nobody(tmp_path):
        found = [list(read_split(Split(uri, start), Reading())) for start in (0, 700)]
    assert found == [[damage(uri, 0, 0, kind, detail=detail)]] * 2


@pytest.mark.parametrize("name", ["a\0b.warc.gz", "\ud800.warc.gz"])
def test_a_name_that_no_file_can_have_is_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(CrawlmillError, match="no file can have this name; check the name"):
        list(read_split(Split(str(tmp_path / name), 700), Reading()))


def test_a_folder_is_a_line_before_the_run_and_a_row_in_it(archive: Path, tmp_path: Path) -> None:
    """A run of hours does not end because an archive made way for a folder; a manifest that names one is put right before."""
    splits = planned(archive)
    size = archive.stat().st_size

    def becomes_a_folder(_: int) -> None:
        if not archive.is_dir():
            archive.unlink()
            archive.mkdir()

    whole = [item for item in told(splits[0]) if not item[0]]
    assert told(splits[0], becomes_a_folder) == [*whole, ("changed", size, "damage")], "what is open is read on"
    assert [told(split) for split in splits] == [[("unreadable", 0, "damage")]] * len(splits)
    manifest = tmp_path / "a.paths"
    manifest.write_text(f"{archive}\n")
    with pytest.raises(CrawlmillError, match=f"{archive}: a folder, not an archive"):
        make_plan([str(manifest)])


def test_the_file_below_a_folder_that_we_may_not_enter_is_damage(tmp_path: Path) -> None:
    path = Path(unreadable(tmp_path))
    with as_nobody(tmp_path, 0):
        assert told(Split(str(path), 5)) == [("unreadable", 0, "damage")]
        assert [split.file_size for split in make_plan([str(path)]).splits] == [None]
    tmp_path.chmod(0o755)


def test_too_many_open_files_end_the_run(archive: Path, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    split = planned(archive)[-1]
    taken: list[int] = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
        with pytest.raises(OSError, match="Too many open files"):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        with pytest.raises(CrawlmillError, match="it cannot be opened: Too many open files; try again") as raised:
            list(read_split(split, Reading()))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for file in taken:
            os.close(file)
    assert str(raised.value).startswith(f"{archive}: ")


# ---- reading that fails later. A disk that fails is not to be had: pread is replaced for that.


def failing(monkeypatch: pytest.MonkeyPatch, code: int, after: int) -> None:
    real, calls = os.pread, [0]

    def pread(file: int, count: int, offset: int) -> bytes:
        calls[0] += 1
        if calls[0] > after:
            raise OSError(code, os.strerror(code))
        return real(file, count, offset)

    monkeypatch.setattr(os, "pread", pread)


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE, errno.ENOMEM, errno.ETIMEDOUT])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_read_that_fails_ends_the_run(archive: Path, code: int, after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    splits = planned(archive)
    failing(monkeypatch, code, after)
    with pytest.raises(CrawlmillError, match=f"reading failed: {os.strerror(code)}; try again"):
        for split in splits:
            list(read_split(split, Reading()))


def test_an_analysis_cannot_hide_a_read_that_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(make_record("response", "http://a.example/", bytes(3 << 20)) + b"".join(RECORDS))
    real, broken, caught = os.pread, [False], []

    def pread(file: int, count: int, offset: int) -> bytes:
        if broken[0]:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(file, count, offset)

    @analysis(reduce=total, key="length: int64", value="pages: int64", types="response")
    def careless(record: Record) -> Iterator[tuple[int, int]]:
        broken[0] = record.offset == 0
        try:
            yield len(record.payload), 1
        except Exception as error:
            caught.append(error)
            yield -1, 1
        broken[0] = False

    monkeypatch.setattr(os, "pread", pread)
    with pytest.raises(CrawlmillError, match="reading failed: Input/output error"):
        crawlmill.run(careless, str(path), workers=1, pool="thread")
    assert len(caught) == 1


# ---- growing, shrinking, replaced


def changed(path: Path, size: int) -> Damage:
    return damage(str(path), size, 0, "changed")


def rows(splits: list[Split], between: Callable[[int], None] = lambda count: None) -> tuple[list[Told], set[Told]]:
    """The records of all splits, and their damage, each row once."""
    every = [item for split in splits for item in told(split, between)]
    return sorted(item for item in every if not item[0]), {item for item in every if item[0]}


def test_a_file_that_did_not_change_has_no_row(archive: Path) -> None:
    records, lost = rows([*planned(archive), Split(str(archive), ranges=((0, 100),))])
    assert len({url for _, _, url in records}) == 30 and lost <= {("range", 0, "damage")}


@pytest.mark.parametrize("when", [0, 1, 12])
@pytest.mark.parametrize("planned_before", [True, False])
def test_what_is_added_while_it_is_read_is_not_read(
    archive: Path, request: pytest.FixtureRequest, when: int, planned_before: bool
) -> None:
    before = archive.stat().st_size
    whole, none = rows(planned(archive))
    assert not none
    splits = planned(archive) if planned_before or not when else [Split(str(archive))]
    more = LAYOUTS[request.node.callspec.params["archive"]](MORE)

    calls = iter(range(1000))

    def grow(_: int) -> None:
        if next(calls) >= when:
            with open(archive, "ab") as file:
                file.write(more)

    if not when:
        grow(0)
    found, lost = rows(splits, grow)
    assert found == whole
    assert lost == {("changed", before, "damage")}
    if planned_before:
        again = [told(split) for split in splits]
        assert all(items[-1] == ("changed", before, "damage") for items in again), "every split says it"
        assert told(replace(splits[0], ranges=((0, 100),)))[-1] == ("changed", before, "damage")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_analysis_that_adds_to_its_input_comes_to_an_end(layout: str, tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(LAYOUTS[layout](RECORDS))
    size = path.stat().st_size

    @analysis(reduce=total, key="url: string", value="pages: int64", types="response")
    def adds(record: Record) -> Iterator[tuple[str, int]]:
        with open(path, "ab") as file:
            file.write(LAYOUTS[layout](RECORDS))
        yield str(record.url), 1

    for split_size in (None, SIZE):
        path.write_bytes(LAYOUTS[layout](RECORDS))
        run = crawlmill.run(adds, str(path), workers=1, pool="thread", split_size=split_size)
        assert run["adds"]["pages"].to_pylist() == [1] * 30
        assert [(row["kind"], row["offset"], row["length"]) for row in run.damage.to_pylist()] == [("changed", size, 0)]


@pytest.mark.parametrize("left", [0, 1, 3_000, 40_000])
def test_a_file_that_shrinks_ends_where_it_ends(archive: Path, left: int) -> None:
    size = archive.stat().st_size
    left = min(left, size - 1)
    splits = planned(archive)
    whole, _ = rows(splits)
    os.truncate(archive, left)
    found, lost = rows(splits)
    assert set(found) <= set(whole)
    assert ("changed", size, "damage") in lost and all(
        told(split)[-1] == ("changed", size, "damage") for split in splits
    )
    assert kinds(told(splits[0])) == [*(["empty"] if not left else kinds(told(splits[0]))[:-1]), "changed"]
    # and in the middle of reading
    archive.write_bytes(b"")
    for layout in LAYOUTS.values():
        archive.write_bytes(layout(RECORDS))
        size = archive.stat().st_size
        found, lost = rows(planned(archive), lambda _: os.truncate(archive, left))
        assert ("changed", size, "damage") in lost
        assert all(offset <= size for _, offset, _ in lost)


def test_a_file_that_was_cut_is_as_long_as_what_it_gave(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(1000))
    source = Bounded(open_source(str(path)), 2000, None)
    assert source.size() == 1000
    os.truncate(path, 300)
    assert len(source.read_at(200, 500)) == 100 and source.size() == 300 and source.changed()
    source.close()
    path.write_bytes(bytes(1000))
    source = Bounded(open_source(str(path)), None, None)
    assert len(source.read_at(0, 900)) == 900
    os.truncate(path, 300)
    assert source.read_at(500, 10) == b"" and source.size() == 900, "who holds what was given comes to its end"
    assert source.read_at(950, 10) == b"" and source.size() == 900
    source.close()


def test_a_file_that_is_replaced_is_said_by_every_split(archive: Path) -> None:
    size = archive.stat().st_size
    splits = planned(archive)
    whole, _ = rows(splits)
    held = told(splits[0], lambda count: replaced(archive, archive.read_bytes()) if count == 1 else None)
    assert [item for item in held if not item[0]] == [item for item in told(splits[0]) if not item[0]]
    assert held[-1] == ("changed", size, "damage"), "the open file is read on; its name leads elsewhere by now"
    found, lost = rows(splits)
    assert found == whole and lost == {("changed", size, "damage")}, "the same bytes, and another file"
    replaced(archive, gz(MORE))
    found, lost = rows(splits)
    assert ("changed", size, "damage") in lost and {url for _, _, url in found} <= {
        f"http://b.example/{n}" for n in range(5)
    }


def test_an_empty_file_that_grows_was_planned_as_empty(tmp_path: Path) -> None:
    path = tmp_path / "a.warc"
    path.touch()
    splits = planned(path)
    path.write_bytes(RECORDS[0])
    assert told(splits[0]) == [("empty", 0, "damage"), ("changed", 0, "damage")]


def test_a_file_that_came_after_the_plan_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    (split,) = make_plan([str(path)]).splits
    assert split.to_json() == f'{{"end":null,"start":0,"uri":"{path}"}}'
    path.write_bytes(gz(RECORDS))
    assert len(told(split)) == 30


@pytest.mark.parametrize("pool", ["thread", "process"])
def test_a_run_whose_input_changed_is_not_taken_up_again(
    samples: Path, tmp_path: Path, pool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = tmp_path / "x-00001.warc.gz", str(tmp_path / "out")
    path.write_bytes(sorted(samples.glob("*.warc.gz"))[1].read_bytes())
    size = path.stat().st_size
    stops = f"{Path(__file__).parent}/stops.py:stops"
    monkeypatch.setenv("STOPS", "1")
    with pytest.raises(CrawlmillError, match="told to stop"):
        crawlmill.run(stops, str(path), output=out, workers=1, pool=pool, split_size=4096)
    kept = {part.name for part in Path(out, "_work").glob("*.part")}
    assert kept
    monkeypatch.delenv("STOPS")
    with open(path, "ab") as file:
        file.write(gz(MORE))
    with pytest.raises(
        UsageError, match=f"{path} had {size} bytes and has {path.stat().st_size}; give the same ones, or"
    ):
        crawlmill.run(stops, str(path), output=out, resume=True, workers=2, pool=pool, split_size=4096)
    assert {part.name for part in Path(out, "_work").glob("*.part")} == kept


def test_those_who_look_are_told_once(archive: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "a.jsonl"
    manifest.write_text("".join(split.to_json() + "\n" for split in planned(archive)))
    size = archive.stat().st_size
    replaced(archive, archive.read_bytes())
    found = [item for item in crawlmill.scan(str(manifest)) if isinstance(item, Damage)]
    assert found == [changed(archive, size)]
    archive.unlink()
    assert list(crawlmill.scan(str(manifest))) == [damage(str(archive), 0, 0, "missing")]


@pytest.mark.parametrize(
    ("offset", "count"), [(0, 1 << 70), (5, 1 << 62), (1 << 70, 5), (-3, 7), (3, -7), (0, 1 << 31)]
)
def test_no_offset_and_no_count_is_too_much_for_a_file(tmp_path: Path, offset: int, count: int) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"0123456789")
    assert LocalFile(str(path)).read_at(offset, count) == (
        b"0123456789"[offset:][:count] if min(offset, count) >= 0 else b""
    )

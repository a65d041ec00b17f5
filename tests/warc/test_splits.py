"""Splits tile a file: wherever it is cut, the parts give its records and its damage once, in order, on sound and broken files."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archives import gz, gz_whole, make_record
from crawlmill.warc import blocks as walker
from memory import Seen, read
from strategies import LAYOUTS, damaged, records

quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def parts(
    data: bytes, cuts: list[int], *, full: bool, blocks: bool
) -> tuple[list[object], list[object], dict[str, int], int]:
    """What the splits between these cuts give together."""
    edges = [0, *sorted({cut for cut in cuts if cut > 0}), None]
    seen: list[object] = []
    rows: list[object] = []
    types: dict[str, int] = {}
    empty = 0
    for start, end in pairwise(edges):
        found = read(data, start or 0, end, full=full, blocks=blocks)
        seen += found.records
        rows += found.rows
        empty += found.reading.empty_members
        for type, count in found.reading.types.items():
            types[type] = types.get(type, 0) + count
    return seen, rows, types, empty


@quick
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("full", [False, True])
@given(data=st.data())
def test_splits_tile(layout: str, full: bool, data: st.DataObject) -> None:
    archive = data.draw(damaged(LAYOUTS[layout](data.draw(records()))))
    cuts = data.draw(st.lists(st.integers(0, len(archive) + 10), max_size=6))
    blocks = data.draw(st.booleans())
    assert parts(archive, cuts, full=full, blocks=blocks) == parts(archive, [], full=full, blocks=blocks)


@pytest.mark.slow
@quick
@pytest.mark.parametrize("layout", LAYOUTS)
@given(data=st.data())
def test_bodies_that_are_read_change_no_row(layout: str, data: st.DataObject) -> None:
    """Borders are a function of the bytes alone, never of what an analysis touches."""
    archive = data.draw(damaged(LAYOUTS[layout](data.draw(records()))))
    for full in (False, True):
        outer = read(archive, http=False, full=full)
        for blocks in (False, True):
            touched = read(archive, blocks=blocks, full=full)
            assert touched.rows == outer.rows
            assert touched.reading == outer.reading
            assert [places(seen) for seen in touched.records] == [places(seen) for seen in outer.records]


def places(seen: object) -> object:
    assert isinstance(seen, Seen)
    return seen.offset, seen.ordinal, seen.length, seen.type, seen.url


@pytest.mark.slow
@quick
@pytest.mark.parametrize("full", [False, True])
@given(data=st.data())
def test_libdeflate_changes_no_row(full: bool, data: st.DataObject) -> None:
    """The library makes bodies faster; without it zlib gives the same."""
    if walker._deflate is None:
        pytest.skip("deflate is not installed: nothing to compare with")
    archive = data.draw(damaged(gz(data.draw(records()), data.draw(st.sampled_from((0, 1, 9))))))
    for max_record in (None, 50_000):
        fast = read(archive, blocks=True, full=full, max_record=max_record)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(walker, "_deflate", None)
            assert read(archive, blocks=True, full=full, max_record=max_record) == fast


@pytest.mark.slow
@quick
@given(data=st.data())
def test_types_that_are_not_asked_for_change_no_row(data: st.DataObject) -> None:
    archive = data.draw(damaged(gz(data.draw(records()))))
    for full in (False, True):
        everything = read(archive, full=full)
        some = read(archive, full=full, wanted=frozenset({"response"}))
        assert (some.rows, some.reading.types) == (everything.rows, everything.reading.types)
        assert some.records == [seen for seen in everything.records if seen.type == "response"]


@pytest.mark.parametrize("level", [0, 1, 6, 9])
def test_a_nested_archive_is_no_place_to_start(level: int) -> None:
    """Thousands of true-looking members stand byte for byte within the outer one; none of them is a border."""
    pick = random.Random(level)
    inner = gz(make_record("response", f"http://inner.example/{n}", pick.randbytes(800)) for n in range(900))
    before = [make_record("response", f"http://before.example/{n}", pick.randbytes(300)) for n in range(20)]
    after = [make_record("response", f"http://after.example/{n}", pick.randbytes(300)) for n in range(20)]
    data = gz([*before, make_record("response", "http://outer.example/", inner), *after], level)
    whole = read(data)
    assert len(whole.records) == 41 and whole.rows == []
    cuts = [pick.randrange(len(data)) for _ in range(40)]
    assert parts(data, cuts, full=False, blocks=False)[:2] == (whole.records, [])


def test_a_member_that_runs_over_the_border_behind_it() -> None:
    """Its deflate stream lost bytes and takes the next members for its own: where a split ends must not matter."""
    pick = random.Random(1)
    sizes = (86_000, 30_000, 30_000, 30_000, 30_000, 30_000)
    data = gz((make_record("response", f"http://{size}.example/", pick.randbytes(size)) for size in sizes), 0)
    data = data[:25] + data[70_025:]
    whole = parts(data, [], full=True, blocks=False)
    assert len(whole[0]) == 5 and len(whole[1]) == 1
    assert parts(data, [1], full=True, blocks=False) == whole


@pytest.mark.parametrize("body", [b"small", bytes(5000), random.Random(1).randbytes(5000)])
def test_a_damaged_magic_is_damage_whoever_reads(body: bytes) -> None:
    data = gz(make_record("response", f"http://{number}.example/", body + b"!" * number) for number in range(9))
    at = data.find(b"\x1f\x8b\x08", len(data) // 2)
    data = data[:at] + b"\x1e" + data[at + 1 :]
    for full, blocks in ((False, False), (False, True), (True, True)):
        found = read(data, full=full, blocks=blocks)
        assert ([(row.kind, row.offset) for row in found.rows], len(found.records)) == ([("junk", at)], 8)


@pytest.mark.parametrize(
    "pack", [gz_whole, lambda given: gzip.compress(b"".join(given), mtime=0)[:-9], lambda given: gz(given, 0)]
)
def test_empty_and_outlying_splits_give_nothing(pack: Callable[[list[bytes]], bytes]) -> None:
    data = pack([make_record("response", f"http://{n}.example/", b"x" * 100) for n in range(5)])
    for start, end in ((len(data), None), (len(data) + 5, len(data) + 9), (3, 3)):
        found = read(data, start, end)
        assert (found.records, found.rows) == ([], [])


def test_bytes_before_a_trailer_are_damage_whatever_is_read() -> None:
    """Found by the test above: libdeflate does not say where a stream ended, the first inflate does."""
    members = [gz([make_record("response", f"http://a.example/{at}", b"x" * 400)]) for at in range(3)]
    members[1] = members[1][:-8] + bytes(9) + members[1][-8:]
    archive = b"".join(members)
    outer, touched = read(archive, http=False, full=False), read(archive, blocks=True, full=False)
    assert touched.rows == outer.rows != []
    assert [places(seen) for seen in touched.records] == [places(seen) for seen in outer.records]


def test_a_hit_member_that_decodes_on_into_the_next_is_damage_whoever_reads() -> None:
    """A flipped bit near its end can make it one whose end lies behind the border: a walk that stops there must see that too."""
    first, second = (gz([make_record("response", f"http://{at}.example/0", b"x")]) for at in range(2))
    for behind in (second, gzip.compress(b"", mtime=0) + second):
        hit = 0
        for bit in range(8 * (len(first) - 20), 8 * (len(first) - 8)):
            data = bytearray(first + behind)
            data[bit // 8] ^= 1 << bit % 8
            whole = parts(bytes(data), [], full=False, blocks=False)
            assert parts(bytes(data), [1], full=False, blocks=False) == whole
            hit += bool(whole[1])
        assert hit > 50

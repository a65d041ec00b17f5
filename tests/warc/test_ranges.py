"""Ranges: what a walk over the whole file gives at those offsets is what comes, in every layout, sound or damaged."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archives import gz, make_record
from crawlmill.plan.read import read_split
from crawlmill.plan.split import Split
from crawlmill.stores import Source, open_source
from crawlmill.warc.damage import BodyDamage, Damage
from crawlmill.warc.ranges import MOST, NEAR, in_order, walk_ranges
from crawlmill.warc.reading import Reading
from crawlmill.warc.stream import Item
from strategies import LAYOUTS, damaged, records

relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
Found = tuple[int, int, int, str, str | None, object]


def told(item: Item) -> Found | Damage:
    """What a record is, with its body; a damage row is itself."""
    if isinstance(item, Damage):
        return item
    try:
        body: object = item.payload
    except BodyDamage as bad:
        body = bad.kind
    return item.offset, item.ordinal, item.length, item.type, item.url, body


def read(split: Split, **options: object) -> list[Found | Damage]:
    return [told(item) for item in read_split(split, Reading(**options))]  # type: ignore[arg-type]


def of_records(found: list[Found | Damage]) -> list[Found]:
    return sorted(item for item in found if not isinstance(item, Damage))


def check(layout: str, folder: Path, data: st.DataObject) -> None:
    archive = data.draw(damaged(LAYOUTS[layout](data.draw(records()))))
    path = folder / "a.warc.gz"
    path.write_bytes(archive)
    full = data.draw(st.booleans())
    whole = read(Split(str(path)), full=full)
    pick = random.Random(len(archive))
    lengths = {item[0]: item[2] or 1 for item in of_records(whole)}
    chosen = sorted(offset for offset in lengths if pick.random() < 0.7)
    wrong = data.draw(st.sampled_from((0, 0, 1, -1, 3000)))
    ranges = in_order((offset, max(1, lengths[offset] + wrong)) for offset in chosen)
    found = read(Split(str(path), ranges=ranges), full=full)
    expected = [item for item in of_records(whole) if item[0] in set(chosen)]
    assert of_records(found) == expected
    at = {item.offset for item in found if isinstance(item, Damage) and item.kind == "range"}
    assert at <= set(chosen)
    said = {
        item
        for item in whole  # a longer row is of what lies behind the record, which nobody asked for
        if isinstance(item, Damage) and item.offset in set(chosen) and 0 < item.length <= lengths[item.offset]
    }
    assert {item.offset for item in said} <= {item.offset for item in found if isinstance(item, Damage)}


@settings(parent=relaxed, max_examples=8)
@pytest.mark.parametrize("layout", LAYOUTS)
@given(data=st.data())
def test_the_records_of_the_whole_file(
    layout: str, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    check(layout, tmp_path_factory.mktemp("ranges"), data)


@pytest.mark.slow
@settings(parent=relaxed, max_examples=150)
@pytest.mark.parametrize("layout", LAYOUTS)
@given(data=st.data())
def test_the_records_of_the_whole_file_at_length(
    layout: str, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    check(layout, tmp_path_factory.mktemp("ranges"), data)


def test_every_sample_by_ranges(samples: Path) -> None:
    """Also those of which one cannot read a part: ARC members, zstd with a dictionary, records across members."""
    tried = 0
    for path in sorted([*samples.glob("*.warc.gz"), *(samples / "formats").iterdir(), *samples.glob("w?t/*.gz")]):
        whole = of_records(read(Split(str(path))))
        for step in (1, 3):
            offsets = {item[0]: item[2] for item in whole}
            chosen = dict(sorted(offsets.items())[::step])
            found = read(Split(str(path), ranges=in_order(chosen.items())))
            assert of_records(found) == [item for item in whole if item[0] in chosen], path
            tried += len(chosen)
    assert tried > 1000


@pytest.mark.parametrize("compress", [True, False])
def test_what_an_index_has_wrong_is_a_row_of_damage(tmp_path: Path, compress: bool) -> None:
    sound = [make_record("response", f"http://a.example/{at}", b"text " * 40) for at in range(4)]
    pieces = [gz([record]) for record in sound] if compress else sound
    path = tmp_path / "a.warc"
    path.write_bytes(b"".join(pieces))
    one = len(pieces[0])
    ranges = in_order([(0, one), (one, 10), (2 * one + 3, one), (9 * one, 5)])
    found = read(Split(str(path), ranges=ranges))
    assert [item[4] for item in of_records(found)] == ["http://a.example/0", "http://a.example/1"]
    rows = [item for item in found if isinstance(item, Damage)]
    assert [(row.offset, row.length, row.kind) for row in rows] == [
        (one, 10, "range"), (2 * one + 3, one, "range"), (9 * one, 5, "range"),
    ]  # fmt: skip


def test_types_and_counters_are_those_of_the_ranges(samples: Path) -> None:
    path = str(next(iter(sorted(samples.glob("*.warc.gz")))))
    places = [(item[0], item[2]) for item in of_records(read(Split(path)))][:7]
    reading = Reading(frozenset({"response"}))
    found = list(read_split(Split(path, ranges=in_order(places)), reading))
    assert len(found) == 2 and reading.types == {"warcinfo": 1, "request": 2, "response": 2, "metadata": 2}
    assert reading.bytes == sum(length for _, length in places)


class Counting:
    """A source that notes what is asked of it."""

    def __init__(self, source: Source) -> None:
        self.uri, self._source = source.uri, source
        self.asked: list[tuple[int, int]] = []

    def read_at(self, offset: int, count: int) -> bytes:
        self.asked.append((offset, count))
        return self._source.read_at(offset, count)

    def size(self) -> int | None:
        return self._source.size()

    def close(self) -> None:
        self._source.close()


def test_near_ranges_are_one_request_and_far_ones_are_not_read_between(tmp_path: Path) -> None:
    rng = random.Random(3)
    path = tmp_path / "a.warc.gz"
    members = [gz([make_record("response", f"http://a.example/{at}", rng.randbytes(40_000))]) for at in range(300)]
    path.write_bytes(b"".join(members))
    offsets = [sum(map(len, members[:at])) for at in range(300)]
    source = Counting(open_source(str(path)))
    wanted = [3, 4, 6, 200, 299]
    found = [
        told(item)[4] for item in walk_ranges(source, [(offsets[at], len(members[at])) for at in wanted], Reading())
    ]  # type: ignore[index]
    source.close()
    assert found == [f"http://a.example/{at}" for at in wanted]
    runs = [
        (offsets[3], offsets[7] - offsets[3]), (offsets[200], len(members[200])), (offsets[299], len(members[299])),
    ]  # fmt: skip
    assert offsets[200] - offsets[7] > NEAR and sum(count for _, count in runs) < MOST
    assert source.asked == runs

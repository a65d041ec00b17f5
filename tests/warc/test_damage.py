"""Each kind of damage: one row that says where it lies and what it is, and the records around it all there."""

from __future__ import annotations

import base64
import gzip
import hashlib
import random

import pytest

from archives import gz, gz_whole, http_response, make_record
from crawlmill.errors import CrawlmillError
from crawlmill.records.record import Record
from crawlmill.stores.local import LocalFile
from crawlmill.warc import sync
from crawlmill.warc.damage import MESSAGES, BodyDamage, Damage
from crawlmill.warc.reading import Reading
from crawlmill.warc.walk import walk
from memory import URI, Memory, members, read

COUNT = 12
HIT = 5


def url(number: int) -> str:
    return f"http://{number}.example/"


def page(number: int, size: int = 9000) -> bytes:
    """A page that does not compress well: its member is larger than the first inflate. No two are of one size."""
    return random.Random(number).randbytes(size + number).hex().encode()


RECORDS = [make_record("response", url(number), page(number)) for number in range(COUNT)]
SOUND = gz(RECORDS)
SPANS = list(members(SOUND))
START, END = SPANS[HIT]
OTHERS = [url(number) for number in range(COUNT) if number != HIT]
ALL = [url(number) for number in range(COUNT)]


def flipped(data: bytes, at: int, bits: int = 255) -> bytes:
    return data[:at] + bytes([data[at] ^ bits]) + data[at + 1 :]


def rows(data: bytes, full: bool = False) -> list[tuple[str, int, int, int]]:
    """The damage as (kind, offset, length, records)."""
    return [(row.kind, row.offset, row.length, row.records) for row in read(data, full=full).rows]


def test_a_sound_archive_has_no_damage() -> None:
    assert rows(SOUND) == rows(SOUND, full=True) == []


def test_every_kind_has_its_fixed_message() -> None:
    row = read(flipped(SOUND, START)).rows[0]
    assert row == Damage(URI, START, END - START, "junk", MESSAGES["junk"])
    assert row.key == (URI, START, 0, "", "junk")


def test_corrupt_where_the_member_begins() -> None:
    damaged = flipped(SOUND, START + 40)
    assert rows(damaged) == [("corrupt", START, END - START, 0)]
    assert read(damaged).urls == OTHERS


def test_corrupt_data_in_one_member_over_the_whole_file() -> None:
    """Nothing behind the damage can be had, and nothing of a member that is small enough to check first."""
    whole = gz_whole(RECORDS)
    assert rows(flipped(whole, len(whole) // 2)) == [("corrupt", 0, len(whole), 0)]


def test_whole_records_in_a_damaged_span_are_counted() -> None:
    """Two damaged members near one another: what is sound between them is too short to be sure of."""
    damaged = flipped(flipped(SOUND, SPANS[2][0] + 40), SPANS[4][0] + 40)
    assert rows(damaged) == [("corrupt", SPANS[2][0], SPANS[4][1] - SPANS[2][0], 1)]
    assert read(damaged).urls == [url(number) for number in range(COUNT) if number not in (2, 3, 4)]


def test_a_bad_checksum_is_seen_by_who_reads_the_body() -> None:
    """Other readers stop there or hand out the page as if it were sound. A walk over headers does not see it."""
    damaged = flipped(SOUND, END - 8)
    assert (read(damaged).urls, rows(damaged)) == (ALL, [])
    touched = read(damaged, blocks=True)
    assert (touched.urls, touched.rows, touched.bodies) == (ALL, [], [(START, "body")])
    assert (read(damaged, full=True).urls, rows(damaged, full=True)) == (OTHERS, [("corrupt", START, END - START, 0)])


def test_a_bad_checksum_of_a_small_member_is_always_seen() -> None:
    small = gz(make_record("response", url(number), b"small") for number in range(COUNT))
    start, end = list(members(small))[HIT]
    damaged = flipped(small, end - 8)
    assert (read(damaged).urls, rows(damaged)) == (OTHERS, [("corrupt", start, end - start, 0)])


def test_a_wrong_size_in_the_trailer_is_always_seen() -> None:
    damaged = flipped(SOUND, END - 3)
    assert (read(damaged).urls, rows(damaged)) == (OTHERS, [("corrupt", START, END - START, 0)])


def test_a_full_check_of_a_record_that_is_larger_than_a_border_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync, "LARGEST", 1000)
    found = read(SOUND, full=True, max_record=1000)
    assert (found.urls, found.rows) == (ALL, [])
    damaged = read(flipped(SOUND, END - 8), full=True, max_record=1000)
    assert [(row.kind, row.offset, row.length) for row in damaged.rows] == [("corrupt", START, END - START)]


def test_a_damaged_magic_hides_no_record() -> None:
    for at in range(3):
        damaged = flipped(SOUND, START + at, 1)
        assert rows(damaged) == [("junk", START, END - START, 0)]
        assert read(damaged).urls == OTHERS


def test_a_damaged_magic_between_records_of_equal_size() -> None:
    """What a walk over headers may pass over is the record that was hit, alone; a full check sees that too."""
    sound = gz(make_record("response", url(number), page(0)) for number in range(10))
    start, end = list(members(sound))[HIT]
    damaged = flipped(sound, start, 1)
    assert set(ALL[:10]) - set(read(damaged).urls) == {url(HIT)}
    assert rows(damaged, full=True) == [("junk", start, end - start, 0)]
    assert read(damaged, full=True).urls == [name for name in ALL[:10] if name != url(HIT)]


@pytest.mark.parametrize("left", [1, 8, 400, 5000])
def test_truncated(left: int) -> None:
    """Other readers hand out the rest of the page as if it were the whole."""
    last = SPANS[-1][0]
    found = read(SOUND[: last + left], blocks=True)
    assert [(row.kind, row.offset, row.length) for row in found.rows][-1:] == [("truncated", last, left)]
    assert found.urls[: COUNT - 1] == ALL[:-1]
    assert all(record.offset == last for record in found.records[COUNT - 1 :]), "what is there of the last one, if any"


def test_a_file_cut_between_members_is_just_shorter() -> None:
    assert rows(SOUND[:START]) == []


def test_truncated_plain() -> None:
    plain = b"".join(RECORDS)
    last = len(plain) - len(RECORDS[-1])
    found = read(plain[:-500], blocks=True)
    assert [(row.kind, row.offset, row.length) for row in found.rows] == [("truncated", last, len(RECORDS[-1]) - 500)]
    assert found.urls == ALL, "the part that is there is handed out: the row says that it is a part"


def test_a_truncated_record_says_so() -> None:
    plain = b"".join(RECORDS)[:-500]
    complete = [item.complete for item in walk(Memory(plain), 0, None, Reading()) if isinstance(item, Record)]
    assert complete == [True] * (COUNT - 1) + [False]


def test_truncated_in_the_header() -> None:
    plain = b"".join(RECORDS)
    last = len(plain) - len(RECORDS[-1])
    assert rows(plain[: last + 40]) == [("truncated", last, 40, 0)]


@pytest.mark.parametrize(
    "junk", [b"junk", b"\0" * 600, b"\x1f\x8b\x08 but no member", random.Random(0).randbytes(5000)]
)
def test_junk_between_members(junk: bytes) -> None:
    damaged = SOUND[:START] + junk + SOUND[START:]
    kind = "corrupt" if junk.startswith(b"\x1f\x8b\x08") else "junk"
    assert rows(damaged) == [(kind, START, len(junk), 0)]
    assert read(damaged).urls == ALL


def test_junk_before_the_first_record() -> None:
    data = b"junk\n" + b"".join(RECORDS)
    assert (rows(data), read(data).urls) == ([("junk", 0, 5, 0)], ALL)


def test_trailing_zero_bytes() -> None:
    """As block devices and some file systems leave them: both other readers raise."""
    assert rows(SOUND + bytes(4096)) == [("junk", len(SOUND), 4096, 0)]
    assert read(SOUND + bytes(4096)).urls == ALL


@pytest.mark.parametrize("wrong", [-100, -1])
def test_a_length_that_is_too_short(wrong: int) -> None:
    block = http_response(page(HIT))
    bad = make_record("response", url(HIT), page(HIT), content_length=len(block) + wrong)
    for data in (gz([*RECORDS[:HIT], bad, *RECORDS[HIT + 1 :]]), b"".join([*RECORDS[:HIT], bad, *RECORDS[HIT + 1 :]])):
        found = read(data)
        assert (found.urls, found.kinds) == (ALL, ["length"])


@pytest.mark.parametrize("wrong", [5, 100, 10_000])
def test_a_length_that_is_too_long_takes_no_other_record_along(wrong: int) -> None:
    block = http_response(page(HIT))
    bad = make_record("response", url(HIT), page(HIT), content_length=len(block) + wrong)
    found = read(gz([*RECORDS[:HIT], bad, *RECORDS[HIT + 1 :]]))
    assert (found.urls, found.kinds) == (ALL, ["length"])
    assert (found.rows[0].offset, found.rows[0].length) == (START, len(gz([bad])))


@pytest.mark.parametrize("value", [None, "", "many", "-1", "1" * 40])
def test_no_usable_length(value: str | None) -> None:
    line = b"" if value is None else b"Content-Length: %s\r\n" % value.encode()
    head, _, rest = RECORDS[HIT].partition(b"\r\n\r\n")
    fields = [field for field in head.split(b"\r\n") if not field.startswith(b"Content-Length")]
    bad = b"\r\n".join(fields) + b"\r\n" + line + b"\r\n" + rest
    for data in (gz([*RECORDS[:HIT], bad, *RECORDS[HIT + 1 :]]), b"".join([*RECORDS[:HIT], bad, *RECORDS[HIT + 1 :]])):
        found = read(data)
        assert (found.urls, found.kinds) == (ALL, ["length"])


def test_header_without_an_end() -> None:
    endless = b"WARC/1.0\r\nWARC-Type: response\r\n" + b"X: y\r\n" * 400_000
    data = b"".join([*RECORDS[:HIT], endless, b"\r\n", *RECORDS[HIT + 1 :]])
    found = read(data)
    assert found.kinds == ["header"] and found.rows[0].offset == sum(map(len, RECORDS[:HIT]))
    assert found.urls == OTHERS


def test_body_that_does_not_decode_is_damage_of_who_touches_it() -> None:
    damaged = flipped(SOUND, START + 5000)
    assert (read(damaged).urls, rows(damaged)) == (ALL, [])
    for item in walk(Memory(damaged), 0, None, Reading()):
        assert isinstance(item, Record)
        if item.url == url(HIT):
            with pytest.raises(BodyDamage) as bad:
                item.body  # noqa: B018
            assert bad.value.kind == "body"
        else:
            assert item.body == page(ALL.index(str(item.url)))
    assert rows(damaged, full=True) == [("corrupt", START, END - START, 0)]


def digest(data: bytes, name: str = "sha1") -> str:
    return f"{name}:" + base64.b32encode(hashlib.new(name, data).digest()).decode()


@pytest.mark.parametrize("name", ["WARC-Block-Digest", "WARC-Payload-Digest"])
@pytest.mark.parametrize("pack", [gz, gz_whole, b"".join])
def test_digest(name: str, pack: object) -> None:
    assert callable(pack)
    good = digest(http_response(page(HIT)) if name == "WARC-Block-Digest" else page(HIT))
    for value, expected in ((good, []), (digest(b"another page"), ["digest"]), ("sha1:?", ["digest"]), ("odd:x", [])):
        record = make_record("response", url(HIT), page(HIT), headers=((name, value),))
        data = pack([*RECORDS[:HIT], record, *RECORDS[HIT + 1 :]])
        assert read(data, full=True).kinds == expected
        assert read(data, full=True).urls == ALL, "a bad digest is evidence, never a reason to drop"
        assert read(data).kinds == []


def test_the_digest_of_a_revisit_is_that_of_another_record() -> None:
    headers = (("WARC-Payload-Digest", digest(b"the page that was seen before")),)
    assert rows(gz([make_record("revisit", url(0), b"", headers=headers)]), full=True) == []


@pytest.mark.parametrize("pack", [gz, gz_whole, b"".join])
@pytest.mark.parametrize("full", [False, True])
def test_oversized_is_damage_of_who_touches_the_body(pack: object, full: bool) -> None:
    assert callable(pack)
    large = make_record("response", url(HIT), page(HIT, 1 << 20))
    data = pack([*RECORDS[:HIT], large, *RECORDS[HIT + 1 :]])
    found = read(data, blocks=True, max_record=1 << 20, full=full)
    assert (found.urls, found.kinds) == (ALL, [])
    assert [kind for _, kind in found.bodies] == ["oversized"]
    assert read(data, max_record=1 << 20).bodies == [], "its header and the HTTP header are there for all"


def test_a_full_check_looks_into_oversized_members_too() -> None:
    large = make_record("response", url(HIT), page(HIT, 1 << 20))
    data = gz([*RECORDS[:HIT], large, *RECORDS[HIT + 1 :]])
    end = START + len(gz([large]))
    found = read(flipped(data, end - 8), max_record=1 << 20, full=True)
    assert [(row.kind, row.offset, row.length) for row in found.rows] == [("corrupt", START, end - START)]
    assert [seen.url for seen in found.records if seen.url != url(HIT)] == OTHERS


def test_empty_file() -> None:
    assert rows(b"") == [("empty", 0, 0, 0)]
    assert read(b"", 100, 200).rows == [], "the split that holds the first byte has it"


@pytest.mark.parametrize(
    "data", [b"plain text\n" * 9, bytes(100), random.Random(0).randbytes(90_000), gzip.compress(b"text" * 99, mtime=0)]
)
def test_no_archive(data: bytes) -> None:
    assert rows(data) == [("format", 0, len(data), 0)]


PAGES = [
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>SlowDown</Code></Error>',
    b"<!DOCTYPE html><title>403 Forbidden</title>",
    b"\n <html><title>403 Forbidden</title>",
    b'{"error": "not found"}',
]


@pytest.mark.parametrize("text", PAGES)
def test_error_page_in_place_of_an_archive(text: bytes) -> None:
    assert rows(text) == [("page", 0, len(text), 0)]
    packed = gzip.compress(text, mtime=0)
    assert rows(packed) == [("page", 0, len(packed), 0)]


def test_empty_members_hide_nothing() -> None:
    """One other reader ends at the first of them, without an error."""
    empty = gzip.compress(b"", mtime=0)
    found = read(b"".join(empty + gz([record]) for record in RECORDS))
    assert (found.urls, found.rows, found.reading.empty_members) == (ALL, [], COUNT)


def test_header_lines_that_end_with_a_bare_line_feed() -> None:
    """One other reader hands out records of no type, without an error."""
    records = []
    for record in RECORDS:
        head, _, rest = record.partition(b"\r\n\r\n")
        records.append(head.replace(b"\r\n", b"\n") + b"\n\n" + rest)
    for data in (gz(records), gz_whole(records), b"".join(records)):
        found = read(data)
        assert (found.urls, found.rows, found.reading.types) == (ALL, [], {"response": COUNT})


def test_a_damaged_record_that_holds_an_archive_lets_none_of_it_out() -> None:
    """Deflate keeps what does not compress as it is: whole members of the inner archive stand in the outer one."""
    inner = gz(
        make_record("response", f"http://inner.example/{n}", random.Random(n).randbytes(900)) for n in range(400)
    )
    outer = make_record("response", url(HIT), inner)
    for level in (0, 9):
        data = gz([*RECORDS[:HIT], outer, *RECORDS[HIT + 1 :]], level)
        start, end = list(members(data))[HIT]
        for at in (start, start + 40, (start + end) // 2, end - 3):
            assert set(read(flipped(data, at)).urls) <= set(ALL)
            assert set(OTHERS) <= set(read(flipped(data, at)).urls)


def test_a_missing_file_is_the_callers_to_report() -> None:
    with pytest.raises((FileNotFoundError, CrawlmillError)):
        LocalFile("/no/such/file.warc.gz")

"""Bits flipped, bytes cut and put in at seeded places: nothing raises or hangs, and no record but the one hit is lost in silence."""

from __future__ import annotations

import base64
import hashlib
import random
from dataclasses import dataclass
from functools import lru_cache

import pytest

from archives import gz, http_response, make_record
from memory import Seen, members, read

PLACES = 10_000
QUICK = 300


@dataclass(frozen=True)
class Archive:
    """A sound .warc.gz with what a walk says about it: its records, one a member."""

    data: bytes
    spans: list[tuple[int, int]]
    records: list[Seen]


@dataclass(frozen=True)
class Change:
    """Damage done: bytes `[at, at + gone)` of the file are replaced by `put`."""

    at: int
    gone: int
    put: bytes

    def apply(self, data: bytes) -> bytes:
        return data[: self.at] + self.put + data[self.at + self.gone :]

    def hits(self, start: int, end: int) -> bool:
        """Whether the member in `[start, end)` is not whole any more. What is put in at a border hits no member."""
        if self.gone:
            return start < self.at + self.gone and self.at < end
        return start < self.at < end

    def moved(self, start: int, end: int) -> tuple[int, int]:
        """Where what remains of a member lies after the change."""
        shift = len(self.put) - self.gone
        behind = self.at + self.gone
        new_start = start if start < self.at or start == self.at < behind else max(start + shift, self.at)
        new_end = end if end <= self.at else max(end + shift, self.at + len(self.put))
        return new_start, new_end


def with_digest(url: str, body: bytes, kind: str = "text/html") -> bytes:
    headers = (("Content-Type", kind),)
    digest = base64.b32encode(hashlib.sha1(http_response(body, headers=headers)).digest()).decode()
    return make_record("response", url, body, http_headers=headers, headers=(("WARC-Block-Digest", f"sha1:{digest}"),))


def archive(data: bytes) -> Archive:
    found = read(data, blocks=True)
    spans = list(members(data))
    assert found.rows == [] and [record.offset for record in found.records] == [start for start, _ in spans]
    return Archive(data, spans, found.records)


@lru_cache(maxsize=1)
def small_records() -> Archive:
    """As robots.txt files are: short, many of equal size."""
    pick = random.Random(3)
    bodies = [b"User-agent: *\nDisallow: /%d\n" % number for number in range(1000, 1008)]
    hosts = [f"http://{number}.example/robots.txt" for number in range(100, 360)]
    return archive(gz(with_digest(url, pick.choice(bodies), "text/plain") for url in hosts))


@lru_cache(maxsize=1)
def large_records() -> Archive:
    """Pages and pictures of up to 90 KiB, with the small records around them that a crawl has."""
    pick = random.Random(4)
    words = [pick.randbytes(3).hex().encode() for _ in range(500)]
    records = []
    for number in range(14):
        url = f"http://large.example/{number}"
        page = b" ".join(pick.choices(words, k=pick.randrange(200, 6000)))
        picture = pick.randbytes(pick.randrange(1000, 90_000))
        records.append(make_record("request", url, b"GET / HTTP/1.1\r\nHost: large.example\r\n\r\n"))
        records.append(with_digest(url, picture if number % 3 == 0 else page))
        records.append(make_record("metadata", url, b"fetchTimeMs: 17\r\n"))
    return archive(gz(records))


def change(pick: random.Random, whole: Archive) -> Change:
    """One of the ways in which files break; half of the places near a border, where most can go wrong."""
    size = len(whole.data)
    at = pick.randrange(size)
    if pick.random() < 0.5:
        at = min(size - 1, max(0, pick.choice(whole.spans)[0] + pick.randrange(-12, 24)))
    way = pick.randrange(8)
    if way < 3:
        return Change(at, 1, bytes([whole.data[at] ^ 1 << pick.randrange(8)]))
    if way == 3:
        return Change(at, pick.choice((1, 2, 8, 300, 5000)), b"")
    if way == 4:
        return Change(at, size - at, b"")
    if way == 5:
        return Change(at, 0, pick.randbytes(pick.choice((1, 2, 18, 700))))
    if way == 6:
        return Change(at, 0, bytes(pick.choice((1, 512, 4096))))
    count = pick.choice((1, 10, 200))
    return Change(at, min(count, size - at), pick.randbytes(min(count, size - at)))


def check(whole: Archive, done: Change) -> None:
    """Hold the reading of a damaged file against that of the sound one."""
    data = done.apply(whole.data)
    done = Change(done.at, min(done.gone, len(whole.data) - done.at), done.put)
    for full in (False, True):
        found = read(data, full=full, blocks=full)
        handed_out = {record.id: record for record in found.records}
        assert len(handed_out) == len(found.records), "a record was handed out twice"
        for (start, end), record in zip(whole.spans, whole.records, strict=True):
            hit = done.hits(start, end)
            if hit and not full:
                continue
            now = handed_out.get(record.id)
            if (
                now is not None
                and (now.type, now.url) == (record.type, record.url)
                and (now.block == record.block or not full)
            ):
                continue
            begin, stop = done.moved(start, end)
            if hit:
                stands = any(
                    row.offset < max(stop, begin + 1) and begin < row.offset + row.length for row in found.rows
                )
                cut_away = begin >= len(data) or stop <= begin
            else:
                stands = any(row.offset <= begin and stop <= row.offset + row.length for row in found.rows)
                cut_away = False
            assert stands or cut_away, f"lost in silence (full={full}): {record}; {found.rows}"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["small", "large"])
def test_a_few_places(kind: str) -> None:
    run(kind, range(QUICK // 2))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["small", "large"])
@pytest.mark.parametrize("part", range(10))
def test_ten_thousand_places(kind: str, part: int) -> None:
    each = PLACES // 20
    run(kind, range(part * each, (part + 1) * each))


def run(kind: str, seeds: range) -> None:
    whole = small_records() if kind == "small" else large_records()
    for seed in seeds:
        done = change(random.Random(seed), whole)
        try:
            check(whole, done)
        except Exception as problem:
            raise AssertionError(
                f"{kind} records, seed {seed}: at {done.at} {done.gone} bytes became {done.put[:20]!r}"
            ) from problem

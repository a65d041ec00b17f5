"""Reads archives that a test holds in memory: bytes in, what the walk says about them out."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from crawlmill.records.record import Record
from crawlmill.stores import Source
from crawlmill.warc.damage import BodyDamage, Damage
from crawlmill.warc.reading import Reading
from crawlmill.warc.walk import walk

URI = "memory.warc"


class Memory:
    """Bytes with the face of an opened archive."""

    uri = URI

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read_at(self, offset: int, count: int) -> bytes:
        return self._data[offset : offset + count]

    def size(self) -> int | None:
        return len(self._data)

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Seen:
    """What stays of a record after the walk has gone on; `block` is None where it was not read or does not decode."""

    offset: int
    ordinal: int
    length: int
    type: str
    url: str | None
    id: str | None
    status: str | None
    payload_length: int
    block: bytes | None = field(repr=False)


@dataclass(frozen=True)
class Found:
    """What a walk gave. `bodies` are the kinds of the damage that touching a body met, by offset."""

    records: list[Seen]
    rows: list[Damage]
    reading: Reading
    bodies: list[tuple[int, str]]

    @property
    def kinds(self) -> list[str]:
        return [row.kind for row in self.rows]

    @property
    def urls(self) -> list[str | None]:
        return [record.url for record in self.records]

    @property
    def items(self) -> list[tuple[object, ...]]:
        """The records without their places: what files of different layouts have in common."""
        return [(seen.type, seen.url, seen.id, seen.status, seen.payload_length, seen.block) for seen in self.records]


def read(
    data: bytes | Source,
    start: int = 0,
    end: int | None = None,
    *,
    full: bool = False,
    blocks: bool = False,
    http: bool = True,
    max_record: int | None = None,
    wanted: frozenset[str] | None = None,
) -> Found:
    """Walk over a span of an archive. `blocks` reads every block, `http` the beginning of each."""
    reading = Reading(wanted=wanted, full=full)
    if max_record is not None:
        reading.max_record = max_record
    source = Memory(data) if isinstance(data, bytes) else data
    found = Found([], [], reading, [])
    for item in walk(source, start, end, reading):
        if isinstance(item, Damage):
            found.rows.append(item)
        else:
            found.records.append(_seen(item, blocks, http, found.bodies))
    return found


def _seen(record: Record, blocks: bool, http: bool, bodies: list[tuple[int, str]]) -> Seen:
    block, status, length = None, None, -1
    try:
        block = record.block if blocks else None
        if http:
            status, length = record.status, record.payload_length
    except BodyDamage as bad:
        bodies.append((record.offset, bad.kind))
    return Seen(record.offset, record.ordinal, record.length, record.type, record.url, record.id, status, length, block)


def members(data: bytes) -> Iterator[tuple[int, int]]:
    """Where the members of a sound .warc.gz lie: (offset, end), by the standard library alone."""
    at = 0
    while at < len(data):
        inflate = zlib.decompressobj(31)
        inflate.decompress(data[at:])
        end = len(data) - len(inflate.unused_data)
        yield at, end
        at = end

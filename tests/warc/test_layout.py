"""How a file is stored is known by its bytes, wherever the first of it is that can be read."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
from itertools import pairwise

import lz4.frame
import pytest
import zstandard

from archives import gz, make_record
from memory import Found, Memory, read
from mutations import arc_record

NAMES = [f"http://{at}.example/" for at in range(12)]
RECORDS = [make_record("response", name, name.encode() * 20) for name in NAMES]
ARC_RECORDS = [arc_record(name.encode(), b"HTTP/1.1 200 OK\r\n\r\n" + name.encode() * 9) for name in NAMES]
LAYOUTS = {
    "gz": gz,
    "gz stored": lambda records: gz(records, 0),
    "zst": lambda records: b"".join(map(zstandard.ZstdCompressor().compress, records)),
    "lz4": lambda records: b"".join(map(lz4.frame.compress, records)),
    "bz2": lambda records: b"".join(map(bz2.compress, records)),
    "xz": lambda records: b"".join(map(lzma.compress, records)),
    "plain": b"".join,
}
FILES = {
    f"{form} {name}": (store(records), len(store(records[:1])))
    for form, records in (("warc", RECORDS), ("arc", ARC_RECORDS))
    for name, store in LAYOUTS.items()
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("at", range(4))
@pytest.mark.parametrize("bit", range(0, 8, 3))
def test_a_flipped_bit_in_the_first_bytes_costs_the_first_record_at_most(name: str, at: int, bit: int) -> None:
    data, first = FILES[name]
    found = read(data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :])
    assert found.urls[-11:] == NAMES[1:]
    assert len(found.records) == 12 or (found.rows[0].offset, found.rows[0].length) == (0, first)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "junk", [b"\0", b"\xef\xbb\xbf", b"some text\n", b"\r\n" * 50, bytes(70_000), b"\x1f\x8b", b"\x28\xb5\x2f\xfd"]
)
def test_what_stands_before_an_archive_is_one_row(name: str, junk: bytes) -> None:
    found = read(junk + FILES[name][0])
    assert found.urls == NAMES
    if junk.strip(b"\r\n") or "plain" not in name:
        assert [(row.offset, row.length) for row in found.rows] == [(0, len(junk))]


@pytest.mark.parametrize("length", [5, 6, 0, 1 << 20, 0xFFFFFFFF])
@pytest.mark.parametrize("name", ["warc gz", "warc zst", "warc lz4", "arc zst"])
@pytest.mark.parametrize("place", ["first", "between"])
def test_the_length_of_a_skippable_frame_is_not_trusted(length: int, name: str, place: str) -> None:
    data, first = FILES[name]
    frame = struct.pack("<II", 0x184D2A50, length) + b"hello"
    at = 0 if place == "first" else first
    found = read(data[:at] + frame + data[at:])
    assert found.urls == NAMES
    glue = length == 5 and ("gz" not in name)
    assert [(row.offset, row.length) for row in found.rows] == ([] if glue else [(at, 13)])


def test_the_length_of_a_dictionary_frame_is_not_trusted() -> None:
    data = FILES["warc zst"][0]
    for length in (7, 1 << 20, 0xFFFFFFFF):
        found = read(struct.pack("<II", 0x184D2A5D, length) + b"no dictionary" + data)
        assert found.urls == NAMES and found.rows[0].offset == 0


def containers() -> dict[str, bytes]:
    held, found = FILES["warc gz"][0], {}
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as file:
        file.writestr("archive/a.warc.gz", held)
    found["ZIP"] = memory.getvalue()
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w") as tar:
        entry = tarfile.TarInfo("a.warc")
        entry.size = len(FILES["warc plain"][0])
        tar.addfile(entry, io.BytesIO(FILES["warc plain"][0]))
    found["tar"] = memory.getvalue()
    found["7z"] = b"7z\xbc\xaf\x27\x1c" + bytes(26) + held
    return found


@pytest.mark.parametrize("name", ["ZIP", "tar", "7z"])
def test_other_archives_are_one_row_that_names_them(name: str) -> None:
    data = containers()[name]
    found = read(data)
    assert found.records == []
    assert [(row.kind, row.offset, row.length) for row in found.rows] == [("format", 0, len(data))]
    assert name in found.rows[0].message


@pytest.mark.parametrize("name", FILES)
def test_the_layout_does_not_depend_on_the_split(name: str) -> None:
    data = bytes(3000) + FILES[name][0][2:]
    whole = read(data)
    edges = [*range(0, len(data), 700), None]
    parts: list[Found] = [read(Memory(data), start or 0, end) for start, end in pairwise(edges)]
    assert [seen for part in parts for seen in part.records] == whole.records
    assert [row for part in parts for row in part.rows] == whole.rows


def test_a_plain_archive_within_a_stored_member_is_no_layout() -> None:
    """Level 0 keeps the records of the payload byte for byte; the first member's magic is damaged."""
    held = b"".join(RECORDS)
    data = gz([make_record("response", "http://held.example/", held), *RECORDS], 0)
    found = read(b"\0" + data[1:])
    assert found.urls == NAMES and len(found.rows) == 1


def test_a_gzip_archive_within_a_plain_record_is_no_layout() -> None:
    held = gz(RECORDS * 60, 0)
    data = b"junk" + b"".join([make_record("response", "http://held.example/", held), *RECORDS])
    found = read(data)
    assert found.urls == ["http://held.example/", *NAMES]
    assert [(row.kind, row.offset, row.length) for row in found.rows] == [("junk", 0, 4)]


def test_a_window_that_is_too_large_is_refused() -> None:
    """A decoder that would take more than 128 MiB; what follows is read."""
    large = zstandard.ZstdCompressionParameters(window_log=28)
    makers = {
        "zst": (lambda data: zstandard.ZstdCompressor().compress(data), _streamed(large)),
        "xz": (
            lzma.compress,
            lambda data: lzma.compress(data, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 256 << 20}]),
        ),
    }
    for usual, with_window in makers.values():
        members = [usual(record) for record in RECORDS]
        members[1] = with_window(RECORDS[1])
        found = read(b"".join(members))
        assert found.urls == [NAMES[0], *NAMES[2:]]
        assert [(row.kind, row.offset, row.length, row.analysis) for row in found.rows] == [
            ("oversized", len(members[0]), len(members[1]), "")
        ]


def _streamed(parameters: zstandard.ZstdCompressionParameters):  # type: ignore[no-untyped-def]
    def compress(data: bytes) -> bytes:
        stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
        return stream.compress(data) + stream.flush()

    return compress


def test_a_member_that_is_not_an_archive_is_none() -> None:
    assert read(gzip.compress(b"just text\n" * 100)).kinds == ["format"]
    assert read(gzip.compress(b"<html><title>403 Forbidden</title>")).kinds == ["page"]

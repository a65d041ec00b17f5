"""The same records in every layout in which archives are stored: always the same answers."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import struct
import zlib

import pytest

from archives import gz, gz_whole, http_response, make_record
from crawlmill.stores.pipe import Pipe
from crawlmill.warc.feed import WHOLE
from memory import Found, read

RANDOM = random.Random(1)
PICTURE = RANDOM.randbytes(100_000)
TEXT = b"".join(b"<p>%d %d</p>\n" % (number, RANDOM.randrange(1 << 30)) for number in range(20_000))
NESTED = gz(make_record("response", f"http://inner.example/{number}", RANDOM.randbytes(500)) for number in range(300))
RECORDS = [
    make_record("warcinfo", None, b"software: crawlmill tests\r\n"),
    make_record("request", "http://a.example/", b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
    make_record("response", "http://a.example/", b"<title>A</title>"),
    make_record("response", "http://a.example/gone", b"", http="404 Not Found"),
    make_record("response", "http://b.example/picture", PICTURE, http_headers=(("Content-Type", "image/png"),)),
    make_record("response", "http://b.example/text", TEXT),
    make_record("response", "http://c.example/crawl.warc.gz", NESTED),
    make_record("response", "http://c.example/crawl.warc", gzip.decompress(NESTED)),
    make_record("response", "http://d.example/long", b"x", headers=(("X-Long", "y" * 5000), ("X-More", "z" * 3000))),
    make_record("response", "dns:d.example", b"d.example. IN A 192.0.2.1", http=None),
    make_record("revisit", "http://a.example/", b""),
    make_record("ReSpOnSe", "http://e.example/", http_response(b"odd case")),
    make_record("", "http://f.example/", b""),
]
EXPECTED = read(gz(RECORDS), blocks=True)


def field(number: int) -> bytes:
    """An optional header field of gzip (RFC 1952, 2.3.1.1)."""
    return b"sl" + struct.pack("<HII", 8, number, 0)


def member(record: bytes, name: bytes = b"", extra: bytes = b"") -> bytes:
    """A gzip member with optional header fields, as some crawlers write them."""
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
    raw = deflate.compress(record) + deflate.flush()
    flags = (4 if extra else 0) | (8 if name else 0)
    head = b"\x1f\x8b\x08" + bytes([flags]) + bytes(6)
    head += struct.pack("<H", len(extra)) + extra if extra else b""
    head += name + b"\0" if name else b""
    return head + raw + struct.pack("<II", zlib.crc32(record), len(record))


def cut_anywhere(records: list[bytes]) -> bytes:
    """Members whose borders are no borders of records."""
    plain, pick, pieces = b"".join(records), random.Random(2), []
    while plain:
        size = pick.choice((1, 7, 100, 3000, 40_000))
        pieces.append(gzip.compress(plain[:size], mtime=0))
        plain = plain[size:]
    return b"".join(pieces)


def lines_end_with_lf(record: bytes) -> bytes:
    head, _, rest = record.partition(b"\r\n\r\n")
    return head.replace(b"\r\n", b"\n") + b"\n\n" + rest


EMPTY = gzip.compress(b"", mtime=0)
LAYOUTS = {
    "a record a member": gz(RECORDS),
    "level 0": gz(RECORDS, 0),
    "level 9": gz(RECORDS, 9),
    "two records a member": gz(b"".join(RECORDS[at : at + 2]) for at in range(0, len(RECORDS), 2)),
    "members not at borders": cut_anywhere(RECORDS),
    "header and block in members of their own": b"".join(
        gzip.compress(part, mtime=0)
        for record in RECORDS
        for part in (record.partition(b"\r\n\r\n")[0] + b"\r\n\r\n", record.partition(b"\r\n\r\n")[2])
    ),
    "one member": gz_whole(RECORDS),
    "empty members": EMPTY * 2 + b"".join(gz([record]) + EMPTY for record in RECORDS) + EMPTY,
    "file name": b"".join(member(record, name=b"crawl.warc") for record in RECORDS),
    "long file name": b"".join(member(record, name=b"n" * 3000) for record in RECORDS),
    "extra field": b"".join(member(record, extra=field(len(record))) for record in RECORDS),
    "magic in an extra field": b"".join(member(record, extra=b"xx\x08\0\x1f\x8b\x08\0\0\0\0\0") for record in RECORDS),
    "plain": b"".join(RECORDS),
    "LF after header lines": gz(map(lines_end_with_lf, RECORDS)),
    "LF after header lines, plain": b"".join(map(lines_end_with_lf, RECORDS)),
    "no line ends between records, plain": b"".join(record[:-4] for record in RECORDS),
    "more line ends between records": gz(record + b"\r\n\n\r\n" for record in RECORDS),
    "bz2": bz2.compress(b"".join(RECORDS)),
    "bz2 streams": b"".join(map(bz2.compress, RECORDS)),
    "xz": lzma.compress(b"".join(RECORDS), preset=0),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout: str) -> None:
    same(read(LAYOUTS[layout], blocks=True))
    same(read(LAYOUTS[layout], full=True), blocks=False)


def same(found: Found, blocks: bool = True) -> None:
    """The records of a layout are those of every other."""
    expected = EXPECTED.items if blocks else [(*item[:-1], None) for item in EXPECTED.items]
    assert [str(item)[:300] for item in found.rows] == []
    assert found.urls == EXPECTED.urls
    assert found.items == expected
    assert found.reading.types == EXPECTED.reading.types


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_from_a_pipe(layout: str) -> None:
    pipe = Pipe(io.BytesIO(LAYOUTS[layout]))
    try:
        same(read(pipe, blocks=True))
        assert pipe.size() == len(LAYOUTS[layout])
    finally:
        pipe.close()


@pytest.mark.parametrize("streams", [1, len(RECORDS)])
def test_zstd(streams: int) -> None:
    zstandard = pytest.importorskip("zstandard")
    pieces = [b"".join(RECORDS)] if streams == 1 else RECORDS
    same(read(b"".join(zstandard.ZstdCompressor().compress(piece) for piece in pieces), blocks=True))
    unsized = zstandard.ZstdCompressor(write_content_size=False)
    same(read(b"".join(unsized.compress(piece) for piece in pieces), blocks=True))


@pytest.mark.parametrize("compressed", [False, True])
def test_zstd_with_a_dictionary(compressed: bool) -> None:
    """IIPC, "Zstandard for WARC": the dictionary of all frames is in a skippable frame before them."""
    zstandard = pytest.importorskip("zstandard")
    pick = random.Random(5)
    samples = [make_record("response", f"http://{pick.random()}.example/", pick.randbytes(50)) for _ in range(500)]
    dictionary = zstandard.train_dictionary(4096, samples)
    stored = dictionary.as_bytes()
    stored = zstandard.ZstdCompressor().compress(stored) if compressed else stored
    frames = [zstandard.ZstdCompressor(dict_data=dictionary).compress(record) for record in RECORDS]
    same(read(struct.pack("<II", 0x184D2A5D, len(stored)) + stored + b"".join(frames), blocks=True))


def test_lz4() -> None:
    frame = pytest.importorskip("lz4.frame")
    same(read(b"".join(frame.compress(record) for record in RECORDS), blocks=True))
    same(read(frame.compress(b"".join(RECORDS)), blocks=True))


def test_offsets_of_members() -> None:
    found = read(gz(RECORDS))
    sizes = [len(gz([record])) for record in RECORDS]
    assert [record.length for record in found.records] == sizes
    assert [record.offset for record in found.records] == [sum(sizes[:at]) for at in range(len(sizes))]
    assert {record.ordinal for record in found.records} == {0}


def test_records_of_one_member_are_numbered() -> None:
    found = read(gz_whole(RECORDS[:4]) + gz(RECORDS[4:]))
    assert [record.ordinal for record in found.records] == [0, 1, 2, 3] + [0] * (len(RECORDS) - 4)
    assert {record.offset for record in found.records[:4]} == {0}
    assert {record.length for record in found.records[:4]} == {len(gz_whole(RECORDS[:4]))}


def test_offsets_of_plain_records() -> None:
    data = b"".join(RECORDS)
    found = read(data)
    assert all(data[record.offset :].startswith(b"WARC/") for record in found.records)
    ends = [record.offset + record.length + 4 for record in found.records]
    assert ends == [record.offset for record in found.records[1:]] + [len(data)]


def test_empty_members_are_counted() -> None:
    assert read(LAYOUTS["empty members"]).reading.empty_members == len(RECORDS) + 3


def test_only_wanted_types_are_handed_out_and_all_are_counted() -> None:
    for layout, data in LAYOUTS.items():
        found = read(data, wanted=frozenset({"revisit"}))
        assert found.urls == ["http://a.example/"], layout
        assert found.reading.types == EXPECTED.reading.types, layout


def test_a_member_larger_than_what_is_decoded_at_once() -> None:
    large = make_record("response", "http://large.example/", b"0123456789abcdef" * (WHOLE // 16 + 1))
    records = [RECORDS[1], large, RECORDS[2]]
    for data in (gz(records, 1), gz_whole(records, 1), gz_whole(records[:2], 1) + gz(records[2:])):
        found = read(data)
        assert (found.urls, found.kinds) == (["http://a.example/", "http://large.example/", "http://a.example/"], [])
        assert found.records[1].payload_length == len(large) - large.find(b"0123456789abcdef") - 4


ARC_HEAD = b"1 0 InternetArchive\nURL IP-address Archive-date Content-type Archive-length\n"
PAGES = [http_response(b"<title>A</title>"), http_response(PICTURE), http_response(b"", "404 Not Found")]


def arc() -> list[bytes]:
    """An ARC file of version 1: URL lines and blocks."""
    lines = [b"filedesc://crawl.arc 0.0.0.0 20080102030405 text/plain %d\n" % len(ARC_HEAD) + ARC_HEAD]
    for number, page in enumerate(PAGES):
        lines.append(b"http://a.example/%d 192.0.2.7 20080102030405 text/html %d\n" % (number, len(page)) + page)
    return [line + b"\n" for line in lines]


@pytest.mark.parametrize("data", [b"".join(arc()), gz(arc()), gz_whole(arc())], ids=["plain", "members", "one member"])
@pytest.mark.parametrize("full", [False, True])
def test_arc(data: bytes, full: bool) -> None:
    found = read(data, blocks=True, full=full)
    assert found.rows == []
    assert [record.type for record in found.records] == ["filedesc", "arc", "arc", "arc"]
    assert found.urls[1:] == [f"http://a.example/{number}" for number in range(3)]
    assert [record.status for record in found.records] == [None, "200", "200", "404"]
    assert [record.block for record in found.records[1:]] == PAGES
    assert read(Pipe(io.BytesIO(data))).urls == found.urls


@pytest.mark.parametrize("version", ["WARC/0.17", "WARC/0.18", "WARC/1.0", "WARC/1.1"])
def test_versions(version: str) -> None:
    found = read(gz([make_record("response", "http://a.example/", b"x", version=version)]))
    assert (found.urls, found.kinds) == (["http://a.example/"], [])

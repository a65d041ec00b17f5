"""Broken archives: the records of the formats folder, each file with one thing wrong at a known place."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from samples.expand import Raw
from samples.formats import small_set
from samples.payloads import noise
from samples.records import member, warc_record
from samples.tally import Tally

SLOW_DOWN = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>SlowDown</Code><Message>Please reduce your request rate.'
    b"</Message><RequestId>0000000000000000</RequestId><HostId>samples</HostId></Error>"
)
FORBIDDEN = (
    b"<!DOCTYPE html>\n<html><head><title>403 Forbidden</title></head>\n"
    b"<body><h1>Forbidden</h1><p>Access to this archive is denied.</p></body></html>\n"
)
JUNK = b"\x1f\x8b\x08" + noise(297, seed=9)
"""Junk that begins like a gzip member."""


@dataclass(frozen=True)
class Broken:
    """A damaged file.

    Attributes:
        offset: the first byte that is wrong, missing or too much.
        length: how many; 0 for a change that is not a span of bytes.
        hit: numbers of the records that may be lost or wrong; all others must be read.
        archive: False for a file without a record.
    """

    data: bytes
    what: str
    offset: int
    length: int
    hit: tuple[int, ...] = ()
    archive: bool = True


def write_damaged(out: Path, level: int) -> dict[str, Any]:
    """Writes the files into `out` and returns what was done to each."""
    raws = small_set()
    files = {**_in_gzip(raws, level), **_liars(raws, level), **_no_archives()}
    out.mkdir(exist_ok=True)
    answers = {}
    for name, broken in files.items():
        (out / name).write_bytes(broken.data)
        intact = Tally()
        for number, raw in enumerate(raws if broken.archive else ()):
            if number not in broken.hit:
                intact.add(raw)
        answers[name] = {
            "what": broken.what,
            "offset": broken.offset,
            "length": broken.length,
            "hit": [{"ordinal": number, "type": raws[number].type, "url": raws[number].url} for number in broken.hit],
            "intact": intact.to_json(),
        }
    return answers


def _find(raws: tuple[Raw, ...], url: str, type: str = "response") -> int:
    return next(number for number, raw in enumerate(raws) if raw.type == type and raw.url.endswith(url))


def _in_gzip(raws: tuple[Raw, ...], level: int) -> dict[str, Broken]:
    """Damage to a file of one gzip member a record."""
    members = [member(record, level) for record in _records(raws)]
    starts = [0, *accumulate(map(len, members))]
    good, end = b"".join(members), starts[-1]
    greek, picture, text = _find(raws, "mple/formats"), _find(raws, "/picture.png"), _find(raws, "/formats.txt")
    last = len(raws) - 2  # the response; a metadata record follows
    crc, early, late = starts[greek + 1] - 8, starts[greek] + 60, starts[picture + 1] - 2000
    magic, header, between, cut = (
        starts[text],
        starts[text] + 3,
        starts[picture],
        starts[last] + len(members[last]) // 2,
    )
    return {
        "bad-crc.warc.gz": Broken(
            _flip(good, crc), "one bit of a member's CRC32 is flipped; its data are right", crc, 1, (greek,)
        ),
        "flipped-early.warc.gz": Broken(
            _flip(good, early), "one bit of a page's compressed data is flipped, in the WARC header", early, 1, (greek,)
        ),
        "flipped-late.warc.gz": Broken(
            _flip(good, late),
            "one bit of a picture's compressed data is flipped, near the end of its payload",
            late,
            1,
            (picture,),
        ),
        "flipped-magic.warc.gz": Broken(
            _flip(good, magic), "one bit of a member's magic is flipped", magic, 1, (text,)
        ),
        "flipped-flags.warc.gz": Broken(
            _flip(good, header, 0xE0), "reserved flags of a member's header are set", header, 1, (text,)
        ),
        "truncated.warc.gz": Broken(
            good[:cut],
            "the file ends in the middle of the last page; its metadata record is missing",
            cut,
            0,
            (last, last + 1),
        ),
        "truncated-trailer.warc.gz": Broken(
            good[:-5], "the last five bytes are missing: part of a CRC32, and the size", end - 5, 0, (last + 1,)
        ),
        "junk-between.warc.gz": Broken(
            good[:between] + JUNK + good[between:],
            "300 bytes that are no member stand between two members",
            between,
            len(JUNK),
        ),
        "trailing-nuls.warc.gz": Broken(good + bytes(1024), "1,024 zero bytes follow the last member", end, 1024),
    }


def _liars(raws: tuple[Raw, ...], level: int) -> dict[str, Broken]:
    """Headers that say something false about the block: Content-Length and digest."""
    number = _find(raws, "mple/formats")
    size = len(raws[number].block)
    long = [
        *_records(raws[:number]),
        _with(raws[number], "Content-Length", str(size + 10)),
        *_records(raws[number + 1 :]),
    ]
    short = [
        *_records(raws[:number]),
        _with(raws[number], "Content-Length", str(size - 10)),
        *_records(raws[number + 1 :]),
    ]
    false = "sha1:" + 32 * "A"
    digest = [*_records(raws[:number]), _with(raws[number], "WARC-Block-Digest", false), *_records(raws[number + 1 :])]

    def plain(records: list[bytes], what: str, *hit: int) -> Broken:
        return Broken(b"".join(records), what, sum(map(len, records[:number])), 0, hit)

    def packed(records: list[bytes], what: str, *hit: int) -> Broken:
        return plain([member(record, level) for record in records], what, *hit)

    return {
        "length-too-long.warc": plain(
            long,
            "a Content-Length is ten bytes too long: read by it, the block takes the first six of the next record",
            number,
            number + 1,
        ),
        "length-too-short.warc": plain(
            short, "a Content-Length is ten bytes too short: ten bytes of the block stand behind the record", number
        ),
        "length-too-long.warc.gz": packed(
            long, "a Content-Length is ten bytes too long; the gzip member is sound", number
        ),
        "length-too-short.warc.gz": packed(
            short, "a Content-Length is ten bytes too short; the gzip member is sound", number
        ),
        "bad-block-digest.warc.gz": packed(
            digest, "a WARC-Block-Digest is not the block's; the record itself is sound"
        ),
    }


def _no_archives() -> dict[str, Broken]:
    """Files without a record."""
    kinds = {
        "empty.warc.gz": (b"", "the file has no bytes"),
        "slow-down.warc.gz": (SLOW_DOWN, "S3 asked for fewer requests, and its answer was saved"),
        "forbidden.warc.gz": (FORBIDDEN, "a web server refused, and its page was saved"),
    }
    return {name: Broken(data, what, 0, len(data), archive=False) for name, (data, what) in kinds.items()}


def _flip(data: bytes, offset: int, bits: int = 0x10) -> bytes:
    return data[:offset] + bytes((data[offset] ^ bits,)) + data[offset + 1 :]


def _records(raws: tuple[Raw, ...]) -> list[bytes]:
    return [warc_record(raw.headers, raw.block) for raw in raws]


def _with(raw: Raw, name: str, value: str) -> bytes:
    """The record with another value in one header line."""
    headers = tuple((key, value if key == name else old) for key, old in raw.headers)
    return warc_record(headers, raw.block)

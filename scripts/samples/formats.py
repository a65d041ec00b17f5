"""The same few records in every container and version that a reader may meet."""

from __future__ import annotations

import bz2
import importlib
import struct
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from samples import articles as words
from samples.expand import Raw, expand
from samples.layouts import a, article, data, moved, text
from samples.model import Entry, Other, Page, Revisit
from samples.payloads import gif, png
from samples.records import Headers, member, warc_record
from samples.sites import BLOG, BOOKS, BOOKS_RAW, CDN, GREEK, PLAIN, WWW
from samples.tally import Tally

NAME = "formats.warc.gz"
START = datetime(2026, 1, 6, 8)
FIRST = article(WWW, "/formats", "en", words.ENGLISH[0], a("https://blog.example.co.uk/", BLOG, "Blog"))
ENTRIES: tuple[Entry, ...] = (
    FIRST,
    article(GREEK, "/formats", "el", words.GREEK_TEXTS[1], a("/", GREEK, "Αρχή")),
    data(CDN, "/picture.png", "image/png", png(72, 72, seed=5)),
    moved(PLAIN, "/formats", "301 Moved Permanently", "https://www.example.com/formats", WWW),
    Revisit(FIRST, not_modified=True),
    Other("resource", "https://cdn.example.net/pixel.gif", "image/gif", gif()),
    text(BLOG, "/formats.txt", *(line for article in words.ENGLISH for line in article.paragraphs)),
    article(BOOKS_RAW, "/formats", "de", words.GERMAN[2], a("laden", BOOKS, "Laden")),
)  # fmt: skip


def small_set() -> tuple[Raw, ...]:
    """The records that every file of this folder holds."""
    return tuple(expand(ENTRIES, NAME, START, {}))


def write_formats(out: Path, level: int, samples: tuple[bytes, ...]) -> tuple[dict[str, Any], dict[str, str]]:
    """Writes the files into `out`.

    Args:
        samples: records to train the zstd dictionary on.

    Returns:
        The answers, and the files that were not written with the package that each lacks.
    """
    raws = small_set()
    records = [warc_record(raw.headers, raw.block) for raw in raws]
    plain, pack = b"".join(records), partial(member, level=level)
    lf = [warc_record(raw.headers, raw.block, newline="\n") for raw in raws]
    made: dict[str, tuple[str, Callable[[], bytes]]] = {
        "plain.warc": ("not compressed", lambda: plain),
        "lf.warc": ("not compressed, WARC header lines end in LF", lambda: b"".join(lf)),
        "members.warc.gz": ("one gzip member a record", lambda: b"".join(map(pack, records))),
        "lf.warc.gz": ("one gzip member a record, WARC header lines end in LF", lambda: b"".join(map(pack, lf))),
        "one-member.warc.gz": ("one gzip member for all records", lambda: pack(plain)),
        "misaligned.warc.gz": (
            "gzip members of 3,000 bytes, whatever the records",
            lambda: b"".join(pack(plain[start : start + 3000]) for start in range(0, len(plain), 3000)),
        ),
        "empty-members.warc.gz": (
            "one gzip member a record, an empty one before the first and after each, three at the end",
            lambda: pack(b"") + b"".join(pack(record) + pack(b"") for record in records) + 2 * pack(b""),
        ),
        "version-0.18.warc.gz": (
            "WARC/0.18, one gzip member a record",
            lambda: b"".join(map(pack, _version(raws, "0.18"))),
        ),
        "version-1.1.warc.gz": (
            "WARC/1.1 with fractions of a second, one gzip member a record",
            lambda: b"".join(map(pack, _version(raws, "1.1"))),
        ),
        "bzip2.warc.bz2": ("one bzip2 stream", lambda: bz2.compress(plain)),
        "zstd.warc.zst": ("one zstd frame a record", lambda: _zstd(records)),
        "zstd-dictionary.warc.zst": (
            "a skippable frame with a dictionary, then one zstd frame a record",
            lambda: _zstd(records, samples),
        ),
        "lz4.warc.lz4": ("one lz4 frame a record", lambda: _lz4(records)),
        "v1.arc": ("ARC version 1, not compressed", lambda: b"".join(_arc(raws))),
        "v1.arc.gz": ("ARC version 1, one gzip member a record", lambda: b"".join(map(pack, _arc(raws)))),
    }
    out.mkdir(exist_ok=True)
    left = {}
    for name, (_, make) in made.items():
        try:
            content = make()
        except ModuleNotFoundError as missing:
            left[name] = str(missing.name)
        else:
            (out / name).write_bytes(content)
    warc, arc = Tally(), Tally()
    arc.types["filedesc"] += 1
    for raw in raws:
        warc.add(raw)
        if isinstance(raw.entry, Page) and raw.type == "response":
            arc.add(raw, "arc")
    files = {
        name: {"answers": "arc" if ".arc" in name else "warc", "layout": layout} for name, (layout, _) in made.items()
    }
    return {"warc": warc.to_json(), "arc": arc.to_json(), "files": files}, left


def _version(raws: Iterable[Raw], version: str) -> list[bytes]:
    """The records as that version of the format; WARC/1.1 allows fractions in dates."""
    fraction = ".250Z" if version == "1.1" else "Z"

    def dated(headers: Headers) -> Headers:
        return tuple((name, value[:-1] + fraction if name == "WARC-Date" else value) for name, value in headers)

    return [warc_record(dated(raw.headers), raw.block, version) for raw in raws]


def _arc(raws: Iterable[Raw]) -> list[bytes]:
    """The HTTP responses as ARC version 1: a line with URL, address, date, type and length, the block, a line end."""
    about = b"1 0 crawlmill\nURL IP-address Archive-date Content-type Archive-length\n"
    records = [
        b"filedesc://v1.arc 0.0.0.0 %b text/plain %d\n%b\n"
        % (START.strftime("%Y%m%d%H%M%S").encode(), len(about), about)
    ]
    for raw in raws:
        if isinstance(raw.entry, Page) and raw.type == "response":
            address = dict(raw.headers)["WARC-IP-Address"]
            line = f"{raw.url} {address} {raw.date:%Y%m%d%H%M%S} {raw.entry.mime} {len(raw.block)}\n"
            records.append(line.encode() + raw.block + b"\n")
    return records


def _zstd(records: list[bytes], samples: tuple[bytes, ...] = ()) -> bytes:
    """Frames with checksums; a dictionary goes first, in a frame of its own kind (the IIPC's draft for .warc.zst)."""
    zstd = importlib.import_module("zstandard")
    options: dict[str, Any] = {"level": 12, "write_checksum": True}
    start = b""
    if samples:
        dictionary = zstd.train_dictionary(4096, [sample[:1200] for sample in samples])
        options["dict_data"] = dictionary
        start = struct.pack("<II", 0x184D2A5D, len(dictionary.as_bytes())) + dictionary.as_bytes()
    compressor = zstd.ZstdCompressor(**options)
    return start + b"".join(compressor.compress(record) for record in records)


def _lz4(records: list[bytes]) -> bytes:
    frame = importlib.import_module("lz4.frame")
    return b"".join(frame.compress(record, content_checksum=True) for record in records)

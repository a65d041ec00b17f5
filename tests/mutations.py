"""Archives of known records in every layout, broken in seeded ways, with what must then be read: for the laws of reading."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import lz4.frame
import zstandard

from archives import gz, http_response, make_record

Compress = Callable[[bytes], bytes]
WARC, ARC = "warc", "arc"


@dataclass(frozen=True)
class Unit:
    """Bytes of a file: a record, or something else (``url`` None). ``sound``: nobody changed it."""

    data: bytes
    url: str | None
    sound: bool = True


@dataclass(frozen=True)
class Part:
    """Where a unit lies in the file as stored: from the first byte of its first member to the last of its last (of a plain
    file: its own bytes without the line ends behind it)."""

    unit: Unit
    start: int
    end: int


@dataclass(frozen=True)
class Broken:
    """A file, and where the units lie in it that are still whole."""

    data: bytes
    parts: list[Part]
    how: str
    places: frozenset[int]  # offsets at which a record may be handed out
    rough: list[tuple[int, int]]  # spans that were changed: there anything may be read
    containers: int  # records that held a plain archive before the file was broken
    unsure: bool  # a wrong length ends on a border, or a member begins with a record within a record, by chance


def bodies(pick: random.Random) -> list[tuple[str, bytes]]:
    """Bodies of all kinds: small ones of equal size, text, noise, archives within archives."""
    words = [pick.randbytes(3).hex().encode() for _ in range(60)]
    inner = [make_record("response", f"http://inner.example/{n}", pick.randbytes(200)) for n in range(6)]
    kinds = {
        "small": lambda: b"User-agent: *\nDisallow: /%d\n" % pick.randrange(100, 999),
        "text": lambda: b" ".join(pick.choices(words, k=pick.randrange(50, 900))),
        "noise": lambda: pick.randbytes(pick.randrange(1, 6000)),
        "empty": lambda: b"",
        "nested": lambda: gz(inner, pick.choice((0, 9))),
        "nested plain": lambda: b"".join(inner),
    }
    names = ["small", *pick.choices(list(kinds), k=pick.randrange(5, 9)), "small", "small"]
    return [(name, kinds[name]()) for name in names]


def records(form: str, pick: random.Random) -> list[Unit]:
    """The records of a file, each with a URL of its own."""
    found = []
    if form == ARC:
        head = b"1 0 InternetArchive\nURL IP-address Archive-date Content-type Archive-length\n"
        found.append(Unit(arc_record(b"filedesc://t.arc", head, b"text/plain"), "filedesc://t.arc"))
    for number, (kind, body) in enumerate(bodies(pick)):
        url = f"http://{number}.example/{kind.replace(' ', '-')}"
        if form == ARC:
            nested = b"".join(arc_record(b"http://inner.example/%d" % n, b"x" * 90) for n in range(5))
            found.append(Unit(arc_record(url.encode(), http_response(nested if kind == "nested plain" else body)), url))
        else:
            found.append(Unit(make_record(pick.choice(("response", "response", "resource")), url, body), url))
    return found


def arc_record(url: bytes, block: bytes, kind: bytes = b"text/html") -> bytes:
    return b"%b 192.0.2.7 20080102030405 %b %d\n" % (url, kind, len(block)) + block + b"\n"


@cache
def dictionary() -> zstandard.ZstdCompressionDict:
    pick = random.Random(5)
    samples = [make_record("response", f"http://{pick.random()}.example/", pick.randbytes(50)) for _ in range(500)]
    return zstandard.train_dictionary(4096, samples)


def dictionary_frame() -> bytes:
    stored = zstandard.ZstdCompressor().compress(dictionary().as_bytes())
    return struct.pack("<II", 0x184D2A5D, len(stored)) + stored


COMPRESS: dict[str, Compress] = {
    "gz": lambda data: gzip.compress(data, mtime=0),
    "gz stored": lambda data: gzip.compress(data, 0, mtime=0),
    "zst": lambda data: zstandard.ZstdCompressor(write_checksum=True).compress(data),
    "zst unchecked": lambda data: zstandard.ZstdCompressor(write_content_size=False).compress(data),
    "zst dictionary": lambda data: zstandard.ZstdCompressor(dict_data=dictionary(), write_checksum=True).compress(data),
    "lz4": lambda data: bytes(lz4.frame.compress(data, content_checksum=True)),
    "bz2": bz2.compress,
    "xz": lambda data: lzma.compress(data, preset=0),
}
GROUPS: dict[str, Callable[[random.Random], int]] = {
    "record a member": lambda pick: 1,
    "several a member": lambda pick: pick.randrange(1, 4),
    "one member": lambda pick: 1 << 30,
}
LAYOUTS = [
    (form, layout)
    for form in (WARC, ARC)
    for layout in [
        "plain",
        *(f"{name}, record a member" for name in COMPRESS),
        "gz, several a member",
        "zst, several a member",
        "gz, one member",
        "lz4, one member",
        "xz, one member",
        "gz, misaligned",
        "zst, misaligned",
    ]
    if not (form == ARC and "dictionary" in layout)
]


def line_ends(data: bytes) -> int:
    """Bytes behind a record that are not of it."""
    return next((len(ends) for ends in (b"\r\n\r\n", b"\r\n", b"\n") if data.endswith(ends)), 0)


@dataclass(frozen=True)
class Stored:
    """A file as members: of each its bytes, and the parts that lie in it."""

    data: bytes
    parts: list[Part]
    borders: list[int]
    unsure: bool = False


def store(units: Sequence[Unit], layout: str, pick: random.Random) -> Stored:
    """Units as a file of a layout."""
    if layout == "plain":
        return _plain(units)
    name, group = layout.split(", ")
    compress = COMPRESS[name]
    data, borders, members = dictionary_frame() if "dictionary" in name else b"", [], []
    sizes: list[int] = []  # plain bytes of each member
    if group == "misaligned":
        left = sum(len(unit.data) for unit in units)
        while left > 0:
            sizes.append(min(left, pick.choice((1, 40, 700, 3000))))
            left -= sizes[-1]
    else:
        at = 0
        while at < len(units):
            count = GROUPS[group](pick)
            sizes.append(sum(len(unit.data) for unit in units[at : at + count]))
            at += count
    plain, at, unsure = b"".join(unit.data for unit in units), 0, False
    borders_of_units = {sum(len(unit.data) for unit in units[:number]) for number in range(len(units))}
    for size in sizes:
        unsure |= at not in borders_of_units and plain.startswith((b"WARC/1", b"http://inner"), at)
        borders.append(len(data))
        data += compress(plain[at : at + size])
        members.append((at, at + size, borders[-1], len(data)))
        at += size
    parts, at = [], 0
    for unit in units:
        end = at + len(unit.data) - line_ends(unit.data)
        held = [member for member in members if member[0] < max(end, at + 1) and at < member[1]]
        if held:
            parts.append(Part(unit, held[0][2], held[-1][3]))
        at += len(unit.data)
    return Stored(data, parts, borders, unsure)


def ends_by_chance(units: Sequence[Unit]) -> bool:
    """Whether a length that is wrong ends exactly where a record begins, be it one within a record, or where the file ends: no
    reader can tell it from a right one."""
    plain, at = b"".join(unit.data for unit in units), 0
    for unit in units:
        found = _DECLARED.match(plain, at) if not unit.sound and unit.url is not None else None
        if found is not None:
            rest = plain[found.end() + int(found[1] or found[2]) :][:80].lstrip(b"\r\n")
            own = at + len(unit.data) - line_ends(unit.data)
            end = found.end() + int(found[1] or found[2])
            if end != own and (not rest or rest.startswith((b"WARC/", b"http://", b"filedesc:"))):
                return True
        at += len(unit.data)
    return False


_DECLARED = re.compile(
    rb"WARC/(?:[^\n]*\n(?!\r\n))*?[^\n]*\nContent-Length: (\d{1,8})\r\n(?:[^\r\n]+\r\n)*\r\n|[^\n]* (\d{1,8})\n"
)


def _plain(units: Sequence[Unit]) -> Stored:
    parts, borders, at = [], [], 0
    for unit in units:
        borders.append(at)
        parts.append(Part(unit, at, at + len(unit.data) - line_ends(unit.data)))
        at += len(unit.data)
    return Stored(b"".join(unit.data for unit in units), parts, borders)


# What breaks records before they are stored. Each takes the units and the number of one, and gives new units.


def _field(name: bytes, change: Callable[[int, random.Random], bytes]) -> Callable[[Unit, random.Random, str], bytes]:
    def broken(unit: Unit, pick: random.Random, form: str) -> bytes:
        if form == ARC:
            line, _, rest = unit.data.partition(b"\n")
            first, _, length = line.rpartition(b" ")
            return first + b" " + change(int(length), pick) + b"\n" + rest
        at = unit.data.index(name) + len(name)
        end = unit.data.index(b"\r\n", at)
        return unit.data[:at] + change(int(unit.data[at:end]), pick) + unit.data[end:]

    return broken


_LENGTH = b"\r\nContent-Length: "


def _cut_header(unit: Unit, pick: random.Random, form: str) -> bytes:
    end = unit.data.index(b"\n") if form == ARC else unit.data.index(b"\r\n\r\n")
    cut = unit.data[: pick.randrange(1, end)]
    if form == ARC and b" 192.0" not in cut:  # a URL may hold another one, but not behind a letter
        cut = cut.rstrip(b" 192.:/-_") or b"h"
    return cut


def _cut_body(unit: Unit, pick: random.Random, form: str) -> bytes:
    start = unit.data.index(b"\n") if form == ARC else unit.data.index(b"\r\n\r\n") + 4
    return unit.data[: pick.randrange(start + 1, len(unit.data))]


def _flip_header(unit: Unit, pick: random.Random, form: str) -> bytes:
    end = unit.data.index(b"\n") if form == ARC else unit.data.index(b"\r\n\r\n")
    at = pick.randrange(end)
    return unit.data[:at] + bytes([unit.data[at] ^ 1 << pick.randrange(8)]) + unit.data[at + 1 :]


def _absent(unit: Unit, pick: random.Random, form: str) -> bytes:
    if form == ARC:
        return unit.data.replace(unit.data.partition(b"\n")[0].rpartition(b" ")[2] + b"\n", b"x\n", 1)
    at = unit.data.index(_LENGTH)
    return unit.data[:at] + unit.data[unit.data.index(b"\r\n", at + 2) :]


RECORD_CHANGES: dict[str, Callable[[Unit, random.Random, str], bytes]] = {
    "length up": _field(_LENGTH, lambda length, pick: b"%d" % (length + pick.choice((1, 3, 5, 97, 900, 5000)))),
    "length down": _field(_LENGTH, lambda length, pick: b"%d" % max(0, length - pick.choice((1, 2, 30, 107, 900)))),
    "length huge": _field(_LENGTH, lambda length, pick: b"%d" % (10 ** pick.choice((7, 9, 15, 17)) + length)),
    "length wild": _field(_LENGTH, lambda length, pick: pick.choice((b"-5", b"", b"9" * 40, b"x", b"1e3", b"\xff"))),
    "length absent": _absent,
    "cut in header": _cut_header,
    "cut in body": _cut_body,
    "flip in header": _flip_header,
    "lost line ends": lambda unit, pick, form: unit.data[: -len(_ENDS[form])] + b"\r\n" * pick.randrange(2),
    "chunk headers": lambda unit, pick, form: unit.data.replace(b"\r\n\r\n", b"\r\n\r\nffffffff\r\n", 1),
}
_STILL_WHOLE = {"lost line ends"}
_ENDS = {WARC: b"\r\n\r\n", ARC: b"\n"}


def _junk(pick: random.Random) -> bytes:
    return pick.choice(
        (
            bytes(pick.choice((1, 3, 512))),
            b"\xef\xbb\xbf",
            b"some text\n",
            b"\xff",
            pick.randbytes(pick.choice((1, 20, 700))),
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"\r\n" * 40,
        )
    )


def change_units(units: list[Unit], form: str, pick: random.Random) -> tuple[list[Unit], str]:
    """Units with one change, and its name."""
    at = pick.randrange(len(units))
    way = pick.choice((*RECORD_CHANGES, "junk before", "duplicate", "swap", "delete", "concatenate"))
    unit = units[at]
    if way in RECORD_CHANGES and not unit.sound:
        way = "duplicate"
    if way in RECORD_CHANGES:
        data = RECORD_CHANGES[way](unit, pick, form)
        return [*units[:at], Unit(data, unit.url, way in _STILL_WHOLE), *units[at + 1 :]], f"{way} of {at}"
    if way == "junk before":
        return [*units[:at], Unit(_junk(pick), None, False), *units[at:]], f"{way} {at}"
    if way == "duplicate":
        return [*units[:at], unit, *units[at:]], f"{way} {at}"
    if way == "swap":
        other = pick.randrange(len(units))
        new = list(units)
        new[at], new[other] = new[other], new[at]
        return new, f"{way} {at} {other}"
    if way == "delete":
        return (units[:at] + units[at + 1 :]) or units, f"{way} {at}"
    more = records(form, random.Random(pick.random()))
    return units + [unit for unit in more if "nested-plain" not in (unit.url or "")], way


def change_bytes(stored: Stored, layout: str, pick: random.Random) -> tuple[int, int, bytes, str]:
    """One change of the file as stored: offset, bytes taken away, bytes put there, and its name."""
    data, size = stored.data, len(stored.data)
    at = pick.randrange(size)
    if pick.random() < 0.6:  # near a border most can go wrong
        at = min(size - 1, max(0, pick.choice(stored.borders) + pick.randrange(-12, 24)))
    way = pick.choice(
        (
            "flip",
            "flip",
            "cut",
            "end",
            "insert",
            "zeros",
            "overwrite",
            "magic",
            "trailer",
            "skippable",
            "empty",
            "prepend",
        )
    )
    border = pick.choice(stored.borders)
    if way == "flip":
        return at, 1, bytes([data[at] ^ 1 << pick.randrange(8)]), way
    if way == "cut":
        return at, min(pick.choice((1, 2, 8, 300, 5000)), size - at), b"", way
    if way == "end":
        return at, size - at, b"", way
    if way == "insert":
        return at, 0, pick.randbytes(pick.choice((1, 2, 18, 700))), way
    if way == "zeros":
        return at, 0, bytes(pick.choice((1, 512, 4096))), way
    if way == "overwrite":
        count = min(pick.choice((1, 10, 200)), size - at)
        return at, count, pick.randbytes(count), way
    if way == "magic":
        place = min(size - 1, border + pick.randrange(4))
        return place, 1, bytes([data[place] ^ 1 << pick.randrange(8)]), way
    if way == "trailer":
        place = min(size - 1, max(0, border - pick.randrange(1, 9)))
        return place, 1, bytes([data[place] ^ 1 << pick.randrange(8)]), way
    if way == "skippable":
        held = pick.randbytes(5)
        length = pick.choice((5, 5, 6, 40, 1 << 20, 0xFFFFFFFF))
        return border, 0, struct.pack("<II", 0x184D2A50 + pick.randrange(16), length) + held, way
    if way == "empty":
        name = layout.split(",")[0]
        return border, 0, COMPRESS[name](b"") if name in COMPRESS else b"\r\n", way
    return 0, 0, _junk(pick), way


def broken(form: str, layout: str, seed: int) -> Broken:
    """A file of a layout with one to three changes."""
    pick = random.Random(f"{form} {layout} {seed}")
    of_units = pick.choice((0, 1, 1, 2))
    of_bytes = pick.choice((0, 1, 1, 2)) if of_units else pick.choice((1, 1, 2))
    units, names = records(form, pick), []
    if of_units + of_bytes > 1:  # of two changes near a plain archive in a record one may hide the other
        units = [unit for unit in units if "nested-plain" not in (unit.url or "")]
    for _ in range(of_units):
        units, name = change_units(units, form, pick)
        names.append(name)
    stored = store(units, layout, pick)
    data, parts = stored.data, stored.parts
    rough = [(part.start, part.end) for part in parts if not part.unit.sound]
    for _ in range(of_bytes):
        if not data:
            break
        at, gone, put, name = change_bytes(Stored(data, parts, stored.borders), layout, pick)
        at = min(at, len(data))
        gone = min(gone, len(data) - at)
        data = data[:at] + put + data[at + gone :]
        names.append(f"{name} at {at}: {gone} bytes became {put[:12]!r}")
        moved = len(put) - gone

        def shifted(start: int, end: int, at: int = at, gone: int = gone, moved: int = moved) -> tuple[int, int] | None:
            if end <= at:
                return start, end
            if start >= at + gone:
                return start + moved, end + moved
            return None

        kept, new_rough = [], [(at, at + len(put))]
        for part in parts:
            place = shifted(part.start, part.end)
            if place is not None:
                kept.append(Part(part.unit, *place))
            else:
                new_rough.append((min(part.start, at), max(part.end, at + gone) + moved))
        for start, end in rough:
            new_rough.append(shifted(start, end) or (min(start, at), max(end + moved, at + len(put))))
        parts, rough = kept, new_rough
    return Broken(
        data,
        [part for part in parts if part.unit.sound and part.unit.url is not None],
        f"{form} {layout} seed {seed}: {'; '.join(names)}",
        frozenset(part.start for part in parts if part.unit.url is not None),
        rough,
        sum("nested-plain" in (unit.url or "") for unit in units),
        stored.unsure or ends_by_chance(units),
    )

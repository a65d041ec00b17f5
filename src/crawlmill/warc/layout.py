"""How an archive is stored, by its bytes alone: which compression, WARC or ARC, and where the first of it begins."""

from __future__ import annotations

from typing import NamedTuple

from crawlmill.errors import MissingExtra
from crawlmill.stores import Source
from crawlmill.warc.arc import ARC
from crawlmill.warc.chains import Chains
from crawlmill.warc.codecs import BZ2, DICTIONARY, GZIP, LZ4, SKIP, XZ, ZSTD, BadData, Codec, codec_for, zstd_codec
from crawlmill.warc.feed import PlainFeed
from crawlmill.warc.heads import WARC, Grammar
from crawlmill.warc.sync import Borders, frame_end, skippable

SOUGHT = 16 << 20
"""Bytes in which the first thing is sought that can be read."""
_HEAD = 1 << 14
_FIRST = 1 << 14  # plain bytes
_MAGICS = (GZIP, ZSTD, LZ4, BZ2, XZ)
_OTHERS = (
    (0, b"PK\x03\x04", "ZIP"),
    (0, b"PK\x05\x06", "ZIP"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z"),
    (257, b"ustar", "tar"),
)
_PAGES = (b"<?xml", b"<!doc", b"<html", b"<erro", b"{")


class Layout(NamedTuple):
    """How an archive is stored.

    Attributes:
        codec: of its members; None when it is not compressed.
        arc: ARC; else WARC.
    """

    codec: Codec | None
    arc: bool


def find_layout(source: Source) -> Layout | None:
    """The layout of an archive; None when nothing in it can be read.

    Raises:
        MissingExtra: its decoder is not installed.
    """
    head = source.read_at(0, _HEAD)
    if container(head) is not None:
        return None
    found = _begins(source, head)
    return _sought(source) if found is None else found


def container(head: bytes) -> str | None:
    """The name of an archive format of another kind that begins with these bytes; None when it is none."""
    return next((name for at, magic, name in _OTHERS if head.startswith(magic, at)), None)


def what_it_is(source: Source) -> tuple[str, str]:
    """The kind of damage, and its detail, of a file in which nothing can be read."""
    head = source.read_at(0, _HEAD)
    name = container(head)
    if name is not None:
        return "format", name
    codec = _codec_quietly(head, source.uri)
    plain = (head if codec is None else codec.plain(head, 64)).lstrip()[:5].lower()
    return ("page" if plain.startswith(_PAGES) else "format"), ""


def is_archive(source: Source) -> bool:
    """Whether the first bytes are those of a web archive, compressed or not."""
    return begins_archive(source.read_at(0, 1 << 16))


def begins_archive(head: bytes) -> bool:
    """Whether these are the first bytes of a web archive, compressed or not; True where only its decoder could tell."""
    if head.startswith(DICTIONARY):
        return True  # only web archives have one
    length = skippable(head)
    while length is not None and length < len(head):
        head = head[length:]
        length = skippable(head)
    if not head.startswith(_MAGICS):
        return _is_record(head) is not None
    codec = _codec_quietly(head, "")
    return codec is None or _is_record(codec.plain(head, _FIRST)) is not None


def is_compressed(head: bytes) -> bool:
    """Whether these bytes begin a compressed file, without loading its decoder."""
    return head.startswith(_MAGICS) or SKIP.match(head) is not None


def _codec_quietly(head: bytes, uri: str) -> Codec | None:
    try:
        return codec_for(head, uri)
    except MissingExtra:
        return None


def _is_record(plain: bytes) -> Grammar | None:
    plain = plain.lstrip(b"\r\n")
    if plain.startswith(b"WARC/"):
        return WARC
    return ARC if ARC.opens(plain) else None


def _behind_frames(source: Source, head: bytes) -> tuple[int, bytes]:
    """The offset of the first thing that is no skippable frame, and the bytes there."""
    at, end = 0, frame_end(source, 0)
    while end is not None and end < SOUGHT:
        at, end = end, frame_end(source, end)
    return at, head if at == 0 else source.read_at(at, _HEAD)


def _begins(source: Source, head: bytes) -> Layout | None:
    """The layout, when the first bytes of the file tell."""
    at, behind = _behind_frames(source, head)
    if not behind.startswith(_MAGICS):
        grammar = _is_record(head)
        return None if grammar is None else Layout(None, grammar is ARC)
    codec = codec_for(behind, source.uri)
    assert codec is not None
    if head.startswith(DICTIONARY) and codec.name == "zstd":
        return Layout(_with_dictionary(source, codec), False)  # only WARC has one
    plain = codec.plain(source.read_at(at, 1 << 16), _FIRST)
    grammar = _is_record(plain)
    if grammar is not None:
        return Layout(codec, grammar is ARC)
    found = _first_member(source, codec, at)
    if found is not None:
        return found[1]
    return None if plain else _sought(source) or Layout(codec, False)  # what begins like a member and does not decode


def _with_dictionary(source: Source, codec: Codec) -> Codec:
    """The codec with the dictionary of the first frame; as it is when that is none."""
    length = int.from_bytes(source.read_at(4, 4), "little")
    try:
        return zstd_codec(source.uri, source.read_at(8, min(length, SOUGHT)))
    except BadData:
        return codec


def _sought(source: Source) -> Layout | None:
    """The layout of the first thing that surely is a member or a record, in the first bytes of the file."""
    data = source.read_at(0, SOUGHT)
    sure: list[tuple[int, Layout]] = []
    whole: list[tuple[int, Layout | None]] = []
    missing: MissingExtra | None = None
    for magic in _MAGICS:
        at = data.find(magic)
        if at < 0:
            continue
        try:
            codec = codec_for(magic, source.uri)
        except MissingExtra as error:
            missing = error
            continue
        assert codec is not None
        one = _whole_member(source, codec, at)
        if one is None:
            continue
        whole.append(one)
        member = _first_member(source, codec, one[0])
        if member is not None:
            sure.append(member)
    first = min((offset for offset, _ in (*sure, *whole)), default=None)
    plain = _first_plain(source, first)
    if plain is not None or first is None:
        if plain is None and missing is not None:
            raise missing
        return plain
    known = sure or [(offset, layout) for offset, layout in whole if layout is not None]
    return min(known, key=lambda member: member[0])[1] if known else None


def _whole_member(source: Source, codec: Codec, at: int) -> tuple[int, Layout | None] | None:
    """The first member that decodes whole, whatever is in it; and the layout that the first one with a record means (None:
    there is none with a record)."""
    borders = Borders(source, codec=codec, grammar=None)
    first, found = None, borders.magic(at)
    while found is not None and found < SOUGHT:
        member = borders.member(found)
        if member is not None and not member.empty:
            first = found if first is None else first
            grammar = _is_record(codec.plain(source.read_at(found, 1 << 16), _FIRST))
            if grammar is not None:
                return first, Layout(codec, grammar is ARC)
        found = borders.magic(found + 1)
    return None if first is None else (first, None)


def _first_member(source: Source, codec: Codec, at: int) -> tuple[int, Layout] | None:
    """The first strong border from an offset on, and the layout that this means."""
    found = []
    for grammar in (WARC, ARC):
        border = Borders(source, codec=codec, grammar=grammar).next(at, SOUGHT)
        if border < SOUGHT and source.read_at(border, 1):
            found.append((border, Layout(codec, grammar is ARC)))
    return min(found, key=lambda member: member[0]) if found else None


def _first_plain(source: Source, before: int | None) -> Layout | None:
    """The layout of a plain file; None when no record stands in it.

    Args:
        before: offset of a member that may be the first thing that can be read: records before it must go on behind it,
            else they lie in a member that stores them raw. None when there is none.
    """
    found: list[tuple[bool, int, Layout]] = []
    for grammar in (WARC, ARC):
        feed = PlainFeed(source, 0, None)
        search, chains, at = grammar.search(feed), Chains(feed, grammar), 0
        while True:
            start = search.next(at, SOUGHT if before is None else before)
            if start is None:
                break
            sure = chains.crosses(start, start + 1 if before is None else before)
            if sure or before is None:
                found.append((not sure, start, Layout(None, grammar is ARC)))
            if sure:
                break
            at = start + 1
    return min(found)[2] if found else None

"""WARC-Block-Digest and WARC-Payload-Digest held against the bytes. A bad digest is evidence, never a reason to drop."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from crawlmill.warc.damage import BodyDamage, Damage, damage
from crawlmill.warc.reading import MAX_RECORD

if TYPE_CHECKING:
    from crawlmill.records.record import Record

_ALGORITHMS = {"sha1", "md5", "sha256", "sha512", "sha224", "sha384"}


def matches(digest: str, data: bytes | bytearray | memoryview) -> bool | None:
    """Whether ``algorithm:value`` (hexadecimal or Base32) is the digest of the data; None when it cannot be told.

    >>> matches("sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ", b"")
    True
    >>> matches("blake3:00", b"") is None
    True
    """
    name, colon, value = digest.strip().partition(":")
    name = name.lower().replace("-", "")
    if not colon or name not in _ALGORITHMS:
        return None
    found = hashlib.new(name, data).digest()
    value = value.strip().lower().rstrip("=")
    return value in (found.hex(), base64.b32encode(found).decode().lower().rstrip("="))


def digest_damage(record: Record) -> Iterator[Damage]:
    """One row for a record with a digest that does not match. Incomplete and oversized records are not judged."""
    if record.complete and _bad(record):
        yield damage(record.uri, record.offset, record.length, "digest", ordinal=record.ordinal)


def _bad(record: Record) -> bool:
    headers = record.headers
    of_block, of_payload = headers.get("WARC-Block-Digest"), headers.get("WARC-Payload-Digest")
    if of_block is None and of_payload is None:
        return False
    try:
        block = record.block
        if of_block is not None and matches(of_block, block) is False:
            return True
        if of_payload is None or record.type == "revisit" or headers.get("WARC-Segment-Number") is not None:
            return False  # a revisit carries the digest of what it refers to
        payload = memoryview(block)[0 if record.http is None else record.http.header_length :]  # a copy may be 64 MiB
        return matches(of_payload, payload) is False and matches(of_payload, _dechunked(record, payload)) is False
    except BodyDamage:
        return False


def _dechunked(record: Record, payload: memoryview) -> bytes | bytearray | memoryview:
    """The payload without chunking: some writers take its digest after undoing it."""
    from crawlmill.warc.decode import dechunk, decode_body

    transfer = None if record.http is None else record.http.headers.get("Transfer-Encoding")
    if transfer is None:
        return payload
    if transfer.lower() == "chunked":
        return dechunk(payload)[0]
    try:
        return decode_body(record.payload, transfer, None, MAX_RECORD)[0]
    except BodyDamage:
        return payload

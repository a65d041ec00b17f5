"""What a walk over an archive is asked for, and what it counted on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crawlmill.warc.stream import Piece

MAX_RECORD = 64 << 20
"""Bytes of a block that are loaded unless ``--max-record`` says otherwise."""
MAX_BODY = 8 << 20
"""Bytes of a body that are decoded and parsed unless ``--max-body`` says otherwise: with it every analysis that crawlmill
brings stays below 300 MB a worker, whatever the page (Common Crawl keeps at most 5 MiB of one)."""


@dataclass
class Reading:
    """One walk over a span of one archive.

    Attributes:
        wanted: types of the records to hand out; None for all. The others are only counted.
        only_json: of those, the types of which only records with JSON in them are handed out (``metadata`` for WAT).
        max_record: bytes of a block that may be loaded.
        full: inflate everything and check every digest.
        max_body: bytes of a decoded body, and of a JSON or text block, that may be parsed.
        rejected: records that a condition left out.
        types: records seen, by type.
        empty_members: gzip members without a byte in them.
        bytes: bytes of the file as stored that the span takes.
        trace: takes what became of each byte, for tests; None for nothing.
    """

    wanted: frozenset[str] | None = None
    max_record: int = MAX_RECORD
    full: bool = False
    types: dict[str, int] = field(default_factory=dict)
    empty_members: int = 0
    only_json: frozenset[str] = frozenset()
    bytes: int = 0
    trace: list[Piece] | None = None
    max_body: int = MAX_BODY
    rejected: int = 0

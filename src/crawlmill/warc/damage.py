"""Damage: what could not be read, as data. One row says where it lies, what kind it is and what it may have cost."""

from __future__ import annotations

from dataclasses import dataclass

MESSAGES = {
    "corrupt": "compressed data do not decode; skipped to the next sound record",
    "truncated": "the file ends inside this record",
    "junk": "bytes that belong to no record",
    "length": "Content-Length does not match the record",
    "header": "the record has no readable header",
    "body": "the record's body does not decode",
    "digest": "a digest does not match the data",
    "oversized": "the record is larger than the limit and was not loaded",
    "analysis": "the analysis raised",
    "timeout": "the analysis did not finish the record in time",
    "crash": "the analysis ended its worker",
    "range": "the index names a range that is not a record's",
    "missing": "no such file",
    "changed": "the file is not the one that was planned: it was read up to the planned size",
    "unreadable": "the file cannot be read",
    "empty": "the file is empty",
    "format": "not a web archive",
    "page": "an error page in place of an archive",
}
"""The fixed text of each kind: engines must agree on it. ``analysis`` alone adds what was raised."""
OF_FILES = ("missing", "unreadable", "empty", "changed")
"""Kinds of rows that are about a whole file: equal from each of its splits, and one when they are merged."""
COLUMNS = (
    "uri: string, offset: int64, length: int64, kind: string, message: string, analysis: string, ordinal: int64, "
    "records: int64"
)
"""The columns of a damage table: the fields of :class:`Damage`."""


@dataclass(frozen=True)
class Damage:
    """One damage row.

    Attributes:
        uri: the archive.
        offset: first byte of the damaged span, in the file as stored.
        length: bytes of the span; 0 when unknown.
        kind: a name of :data:`MESSAGES`.
        message: the kind's fixed text.
        analysis: the analysis that met it; empty when the damage is in the file's structure.
        ordinal: which record of its member; 0 for a span.
        records: whole records seen inside the span and not counted.
    """

    uri: str
    offset: int
    length: int
    kind: str
    message: str
    analysis: str = ""
    ordinal: int = 0
    records: int = 0

    @property
    def key(self) -> tuple[str, int, int, str, str]:
        """What identifies the row: (uri, offset, ordinal, analysis, kind)."""
        return self.uri, self.offset, self.ordinal, self.analysis, self.kind


def damage(
    uri: str,
    offset: int,
    length: int,
    kind: str,
    analysis: str = "",
    ordinal: int = 0,
    records: int = 0,
    detail: str = "",
) -> Damage:
    """A row with the fixed message of its kind.

    >>> damage("/a.warc.gz", 516, 80, "corrupt").message
    'compressed data do not decode; skipped to the next sound record'
    """
    message = f"{MESSAGES[kind]}: {detail}" if detail else MESSAGES[kind]
    return Damage(uri, offset, length, kind, message, analysis, ordinal, records)


class BodyDamage(Exception):
    """A body that an analysis touched and that cannot be had; ``kind`` is ``body`` or ``oversized``."""

    def __init__(self, kind: str) -> None:
        super().__init__(MESSAGES[kind])
        self.kind = kind

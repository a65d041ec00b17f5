"""``crawlmill.verify``: whether archives are sound, and what is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from crawlmill.looking.scanning import Inputs, start
from crawlmill.warc.damage import Damage


@dataclass(frozen=True)
class Verified:
    """What a check found.

    Attributes:
        records: how many records were read.
        records_by_type: how many of each WARC-Type; ``''`` for those without one.
        bytes: bytes of the archives, as stored.
        empty_members: gzip members without a byte in them.
        damage: what is not sound, in the order of the files.
    """

    records: int
    records_by_type: dict[str, int]
    bytes: int
    empty_members: int
    damage: tuple[Damage, ...]

    @property
    def sound(self) -> bool:
        """Whether records were read and nothing is damaged."""
        return self.records > 0 and not self.damage


def verify(inputs: Inputs, *, base: str | None = None, found: Callable[[Damage], None] | None = None) -> Verified:
    """Inflate everything, and check lengths, CRCs and digests.

    Args:
        inputs, base: as in :func:`crawlmill.scan`.
        found: told each damage row when it is met.

    Raises:
        UsageError, CrawlmillError: as in :func:`crawlmill.scan`. Damage raises nothing.

    >>> import crawlmill
    >>> checked = crawlmill.verify("data_samples/*.warc.gz")
    >>> checked.sound, checked.records, checked.bytes
    (True, 270, 320140)
    >>> [(row.kind, row.offset) for row in crawlmill.verify("data_samples/damaged/junk-between.warc.gz").damage]
    [('corrupt', 4541)]
    """
    scan = start(inputs, check="full", base=base)
    rows = []
    for item in scan.items:
        if isinstance(item, Damage):
            rows.append(item)
            if found is not None:
                found(item)
    types = dict(sorted(scan.reading.types.items()))
    return Verified(sum(types.values()), types, scan.reading.bytes, scan.reading.empty_members, tuple(rows))

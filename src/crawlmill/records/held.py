"""A block whose bytes are in memory: it needs no archive any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crawlmill.warc.damage import BodyDamage

if TYPE_CHECKING:
    from crawlmill.records.record import Block

_FIRST = 256


class HeldBlock:
    """A copy of a block.

    Args:
        block: any block of an archive that is open.
        beginning: bytes that are kept of a block that cannot be loaded, where so many can be had.
    """

    def __init__(self, block: Block, beginning: int) -> None:
        self.size = block.size
        self._kind = self._short = ""  # of the damage: of all of it, and of what lies behind the bytes that are kept
        try:
            self._data = bytes(block.load())
        except BodyDamage as bad:
            self._kind = self._short = bad.kind
            self._data = b""
            self._peek(block, min(beginning, self.size))

    def _peek(self, block: Block, most: int) -> None:
        count = 0
        try:
            while count < most and len(self._data) >= count:  # a member that is cut gives less than it was asked for
                count = min(most, max(_FIRST, 2 * count))
                self._data = bytes(block.peek(count))
        except BodyDamage as bad:
            self._short = bad.kind

    def peek(self, count: int) -> bytes:
        if self._kind and len(self._data) < min(count, self.size):
            raise BodyDamage(self._short)
        return self._data

    def load(self, start: int = 0) -> bytes:
        if self._kind:
            raise BodyDamage(self._kind)
        return self._data[start:]

"""Split: a span of one archive, or ranges of it, the unit of work; and its line in a manifest."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from crawlmill.errors import CrawlmillError
from crawlmill.warc.ranges import Ranges, in_order

_HADOOP_KEY = re.compile(r"\d+\t")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_BLANKS = " \t\r\n\v\f"  # and no other: a name may end in what Unicode counts as one


@dataclass(frozen=True)
class Split:
    """The records whose borders lie in ``[sync(start), sync(end))``, or those of them that an index names.

    Attributes:
        uri: the archive.
        start: first byte.
        end: byte after the last; None for the end of the file.
        ranges: offset and length of the records to read, in order of the offsets; None for all records of the span.
    """

    uri: str
    start: int = 0
    end: int | None = None
    ranges: Ranges | None = None

    @property
    def size(self) -> int | None:
        """Bytes that are read; None for a span whose end is not known."""
        if self.ranges is not None:
            return sum(length for _, length in self.ranges)
        return None if self.end is None else self.end - self.start

    def to_json(self) -> str:
        """The manifest line.

        >>> Split("/a.warc.gz", 0, 1024).to_json()
        '{"end":1024,"start":0,"uri":"/a.warc.gz"}'
        """
        fields: dict[str, object] = {"uri": self.uri, "start": self.start, "end": self.end}
        if self.ranges is not None:
            fields["ranges"] = self.ranges
        return json.dumps(fields, sort_keys=True, separators=(",", ":"))

    @staticmethod
    def from_line(line: str) -> Split:
        r"""A split of a manifest line: JSON or a bare path, with or without Hadoop's ``offset TAB`` before it.

        >>> Split.from_line('120\t{"uri":"/a.warc.gz","start":5}')
        Split(uri='/a.warc.gz', start=5, end=None, ranges=None)
        >>> Split.from_line("/b.warc.gz\n")
        Split(uri='/b.warc.gz', start=0, end=None, ranges=None)
        >>> Split.from_line('{"uri":"/a.warc.gz","ranges":[[80,20],[0,30]]}').ranges
        ((0, 30), (80, 20))
        """
        text = line.strip(_BLANKS)
        key = _HADOOP_KEY.match(text)
        if key is not None:
            text = text[key.end() :].strip(_BLANKS)
        if not text.startswith("{"):
            return Split(text)
        try:
            fields = json.loads(text)
            uri, start, end = fields["uri"], fields.get("start", 0), fields.get("end")
            if type(uri) is not str or type(start) is not int or type(end) not in (int, type(None)):
                raise ValueError
            ranges = fields.get("ranges")
            return Split(uri, start, end, None if ranges is None else in_order(_range(*item) for item in ranges))
        except (ValueError, KeyError, TypeError):
            raise CrawlmillError(
                f"not a manifest line: {text[:100]}",
                hint='write a path, or {"uri": ..., "start": 0, "end": null}, or {"uri": ..., "ranges": [[offset, length]]}',
            ) from None


def text_of(line: bytes) -> str:
    r"""A manifest line as text. Bytes of a path that are not UTF-8 are kept as surrogates, as Python does with file names.

    Raises :class:`UnicodeDecodeError` when it is no text.

    >>> text_of(b"/data/caf\xe9.warc.gz")
    '/data/caf\udce9.warc.gz'
    """
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        if _CONTROL.search(line.strip()):
            raise
        return line.decode("utf-8", "surrogateescape")


def _range(offset: object, length: object) -> tuple[int, int]:
    if type(offset) is not int or type(length) is not int or offset < 0 or length < 1:
        raise ValueError
    return offset, length

"""Split: a span of one archive, or ranges of it, the unit of work; and its line in a manifest."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from crawlmill.errors import CrawlmillError
from crawlmill.plan.fields import MOST, archive_name, object_of, whole
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
        file_size: bytes of the archive when it was planned: its end for who reads the split; None for that at opening.
        version: what its store told one state of it from another by (:class:`crawlmill.stores.Entry`): another one is damage;
            None for that at opening. Neither is part of what a split is: two are equal without them.
    """

    uri: str
    start: int = 0
    end: int | None = None
    ranges: Ranges | None = None
    file_size: int | None = field(default=None, compare=False)
    version: str | None = field(default=None, compare=False)

    @property
    def size(self) -> int | None:
        """Bytes that are read; None for a span whose end is not known."""
        most = MOST if self.file_size is None else self.file_size
        if self.ranges is not None:
            return sum(max(0, min(offset + length, most) - max(offset, 0)) for offset, length in self.ranges)
        return None if self.end is None else max(0, min(self.end, most) - self.start)

    def to_json(self) -> str:
        """The manifest line.

        >>> Split("/a.warc.gz", 0, 1024).to_json()
        '{"end":1024,"start":0,"uri":"/a.warc.gz"}'
        """
        fields: dict[str, object] = {"uri": self.uri, "start": self.start, "end": self.end}
        if self.ranges is not None:
            fields["ranges"] = self.ranges
        if self.file_size is not None:
            fields["size"] = self.file_size
        if self.version is not None:
            fields["version"] = self.version
        return json.dumps(fields, sort_keys=True, separators=(",", ":"))

    @staticmethod
    def from_line(line: str) -> Split:
        r"""A split of a manifest line: JSON or a bare path, with or without Hadoop's ``offset TAB`` before it.

        >>> Split.from_line('120\t{"uri":"/a.warc.gz","start":5}')
        Split(uri='/a.warc.gz', start=5, end=None, ranges=None, file_size=None, version=None)
        >>> Split.from_line("/b.warc.gz\n")
        Split(uri='/b.warc.gz', start=0, end=None, ranges=None, file_size=None, version=None)
        >>> Split.from_line('{"uri":"/a.warc.gz","ranges":[[80,20],[0,30]]}').ranges
        ((0, 30), (80, 20))
        """
        text = line.strip(_BLANKS)
        key = _HADOOP_KEY.match(text)
        if key is not None:
            text = text[key.end() :].strip(_BLANKS)
        try:
            return _of_fields(object_of(text)) if text.startswith("{") else Split(archive_name(text))
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


def _of_fields(fields: dict[str, Any]) -> Split:
    start, end, size, version = (fields.get(key) for key in ("start", "end", "size", "version"))
    start = 0 if start is None else _number(start)
    ranges = fields.get("ranges")
    if ranges is not None:
        ranges = in_order((_number(offset), _number(length)) for offset, length in ranges)
    elif end is not None and _number(end) <= start:
        raise ValueError
    if min(start, 0 if end is None else _number(end), 0 if size is None else _number(size)) < 0:
        raise ValueError
    if type(version) not in (str, type(None)):
        raise ValueError
    return Split(archive_name(fields["uri"]), start, end, ranges, size, version)


def _number(value: object) -> int:
    if type(value) is not int:
        raise ValueError
    return whole(value)

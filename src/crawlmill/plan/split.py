"""Split: a span of one archive, the unit of work, and its line in a manifest."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from crawlmill.errors import CrawlmillError

_HADOOP_KEY = re.compile(r"\d+\t")


@dataclass(frozen=True)
class Split:
    """The records whose borders lie in ``[sync(start), sync(end))``.

    Attributes:
        uri: the archive.
        start: first byte.
        end: byte after the last; None for the end of the file.
    """

    uri: str
    start: int = 0
    end: int | None = None

    def to_json(self) -> str:
        """The manifest line.

        >>> Split("/a.warc.gz", 0, 1024).to_json()
        '{"end":1024,"start":0,"uri":"/a.warc.gz"}'
        """
        fields = {"uri": self.uri, "start": self.start, "end": self.end}
        return json.dumps(fields, sort_keys=True, separators=(",", ":"))

    @staticmethod
    def from_line(line: str) -> Split:
        r"""A split of a manifest line: JSON or a bare path, with or without Hadoop's ``offset TAB`` before it.

        >>> Split.from_line('120\t{"uri":"/a.warc.gz","start":5}')
        Split(uri='/a.warc.gz', start=5, end=None)
        >>> Split.from_line("/b.warc.gz\n")
        Split(uri='/b.warc.gz', start=0, end=None)
        """
        text = line.strip()
        key = _HADOOP_KEY.match(text)
        if key is not None:
            text = text[key.end() :].strip()
        if not text.startswith("{"):
            return Split(text)
        try:
            fields = json.loads(text)
            uri, start, end = fields["uri"], fields.get("start", 0), fields.get("end")
            if type(uri) is not str or type(start) is not int or type(end) not in (int, type(None)):
                raise ValueError
        except (ValueError, KeyError):
            raise CrawlmillError(
                f"not a manifest line: {text[:100]}", hint='write {"uri": ..., "start": 0, "end": null}, or a path'
            ) from None
        return Split(uri, start, end)

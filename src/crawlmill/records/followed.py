"""The tags of a page followed one by one, as a parser would take them: what its tree costs, without making it."""

from __future__ import annotations

import re

from crawlmill.records.element_names import (
    BLOCKS,
    BREAKOUT,
    CELLS,
    FONT_NAMES,
    FORMATTING,
    GROUPS,
    HEADINGS,
    OF_TABLES,
    RAW,
    ROWS,
    SPECIAL,
    VOID,
)
from crawlmill.records.open_elements import (
    ATTRIBUTE,
    COMMENT,
    ELEMENT,
    ESCAPED,
    INDENT,
    LINK,
    TEXT,
    Entry,
    OpenElements,
)

MOST_TEMPLATES = 500
"""Templates inside each other: a parser calls itself for each."""

_SPACE = r"[\t\n\f\r ]*"
_FIELD = rf"""[^\t\n\f\r />][^\t\n\f\r />=]*(?:{_SPACE}={_SPACE}(?:"[^"]*"|'[^']*'|[^\t\n\f\r >"'][^\t\n\f\r >]*)?)?"""
# A token as the standard's tokenizer sees it. The pattern never fails behind its first characters, so it never goes back.
_TOKEN = re.compile(
    rf"<(?:(/?)([a-zA-Z][^\t\n\f\r />]*)((?:[\t\n\f\r /]+|{_FIELD})*)(>?)"
    r"|!--(?:-?>|.*?--!?>|.*)|!\[CDATA\[|[!?/][^>]*>?)",
    re.DOTALL,
)
_NAMES = re.compile(_FIELD)
_ENDS = {name: re.compile(rf"</{name}(?=[\t\n\f\r />])", re.IGNORECASE) for name in RAW}


def _names(attributes: str) -> list[str]:
    return [found.partition("=")[0].strip().lower() for found in _NAMES.findall(attributes)]


def _closes_itself(attributes: str) -> bool:
    """Whether a tag ends in ``/>``, and the slash is not the end of a value."""
    if not attributes.endswith("/"):
        return False
    last = 0
    for found in _NAMES.finditer(attributes):
        last = found.end()
    return last < len(attributes)


class Followed(OpenElements):
    """A page and what was met so far in it.

    Args:
        text: the page.
        most_memory, most_steps: what its tree may cost.
    """

    def __init__(self, text: str, most_memory: int, most_steps: int) -> None:
        super().__init__(most_memory)
        self.text, self.most_steps = text, most_steps
        self.memory = ESCAPED * sum(map(text.count, '&<>"\xa0'))
        self.steps = self.options = self.merged = 0

    def fits(self) -> bool:
        """Whether the tree stays within the limits."""
        text, search, at, kept = self.text, _TOKEN.search, 0, 0
        while True:
            found = search(text, at)
            if found is None:
                if at < len(text) and not self.foreign:
                    self.reopen()
                return self.memory <= self.most_memory
            if found.start() > at and not (self.islands and self.islands[-1][1]):
                self.reopen()
            at = found.end()
            end, name, attributes, closed = found.groups()
            self.memory += TEXT + INDENT * self.lists
            if name is None:
                self.memory += COMMENT
                if found[0] == "<![CDATA[":  # a comment, but in SVG and MathML a text
                    at = self._after("]]>" if self.foreign else ">", at)
            elif not closed:
                return True  # the page ends inside a tag
            elif end:
                if found.start() >= kept:
                    self._end(name.lower())
            else:
                name = name.lower()
                raw = name in RAW and not self.foreign
                self._start(name, attributes)
                if name == "plaintext":
                    return True
                if raw:
                    at, kept = self._raw(name, at, kept)
            if self.memory > self.most_memory or self.steps > self.most_steps or self.templates > MOST_TEMPLATES:
                return False

    def _after(self, what: str, at: int) -> int:
        found = self.text.find(what, at)
        return len(self.text) if found < 0 else found

    def _raw(self, name: str, at: int, kept: int) -> tuple[int, int]:
        """Pass over the text of a script and its like: where it ends, and up to where end tags may be text of it still."""
        found = _ENDS[name].search(self.text, at)
        end = len(self.text) if found is None else found.start()
        self.memory += ELEMENT * self.text.count("<", at, end)  # a page of frames has no scripts
        if name == "script":
            begin = self.text.rfind("<!--", at, end)
            if begin >= 0 and self.text.find("-->", begin, end) < 0:
                kept = max(kept, self._after("-->", end))
        return end, kept

    def _start(self, name: str, attributes: str) -> None:
        if attributes:
            self._attributes(name, attributes)
        name = HEADINGS.get(name, name)
        if self.foreign:
            if name not in BREAKOUT and not (name == "font" and FONT_NAMES & set(_names(attributes))):
                self.create()
                if not _closes_itself(attributes):
                    self.push_foreign(name, attributes)
                return
            self.pop(self.islands[-1][0])
        if name in ("html", "body", "head") or (name in OF_TABLES and not self.in_table()):
            return
        if name in ("svg", "math"):
            self.reopen()
            self.create()
            if not _closes_itself(attributes):
                self.push_foreign(name, attributes)
        elif name in FORMATTING:
            self._formatting(name, attributes)
        else:
            self._element(name)

    def _element(self, name: str) -> None:
        scope = self.scopes[-1] if self.scopes else -1
        if scope >= 0 and self.names[scope] == "select":
            if name == "select":  # closes the one before it
                self.pop(scope)
                return
            if (name in OF_TABLES or name == "table") and self.select_in_table():
                self.pop(scope)
        if name in SPECIAL:
            self._close_implied(name)
        else:
            self.reopen()
        self.create()
        self.memory += LINK if name == "area" else 0
        if name == "option":
            self.options += 1
            self.steps += 4 * self.options
        elif name == "select":
            self.options = 0
        if name not in VOID:
            self.push(name)

    def _attributes(self, name: str, attributes: str) -> None:
        size = len(_NAMES.findall(attributes))
        self.memory += ATTRIBUTE * size
        self.steps += size * size
        if name in ("html", "body"):  # those of a second one go to the first
            self.merged += size
            self.steps += self.merged * size

    def _formatting(self, name: str, attributes: str) -> None:
        self.reopen()
        level = self.levels[-1]
        self.steps += len(level)
        if name in ("a", "nobr"):
            self.steps += len(self.names)
            entry = level.last(name)
            if entry is not None:
                self.adopt(entry, level)
                if entry.alive and name == "a":
                    level.remove(entry)
            self.reopen()
        self.memory += LINK if name == "a" else 0
        level.add(self.open_anew(Entry((name, attributes), name)))

    def _close_implied(self, name: str) -> None:
        """Close what the start of an element closes: an open paragraph, the item, cell or table before it."""
        scope = self.scopes[-1] if self.scopes else -1
        if name in BLOCKS and self.last("p") > max(scope, self.last("button")):
            self.pop(self.last("p"))
        if name == "button" and self.last("button") > scope:
            self.pop(self.last("button"))
        elif name in ("li", "dd", "dt"):
            item = self.last("li") if name == "li" else self.last("dd", "dt")
            if item >= 0 and item == self.walls[-1]:
                self.pop(item)
        elif name == "h" and self.names and self.names[-1] == "h":
            self.pop(len(self.names) - 1)
        elif name == "table" and self.tables and scope == self.tables[-1] and self.names[scope] == "table":
            self.pop(scope)
        elif name in OF_TABLES:
            for inner in (CELLS, ROWS, GROUPS):
                if self.last(*inner) > self.tables[-1]:
                    self.pop(self.last(*inner))
                if name in inner:
                    break

    def _end(self, name: str) -> None:
        name = HEADINGS.get(name, name)
        if self.names and self.names[-1] == name and name not in FORMATTING:
            self.pop(len(self.names) - 1)
            return
        if self.foreign:
            place = self.last(f"*{name}")
            self.steps += len(self.names) - max(place, 0)
            if place >= self.islands[-1][0]:
                self.pop(place)
                return
        level = self.levels[-1]
        if name in FORMATTING:
            self.steps += len(level) + len(self.names)
            entry = level.last(name)
            if entry is not None:
                self.adopt(entry, level)
                return
        place = self.last(name)
        if place < 0:
            self.steps += len(self.names) + self.reopened
            if name in ("p", "br"):
                self.create()
        elif self.closes(name, place):
            self.pop(place)
        else:
            self.steps += len(self.names) - place + self.reopened

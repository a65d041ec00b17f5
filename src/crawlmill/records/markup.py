"""Whether the tree of a page can be had: the work and the memory that its markup would cost a parser, from its tags alone.

HTML lets a few kilobytes ask for gigabytes: every paragraph repeats all formatting elements that were left open before it,
an end tag that fits nothing is looked for through all open elements, and so on. A parser that keeps to the standard (HTML
Standard, section 13.2.6) takes the square of the bytes, or runs out of stack. So the tags of a large or odd page are
followed first, in linear time, with what the standard's stack of open elements and list of active formatting elements would
hold. Where the standard depends on more than that (select, SVG, tables), the count is rather too high than too low. It has
far to go from what pages are to the limits.
"""

from __future__ import annotations

import re

from crawlmill.records.followed import MOST_TEMPLATES, Followed
from crawlmill.warc.damage import BodyDamage
from crawlmill.warc.reading import MAX_BODY

MEMORY = 20
"""Bytes of memory that a tree may take for each byte of ``max_body``, by estimate."""
STEPS = 64
"""Steps that a parser may take for each character of a page, beside :data:`LEAST_STEPS`."""
LEAST_STEPS = 1 << 26

# A page within these needs no second look, whatever the order of its tags.
_PLAIN = 1 << 20  # characters
_TAGS = 1 << 15
_CREATED = 1 << 18  # elements made of open formatting elements
_INDENTED = 1 << 23  # lists times tags
_SCANNED = 1 << 12  # tags for which a parser looks through all before them
_SMALL = 1 << 16  # characters of which no tag can have too many attributes
_TAG = 1 << 14  # characters of a tag


def _tag(names: str, rest: str = "") -> re.Pattern[str]:
    """What finds the start tags of some elements. Four times as fast as with ``re.IGNORECASE``."""
    either = ["".join(f"[{letter}{letter.upper()}]" for letter in name) for name in names.split()]
    first = "".join(sorted({name[0] for name in names.split()}))
    return re.compile(rf"<(?=[{first}{first.upper()}])(?:{'|'.join(either)})(?=[\t\n\f\r />]){rest}")


_FORMATTING_TAG = _tag("b big code em font i nobr s small strike strong tt u", "[^>]*")
_SCANNED_TAG = _tag("option body html")
_LIST_TAG = _tag("ul ol menu dir")
_TEMPLATE_TAG = _tag("template")
_OPEN_VALUE = re.compile(r"""=[\t\n\f\r ]*(?:"[^"]*|'[^']*)\Z""")
_CLOSED_IN_VALUE = re.compile(r"""=[\t\n\f\r ]*(?:"[^">]*>|'[^'>]*>)""")


def check(text: str, max_body: int) -> None:
    """Raise :class:`BodyDamage` (``oversized``) when the tree of a page would cost too much.

    Args:
        text: the page.
        max_body: bytes of the largest page; memory is measured by it.

    >>> check("<p>" * 1000, 8 << 20)
    >>> page = "<p>" + "".join(f"<b id={n}>" for n in range(3000)) + "</p><p>x" * 3000  # 50 KB, and 9 million elements
    >>> check(page, 8 << 20)
    Traceback (most recent call last):
    ...
    crawlmill.warc.damage.BodyDamage: the record is larger than the limit and was not loaded
    """
    if _is_plain(text):
        return
    if not Followed(text, MEMORY * max(max_body, MAX_BODY), STEPS * len(text) + LEAST_STEPS).fits():
        raise BodyDamage("oversized")


def _is_plain(text: str) -> bool:
    """Whether a page stays within the limits by counts that need no look at its order."""
    tags = text.count("<")
    if len(text) > _PLAIN or tags > _TAGS or len(_LIST_TAG.findall(text)) * tags > _INDENTED:
        return False
    if len(text) > _SMALL and len(_SCANNED_TAG.findall(text)) > _SCANNED:
        return False
    if len(text) > _SMALL and (_CLOSED_IN_VALUE.search(text) or max(map(len, text.split(">"))) > _TAG):
        return False
    found = _FORMATTING_TAG.findall(text)
    kinds = set(found)
    cut = {tag for tag in kinds if _OPEN_VALUE.search(tag)}  # at a > in a value: what looks equal may differ behind it
    # Three equal ones are kept (Noah's Ark clause), and one <a>.
    formatting = 3 * (len(kinds) + sum([tag in cut for tag in found] if cut else ())) + 1
    return formatting * tags <= _CREATED and len(_TEMPLATE_TAG.findall(text)) <= MOST_TEMPLATES

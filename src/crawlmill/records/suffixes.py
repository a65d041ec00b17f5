"""From a domain name to where its public suffix begins, by the Public Suffix List (registries and private part).

The rules are a committed snapshot (``scripts/update_suffixes``), read at the first question, also from inside a zip.
"""

from __future__ import annotations

import re
from functools import lru_cache

_PRIVATE = "// ===BEGIN PRIVATE DOMAINS==="
_NAME, _WILDCARD, _EXCEPTION = 1, 2, 4


def suffix_start(name: str, private: bool = True) -> int:
    """Index at which the public suffix of a domain name begins; 0 when the whole name is one.

    The longest rule that matches wins, an exception before all; without a rule the last label is the suffix
    (https://github.com/publicsuffix/list/wiki/Format). A wildcard covers what is below it and not its own parent: with
    ``*.kobe.jp``, ``kobe.jp`` is a name under ``jp``. The list's text says so; some readers of it take the parent too.

    Args:
        name: lower-case, labels in ASCII form, without an empty label or a dot at the end.
        private: follow the rules of the private part too; else those of registries alone.

    >>> [name[suffix_start(name):] for name in ("www.example.co.uk", "me.github.io", "a.b.unknown", "localhost")]
    ['co.uk', 'github.io', 'unknown', 'localhost']
    >>> name = "me.github.io"
    >>> name[suffix_start(name, private=False):]
    'io'
    >>> [name[suffix_start(name):] for name in ("a.b.ck", "www.ck", "kobe.jp", "a.kobe.jp", "city.kobe.jp")]
    ['b.ck', 'ck', 'jp', 'a.kobe.jp', 'kobe.jp']
    """
    rules = _rules(private)
    at = start = above = name.rfind(".") + 1
    while True:
        kind = rules.get(name[at:])
        if kind is None:
            return start
        if kind & _EXCEPTION:
            return above
        if kind & _NAME:
            start = at
        if at == 0:
            return start
        above, at = at, name.rfind(".", 0, at - 1) + 1
        if kind & _WILDCARD:
            start = at


@lru_cache(maxsize=1)
def suffix_version() -> str:
    """The list's own version, its time of publication: part of what a registered domain depends on.

    >>> suffix_version()[:2], suffix_version()[-4:]  # as in 2026-10-22_08-36-41_UTC
    ('20', '_UTC')
    """
    found = re.search("// VERSION: (.*)", _text())
    return found.group(1).strip() if found else ""


def _text() -> str:
    from pkgutil import get_data  # here: one that asks for no domain need not load it

    data = get_data(__name__, "public_suffix_list.dat")
    if data is None:
        raise FileNotFoundError("crawlmill/records/public_suffix_list.dat: not in this installation; install it again")
    return data.decode("ascii")


@lru_cache(maxsize=2)
def _rules(private: bool) -> dict[str, int]:
    """Name -> the kinds of its rules. Parents without a rule are in it with 0, so that a miss ends a search."""
    text = _text() if private else _text().partition(_PRIVATE)[0]
    rules = dict.fromkeys(re.findall("(?m)^[^*!/].*", text), _NAME)
    for mark, kind in (("*.", _WILDCARD), ("!", _EXCEPTION)):
        for line in re.findall(f"(?m)^{re.escape(mark)}.*", text):
            name = line[len(mark) :]
            rules[name] = rules.get(name, 0) | kind
    parents = {name.partition(".")[2] for name in rules}
    while parents:
        missing = parents.difference(rules, [""])
        rules.update(dict.fromkeys(missing, 0))
        parents = {name.partition(".")[2] for name in missing}
    return rules

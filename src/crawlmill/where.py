"""``--where``: a condition on a record's headers, judged before its body is inflated."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable

from crawlmill.errors import UsageError

if TYPE_CHECKING:
    from crawlmill.records.record import Record

_TERM = re.compile(r"\s*([a-z]+)\s*(!=|>=|<=|=|<|>)\s*(\"[^\"]*\"|'[^']*'|\S+)\s*")
_AND = re.compile(r"\band\b", re.IGNORECASE)


def _language(record: Record) -> str | None:
    return record.headers.get("WARC-Identified-Content-Language")


FIELDS: dict[str, Callable[[Record], str | None]] = {
    "type": lambda record: record.type,
    "status": lambda record: record.status,
    "mime": lambda record: record.mime,
    "identified": lambda record: record.identified,
    "url": lambda record: record.url,
    "origin": lambda record: record.origin,
    "host": lambda record: record.host,
    "domain": lambda record: record.registered_domain,
    "language": _language,
    "date": lambda record: record.date,
}


@dataclass(frozen=True)
class Where:
    """A condition: all of its terms ``(field, operator, value)``.

    ``=`` takes several values separated by commas, and a value that ends in ``*`` means a prefix; a language fits when
    the record has it among others. ``<``, ``<=``, ``>`` and ``>=`` compare dates as text (``date>=2024-05``). A record
    without the field fits nothing but ``!=``.
    """

    terms: tuple[tuple[str, str, str], ...]

    def __str__(self) -> str:
        return " and ".join(f"{field}{operator}{value}" for field, operator, value in self.terms)

    def __call__(self, record: Record) -> bool:
        return all(_holds(FIELDS[field](record), field, operator, value) for field, operator, value in self.terms)


def parse_where(text: str) -> Where:
    """The condition that a user wrote. Raises :class:`UsageError` when it is none.

    >>> str(parse_where("status=200 and mime = text/html and url=https://a.example/blog*"))
    'status=200 and mime=text/html and url=https://a.example/blog*'
    """
    terms: list[tuple[str, str, str]] = []
    at = 0
    while True:
        found = _TERM.match(text, at)
        if found is None or found[1] not in FIELDS:
            raise UsageError(
                f"not a condition: {text[at:].strip() or text!r}",
                hint=f"write FIELD=VALUE and ..., with one of {', '.join(FIELDS)}",
            )
        field, operator, value = found.groups()
        if operator not in ("=", "!=") and field != "date":
            raise UsageError(f"{field} has no order: {found[0].strip()}", hint="use = or !=; dates take < and >")
        terms.append((field, operator, value.strip("\"'")))
        at = found.end()
        if at == len(text):
            return Where(tuple(terms))
        joined = _AND.match(text, at)
        if joined is None:
            raise UsageError(
                f"not a condition: {text[at:]!r}", hint="join conditions with 'and'; quote values with blanks"
            )
        at = joined.end()


def _holds(found: str | None, field: str, operator: str, value: str) -> bool:
    if operator == "!=":
        return not _holds(found, field, "=", value)
    if found is None:
        return False
    if operator == "=":
        if field in ("domain", "host", "mime", "origin", "type"):
            value = value.lower()
        have = [code.strip() for code in found.split(",")] if field == "language" else [found]
        return any(_equals(one, wanted) for one in have for wanted in value.split(","))
    if operator in ("<=", ">"):  # to the end of what the value names: date<=2024-05 takes all of May
        return (found[: len(value)] <= value) == (operator == "<=")
    return (found < value) == (operator == "<")


def _equals(found: str, wanted: str) -> bool:
    return found.startswith(wanted[:-1]) if wanted.endswith("*") else found == wanted

"""Declared types of keys and values: ``"declared: string, identified: string?"`` and what fits it."""

from __future__ import annotations

import re
from typing import Callable, NamedTuple

_COLUMN = re.compile(r"\s*([A-Za-z_]\w*)\s*:\s*([a-z0-9]+(?:<[a-z0-9]+>)?)(\?)?\s*")
_INT = range(-(2**63), 2**63)


class Column(NamedTuple):
    """One column: its name, its type (``string``, ``int64``, ``bool``, ``list<string>``, ``list<int64>``) and whether
    it may be null."""

    name: str
    type: str
    nullable: bool = False


Schema = tuple[Column, ...]


def parse_schema(text: str) -> Schema:
    """The columns of a declaration. Raises :class:`ValueError` when it is none.

    >>> parse_schema("declared: string, identified: string?")
    (Column(name='declared', type='string', nullable=False), Column(name='identified', type='string', nullable=True))
    """
    columns = []
    for part in text.split(","):
        found = _COLUMN.fullmatch(part)
        if found is None or found[2] not in _FITS:
            raise ValueError(f"not a column: {part.strip()!r}; write 'name: string' with one of {', '.join(_FITS)}")
        columns.append(Column(found[1], found[2], bool(found[3])))
    return tuple(columns)


def clean_string(value: object) -> bool:
    """Whether a value is a string without lone surrogates, which no file of ours can hold."""
    if type(value) is not str:
        return False
    if value.isascii():
        return True
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _int64(value: object) -> bool:
    return type(value) is int and value in _INT


_FITS: dict[str, Callable[[object], bool]] = {
    "string": clean_string,
    "int64": _int64,
    "bool": lambda value: type(value) is bool,
    "list<string>": lambda value: type(value) in (list, tuple) and all(map(clean_string, value)),  # type: ignore[call-overload]
    "list<int64>": lambda value: type(value) in (list, tuple) and all(map(_int64, value)),  # type: ignore[call-overload]
}


def misfit(schema: Schema, value: object) -> str | None:
    """Why a key or value does not fit its schema, or None when it does. One column stands bare, several as a tuple.

    >>> misfit(parse_schema("pages: int64"), True)
    'pages is True, not int64'
    >>> misfit(parse_schema("a: string, b: string?"), ("x", None)) is None
    True
    """
    if len(schema) == 1:
        values: tuple[object, ...] = (value,)
    elif type(value) is tuple and len(value) == len(schema):
        values = value
    else:
        return f"{value!r:.80} is not a tuple of {len(schema)}"
    for column, part in zip(schema, values):
        if not (_FITS[column.type](part) or (part is None and column.nullable)):
            return f"{column.name} is {part!r:.80}, not {column.type}"
    return None


def names(schema: Schema) -> list[str]:
    """The columns' names."""
    return [column.name for column in schema]

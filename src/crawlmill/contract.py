"""The contract: ``@analysis`` makes a plain function over a record an analysis, with declared keys, values and a merge."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Optional, Protocol, Union

from crawlmill import wire
from crawlmill.errors import MissingExtra, MissingPackage, UsageError
from crawlmill.records.record import Record
from crawlmill.schema import Schema, names, parse_schema

Pairs = Optional[Iterable[tuple[wire.Key, object]]]
Option = Union[str, int, bool, None]
_NAME = re.compile(r"[A-Za-z_][\w.\-]*")
PACKAGES = {"resiliparse": "html"}
"""Packages that an extra of crawlmill brings; any other that an analysis depends on is installed by its own name."""
_PACKAGE = re.compile(r"[A-Za-z0-9](?:[\w.\-]*[A-Za-z0-9])?")
TABLES = ("unicode", "public-suffixes")


class Reducer(Protocol):
    """A way to merge: commutative, associative. A module of ``reducers/`` is one; what it returns is plain data.

    ``start`` makes a state of what an analysis yields (and raises TypeError for what it must not yield), ``merge`` joins
    two states and may reuse the first, ``dump``/``load`` turn a state into JSON and back, ``finish`` gives the values of
    the table, one a row.
    """

    __name__: str

    def start(self, value: Any, /) -> Any: ...

    def merge(self, a: Any, b: Any, /) -> Any: ...

    def dump(self, state: Any, /) -> Any: ...

    def load(self, value: Any, /) -> Any: ...

    def finish(self, state: Any, /) -> list[Any]: ...

    def check(self, types: list[str], /) -> None: ...


@dataclass(frozen=True)
class Analysis:
    """An analysis: a function, what it yields, and how that merges. Call it like the function it wraps.

    Attributes:
        function: takes a :class:`Record` and yields ``(key, value)`` pairs.
        reducer: the merge, a module like those of ``reducers/``.
        key, value: the declared columns.
        types: record types it wants (``response`` takes ARC's ``arc`` too); None for every record.
        depends: packages and tables that its answer depends on; their versions belong to the run's identity.
        options: keyword parameters and their values in this run.
        defaults: the values that are not named in :attr:`name`.
        spec: how another process finds it: ``origins``, ``/path/job.py:name``, ``package.module:name``; ``''`` when it can
            only travel pickled (defined in a notebook).
    """

    function: Callable[..., Pairs]
    reducer: Reducer
    key: Schema
    value: Schema
    types: frozenset[str] | None
    depends: tuple[str, ...] = ()
    options: Mapping[str, Option] = field(default_factory=dict)
    defaults: Mapping[str, Option] = field(default_factory=dict)
    spec: str = ""

    def __call__(self, record: Record, **options: Option) -> Pairs:
        return self.function(record, **{**self.options, **options})

    @property
    def base(self) -> str:
        """The name without options; also that of its result file."""
        return self.function.__name__

    @property
    def name(self) -> str:
        """The name in keys: with the options that are not the default, sorted.

        >>> from crawlmill.mappers.words import words
        >>> words.with_options(min_length=3).name
        'words[min_length=3]'
        """
        changed = [
            f"{key}={wire.value(value)}" for key, value in sorted(self.options.items()) if value != self.defaults[key]
        ]
        return f"{self.base}[{','.join(changed)}]" if changed else self.base

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    @property
    def columns(self) -> list[str]:
        """Names of the table's columns."""
        return names(self.key) + names(self.value)

    @property
    def merge_name(self) -> str:
        """The name of its merge."""
        return self.reducer.__name__.rpartition(".")[2]

    def with_options(self, **options: Option) -> Analysis:
        """The same analysis with other options. Raises :class:`UsageError` for one that it does not have."""
        for key, value in options.items():
            if key not in self.defaults:
                has = f"it has {', '.join(self.defaults)}" if self.defaults else "it has none"
                raise UsageError(f"{self.base} has no option {key!r}", hint=has)
            default = self.defaults[key]
            if default is not None and type(value) is not type(default):
                raise UsageError(
                    f"{self.base}.{key} is {type(default).__name__}, not {value!r}", hint=f"the default is {default!r}"
                )
        return replace(self, options={**self.options, **options})

    def require(self) -> None:
        """Raise :class:`MissingPackage` when a package that it depends on is not installed."""
        require_packages(self.depends, self.base)


def require_packages(depends: Iterable[str], where: str) -> None:
    """Raise :class:`MissingPackage`, or :class:`MissingExtra`, for a package that is not installed."""
    for package in depends:
        if package in TABLES or package.endswith("?") or _is_there(package):
            continue
        if package in PACKAGES:
            raise MissingExtra(package, PACKAGES[package], where)
        raise MissingPackage(package, where)


def _is_there(package: str) -> bool:
    """Whether a package is installed, by the name that it is installed by, or imported by."""
    from importlib import metadata, util

    try:
        metadata.version(package)
        return True
    except metadata.PackageNotFoundError:
        return package.isidentifier() and util.find_spec(package) is not None


def analysis(
    *, reduce: Reducer, key: str, value: str, types: str | None = None, depends: str = ""
) -> Callable[[Callable[..., Pairs]], Analysis]:
    """Declare an analysis.

    Args:
        reduce: how the values of a key merge, e.g. ``crawlmill.reducers.total``.
        key: the key's columns, ``"name: type, ..."``; types as in :class:`crawlmill.schema.Column`.
        value: the value's columns in the finished table.
        types: WARC record types it wants, separated by blanks; None for all. ``metadata/json`` means those with JSON (WAT).
        depends: packages and tables (``unicode``, ``public-suffixes``) that the answer depends on, separated by blanks: a
            package by the name that pip installs it by. A run does not begin without it, and its version belongs to the
            run's identity. A package with a ``?`` is asked for only when a record needs it.

    Keyword-only parameters of the function are its options. Raises :class:`UsageError` for a declaration that is wrong.

    >>> from crawlmill.reducers import total
    >>> @analysis(reduce=total, key="status: string", value="responses: int64", types="response")
    ... def status(record):
    ...     '''Responses per status.'''
    ...     yield record.status, 1
    >>> status.name, status.columns, status.summary
    ('status', ['status', 'responses'], 'Responses per status.')
    """

    def declare(function: Callable[..., Pairs]) -> Analysis:
        name = function.__name__
        if not _NAME.fullmatch(name):
            raise UsageError(f"not a name for an analysis: {name!r}", hint="use letters, digits and _")
        options: dict[str, Option] = {}
        for parameter in list(inspect.signature(function).parameters.values())[1:]:
            if parameter.kind is not parameter.KEYWORD_ONLY or not isinstance(
                parameter.default, (str, int, type(None))
            ):
                raise UsageError(
                    f"{name}: the parameter {parameter.name} is no option",
                    hint="options are keyword-only with a default: *, n=1",
                )
            options[parameter.name] = parameter.default
        wanted = depends.split()
        wrong_names = [item for item in wanted if not _PACKAGE.fullmatch(item[:-1] if item.endswith("?") else item)]
        try:
            if wrong_names:
                raise ValueError(f"depends on {wrong_names[0]!r}; give names of packages, or of {' and '.join(TABLES)}")
            key_schema, value_schema = parse_schema(key), parse_schema(value)
            reduce.check([column.type for column in value_schema])
            if any(column.type.startswith("list") for column in key_schema):
                raise ValueError("a key column is a list; keys are strings, numbers and booleans")
            if len(set(names(key_schema + value_schema))) < len(key_schema + value_schema):
                raise ValueError("two columns have one name")
        except ValueError as wrong:
            raise UsageError(f"{name}: {wrong}") from None
        return Analysis(
            function, reduce, key_schema, value_schema, type_set(types), tuple(wanted), options, dict(options)
        )

    return declare


def type_set(types: str | None) -> frozenset[str] | None:
    """Record types from what the user wrote; ``response`` takes ARC records too.

    >>> sorted(type_set("response, revisit"))
    ['arc', 'response', 'revisit']
    """
    if types is None:
        return None
    found = set(types.lower().replace(",", " ").split())
    return frozenset(found | {"arc"} if "response" in found else found)

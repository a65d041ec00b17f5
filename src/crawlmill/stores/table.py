"""Which store a URI leads to: one table of schemes, each imported when it is first used, and open to other packages."""

from __future__ import annotations

import importlib
import sys
from typing import NamedTuple

from crawlmill.errors import MissingExtra, UsageError
from crawlmill.stores.names import STDIN, scheme
from crawlmill.stores.store import Store

ENTRY_POINTS = "crawlmill.stores"
"""An installed package adds a store by an entry point of this group: the scheme, and ``module:class``."""


class Row(NamedTuple):
    """Where a store is: its module, its class, and the extra of crawlmill that it needs (None: nothing)."""

    module: str
    name: str
    extra: str | None = None


STORES = {
    STDIN: Row("crawlmill.stores.pipe", "StandardInput"),
    "file": Row("crawlmill.stores.local", "Local"),
    "hdfs": Row("crawlmill.stores.webhdfs", "WebHdfs"),
    "webhdfs": Row("crawlmill.stores.webhdfs", "WebHdfs"),
}
_made: dict[str, Store] = {}


def store_of(uri: str) -> Store:
    """The store that a path or URI leads to.

    Raises:
        UsageError: nothing here knows the scheme. MissingExtra: the store needs a package that is not installed.

    >>> type(store_of("/data/a.warc.gz")).__name__, type(store_of("hdfs:///a.warc.gz")).__name__
    ('Local', 'WebHdfs')
    >>> store_of("gopher://host/a.warc.gz")
    Traceback (most recent call last):
    ...
    crawlmill.errors.UsageError: gopher://host/a.warc.gz: no store is known for gopher://; there are file, hdfs, webhdfs
    """
    kind = scheme(uri)
    found = _made.get(kind)
    if found is None:
        found = _made[kind] = _load(kind, uri)
    return found


def _load(kind: str, uri: str) -> Store:
    row = STORES.get(kind) or _offered().get(kind)
    if row is None:
        known = sorted({*STORES, *_offered()} - {STDIN})
        raise UsageError(f"no store is known for {kind}://", uri, f"there are {', '.join(known)}")
    try:
        made: Store = getattr(importlib.import_module(row.module), row.name)()
    except ModuleNotFoundError as error:
        lacks = str(error.name)
        if row.extra is not None:
            raise MissingExtra(lacks, row.extra, uri) from None
        raise UsageError(f"the store for {kind}:// needs {lacks}", uri, f"install what {lacks} is in") from None
    except AttributeError:
        raise UsageError(
            f"no store {row.name} in {row.module}", uri, "correct the entry point of its package"
        ) from None
    return made


def _offered() -> dict[str, Row]:
    """The stores of installed packages. A zip on a node has no such entries."""
    from importlib import metadata

    if sys.version_info >= (3, 10):
        points = list(metadata.entry_points(group=ENTRY_POINTS))
    else:
        points = list(metadata.entry_points().get(ENTRY_POINTS, []))
    return {point.name.lower(): Row(*point.value.partition(":")[::2]) for point in points}

"""From a URI to bytes, and back: one table of schemes, each with its store."""

from __future__ import annotations

import os

from crawlmill.stores.names import STDIN as STDIN
from crawlmill.stores.names import is_stream as is_stream
from crawlmill.stores.names import local_path as local_path
from crawlmill.stores.names import scheme as scheme
from crawlmill.stores.names import uri_of as uri_of
from crawlmill.stores.store import Entry as Entry
from crawlmill.stores.store import Opened as Opened
from crawlmill.stores.store import Source as Source
from crawlmill.stores.store import Spans as Spans
from crawlmill.stores.store import Store as Store
from crawlmill.stores.table import store_of as store_of


def open_source(uri: str, known: Entry | None = None, spans: Spans | None = None) -> Opened:
    """Open an archive for reading; arguments and errors as of :meth:`crawlmill.stores.store.Store.open`, and
    :class:`crawlmill.errors.UsageError` for a scheme that no store has."""
    return store_of(uri).open(uri, known, spans)


def for_nodes(uri: str = "hdfs:///") -> dict[str, str]:
    """The environment that a task on another machine needs to find stores as this process does.

    Args:
        uri: what it will read or write.
    """
    from crawlmill.errors import CrawlmillError
    from crawlmill.stores.namenodes import ADDRESS, address
    from crawlmill.stores.patience import WAIT

    found = {name: os.environ[name] for name in (WAIT,) if os.environ.get(name)}
    try:
        found[ADDRESS] = address(uri)
    except CrawlmillError:
        pass  # no HDFS is known: the tasks read by other means
    return found

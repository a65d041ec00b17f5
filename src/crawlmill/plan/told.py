"""What listings tell of many names in one folder: one question in place of one for each of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from crawlmill.stores import Entry, store_of

MANY = 16
"""Names in a folder of a remote store from which on the folder is listed. With fewer the rest of it may be the larger part."""


def told(uris: Iterable[str]) -> dict[str, Entry]:
    """Entries of the names whose folders were listed; nothing for the others, for local files, and for what is not there."""
    by_folder: dict[str, set[str]] = defaultdict(set)
    for uri in uris:
        if not store_of(uri).local:
            by_folder[uri.rpartition("/")[0]].add(uri)
    found: dict[str, Entry] = {}
    for folder, names in by_folder.items():
        if len(names) < MANY:
            continue
        try:
            found.update((entry.uri, entry) for entry in store_of(folder).list(folder) if entry.uri in names)
        except OSError:  # each name is asked for by itself, which says more
            pass
    return found

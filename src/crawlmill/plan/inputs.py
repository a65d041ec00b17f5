"""What the user typed - files, folders, globs, manifests, listings, indexes - as archives, in order and each once."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Optional

from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.plan.index import is_index, read_index
from crawlmill.plan.lines import numbered, opened
from crawlmill.plan.once import Given, each_once
from crawlmill.plan.split import Split, text_of
from crawlmill.plan.told import told
from crawlmill.stores import STDIN, Entry, local_path, open_source, store_of, uri_of
from crawlmill.stores.names import shown
from crawlmill.warc.layout import is_archive
from crawlmill.warc.ranges import in_order

MANIFESTS = (".paths", ".paths.gz", ".manifest", ".txt", ".jsonl", ".list")
"""Names that a list of archives may have; a web archive is taken as one whatever its name."""


_ARCHIVE_NAME = re.compile(r"\.w?arc(\.wat|\.wet)?(\.(gz|zst|lz4|bz2|xz))?$")


def expand(inputs: Sequence[str], base: str | None = None) -> tuple[list[Given], list[str]]:
    """The archives that inputs name, and the URIs of which something was named more than once (it is read once).

    Args:
        inputs: paths, folders, globs, URIs, manifests, listings, indexes, ``-``.
        base: put before relative names in manifests and indexes, e.g. ``s3://commoncrawl/``.

    Raises:
        UsageError: an input that names nothing; spans and single records of one archive.
    """
    items = [os.fspath(item) for item in inputs]
    known = told(item for item in items if not glob.has_magic(item))
    named = ((item, found) for item in items for found in _expand(item, base, known.get(item)))
    given, twice = each_once(Given(split, item, entry) for item, (split, entry) in named)
    if not given:
        raise UsageError("no input", hint="name archives, folders, globs, manifests or indexes")
    return given, twice


Found = tuple[Split, Optional[Entry]]
"""An archive, and what its store has told of it so far."""


def _expand(item: str, base: str | None, known: Entry | None) -> Iterator[Found]:
    store = store_of(item)
    if not store.local:
        if item == STDIN:
            yield Split(STDIN), None
            return
        if item.lower().endswith(MANIFESTS):
            raise CrawlmillError("a remote listing is not read yet", item, "download it first")
        if known is not None and not known.folder:
            yield Split(store.canonical(item)), known
        else:
            yield from _remote(store.canonical(item))
        return
    path = local_path(item)
    if store.canonical(item) == STDIN:
        yield Split(STDIN), None
    elif os.path.isdir(path):
        found = [entry for entry in store.list(item) if _belongs(entry)]
        if not found and is_index(path):
            yield from _index(path, base)
        elif not found:
            raise UsageError(
                "no web archive in this folder", shown(item), "name files, or a glob with ** for folders below"
            )
        for entry in found:
            yield Split(entry.uri), entry
    elif not os.path.lexists(path) and glob.has_magic(path):
        matches = [entry for entry in store.glob(item) if not entry.folder]
        if not matches:
            raise UsageError("nothing matches", shown(item), "check the pattern; quote it so that ** reaches us")
        for entry in matches:
            yield from _file(entry.uri, base, entry if entry.size is not None else None)
    else:
        yield from _file(store.canonical(item), base)


def _remote(uri: str) -> Iterator[Found]:
    """A file of another store, the files of a folder, or those that fit a pattern."""
    store, pattern = store_of(uri), glob.has_magic(uri)
    try:
        found = store.glob(uri) if pattern else []
        if not found:  # a name may look like a pattern
            found, pattern = store.list(uri), False
    except (FileNotFoundError, NotADirectoryError):
        if pattern:
            raise UsageError("nothing matches", uri, "check the pattern") from None
        yield Split(uri), None  # a row of the damage table says that it is missing
        return
    except OSError as error:
        if pattern:
            raise CrawlmillError(error.strerror or str(error), uri, "check the pattern") from None
        yield Split(uri), None  # a row of the damage table says that it is refused
        return
    files = [entry for entry in found if not entry.folder]
    if not files:
        what = "nothing matches" if pattern else "no file in this folder"
        raise UsageError(what, uri, "check the pattern" if pattern else "name files, or a pattern for folders below")
    for entry in files:
        yield Split(entry.uri), entry


def is_manifest(path: str) -> bool:
    """Whether a path names a list of archives."""
    named = path.lower().endswith(MANIFESTS) and os.path.isfile(path)
    return named and not _holds_archive(path) and not is_index(path)


def read_manifest(path: str, base: str | None = None) -> list[Split]:
    """The archives that a manifest names, in its order and each once; there may be none.

    Raises :class:`CrawlmillError` for a line that names no archive.
    """
    return list(dict.fromkeys(split for split, _ in _manifest(path, base)))


def _file(uri: str, base: str | None, entry: Entry | None = None) -> Iterator[Found]:
    path = local_path(uri)
    if entry is None:
        try:
            entry = store_of(uri).tell(uri)
        except OSError:  # who reads it says so
            pass
    if entry is None or entry.size is None:  # a pipe: to look into it is to take from it
        yield Split(uri), entry
    elif is_manifest(path):
        yield from _manifest(path, base)
    elif _ARCHIVE_NAME.search(path.lower()) is None and is_index(path):
        yield from _index(path, base)
    else:
        yield Split(uri), entry


def _belongs(entry: Entry) -> bool:
    """Whether a file of a folder is one of its archives: by its first bytes; or by its name, so that an empty file or an
    error page in place of an archive is reported and not passed over."""
    path = local_path(entry.uri)
    return entry.size is not None and (_ARCHIVE_NAME.search(path.lower()) is not None or _holds_archive(path))


def _holds_archive(path: str) -> bool:
    if not os.path.isfile(path):
        return False
    try:
        with closing(open_source(uri_of(path))) as source:
            return is_archive(source)
    except OSError:
        return False


def _manifest(path: str, base: str | None) -> Iterator[Found]:
    where = shown(path)
    with opened(path) as file:
        for number, line in numbered(file, where):
            try:
                split = Split.from_line(text_of(line))
                split = replace(split, uri=place_of(split.uri, path, base))
            except UnicodeDecodeError as error:
                raise CrawlmillError(
                    f"not a readable manifest: {error}",
                    f"{where}:{number}",
                    "one path or JSON object a line, UTF-8, plain or gzip",
                ) from None
            except CrawlmillError as error:
                raise CrawlmillError(error.what, f"{where}:{number}", error.hint) from None
            yield split, None


def _index(path: str, base: str | None) -> Iterator[Found]:
    """The archives that an index names, in its order, each with all of its ranges."""
    found: dict[str, list[tuple[int, int]]] = {}
    for row in read_index(path):
        found.setdefault(row.filename, []).append((row.offset, row.length))
    for filename, ranges in found.items():
        yield Split(place_of(filename, path, base), ranges=in_order(ranges)), None


def place_of(uri: str, manifest: str, base: str | None) -> str:
    """A name in a manifest: below ``base``; else beside the manifest, below a folder above it (so a crawl that was copied
    with its own layout is found), or below the working folder. Answers a URI."""
    if not store_of(uri).local:
        return store_of(uri).canonical(uri)
    path = local_path(uri)
    if os.path.isabs(path):
        return uri_of(path)
    if base is not None:
        store = store_of(base)
        return store.canonical(os.path.join(local_path(base), path) if store.local else base.rstrip("/") + "/" + path)
    folder = os.path.dirname(os.path.abspath(manifest))
    above = folder
    while True:
        if os.path.exists(os.path.join(above, path)):
            return uri_of(os.path.join(above, path))
        if os.path.dirname(above) == above:
            break
        above = os.path.dirname(above)
    return uri_of(path if os.path.exists(path) else os.path.join(folder, path))

"""What the user typed - files, folders, globs, manifests, listings, indexes - as archives, in order and each once."""

from __future__ import annotations

import fnmatch
import glob
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace

from crawlmill.errors import CrawlmillError, Refused, UsageError
from crawlmill.plan.globs import matching
from crawlmill.plan.index import is_index, read_index
from crawlmill.plan.lines import numbered, opened
from crawlmill.plan.once import Given, each_once
from crawlmill.plan.split import Split, text_of
from crawlmill.stores import STDIN, is_stream, local_path, open_source, scheme, uri_of
from crawlmill.stores.local import refuse_special
from crawlmill.stores.names import descriptor, remote, shown
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
    given, twice = each_once(Given(split, item) for item in inputs for split in _expand(os.fspath(item), base))
    if not given:
        raise UsageError("no input", hint="name archives, folders, globs, manifests or indexes")
    return given, twice


def _expand(item: str, base: str | None) -> Iterator[Split]:
    if item == STDIN:
        yield Split(STDIN)
        return
    if scheme(item) != "file":
        if item.lower().endswith(MANIFESTS):
            raise CrawlmillError("a remote listing is not read yet", item, "download it first")
        if scheme(item) == "hdfs":
            yield from _hdfs(remote(item))
        else:
            yield Split(remote(item))
        return
    path = local_path(item)
    if descriptor(path) == 0:
        yield Split(STDIN)
    elif os.path.isdir(path):
        found = [name for name in sorted(os.listdir(path)) if _belongs(os.path.join(path, name))]
        if not found and is_index(path):
            yield from _index(path, base)
        elif not found:
            raise UsageError(
                "no web archive in this folder", shown(item), "name files, or a glob with ** for folders below"
            )
        for name in found:
            yield Split(uri_of(os.path.join(path, name)))
    elif not os.path.lexists(path) and glob.has_magic(path):
        matches = [name for name in matching(path) if _may_be_archive(name)]
        if not matches:
            raise UsageError("nothing matches", shown(item), "check the pattern; quote it so that ** reaches us")
        for name in matches:
            yield from _file(name, base)
    else:
        yield from _file(path, base)


def _hdfs(uri: str) -> Iterator[Split]:
    """A file of HDFS, the files of a folder, or those that match a pattern in the last part of the name."""
    from crawlmill.stores.webhdfs import listing

    folder, _, name = uri.rpartition("/")
    pattern = glob.has_magic(name)
    try:
        found = listing((folder or "/") if pattern else uri)
    except FileNotFoundError:
        if not pattern:
            yield Split(uri)  # a row of the damage table says that it is missing
            return
        found = []
    except Refused:
        if pattern:
            raise
        yield Split(uri)  # the same
        return
    files = [row for row in found if not row.folder]
    if pattern:
        files = [row for row in files if fnmatch.fnmatchcase(row.uri.rpartition("/")[2], name)]
    if not files:
        what = "nothing matches" if pattern else "no file in this folder"
        raise UsageError(what, uri, f"see: hdfs dfs -ls {folder if pattern else uri}")
    for row in files:
        yield Split(row.uri)


def is_manifest(path: str) -> bool:
    """Whether a path names a list of archives."""
    named = path.lower().endswith(MANIFESTS) and os.path.isfile(path)
    return named and not _holds_archive(path) and not is_index(path)


def read_manifest(path: str, base: str | None = None) -> list[Split]:
    """The archives that a manifest names, in its order and each once; there may be none.

    Raises :class:`CrawlmillError` for a line that names no archive.
    """
    return list(dict.fromkeys(_manifest(path, base)))


def _file(path: str, base: str | None) -> Iterator[Split]:
    uri = uri_of(path)
    if is_stream(uri):  # to look into it is to take from it
        yield Split(uri)
        return
    if os.path.exists(path):
        refuse_special(os.stat(path).st_mode, uri)
    if is_manifest(path):
        yield from _manifest(path, base)
    elif _ARCHIVE_NAME.search(path.lower()) is None and is_index(path):
        yield from _index(path, base)
    else:
        yield Split(uri)


def _may_be_archive(path: str) -> bool:
    """Whether a match of a pattern is a file, or a link to nothing, which is reported. Pipes and devices are no archives
    unless they are named themselves."""
    return os.path.isfile(path) or not os.path.exists(path)


def _belongs(path: str) -> bool:
    """Whether a file of a folder is one of its archives: by its first bytes; or by its name, so that an empty file or an
    error page in place of an archive is reported and not passed over."""
    return os.path.isfile(path) and (_ARCHIVE_NAME.search(path.lower()) is not None or _holds_archive(path))


def _holds_archive(path: str) -> bool:
    if not os.path.isfile(path):
        return False
    try:
        with closing(open_source(uri_of(path))) as source:
            return is_archive(source)
    except OSError:
        return False


def _manifest(path: str, base: str | None) -> Iterator[Split]:
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
            yield split


def _index(path: str, base: str | None) -> Iterator[Split]:
    """The archives that an index names, in its order, each with all of its ranges."""
    found: dict[str, list[tuple[int, int]]] = {}
    for row in read_index(path):
        found.setdefault(row.filename, []).append((row.offset, row.length))
    for filename, ranges in found.items():
        yield Split(place_of(filename, path, base), ranges=in_order(ranges))


def place_of(uri: str, manifest: str, base: str | None) -> str:
    """A name in a manifest: below ``base``; else beside the manifest, below a folder above it (so a crawl that was copied
    with its own layout is found), or below the working folder. Answers a URI."""
    if scheme(uri) != "file":
        return remote(uri)
    path = local_path(uri)
    if os.path.isabs(path):
        return uri_of(path)
    if base is not None:
        return (
            remote(base.rstrip("/") + "/" + path)
            if scheme(base) != "file"
            else uri_of(os.path.join(local_path(base), path))
        )
    folder = os.path.dirname(os.path.abspath(manifest))
    above = folder
    while True:
        if os.path.exists(os.path.join(above, path)):
            return uri_of(os.path.join(above, path))
        if os.path.dirname(above) == above:
            break
        above = os.path.dirname(above)
    return uri_of(path if os.path.exists(path) else os.path.join(folder, path))

"""Chosen records as a new WARC, written with warcio: blocks as they were stored, headers as they were written."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

from crawlmill.errors import UsageError
from crawlmill.files import whole_file
from crawlmill.looking.getting import LARGEST
from crawlmill.looking.scanning import Inputs, scan
from crawlmill.records.record import Record
from crawlmill.stores.names import local_path
from crawlmill.warc.damage import BodyDamage, Damage, damage
from crawlmill.warc.stream import Item

if TYPE_CHECKING:
    from warcio.statusandheaders import StatusAndHeaders

_VERSION = re.compile(rb"WARC/\d[\d.]*")
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass
class Written:
    """What a subset took and what it had to leave out.

    Attributes:
        records: how many records it holds.
        converted: how many of them were ARC records.
        left_out: records without a place in a sound WARC, by reason.
        damage: damage rows met on the way, in the order of the input.
    """

    records: int = 0
    converted: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    damage: list[Damage] = field(default_factory=list)


def subset(
    inputs: Inputs,
    output: str | os.PathLike[str],
    *,
    types: str | None = None,
    where: str | None = None,
    url: str | Sequence[str] = (),
    limit: int | None = None,
    overwrite: bool = False,
    max_record: int = LARGEST,
    base: str | None = None,
) -> Written:
    """Write chosen records of archives to a new WARC, see :func:`write_subset`.

    Args:
        inputs, types, where, base: as in :func:`crawlmill.scan`.
        output: the new local file; one gzip member a record when its name ends in ``.gz``.
        url: beginnings of URLs to take, one or several. Default: any URL, and records without one.
        limit: how many records at most. Default: None.
        overwrite: replace what is there. Default: False.
        max_record: bytes of a block that may be loaded; a larger record is left out, as damage. Default: 1 GiB.

    Returns:
        What was written, what was left out, and the damage.

    Raises:
        UsageError: the call is wrong, or the output exists. CrawlmillError: reading or writing failed; then there is no output.

    >>> import crawlmill, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = crawlmill.subset("data_samples/*.warc.gz", f"{folder}/404.warc.gz", where="status=404")
    ...     made.records, crawlmill.verify(f"{folder}/404.warc.gz").sound
    (3, True)
    """
    prefixes = (url,) if isinstance(url, str) else tuple(url)
    path = local_path(os.fspath(output))
    chosen = (
        item
        for item in scan(inputs, types=types, where=where, max_record=max_record, max_body=max_record, base=base)
        if not prefixes or isinstance(item, Damage) or (item.url or "").startswith(prefixes)
    )
    return write_subset(chosen, path, limit, overwrite)


def write_subset(items: Iterable[Item], path: str, limit: int | None = None, overwrite: bool = False) -> Written:
    """Write records to a new ``.warc.gz`` with one gzip member a record (plain when the name does not end in ``.gz``).

    Record ids, dates, digests and repeated fields stay; ``Content-Length`` is that of the block. An ARC record becomes
    a ``response`` with digests and an id that is the same in every run. Left out are records that the archive ends
    inside, ``filedesc`` records, and ARC records without a full date, which WARC demands.

    Args:
        items: records and damage rows.
        path: the new file, which is there whole or not at all.
        limit: how many records at most.
        overwrite: replace what is there.

    Raises:
        UsageError: the file exists. CrawlmillError: it cannot be written.
    """
    if os.path.lexists(path) and not overwrite:
        raise UsageError("the output exists", path, "use --overwrite, or another name")
    written = Written()
    with whole_file(path) as file:
        writer = _writer(file, path.endswith(".gz"))
        for item in items:
            if limit is not None and written.records >= limit:
                break
            _write(item, writer, written)
    return written


def _writer(file: Any, gzip: bool) -> Any:
    from warcio.warcwriter import WARCWriter

    class Keeping(WARCWriter):  # type: ignore[misc]
        def ensure_digest(self, record: Any, block: bool = True, payload: bool = True) -> None:
            """Add nothing: a digest made here would vouch for a block that nobody checked."""

    return Keeping(file, gzip=gzip)


def _write(item: Item, writer: Any, written: Written) -> None:
    from warcio.recordloader import ArcWarcRecord

    if isinstance(item, Damage):
        written.damage.append(item)
        return
    reason = _unfit(item)
    if reason is not None:
        written.left_out[reason] = written.left_out.get(reason, 0) + 1
        return
    try:
        block = item.block
        headers = _converted(item) if item.type == "arc" else _kept(item)
    except BodyDamage as bad:
        written.damage.append(damage(item.uri, item.offset, item.length, bad.kind, "subset", item.ordinal))
        return
    # warcio writes no block for what it takes for a revisit, and parses the HTTP of a response only when asked: so every
    # record goes through as a resource, a row of bytes. The WARC-Type that is written stands in the headers.
    writer.write_record(ArcWarcRecord("warc", "resource", headers, BytesIO(block), None, None, len(block)))
    written.records += 1
    written.converted += item.type == "arc"


def _unfit(record: Record) -> str | None:
    if not record.complete:
        return "cut off by the end of the archive"
    if record.type == "filedesc":
        return "ARC file headers"
    if record.type == "arc" and not _DATE.fullmatch(record.date or ""):
        return "ARC records without a full date"
    return None


def _kept(record: Record) -> StatusAndHeaders:
    from warcio.statusandheaders import StatusAndHeaders

    fields = [pair for pair in record.headers.items() if pair[0].lower() != "content-length"]
    names = [name.lower() for name in record.headers]
    at = names.index("content-length") if "content-length" in names else len(fields)
    fields.insert(at, ("Content-Length", str(len(record.block))))
    version = _VERSION.match(record.head)
    return StatusAndHeaders("", fields, protocol=version[0].decode() if version else "WARC/1.0")


def _converted(record: Record) -> StatusAndHeaders:
    """The header of an ARC record as WARC (ISO 28500): a response, or a resource when no HTTP header was stored."""
    from warcio.statusandheaders import StatusAndHeaders

    block, url, date = record.block, record.url or "", record.date or ""
    http = record.http is not None and record.http.status is not None
    digest = _sha1(block)
    fields = [
        ("WARC-Type", "response" if http else "resource"),
        ("WARC-Record-ID", f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{url} {date} {digest}')}>"),
        ("WARC-Date", date),
        ("WARC-Target-URI", url),
        ("WARC-Block-Digest", digest),
        ("WARC-Payload-Digest", _sha1(record.payload)),
        (
            "Content-Type",
            "application/http; msgtype=response" if http else record.content_type or "application/octet-stream",
        ),
        ("Content-Length", str(len(block))),
    ]
    if record.ip is not None:
        fields.insert(4, ("WARC-IP-Address", record.ip))
    return StatusAndHeaders("", fields, protocol="WARC/1.0")


def _sha1(data: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(data).digest()).decode()

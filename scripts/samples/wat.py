"""WAT records (metadata of each WARC record, as JSON) and WET records (the text of each page), as in Common Crawl."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from samples.expand import Raw, languages_of
from samples.markup import Html, visible_text
from samples.model import Page
from samples.records import Headers, Place, digest, header_length, http_date, record_id, warc_date


def info_record(kind: str, filename: str, date: datetime) -> tuple[Headers, bytes]:
    """The warcinfo record of a WAT or WET file."""
    block = (
        f"Software-Info: crawlmill samples\r\nExtracted-Date: {http_date(date)}\r\nhostname: localhost\r\n"
        "isPartOf: CC-SAMPLE-2026-02\r\nformat: WARC File Format 1.0\r\n\r\n"
    ).encode()
    headers = (
        ("WARC-Type", "warcinfo"),
        ("WARC-Date", warc_date(date)),
        ("WARC-Filename", filename),
        ("WARC-Record-ID", record_id(kind, filename)),
        ("Content-Type", "application/warc-fields"),
        ("Content-Length", str(len(block))),
        ("WARC-Block-Digest", digest(block)),
    )
    return headers, block


def wet_record(raw: Raw) -> tuple[Headers, bytes] | None:
    """The conversion record of a page with text; None for any other record."""
    languages = languages_of(raw)
    if not languages or not isinstance(raw.entry, Page) or not isinstance(raw.entry.body, Html):
        return None
    block = visible_text(raw.entry.body).encode()
    headers = (
        ("WARC-Type", "conversion"),
        ("WARC-Target-URI", raw.url),
        ("WARC-Date", warc_date(raw.date)),
        ("WARC-Record-ID", record_id("wet", raw.id)),
        ("WARC-Refers-To", raw.id),
        ("WARC-Block-Digest", digest(block)),
        ("WARC-Identified-Content-Language", ",".join(languages)),
        ("Content-Type", "text/plain"),
        ("Content-Length", str(len(block))),
    )
    return headers, block


def wat_record(raw: Raw, place: Place, filename: str, date: datetime) -> tuple[Headers, bytes]:
    """The metadata record about a record that lies at `place` in `filename`. Numbers are strings there."""
    container = {
        "Filename": filename,
        "Compressed": True,
        "Offset": str(place.offset),
        "Gzip-Metadata": {
            "Deflate-Length": str(place.length),
            "Header-Length": "10",
            "Footer-Length": "8",
            "Inflated-CRC": str(place.crc),
            "Inflated-Length": str(place.plain_length),
        },
    }
    envelope = {
        "Payload-Metadata": _payload(raw),
        "Format": "WARC/1.0",
        "WARC-Header-Length": str(header_length(raw.headers)),
        "WARC-Header-Metadata": _fold(raw.headers),
    }
    about = {"Container": container, "Envelope": envelope}
    block = json.dumps(about, ensure_ascii=False, separators=(",", ":")).encode()
    headers = (
        ("WARC-Type", "metadata"),
        ("WARC-Target-URI", raw.url),
        ("WARC-Date", warc_date(date)),
        ("WARC-Record-ID", record_id("wat", raw.id)),
        ("WARC-Refers-To", raw.id),
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(block))),
        ("WARC-Block-Digest", digest(block)),
    )
    return headers, block


def _payload(raw: Raw) -> dict[str, Any]:
    content_type = dict(raw.headers)["Content-Type"]
    found: dict[str, Any] = {"Actual-Content-Type": content_type}
    if raw.type == "warcinfo":
        found["WARC-Info-Metadata"] = dict(_lines(raw.block))
    elif raw.type == "metadata" and content_type == "application/warc-fields":
        found["Actual-Content-Type"] = "application/metadata-fields"
        records = [{"Name": name, "Value": value} for name, value in _lines(raw.block)]
        found["WARC-Metadata-Metadata"] = {"Metadata-Records": records}
    elif raw.type == "request":
        method, path, version = raw.block.split(b"\r\n", 1)[0].decode().split(" ")
        message = {"Method": method, "Path": path, "Version": version}
        found["HTTP-Request-Metadata"] = {"Request-Message": message, **_http(raw)}
    elif raw.type == "response" and isinstance(raw.entry, Page):
        version, status, reason = raw.entry.status_line.split(" ", 2)
        message = {"Version": version, "Status": status, "Reason": reason}
        page = _html(raw.entry.body) if isinstance(raw.entry.body, Html) else {}
        found["HTTP-Response-Metadata"] = {"Response-Message": message, **_http(raw), **page}
    found["Actual-Content-Length"] = str(len(raw.block))
    found["Block-Digest"] = digest(raw.block)
    found["Trailing-Slop-Length"] = "4"
    return found


def _http(raw: Raw) -> dict[str, Any]:
    return {
        "Headers-Length": str(raw.http_bytes),
        "Headers": _fold(raw.http),
        "Entity-Length": str(len(raw.payload)),
        "Entity-Digest": digest(raw.payload),
        "Entity-Trailing-Slop-Length": "0",
    }


def _html(page: Html) -> dict[str, Any]:
    head: dict[str, Any] = {}
    for section, entry in page.head:
        if section in ("Title", "Base"):
            head[section] = entry["text" if section == "Title" else "url"]
        else:
            head.setdefault(section, []).append(entry)
    return {"HTML-Metadata": {"Head": head, **({"Links": list(page.links)} if page.links else {})}}


def _fold(headers: Headers) -> dict[str, str | list[str]]:
    """Header lines as an object: a list where a name repeats, a string where not (Common Crawl since 2024-51)."""
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name, []).append(" ".join(value.split("\r\n ")))
    return {name: values if len(values) > 1 else values[0] for name, values in found.items()}


def _lines(block: bytes) -> list[tuple[str, str]]:
    pairs = (line.partition(": ") for line in block.decode().split("\r\n") if line)
    return [(name, value) for name, _, value in pairs]

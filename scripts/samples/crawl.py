"""Writes the sample crawl: three WARC files with their WAT, WET and CDXJ, the paths files, and the answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from samples import part_odd, part_origins, part_web
from samples.expand import Raw, expand
from samples.model import Entry, Page, Revisit
from samples.records import GzipFile, Place, member, warc_record
from samples.tally import Tally
from samples.wat import info_record, wat_record, wet_record

START = datetime(2026, 1, 5, 8)
STEP = timedelta(hours=3)
PARTS = (part_web.ENTRIES, part_origins.ENTRIES, part_odd.ENTRIES)
KINDS = ("warc", "wat", "wet")
NAIVE = b"WARC-Target-URI:"


@dataclass(frozen=True)
class Crawl:
    """What was written: the answers, and every record's bytes in order."""

    answers: dict[str, Any]
    plain: tuple[bytes, ...]


@dataclass(frozen=True)
class Part:
    """One WARC file with what belongs to it: answers by kind (warc, wat, wet), its lines of the index, its records."""

    names: dict[str, str]
    answers: dict[str, dict[str, Any]]
    index: list[str]
    plain: list[bytes]


def write_crawl(out: Path, level: int) -> Crawl:
    """Writes the files of the crawl into `out`; `level` is the zlib level of members that do not ask for one."""
    whole = Tally()
    seen: dict[str, datetime] = {}
    parts = [_write_part(out, level, number, entries, whole, seen) for number, entries in enumerate(PARTS)]
    index = sorted(line for part in parts for line in part.index)
    (out / "cdx").mkdir(exist_ok=True)
    (out / "cdx" / "index.cdxj").write_text("".join(index), encoding="utf-8")
    for kind in KINDS:
        listed = "".join(f"{part.names[kind]}\n" for part in parts).encode()
        (out / f"{kind}.paths.gz").write_bytes(member(listed, level))
        if kind == "warc":
            (out / "warc.paths").write_bytes(listed)
    plain = [record for part in parts for record in part.plain]
    answers = {
        "crawl": whole.to_json(),
        "files": {part.names["warc"]: part.answers["warc"] for part in parts},
        "wat": {part.names["wat"]: part.answers["wat"] for part in parts},
        "wet": {part.names["wet"]: part.answers["wet"] for part in parts},
        "cdx": {"cdx/index.cdxj": {"lines": len(index)}},
        "naive": {"command": "zcat *.warc.gz | grep -ac '^WARC-Target-URI:'", "lines": _naive(plain)},
    }
    return Crawl(answers, tuple(plain))


def _write_part(
    out: Path, level: int, number: int, entries: tuple[Entry, ...], whole: Tally, seen: dict[str, datetime]
) -> Part:
    """Writes one WARC file, its WAT and its WET; adds its records to `whole`."""
    start, end = START + number * STEP, START + (number + 1) * STEP
    stem = f"CC-SAMPLE-{start:%Y%m%d%H%M%S}-{end:%Y%m%d%H%M%S}-{number:05d}"
    names = {"warc": f"{stem}.warc.gz", "wat": f"wat/{stem}.warc.wat.gz", "wet": f"wet/{stem}.warc.wet.gz"}
    files = {kind: GzipFile(level) for kind in KINDS}
    for kind in ("wat", "wet"):
        files[kind].add(*info_record(kind, names[kind].partition("/")[2], end))
    tally, texts, part = Tally(), 0, Part(names, {}, [], [])
    for raw in expand(entries, names["warc"], start, seen):
        place = files["warc"].add(raw.headers, raw.block, raw.level)
        files["wat"].add(*wat_record(raw, place, names["warc"], end))
        text = wet_record(raw)
        if text:
            files["wet"].add(*text)
            texts += 1
        tally.add(raw)
        whole.add(raw)
        part.plain.append(warc_record(raw.headers, raw.block))
        part.index.extend(_index_line(raw, place, names["warc"]))
    part.answers["warc"] = tally.to_json() | {"naive_target_uri_lines": _naive(part.plain)}
    part.answers["wat"] = {"records_by_type": {"warcinfo": 1, "metadata": len(part.plain)}}
    part.answers["wet"] = {"records_by_type": {"warcinfo": 1, "conversion": texts}}
    for kind, name in names.items():
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_bytes(files[kind].data)
    return part


def _naive(records: list[bytes]) -> int:
    """Lines that begin with WARC-Target-URI, in headers and in payloads alike."""
    return sum(line.startswith(NAIVE) for line in b"".join(records).split(b"\n"))


def _index_line(raw: Raw, place: Place, filename: str) -> list[str]:
    """The CDXJ line of a response or revisit with a host; all values are strings."""
    page = raw.entry.of if isinstance(raw.entry, Revisit) else raw.entry
    if raw.type not in ("response", "revisit") or not isinstance(page, Page):
        return []
    where = {"length": str(place.length), "offset": str(place.offset), "filename": filename}
    about: dict[str, str] = {"url": raw.url}
    if isinstance(raw.entry, Revisit):
        about |= {"mime": "warc/revisit", "status": "304" if raw.entry.not_modified else page.status, **where}
    else:
        status = page.status if page.status.isdigit() else "-"
        sha1 = dict(raw.headers)["WARC-Payload-Digest"].removeprefix("sha1:")
        about |= {
            "mime": page.mime or "unk",
            "mime-detected": page.identified or "unk",
            "status": status,
            "digest": sha1,
            **where,
        }
        if page.languages and page.status == "200":
            about |= {"charset": page.charset.upper(), "languages": ",".join(page.languages)}
        if page.truncated:
            about["truncated"] = page.truncated
        if page.location:
            about["redirect"] = page.location
    return [f"{_surt(page)} {raw.date:%Y%m%d%H%M%S} {json.dumps(about)}\n"]


def _surt(page: Page) -> str:
    """The page's key in an index: the site's part, then the path in lower case, parameters sorted."""
    path, _, query = page.path.lower().partition("?")
    return f"{page.site.surt}){path}" + ("?" + "&".join(sorted(query.split("&"))) if query else "")

"""Real archives, each with an answer sheet that an independent reader wrote: our answers equal it, or a committed list says why."""

from __future__ import annotations

import json
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from crawlmill.records import urls
from crawlmill.records.record import Record
from crawlmill.stores.local import LocalFile
from crawlmill.warc.damage import Damage
from crawlmill.warc.reading import Reading
from crawlmill.warc.walk import walk

FORMATS = ("warc", "arc", "wat", "wet")
KEYS = ("records_by_type", "pages_per_origin", "http_status", "media_types", "servers", "payload_bytes")
EXCEPTIONS = Path(__file__).with_name("corpus_exceptions.json")

Answers = dict[str, Any]


def read(path: Path, full: bool = False) -> tuple[Answers, list[Damage]]:
    """Our answers under the names of the answer sheet, and the damage."""
    reading = Reading(full=full)
    origins: Counter[str] = Counter()
    statuses: Counter[str] = Counter()
    media: Counter[str] = Counter()
    servers: Counter[str] = Counter()
    payload_bytes = 0
    rows: list[Damage] = []
    for item in walk(LocalFile(str(path)), 0, None, reading):
        if isinstance(item, Damage):
            rows.append(item)
        elif item.type in ("response", "arc"):
            payload_bytes += item.payload_length
            if item.origin is not None:
                origins[item.origin] += 1
            if item.status is not None:
                statuses[item.status] += 1
                media[str(item.mime)] += 1
                servers[first_server(item)] += 1
    return {
        "records_by_type": dict(reading.types),
        "pages_per_origin": dict(origins),
        "http_status": dict(statuses),
        "media_types": dict(media),
        "servers": dict(servers),
        "payload_bytes": payload_bytes,
    }, rows


def first_server(record: Record) -> str:
    return (record.http.headers.get("Server") if record.http else None) or ""


def folded(truth: Answers) -> Answers:
    """The answer sheet in our terms: it keeps user names and default ports in origins, and odd statuses as written."""
    origins: Counter[str] = Counter()
    for written, count in truth["pages_per_origin"].items():
        found = urls.origin(written)
        if found is not None:
            origins[found] += count
    statuses: Counter[str] = Counter()
    for status, count in truth["http_status"].items():
        statuses[status if len(status) == 3 and status.isdigit() else "invalid"] += count
    return {**{key: truth[key] for key in KEYS}, "pages_per_origin": dict(origins), "http_status": dict(statuses)}


@lru_cache(maxsize=1)
def archives(corpus: Path) -> list[tuple[Path, Answers]]:
    """The archives of the corpus that hold records, with their answer sheets."""
    found = []
    for sheet in sorted(corpus.rglob("*.truth.json")):
        truth = json.loads(sheet.read_text())
        if truth.get("format") in FORMATS:
            found.append((sheet.with_name(sheet.name.removesuffix(".truth.json")), truth))
    return found


def exceptions() -> list[dict[str, Any]]:
    """Where our answer is not the sheet's: file, key, ours, truth, reason."""
    listed: list[dict[str, Any]] = json.loads(EXCEPTIONS.read_text())
    return listed


def test_every_exception_has_its_reason() -> None:
    for entry in exceptions():
        assert set(entry) == {"file", "key", "ours", "truth", "reason"}
        assert entry["key"] in KEYS and len(entry["reason"]) > 20 and entry["ours"] != entry["truth"]


def test_answers_equal_the_answer_sheets(corpus: Path) -> None:
    differing = []
    for path, truth in archives(corpus):
        ours, expected = read(path)[0], folded(truth)
        for key in KEYS:
            if ours[key] != expected[key]:
                name = path.relative_to(corpus).as_posix()
                differing.append({"file": name, "key": key, "ours": ours[key], "truth": expected[key]})
    listed = [{name: entry[name] for name in ("file", "key", "ours", "truth")} for entry in exceptions()]
    assert [entry for entry in differing if entry not in listed] == [], "answers that differ and stand in no list"
    assert [entry for entry in listed if entry not in differing] == [], "listed exceptions that differ no more"


@pytest.mark.slow
def test_what_a_fast_walk_says_a_full_one_says_too(corpus: Path) -> None:
    """Reading everything may find damage that a fast walk passes over; where it finds none, the answers are the same."""
    wrong = []
    for path, _ in archives(corpus):
        fast, rows = read(path)
        whole, all_rows = read(path, full=True)
        found_more = [row for row in all_rows if row.kind != "digest" and row not in rows]
        lost = [row for row in rows if row not in all_rows]
        if lost or (not found_more and fast != whole):
            wrong.append((path.relative_to(corpus).as_posix(), lost, fast, whole))
    assert wrong == []


def test_the_corpus_is_there(corpus: Path) -> None:
    assert len(archives(corpus)) >= 200, "an incomplete corpus proves nothing"

"""The analyses over `data_samples/` against answers that were counted while the samples were written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import crawlmill

pytest.importorskip("resiliparse", reason="resiliparse is not installed")

NAMES = ["origins", "hosts", "domains", "status", "mime", "servers", "tags", "links", "ips", "sizes", "languages"]
OF_WAT = {"servers", "ips", "links"}
OF_WET = {"languages"}


def answers_of(crawl: dict[str, Any]) -> dict[str, object]:
    """The written answers in the form of our tables."""
    return {
        **{name: crawl[name] for name in ("origins", "hosts", "domains", "status", "servers", "tags", "languages")},
        "mime": {(declared, identified): count for declared, identified, count in crawl["mime_identified"]},
        "links": {tuple(edge.split(" ")): count for edge, count in crawl["links"].items()},
        "ips": {host: len(addresses) for host, addresses in crawl["ips"].items()},
        "sizes": crawl["mime"],  # how many payloads each media type has
    }


def tables_of(inputs: Path, pattern: str) -> tuple[crawlmill.api.Run, dict[str, dict[object, object]]]:
    run = crawlmill.run(
        NAMES, str(inputs / pattern), workers=1, pool="thread", options={"links": {"include_self": True}}
    )
    tables: dict[str, dict[object, object]] = {}
    for name in NAMES:
        table = tables[name] = {}
        for row in run[name].to_pylist():
            *key, value = row.values()
            found = key[0] if len(key) == 1 else tuple(key)
            assert found not in table
            table[found] = sum(value) if name == "sizes" else value
    return run, tables


@pytest.fixture(scope="module")
def answers(samples: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((samples / "answers.json").read_text("utf-8"))
    return found


def test_the_crawl(samples: Path, answers: dict[str, Any]) -> None:
    run, tables = tables_of(samples, "*.warc.gz")
    expected = answers_of(answers["crawl"])
    assert sorted(expected) == sorted(NAMES)
    for name in NAMES:
        assert tables[name] == expected[name], name
    assert run.damage.num_rows == 0
    assert run.counters["records"] == answers["crawl"]["records"]


@pytest.mark.parametrize("section, names", [("wat", OF_WAT), ("wet", OF_WET)])
def test_wat_and_wet_give_the_answers_of_the_crawl(
    samples: Path, answers: dict[str, Any], section: str, names: set[str]
) -> None:
    """As far as they go: a WAT knows headers, addresses and links, a WET languages; the other tables are empty."""
    run, tables = tables_of(samples / section, "*.gz")
    expected = answers_of(answers["crawl"])
    for name in NAMES:
        assert tables[name] == (expected[name] if name in names else {}), name
    assert run.damage.num_rows == 0
    counted: dict[str, int] = {}
    for file in answers[section].values():
        for kind, count in file["records_by_type"].items():
            counted[f"records:{kind}"] = counted.get(f"records:{kind}", 0) + count
    assert {name: count for name, count in run.counters.items() if name.startswith("records:")} == counted


def test_sizes_hold_the_payload_bytes(samples: Path, answers: dict[str, Any]) -> None:
    """Bin i is of lengths from 2**(i-1) to 2**i - 1, so the true sum of bytes lies between."""
    run = crawlmill.run("sizes", str(samples / "*.warc.gz"), workers=1, pool="thread")
    for mime, counts in zip(*run["sizes"].to_pydict().values(), strict=True):
        total = answers["crawl"]["payload_bytes_by_mime"][mime]
        least = sum(count * 2 ** (at - 1) for at, count in enumerate(counts) if at)
        most = sum(count * (2**at - 1) for at, count in enumerate(counts))
        assert least <= total <= most, mime

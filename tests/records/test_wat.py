"""WAT records: what Common Crawl writes, what it wrote, and everything else that JSON can be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlmill.records.parse_json import load_json
from crawlmill.records.wat import Link, Wat

HEADERS = {"Server": "nginx", "set-cookie": ["a=1", "b=2"], "Set-Cookie": "c=3", "CONTENT-TYPE": "Text/HTML; charset=x"}
PAGE = {
    "Head": {"Title": "T\ud800", "Base": "http://h.example/b/"},
    "Links": [
        {"path": "A@/href", "url": "/x", "text": "X"},
        {"path": "STYLE/#text", "href": "s.png"},
        {"path": "A@/href"},
        {"url": "y", "path": 3, "text": None},
        "z",
    ],
}
FULL = {
    "Container": {"Filename": "a.warc.gz", "Offset": "432", "Gzip-Metadata": {"Deflate-Length": "78"}},
    "Envelope": {
        "WARC-Header-Metadata": {
            "WARC-Type": "Response",
            "WARC-Target-URI": " <http://h.example/> ",
            "warc-ip-address": ["192.0.2.1", "192.0.2.2"],
        },
        "Payload-Metadata": {
            "HTTP-Response-Metadata": {
                "Response-Message": {"Status": "200"},
                "Headers": HEADERS,
                "HTML-Metadata": PAGE,
            }
        },
    },
}


def with_status(status: object) -> Wat:
    return Wat({"Envelope": {"Payload-Metadata": {"HTTP-Response-Metadata": {"Response-Message": {"Status": status}}}}})


def test_full_record() -> None:
    wat = Wat(FULL)
    assert (wat.source_type, wat.url, wat.ip) == ("response", "http://h.example/", "192.0.2.1")
    assert (wat.status, wat.mime) == ("200", "text/html")
    assert (wat.title, wat.base) == ("T\ufffd", "http://h.example/b/")
    assert (wat.filename, wat.offset, wat.length) == ("a.warc.gz", 432, 78)
    assert wat.header_values("SET-cookie") == ["a=1", "b=2", "c=3"]
    assert wat.header_values("Date") == []
    assert wat.links == [Link("A@/href", "/x", "X"), Link("STYLE/#text", "s.png", ""), Link("", "y", "")]
    assert wat.data is FULL


@pytest.mark.parametrize("data", [{}, None, [], "x", {"Envelope": None}, {"Envelope": {"Payload-Metadata": []}}])
def test_empty_record(data: object) -> None:
    wat = Wat(data)
    assert (wat.source_type, wat.links, wat.header_values("Server")) == ("", [], [])
    found = [wat.url, wat.ip, wat.status, wat.mime, wat.title, wat.base, wat.filename, wat.offset, wat.length]
    assert found == [None] * 9


def test_response_without_content_type() -> None:
    assert with_status("404").mime == ""


@pytest.mark.parametrize(
    ("status", "expected"),
    [("200", "200"), (200, "200"), ("", None), (None, None), (True, None), ("2oo", "invalid"), ("٢٠٠", "invalid"),
     (99999, "invalid"), ([], None)],
)  # fmt: skip
def test_status(status: object, expected: str | None) -> None:
    assert with_status(status).status == expected


def test_status_longer_than_python_writes() -> None:
    assert with_status(10**5000).status == "invalid"


@pytest.mark.parametrize(
    ("offset", "expected"),
    [("0", 0), (7, 7), ("-1", None), (-1, None), ("", None), ("1.5", None), (1.5, None), (True, None), ("²", None),
     ("9" * 5000, None), (None, None), (2**63 - 1, 2**63 - 1), (2**63, None), (str(2**63), None), (float("inf"), None)],
)  # fmt: skip
def test_offset(offset: object, expected: int | None) -> None:
    assert Wat({"Container": {"Offset": offset}}).offset == expected


KEYS = [
    "Envelope", "Container", "Payload-Metadata", "WARC-Header-Metadata", "HTTP-Response-Metadata", "HTML-Metadata", "Head",
    "Links", "Headers", "Response-Message", "Status", "Content-Type", "WARC-Type", "WARC-Target-URI", "url", "path", "text",
    "Title", "Offset", "Gzip-Metadata", "Deflate-Length", "Filename",
]  # fmt: skip
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.just("\udfff"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


def damaged(value: object, replacement: object, at: list[int]) -> object:
    """`value` with its part number `at[0]`, counted depth first, replaced."""
    at[0] -= 1
    if at[0] < 0:
        at[0] = 1_000_000
        return replacement
    if isinstance(value, dict):
        return {key: damaged(part, replacement, at) for key, part in value.items()}
    if isinstance(value, list):
        return [damaged(part, replacement, at) for part in value]
    return value


@given(anything, st.integers(0, 50))
def test_never_raises(value: object, at: int) -> None:
    for data in (value, damaged(FULL, value, [at])):
        wat = Wat(data)
        found = [wat.source_type, wat.url, wat.ip, wat.status, wat.mime, wat.title, wat.base, wat.filename, repr(wat)]
        found += [text for link in wat.links for text in link]
        found += wat.header_values("content-type") + wat.header_values("Server")
        for text in found:
            assert text is None or text.encode() is not None  # a surrogate would raise
        assert all(number is None or number >= 0 for number in (wat.offset, wat.length))
        json.dumps(load_json(json.dumps(data).encode()), ensure_ascii=False).encode()


def test_real_record(corpus: Path) -> None:
    file = corpus / "commoncrawl__whirlwind-python" / "whirlwind.warc.wat"
    if not file.is_file():
        pytest.skip(f"{file} is not there")
    [wat] = [Wat(load_json(line)) for line in file.read_bytes().split(b"\n") if line.startswith(b"{")]
    assert (wat.source_type, wat.url) == ("request", "https://an.wikipedia.org/wiki/Escopete")
    assert (wat.offset, wat.length, wat.ip) == (80610308, 423, "208.80.154.224")
    assert (wat.filename or "").startswith("CC-MAIN-20240517233122")
    assert (wat.status, wat.mime, wat.links) == (None, None, [])  # it tells of a request

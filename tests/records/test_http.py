"""Header blocks and HTTP heads: what real archives hold, and that the fast look-up equals a full parse."""

from __future__ import annotations

import importlib.util
import pickle
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crawlmill.records.http import Headers, find_header_end, media_type, parse_http, to_text

NAMES = [b"Content-Type", b"content-type", b"CONTENT-TYPE", b"X-Content-Type", b"Content-Type-Options", b"Vary"]
FRAGMENTS = [*NAMES, b"", b" ", b"\t", b":", b": ", b"a", b"text/html; q=1", b"\n", b"\r\n", b"\r\r\n", b"\r", b"\x0b"]
blocks = st.lists(st.sampled_from([*FRAGMENTS, b"\xe9", "ü".encode(), b"\r\n", b"\n", b": "]), max_size=30).map(
    b"".join
)


def lines_of(block: bytes) -> tuple[list[bytes], int]:
    """Line by line up to the first empty one: the lines, and where the block ends (-1: it does not)."""
    lines: list[bytes] = []
    at = 0
    while (end := block.find(b"\n", at)) >= 0:
        line, at = block[at:end].rstrip(b"\r"), end + 1
        if not line:
            return lines, at
        lines.append(line)
    return [*lines, block[at:].rstrip(b"\r")], -1


def fields_of(lines: list[bytes]) -> tuple[list[tuple[bytes, bytes]], int]:
    """All fields, one line after the other: the plainest way to write it."""
    fields: list[tuple[bytes, bytes]] = []
    odd = 0
    for line in filter(None, lines):
        if fields and line[:1] in b" \t":
            name, value = fields[-1]
            fields[-1] = name, (value + b" " + line.strip()).strip()
        elif b":" in line:
            name, value = line.split(b":", 1)
            fields.append((name.strip(), value.strip()))
        else:
            odd += 1
    return fields, odd


@pytest.mark.parametrize(
    "raw, name, values",
    [
        (b"Server: a\r\nDate: b\r\n\r\n", "Server", ["a"]),
        (b"Server: a\nDate: b\n\n", "server", ["a"]),
        (b"Server: a\r\r\nDate: b\r\r\n\r\r\n", "SERVER", ["a"]),
        (b"Server: a\r\nDate: b\n\r\n", "Date", ["b"]),
        (b"Server: a", "Server", ["a"]),
        (b"content-type: a\r\nContent-Type: b\r\n", "Content-Type", ["a", "b"]),
        (b"X-Content-Type: a\r\nContent-Type-Options: b\r\nVary: Content-Type\r\n", "Content-Type", []),
        (b"Content-Type : a\r\n", "Content-Type", ["a"]),
        (b"Content-Type:a\r\n", "Content-Type", ["a"]),
        (b"Content-Type:\r\nContent-Type: b\r\n", "Content-Type", ["", "b"]),
        (b"Vary: a,\r\n\t b\r\n", "Vary", ["a, b"]),
        (b"Vary:\r\n a\r\n  \r\n b\r\n", "Vary", ["a b"]),
        (b"Vary: a\r\n Server: b\r\n", "Server", []),
        (b"Vary: a\r\n Server: b\r\n", "Vary", ["a Server: b"]),
        (b" Vary: a\r\n", "Vary", ["a"]),
        (b"Vary: a\r\nno colon\r\n b\r\n", "Vary", ["a b"]),
        (b"Vary: a\n\rServer: b\n\r", "Server", ["b"]),
        ("Titel: Käse\r\n".encode(), "Titel", ["Käse"]),
        ("Titel: Käse\r\n".encode("latin-1"), "Titel", ["Käse"]),
        ("Prüfung: x\r\n".encode("latin-1"), "PRüFUNG", ["x"]),
        (b"a.c: x\r\n", "a.c", ["x"]),
        (b"abc: x\r\n", "a.c", []),
        (b": x\r\n", "", ["x"]),
        (b"", "Server", []),
    ],
)
def test_a_field_is_found(raw: bytes, name: str, values: list[str]) -> None:
    headers = Headers(raw)
    assert headers.get(name) == (values[0] if values else None)
    assert headers.get_all(name) == values
    assert headers.get(name, "none") == (values[0] if values else "none")
    assert (name in headers) == bool(values)


def test_headers_keep_order_spelling_and_odd_lines() -> None:
    headers = Headers(b"B: 1\r\nnot a field\r\na: 2\r\nb: 3\r\n\r\n")
    assert headers.items() == [("B", "1"), ("a", "2"), ("b", "3")]
    assert (len(headers), list(headers), headers.odd_lines, 7 in headers) == (3, ["B", "a", "b"], 1, False)
    assert pickle.loads(pickle.dumps(headers)).items() == headers.items()


@given(blocks, st.sampled_from([name.decode() for name in NAMES] + ["a", "ü", "é", "Content", " Vary", ""]))
@example(b"Vary: a\nContent-Type: b\n\n c", "Content-Type")
def test_get_equals_a_full_parse(raw: bytes, name: str) -> None:
    fields, odd = fields_of([line.rstrip(b"\r") for line in raw.split(b"\n")])
    values = [to_text(v) for n, v in fields if to_text(n.lower()) == name.lower()]
    headers = Headers(raw)
    assert headers.get(name) == (values[0] if values else None)
    assert headers.get_all(name) == values
    assert headers.items() == [(to_text(n), to_text(v)) for n, v in fields]
    assert headers.odd_lines == odd


@given(blocks, blocks)
def test_the_end_of_a_header_is_its_first_empty_line(before: bytes, block: bytes) -> None:
    end = lines_of(block)[1]
    assert find_header_end(block) == end
    before += b"\n"
    assert find_header_end(before + block, len(before)) == (end if end < 0 else len(before) + end)
    if end >= 0:  # and no prefix shows another end
        assert {find_header_end(block[:cut]) for cut in range(end)} <= {-1}


def test_a_hostile_head_takes_linear_time() -> None:
    long = 1 << 20
    for filler in (b"a" * long, b" " * long, b"\r" * long, b": " * long, b"\n a" * long, b"\n\r" * long):
        for start in (b"HTTP/1.1 ", b"HTTP", b"GET ", b"HTTP/1.1 200 OK\r\nContent-Type"):
            message = parse_http(start + filler + b"\rx\n")
            assert message is None or message.mime is not None


@pytest.mark.parametrize(
    "line, version, status, reason",
    [
        (b"HTTP/1.1 200 OK", "1.1", "200", "OK"),
        (b"HTTP/1.0 404 Not  Found ", "1.0", "404", "Not  Found"),
        (b"HTTP/1.1 204", "1.1", "204", ""),
        (b"HTTP/2 200", "2", "200", ""),
        (b"HTTP/2.0 301 ", "2.0", "301", ""),
        (b"HTTPX/1.1 200 OK", "X/1.1", "200", "OK"),
        (b"HTTP/1.1 HTTP/1.1 200 OK", "1.1", "invalid", "200 OK"),
        (b"HTTP/1.1 200OK", "1.1", "invalid", ""),
        (b"HTTP/1.1 20", "1.1", "invalid", ""),
        ("HTTP/1.1 ٢٠٠ OK".encode(), "1.1", "invalid", "OK"),
        ("HTTP/1.1 200 Überraschung".encode("latin-1"), "1.1", "200", "Überraschung"),
    ],
)
@pytest.mark.parametrize("eol", [b"\r\n", b"\n"])
def test_a_status_line(line: bytes, version: str, status: str, reason: str, eol: bytes) -> None:
    head = line + eol + b"Content-Type: Text/Html;charset=x" + eol + eol
    message = parse_http(head + b"body\n\n")
    assert message is not None
    assert (message.version, message.status, message.reason) == (version, status, reason)
    assert (message.mime, message.header_length, message.terminated) == ("text/html", len(head), True)
    assert (message.method, message.target) == (None, None)


@pytest.mark.parametrize(
    "block, header_length, terminated",
    [
        (b"HTTP/1.1 200 OK\n\nx", 17, True),
        (b"HTTP/1.1 200 OK\r\n\r\nx", 19, True),
        (b"HTTP/1.1 200 OK\r\nA: b\n\r\nx", 24, True),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n\nx\r\n\r\n", 24, True),
        (b"HTTP/1.1 200 OK\r\nA: b\r\r\n\r\r\nx", 27, True),
        (b"HTTP/1.1 200 OK\r\nA: b\r\nC: d", 27, False),
        (b"HTTP/1.1 200 OK\r\n", 17, False),
    ],
)
def test_where_the_head_ends(block: bytes, header_length: int, terminated: bool) -> None:
    message = parse_http(block)
    assert message is not None
    assert (message.header_length, message.terminated) == (header_length, terminated)


def test_a_request() -> None:
    message = parse_http(b"GET /a b?c HTTP/1.1\r\nHost: a.example\r\n\r\n")
    assert message is not None
    assert (message.method, message.target, message.version) == ("GET", "/a b?c", "1.1")
    assert (message.status, message.reason, message.headers.get("Host"), message.mime) == (None, "", "a.example", "")


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"\n",
        b"<html>",
        b"20 text/gemini\r\n",
        b"HTTP/1.",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 200 OK",
        b" HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 a\rb\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET  HTTP/1.1\r\n",
        b"Learn about HTTP/2\n",
    ],
)
def test_what_is_no_http(block: bytes) -> None:
    assert parse_http(block) is None


def test_the_declared_media_type() -> None:
    assert [media_type(v) for v in ("Text/HTML ;a", "a/b,c/d;e", " ", "", None)] == ["text/html", "a/b", "", "", ""]


@pytest.fixture(scope="session")
def oracle(corpus: Path) -> ModuleType:
    """The corpus' own reader, written apart from ours."""
    path = corpus.parent / "tools" / "oracle.py"
    if not path.is_file():
        pytest.skip(f"no independent reader at {path}")
    spec = importlib.util.spec_from_file_location("oracle", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def responses(corpus: Path, oracle: ModuleType) -> Iterator[bytes]:
    for path in sorted(corpus.rglob("*.warc")):
        for _, fields, block, _, _ in oracle.warc_records(oracle.load(str(path))[0], Counter()):
            if (oracle.first(fields, "warc-type") or b"").lower() == b"response":
                yield block


def assert_equal_to_the_oracle(block: bytes, oracle: ModuleType) -> bool:
    expected, message = oracle.http(block), parse_http(block)
    if expected is None:
        assert message is None or message.method is not None
        return False
    assert message is not None
    version, status, fields, body, quirks = expected
    assert message.version.encode() == version.encode() or not version.isascii()
    assert message.status == (status if re.fullmatch("[0-9]{3}", status) else "invalid")
    assert [(n.lower(), v) for n, v in message.headers.items() if n.isascii()] == [
        (n, to_text(v)) for n, v in fields if n.isascii()
    ]
    assert block[message.header_length :] == body
    assert message.terminated == ("http_header_unterminated" not in quirks)
    assert message.mime == oracle.media(oracle.first(fields, "content-type"))
    return True


def test_real_responses_equal_the_oracle(corpus: Path, oracle: ModuleType) -> None:
    assert sum(assert_equal_to_the_oracle(block, oracle) for block in responses(corpus, oracle)) > 100


heads = st.lists(
    st.sampled_from([b"HTTP", b"/1.1", b" ", b"200", b"OK", b"\t", b"2\x0b", b"\x0c", *FRAGMENTS]), max_size=25
)


@given(heads.map(b"".join))
@example(b"HTTP/1.1 \x0b200 OK\r\n\r\n")
@example(b"HTTP/1.1 200\x0bOK\r\n\r\n")
def test_made_up_responses_equal_the_oracle(oracle: ModuleType, tail: bytes) -> None:
    for block in (tail, b"HTTP/1.1 " + tail, b"HTTP/1.1 200 OK\r\n" + tail):
        assert_equal_to_the_oracle(block, oracle)

"""Where records begin: the lines of ARC as real files write them, and WARC headers that were cut inside."""

from __future__ import annotations

import pytest

from archives import gz, gz_whole, make_record
from crawlmill.warc.arc import arc_head, arc_start
from memory import read

A, B, C = (make_record("response", f"http://{name}.example/", name.encode() * 50) for name in "abc")
LINE = b"http://a.example/ 192.0.2.7 20080102030405 text/html 12\n"


def urls(data: bytes) -> list[str | None]:
    return read(data).urls


@pytest.mark.parametrize("cut", range(1, A.index(b"\r\n\r\n") + 2))
@pytest.mark.parametrize("layout", ["plain", "one member", "several a member"])
def test_a_record_that_is_cut_inside_its_header_takes_nothing_of_the_next(cut: int, layout: str) -> None:
    broken = [C, A[:cut], B, C]
    data = {"plain": b"".join, "one member": gz_whole, "several a member": lambda given: gz([b"".join(given)] * 2)}[
        layout
    ](broken)
    found = read(data, blocks=True)
    once = ["http://c.example/", "http://b.example/", "http://c.example/"]
    whole = [(seen.url, seen.block) for seen in found.records if seen.url != "http://a.example/"]
    assert [url for url, _ in whole] == once * (1 + (layout == "several a member"))
    assert all(url is not None and block is not None and url[7:8].encode() * 50 in block for url, block in whole)
    assert "http://a.example/" not in found.urls, "A has no block"
    assert found.rows


@pytest.mark.parametrize("ending", ["", "/WARC/1.0", "?q=WARC/1.1", "/x WARC/1.0"])
def test_a_url_that_ends_in_a_version_is_one_record(ending: str) -> None:
    records = [make_record("response", f"http://{at}.example{ending}", b"x") for at in range(3)]
    for data in (b"".join(records), gz(records), gz_whole(records)):
        found = read(data)
        assert (found.urls, found.rows) == ([f"http://{at}.example{ending}" for at in range(3)], [])


def test_a_version_line_in_mid_line_begins_a_record_when_a_field_repeats() -> None:
    at = A.index(b"http://a") + len(b"http://a")
    found = read(b"".join([C, A[:at], B, C]))
    assert found.urls == ["http://c.example/", "http://b.example/", "http://c.example/"]
    assert [(row.kind, row.offset, row.length) for row in found.rows] == [("header", len(C), at)]


@pytest.mark.parametrize(
    "junk",
    [
        b"\0",
        b"\0" * 600,
        b"\xef\xbb\xbf",
        b"\xff",
        b"some text ",
        b"text",
        b"12",
        b"a line\nand more",
        b"x:",
        b"\x1b[1m",
    ],
)
def test_junk_before_an_arc_record_is_no_part_of_its_url(junk: bytes) -> None:
    block = b"HTTP/1.1 200 OK\r\n\r\nhi\n"
    line = b"http://%b.example/ 192.0.2.7 20080102030405 text/html 21\n"
    records = [line % name + block for name in (b"a", b"b", b"c")]
    before = len(records[0])
    for number in range(3):
        found = read(b"".join([*records[:number], junk, *records[number:]]))
        assert found.urls == ["http://a.example/", "http://b.example/", "http://c.example/"]
        assert [(row.kind, row.offset, row.length) for row in found.rows] == [("junk", number * before, len(junk))], (
            "one row, of the junk alone"
        )


@pytest.mark.parametrize(
    ("line", "url", "address", "date", "kind"),
    [
        (LINE, b"http://a.example/", b"192.0.2.7", b"2008-01-02T03:04:05Z", b"text/html"),
        (b"http://a.example/list page 2 10 items 192.0.2.1 20040925001013 text/html 126\n",
         b"http://a.example/list page 2 10 items", b"192.0.2.1", b"2004-09-25T00:10:13Z", b"text/html"),
        (b"http://a.example/ - 20040925001013 text/html 126\n", b"http://a.example/", None, b"2004-09-25T00:10:13Z", b"text/html"),
        (b"http://a.example/ 192.0.2.1 2004092500 text/html 126\n", b"http://a.example/", b"192.0.2.1", b"2004092500", b"text/html"),
        (b"http://a.example/ 192.0.2.1 20040925001013 text/html; charset=utf-8 126\r\n",
         b"http://a.example/", b"192.0.2.1", b"2004-09-25T00:10:13Z", b"text/html; charset=utf-8"),
        (b"http://a.example/ 192.0.2.1 20040925001013  126\n", b"http://a.example/", b"192.0.2.1", b"2004-09-25T00:10:13Z", None),
        (b"http://a.example/ 127.10.100.2 19961104142103 text/html 200 fac069150613fe55599cc7fa88aa089d - 209 IA-001102.arc 202\n",
         b"http://a.example/", b"127.10.100.2", b"1996-11-04T14:21:03Z", b"text/html"),
        (b"filedesc:// - - - 76\r\n", b"filedesc://", None, None, b"-"),
        (b"http://a.example/ 207.241.229.39 null text/html 680\n", b"http://a.example/", b"207.241.229.39", None, b"text/html"),
        (b"dns:a.example 192.0.2.1 20040925001013 text/dns 56\n", b"dns:a.example", b"192.0.2.1", b"2004-09-25T00:10:13Z", b"text/dns"),
        (b"x-odd:thing 192.0.2.1 20040925001013 text/html 1\n", b"x-odd:thing", b"192.0.2.1", b"2004-09-25T00:10:13Z", b"text/html"),
        (b"http://a.example/save/http://b.example/ 192.0.2.1 20040925001013 text/html 1\n",
         b"http://a.example/save/http://b.example/", b"192.0.2.1", b"2004-09-25T00:10:13Z", b"text/html"),
    ],
)  # fmt: skip
def test_url_lines(line: bytes, url: bytes, address: bytes | None, date: bytes | None, kind: bytes | None) -> None:
    head = arc_head(line)
    assert head is not None and head.size == len(line)
    fields = dict(row.split(b": ", 1) for row in head.data.split(b"\r\n")[1:] if row)
    names = (b"WARC-Target-URI", b"WARC-IP-Address", b"WARC-Date", b"Content-Type")
    assert tuple(fields.get(name) for name in names) == (url, address, date, kind)


@pytest.mark.parametrize(
    "line",
    [
        b"http://a.example/ 192.0.2.7 20080102030405 text/html -5\n",
        b"http://a.example/ 192.0.2.7 20080102030405 text/html 12",
        b"http://a.example/ 192.0.2.7 2008 text/html 12\n",
        b"a.example/ 192.0.2.7 20080102030405 text/html 12\n",
        b"192.0.2.7 20080102030405 text/html 12\n",
        b"In 2004 there were 12 of them: 1 2 3 4\n",
        b"http://a.example/ 192.0.2.7 20080102030405 text/html 1e3\n",
        b"\n",
    ],
)
def test_lines_that_begin_no_record(line: bytes) -> None:
    assert arc_start(line) is None and arc_head(line) is None


@pytest.mark.parametrize(
    "cut", [b"http://a.exam", b"http://a.example/x 192.0", b"http://a.example/x 192.0.2.7 2008", LINE[:-2]]
)
def test_a_url_line_that_is_cut_takes_nothing_of_the_next(cut: bytes) -> None:
    assert arc_start(cut + LINE) == len(cut)

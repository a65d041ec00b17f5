"""Pages: which responses are some, in which encoding, and what their tree holds."""

from __future__ import annotations

import sys
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crawlmill.errors import MissingExtra
from crawlmill.records import html

pytest.importorskip("resiliparse", reason="needs crawlmill[html]")

PIECES = [
    "<p>", "</p>", "<a href='", "'>", "<a href=x>", "<area href=//h/y>", "<base href=", "http://[", "http://h/", ">", "<svg>",
    "<foreignObject>", "<script>'<fake>'", "</script>", "<!--", "-->", "<x:y>", "<aÉb>", "<fooİ>", "<a<b>", "<x\xa0y>",
    "<template>", "</template>", "<frameset>", "<plaintext>", "<table><tr>", "\0", "é", "&#xd800;", "日本", "<title>", "\\",
]  # fmt: skip
pages = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)
LABELS = [
    "utf-8",
    "utf-16",
    "koi8-r",
    "gb2312",
    "big5",
    "shift_jis",
    "euc-kr",
    "iso-2022-jp",
    "hex",
    "idna",
    "utf-7",
    "\0",
]


@pytest.mark.parametrize(
    ("mime", "identified", "body", "expected"),
    [
        ("text/html", None, b"", True),
        ("application/xhtml+xml", None, b"", True),
        ("text/html", "application/pdf", b"<html>", False),
        ("image/png", "text/html; charset=utf-8", b"", True),
        ("text/plain", None, b"<html>", False),
        (None, None, b"\xef\xbb\xbf\r\n<!DOCTYPE  HTML PUBLIC>", True),
        ("", "", b"<!-- a --><!-- b -->\n<html lang=en>", True),
        ("", None, b'<?xml version="1.0"?>\n<!DOCTYPE html>', True),
        ("", None, b"<htmlx>", False),
        ("", None, b"hello <html>", False),
        ("", None, b"<!---->" * 1000, False),
        (None, None, b"", False),
    ],
)
def test_is_html(mime: str | None, identified: str | None, body: bytes, expected: bool) -> None:
    assert html.is_html(mime, identified, body) is expected


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"\xef\xbb\xbf\xc3\xa9", "text/html; charset=koi8-r", "é"),  # the mark wins
        (b"\xff\xfea\0", None, "a"),
        (b"\xfe\xff\0a", None, "a"),
        (b"\xec\xd1", 'text/html; Charset="KOI8-R"', "Ля"),
        (b"\xe9", "text/html; charset=ISO-8859-1", "é"),
        (b"\x80\x81", "text/html; charset=latin1", "€\x81"),  # Latin-1 means windows-1252
        (b"\xc3\xa9", "text/html; charset=nonsense", "é"),
        (b"\xc3\xa9", "text/html; charset=hex", "é"),  # a codec of Python, not of the web
        (b"\xa4\xa4", "text/html; charset=Big5", "中"),
        (b"\x93\xfa", "text/html; charset=Shift_JIS", "日"),
        (b"\xd6\xd0\x80", "text/html; charset=gb2312", None),
        (b"\x00\xd8", "text/html; charset=utf-16", "\ufffd"),
        (b"\xff", "text/html; charset=utf-8", "\ufffd"),
        (b"<meta charset=koi8-r>\xcc", None, "<meta charset=koi8-r>л"),
        (b"<meta charset=koi8-r>\xc3\xa9", "text/html; charset=utf-8", "<meta charset=koi8-r>é"),
        (b"<!--<meta charset=koi8-r>-->\xc3\xa9", None, "<!--<meta charset=koi8-r>-->é"),
        (b"<meta charset=utf-16>\xc3\xa9", None, "<meta charset=utf-16>é"),
        (b" " * 1024 + b"<meta charset=koi8-r>\xc3\xa9", None, " " * 1024 + "<meta charset=koi8-r>é"),
        ("né".encode() + b"\xe2\x82", None, "né\ufffd"),  # cut inside a character
        (b"caf\xe9", None, "café"),
        (b"", None, ""),
    ],
)
def test_decode(body: bytes, content_type: str | None, expected: str | None) -> None:
    found = html.decode(body, content_type)
    assert expected is None or found == expected


def test_decode_http_equiv() -> None:
    head = b'<META http-equiv="Content-Type" content="text/html; charset=windows-1251">'
    assert html.decode(head + b"\xdf", None)[-1] == "Я"


def test_every_codec_exists() -> None:
    for label, codec in html._LABELS.items():
        assert html._decode_as(b"a", codec) in ("a", "\ufffd"), label


@given(st.binary(max_size=200), st.none() | st.text(max_size=20) | st.sampled_from(LABELS).map("charset={}".format))
@example(b"\x83\x36\xc8\x30" * 3, "charset=gb18030")
def test_decode_never_raises_and_gives_no_surrogate(body: bytes, content_type: str | None) -> None:
    html.decode(body, content_type).encode()
    html.is_html(None, None, body)


@settings(deadline=None)
@given(pages, st.sampled_from(["http://h/d/f", "https://[::1]/", "http://[", "", "dns:x"]))
def test_any_page(page: str, base_url: str) -> None:
    tree = html.parse(page.encode(), None)
    document = tree.document
    assert document is not None
    elements = document.get_elements_by_tag_name("*").values()
    assert html.tags(tree) == Counter(element.tag for element in elements)  # the fast way equals the plain one
    for url in html.links(tree, base_url):
        assert url.lower().startswith(("http://", "https://"))
        url.encode()
    html.title(tree).encode()
    html.text(tree).encode()


def test_many_names_in_a_script_are_no_elements() -> None:
    names = "".join(f"<n{i}>" for i in range(2 * html.MANY_NAMES))
    assert html.tags(html.parse(f"<script>{names}</script><p>".encode(), None)) == {
        "html": 1, "head": 1, "script": 1, "body": 1, "p": 1,
    }  # fmt: skip


def test_nested_page() -> None:
    tree = html.parse(b"<div>" * 1000, None)
    assert html.tags(tree)["div"] == 1000


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<a href=b>", ["http://h.example/d/b"]),
        ("<a href=' \n/b\tc\r\n '>", ["http://h.example/bc"]),
        ("<a href=//o.example/>", ["http://o.example/"]),
        ("<a href=HTTPS://O.example/x>", ["https://O.example/x", "HTTPS://O.example/x"]),
        ("<a href='#top'><a href='?q'>", ["http://h.example/d/f#top", "http://h.example/d/f?q"]),
        ("<a href='http://o.example/?'>", ["http://o.example/?"]),
        ("<a href=mailto:x><a href=javascript:x><a href=ftp://x/>", []),
        ("<a href='http://[x'><a href=y>", ["http://h.example/d/y"]),
        ("<area href=1><a href=2><area href=3><a name=4>", [f"http://h.example/d/{i}" for i in (1, 2, 3)]),
        ("<base href=//o.example/p/><base href=/no/><a href=x>", ["http://o.example/p/x"]),
        ("<base target=_top><base href=q/><a href=x>", ["http://h.example/d/q/x"]),
        ("<base href='http://['><a href=x>", ["http://h.example/d/x"]),
        ("<base href='data:x'><a href=x>", ["http://h.example/d/x"]),
        ("<a href='http://ü.example/ä'>", ["http://ü.example/ä"]),
        ("<link href=x><img src=y>", []),
    ],
)
def test_links(page: str, expected: list[str]) -> None:
    found = list(html.links(html.parse(page.encode(), None), "http://h.example/d/f"))
    assert found == expected or (len(found) == 1 and found[0] in expected)


def test_text_and_title() -> None:
    tree = html.parse(b"<title>T\n x</title><style>s</style><p>One<p>Two <img alt=no src=i>", None)
    assert html.title(tree) == "T x"
    assert html.text(tree).split() == ["One", "Two"]
    assert html.title(html.parse(b"", None)) == ""
    assert html.text(html.parse(b"", None)) == ""


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resiliparse.parse.html", None)
    with pytest.raises(MissingExtra, match=r"crawlmill\[html\]"):
        html.parse(b"", None)

"""Keys of an index: those of the sample index, and those of Internet Archive's own code."""

from __future__ import annotations

import json
import random
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

import crawlmill.records.surt as surt_module
from crawlmill.records.surt import surt

PIECES = (
    *"/aB?&=#% ~+;|\"<\\'é.", "..", "/../", "/./", "//", "%41", "%2e", "%2F", "%2541", "%C3%A9", "%zz", "x=1", "b&a",
    "sid=0123456789abcdef0123456789abcdef", "JSESSIONID=0123456789abcdef0123456789ABCDEF", "cfid=1&cftoken=2",
    "(abcdefghijklmnopqrstuvwx)/", "(a(abcdefghijklmnopqrstuvwx))/", "q.aspx",
)  # fmt: skip
SITES = ("http://www.example.com", "https://WWW2.Example.com:443", "http://me:x@example.co.uk:8080", "http://192.0.2.7",
         "http://bücher.example.", "ftp://a..example", "http://www.www.example", "http://example.com:")  # fmt: skip


def test_keys_of_the_sample_index(samples: Path) -> None:
    for line in (samples / "cdx/index.cdxj").read_text().splitlines():
        key, _, about = line.split(" ", 2)
        assert surt(json.loads(about)["url"]) == key


def test_keys_of_the_other_code() -> None:
    """But for IPv6 addresses, of which that one drops the brackets."""
    theirs = pytest.importorskip("surt", reason="surt is not installed: pip install 'crawlmill[dev]'").surt
    rng = random.Random(5)
    for _ in range(20_000):
        url = rng.choice(SITES) + rng.choice(("", "/", "?")) + "".join(rng.choices(PIECES, k=rng.randrange(9)))
        if url.partition("://")[2].partition("/")[0].partition("?")[0] not in {
            site.partition("://")[2] for site in SITES
        }:
            continue  # the pieces went on with the host
        assert surt(url) == theirs(url), url


@pytest.mark.parametrize("url", ["dns:example.com", "urn:uuid:1", "", "http://", "/a"])
def test_what_has_no_host_has_no_key(url: str) -> None:
    assert surt(url) is None


escapes = st.lists(st.sampled_from(["%", "2", "5", "4", "1", "%25", "%2", "g", "%c3"]), max_size=30).map("".join)


@given(escapes)
def test_escapes_are_undone_as_often_as_there_are_any(text: str) -> None:
    data = text.encode()
    while True:
        plain = unquote_to_bytes(data)
        if plain == data:
            break
        data = plain
    assert surt_module._undone(text.encode()) == data == surt_module._plain(text)


def test_escapes_of_escapes_take_linear_work() -> None:
    key = surt("http://a.example/%" + "25" * 200_000 + "41")
    assert key == "example,a)/a"
    assert surt("http://a.example/?" + "cfid=" * 100_000) is not None

"""Links and bases: what they mean, and how much is made of long ones."""

from __future__ import annotations

from urllib.parse import urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlmill.records import resolving, urls
from crawlmill.records.resolving import MAX_BASE, MAX_URL, absolute, sites

PAGE = "http://c.example/d/e?f"


@pytest.mark.parametrize(
    ("base", "href", "expected"),
    [
        (None, "a", "http://c.example/d/a"),
        ("", "../a", "http://c.example/a"),
        ("/x/", " a\t\n", "http://c.example/x/a"),
        ("//b.example", "a", "http://b.example/a"),
        ("mailto:x", "a", "http://c.example/d/a"),
        ("https://b.example/x/y", "//[::1]/", "https://[::1]/"),
        (None, "http://[", None),
        (None, "javascript:void", None),
        (None, "", "http://c.example/d/e?f"),
    ],
)
def test_absolute(base: str | None, href: str, expected: str | None) -> None:
    assert list(absolute(PAGE, base, [href])) == ([] if expected is None else [expected])


def test_a_base_that_is_too_long_takes_no_part() -> None:
    base = "http://b.example/" + "x" * MAX_BASE + "/"
    links = ["a", "/a", "//d.example/a", "http://e.example/a", "HTTPS://f.example"]
    assert list(absolute(PAGE, base, links)) == ["http://d.example/a", "http://e.example/a", "HTTPS://f.example"]
    assert list(absolute(base, None, links))[:1] == ["http://d.example/a"]
    assert [urls.host(url) for url in sites(PAGE, base, links)] == [f"{name}.example" for name in "bbdef"]


def test_a_link_that_is_too_long_is_left_out_where_all_of_it_is_asked_for() -> None:
    link = "http://b.example/" + "x" * MAX_URL
    assert list(absolute(PAGE, None, [link, link[:MAX_URL]])) == [link[:MAX_URL]]
    assert [urls.host(url) for url in sites(PAGE, None, [link, "x" * MAX_URL])] == ["b.example", "c.example"]


@pytest.mark.parametrize("long", ["base", "page"])
def test_work_is_linear_in_the_page(long: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that the resolver is given and gives, and those that come out, for twice as long a base and as many links."""
    bytes_ = 0

    def counted(base: str, href: str) -> str:
        nonlocal bytes_
        found = urljoin(base, href)
        bytes_ += len(base) + len(href) + len(found)
        return found

    monkeypatch.setattr(resolving, "urljoin", counted)
    for resolve in (absolute, sites):
        work = []
        for size in (500_000, 1_000_000):
            bytes_, url = 0, "http://b.example/" + "x/" * (size // 2)
            links = [f"p{number}" for number in range(size // 20)]
            found = resolve(PAGE, url, links) if long == "base" else resolve(url, None, links)
            work.append(bytes_ + sum(map(len, found)))
        assert work[1] < 2.2 * work[0] + 1000 and work[1] < 100 * 2_000_000


def test_what_python_remembers_of_long_links_is_given_back() -> None:
    from urllib.parse import urlsplit

    for number in range(200):
        list(absolute(PAGE, None, [f"//h{number}.example/" + "x" * 100_000]))
    if hasattr(urlsplit, "cache_info"):
        assert urlsplit.cache_info().currsize < 128
    else:
        assert urls is not None  # before 3.11 it keeps 20


parts = st.lists(
    st.sampled_from(
        ["http:", "https:", "//", "/", "a.example", "@", ":80", "?", "#", "\\", "[::1]", "[", "..", "x", " ", "\t"]
    ),
    max_size=7,
).map("".join)


@given(parts, parts, parts)
def test_sites_are_those_of_the_whole_urls(page: str, base: str, href: str) -> None:
    page = "http://c.example/" + page
    whole = [urls.host(url) for url in absolute(page, base, [href])]
    assert [urls.host(url) for url in sites(page, base, [href])] == whole

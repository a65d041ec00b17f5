"""What the tree of a page would cost: sure to be seen where it is much, and never where pages are as pages are."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import pytest

from crawlmill.records.followed import MOST_TEMPLATES, Followed
from crawlmill.records.html import decode, is_html
from crawlmill.records.markup import LEAST_STEPS, MEMORY, STEPS, _is_plain, check
from crawlmill.records.open_elements import ELEMENT
from crawlmill.records.record import Record
from crawlmill.warc.damage import BodyDamage
from crawlmill.warc.reading import MAX_BODY, Reading
from crawlmill.warc.walk import walk
from hostile import LINEAR, QUADRATIC
from memory import Memory
from work import calls

_TAGS = """a b i font nobr span x div p li ul ol dd dl dt table tr td th tbody caption select option button form h1 h2 object
template svg math desc title script style textarea br img input section address body html head noscript iframe mi
foreignObject g marquee ruby rt colgroup col em code"""
TAGS = _TAGS.split()
ODD = ["<!-- <b> -->", "<![CDATA[ ", "--></div>", "]]>", '<a title="<b>">', "<p x='>'>", "<!x>", "</ >", "x"]


def soup(seed: int) -> str:
    """Tags in any order, with or without what they need."""
    rand = random.Random(seed)
    names = rand.sample(TAGS, rand.randrange(2, 9)) if rand.random() < 0.8 else TAGS

    def part(count: int) -> str:
        made = []
        for _ in range(count):
            name, kind = rand.choice(names), rand.random()
            attribute = f" a={rand.randrange(50)}" if rand.random() < 0.4 else ""
            start = f"<{name}{attribute}{'/' * (rand.random() < 0.03)}>"
            made.append(start if kind < 0.55 else f"</{name}>" if kind < 0.85 else rand.choice(ODD))
        return "".join(made)

    return part(rand.randrange(2, 12)) * rand.choice([1, 30, 60]) if rand.random() < 0.7 else part(300)


def elements(text: str) -> int:
    """How many elements the parser makes of a text."""
    tree = pytest.importorskip("resiliparse.parse.html").HTMLTree.parse(text)
    return len(tree.document.get_elements_by_tag_name("*"))


def test_no_tree_has_more_elements_than_were_counted() -> None:
    """Against the parser itself. What it costs to find an end in a wrong place is left out: some tags in odd places."""
    for seed in range(1000):
        text = soup(seed)
        followed = Followed(text, 1 << 40, 1 << 40)
        assert followed.fits()
        assert ELEMENT * elements(text) < 1.5 * followed.memory + 60 * ELEMENT, (seed, text)


@pytest.mark.slow
@pytest.mark.parametrize("name", QUADRATIC)
def test_what_takes_the_square_is_not_parsed(name: str) -> None:
    make = QUADRATIC[name]
    for size in (1 << 19, 1 << 21):
        with pytest.raises(BodyDamage) as raised:
            check(make(size), MAX_BODY)
        assert raised.value.kind == "oversized"


@pytest.mark.slow
@pytest.mark.parametrize("name", QUADRATIC)
@pytest.mark.parametrize("size", [1 << 12, 1 << 14, 1 << 16])
def test_what_is_let_through_is_bounded(name: str, size: int) -> None:
    text = QUADRATIC[name](size)
    try:
        check(text, MAX_BODY)
    except BodyDamage:
        return
    followed = Followed(text, 1 << 40, 1 << 40)
    assert followed.fits()
    assert followed.memory < MEMORY * MAX_BODY and followed.steps < 8 * LEAST_STEPS
    assert followed.templates <= MOST_TEMPLATES and ELEMENT * elements(text) < MEMORY * MAX_BODY


@pytest.mark.slow
@pytest.mark.parametrize("name", [*QUADRATIC, *LINEAR])
def test_the_look_at_a_page_is_linear(name: str) -> None:
    """Twice the page, about twice the calls; it ends where a limit is passed, so no page costs more than that."""
    make = {**QUADRATIC, **LINEAR}[name]
    work = []
    for size in (1 << 14, 1 << 15, 1 << 16):
        text = make(size)
        followed = Followed(text, MEMORY * MAX_BODY, 1 << 60)
        work.append(calls(followed.fits) - 10 * followed.reopened)
    assert all(after < 2.3 * before + 100 for before, after in itertools.pairwise(work))
    assert work[-1] < 10 * (1 << 16) + 10 * MEMORY * MAX_BODY // ELEMENT


def test_common_pages_are_only_counted_over() -> None:
    page = '<div class="a"><p>One <b>two</b> <a href="/x">three</a><br><em>four</em></div>\n' * 1500
    assert len(page) > 100_000 and _is_plain(page)
    assert calls(lambda: check(page, MAX_BODY)) < 100


@pytest.mark.slow
def test_the_limit_grows_with_max_body() -> None:
    page = "<p>x" * 400_000
    with pytest.raises(BodyDamage):
        check(page, MAX_BODY)
    check(page, 4 * MAX_BODY)


@pytest.mark.parametrize(
    ("page", "created"),
    [
        ("<p>a<p>b<p>c", 3),
        ("<ul><li>a<li>b</ul>", 3),
        ("<p><b>a</p><p>b", 4),
        ("<table><tr><td>a<td>b<tr><td>c</table>", 6),
        ("<svg><path d='a'/><g><path/></g></svg>", 4),
        ("<script>'<b><b><b>'</script><i>", 2),
        ("<!-- <b> <!-- --><i>", 1),
        ('<i title="<b>">', 1),
        ("<i a=b/>x</i><svg><a b=c/></svg>", 3),
    ],
)
def test_elements(page: str, created: int) -> None:
    followed = Followed(page, 1 << 40, 1 << 40)
    assert followed.fits() and followed.created == created


def test_real_pages_pass(corpus: Path) -> None:
    seen = 0
    for archive in sorted(corpus.rglob("*.warc")):
        for item in walk(Memory(archive.read_bytes()), 0, None, Reading(frozenset({"response"}))):
            if not isinstance(item, Record) or item.http is None:
                continue
            try:
                body = item.body
            except BodyDamage:
                continue
            if is_html(item.http.mime, item.identified, body):
                text = decode(body, item.http.headers.get("Content-Type"))
                check(text, MAX_BODY)
                followed = Followed(text, MEMORY * MAX_BODY, STEPS * len(text))
                assert followed.fits(), item
                assert followed.created < 1.5 * elements(text) + 100, item
                seen += 1
    assert seen > 20

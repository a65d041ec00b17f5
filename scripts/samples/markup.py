"""Writes HTML and counts, while writing, what a reader must find in it: elements, links, text, metadata."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

VOID = frozenset(("base", "br", "hr", "img", "input", "link", "meta"))
BLOCK = frozenset(
    ("blockquote", "div", "dd", "dt", "h1", "h2", "h3", "li", "ol", "p", "pre", "table", "td", "title", "tr", "ul")
)
LINK_PATHS = {
    "a": ("A@/href", "href"),
    "area": ("AREA@/href", "href"),
    "img": ("IMG@/src", "src"),
    "form": ("FORM@/action", "action"),
}


@dataclass(frozen=True)
class Html:
    """A piece of HTML and the facts about it.

    Attributes:
        source: the markup.
        text: what a person sees, blocks separated by newlines.
        tags: one lower-case name for each element.
        targets: the host each `<a href>` with an http(s) target leads to, as declared by whoever wrote the link.
        head: (section, entry) pairs for the `Head` of a WAT record.
        links: entries for the `Links` of a WAT record.
    """

    source: str
    text: str = ""
    tags: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    head: tuple[tuple[str, dict[str, str]], ...] = ()
    links: tuple[dict[str, str], ...] = ()


def join(parts: Iterable[Html | str]) -> Html:
    """One piece out of several; strings are escaped."""
    pieces = [part if isinstance(part, Html) else Html(_escape(part), part) for part in parts]
    return Html(
        "".join(p.source for p in pieces),
        "".join(p.text for p in pieces),
        sum((p.tags for p in pieces), ()),
        sum((p.targets for p in pieces), ()),
        sum((p.head for p in pieces), ()),
        sum((p.links for p in pieces), ()),
    )


def raw(source: str, text: str = "") -> Html:
    """Markup that holds no element, whatever it looks like: a comment, a script, the text of a title."""
    return Html(source, text)


def el(name: str, attributes: Mapping[str, str] | None = None, *children: Html | str, to: str | None = None) -> Html:
    """One element.

    Args:
        name: written as it is, counted in lower case.
        to: for `<a href>` with an http(s) target, the host it leads to.

    >>> piece = el("P", {}, "see ", el("a", {"href": "/x"}, "there", to="a.example"))
    >>> piece.source, piece.tags, piece.targets
    ('<P>see <a href="/x">there</a></P>', ('p', 'a'), ('a.example',))
    """
    attributes = dict(attributes or {})
    inside, tag = join(children), name.lower()
    start = name + "".join(f' {key}="{_escape_value(value)}"' for key, value in attributes.items())
    source = f"<{start}>" if tag in VOID else f"<{start}>{inside.source}</{name}>"
    text = f"\n{inside.text}\n" if tag in BLOCK else "\n" if tag in ("br", "hr") else inside.text
    lower = {key.lower(): value for key, value in attributes.items()}
    return Html(
        source,
        "" if tag in ("script", "style", "textarea") else text,
        (tag, *inside.tags),
        (*((to,) if to else ()), *inside.targets),
        (*_head_entries(tag, lower, inside), *inside.head),
        (*_link_entries(tag, lower, inside), *inside.links),
    )


def document(
    language: str,
    title: Html | str,
    *body: Html | str,
    head: Iterable[Html] = (),
    charset: str = "utf-8",
    upper: bool = False,
) -> Html:
    """A whole page. `html`, `head` and `body` are written out, so that a parser has nothing to add.

    Args:
        upper: write the names of the outer elements in capitals.
    """

    def case(name: str) -> str:
        return name.upper() if upper else name

    top = el(
        case("head"),
        {},
        "\n",
        el(case("meta"), {"charset": charset}),
        "\n",
        el(case("title"), {}, title),
        "\n",
        *head,
        "\n",
    )
    page = el(case("html"), {"lang": language}, "\n", top, "\n", el(case("body"), {}, "\n", *body, "\n"), "\n")
    return join((raw("<!DOCTYPE html>\n"), page, raw("\n")))


def visible_text(page: Html) -> str:
    """The text of a WET record: a line a block, white space collapsed, without empty lines."""
    lines = (" ".join(line.split()) for line in page.text.split("\n"))
    return "".join(f"{line}\n" for line in lines if line)


def _head_entries(tag: str, attributes: dict[str, str], inside: Html) -> tuple[tuple[str, dict[str, str]], ...]:
    if tag == "title":
        return (("Title", {"text": " ".join(inside.text.split())}),)
    if tag == "base":
        return (("Base", {"url": attributes["href"]}),)
    if tag == "meta":
        return (("Metas", attributes),)
    if tag == "link":
        return (("Link", {"path": "LINK@/href", "url": attributes["href"], "rel": attributes["rel"]}),)
    if tag == "script" and "src" in attributes:
        return (("Scripts", {"path": "SCRIPT@/src", "url": attributes["src"]}),)
    return ()


def _link_entries(tag: str, attributes: dict[str, str], inside: Html) -> tuple[dict[str, str], ...]:
    path, name = LINK_PATHS.get(tag, ("", ""))
    if name not in attributes:
        return ()
    entry = {"path": path, "url": attributes[name]}
    text = " ".join(inside.text.split())[:128]
    if text and tag == "a":
        entry["text"] = text
    entry.update({key: attributes[key] for key in ("alt", "rel", "target", "title", "method") if key in attributes})
    return (entry,)


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _escape_value(text: str) -> str:
    """`<` and `>` are legal in a quoted value and stay: a tag regex stumbles over them, a parser does not."""
    return text.replace("&", "&amp;").replace('"', "&quot;")

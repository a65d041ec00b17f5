"""Pages and JSON that are small in an archive and ask for much, by a name and the bytes that they have about."""

from __future__ import annotations

from collections.abc import Callable


def fill(unit: str, size: int) -> str:
    """A text of a size out of one that is repeated."""
    return (unit * (size // len(unit) + 1))[:size]


def numbered(form: str, size: int) -> str:
    """A text of about a size out of one with a number in it, counted up."""
    return "".join(form % number for number in range(size // (len(form) + 3)))


Make = Callable[[int], str]
QUADRATIC: dict[str, Make] = {
    "end tags that fit nothing": lambda size: fill("<span>", size // 2) + fill("</x>", size // 2),
    "end tags of headings": lambda size: fill("<span>", size // 2) + fill("</h1>", size // 2),
    "end tags in SVG": lambda size: fill("<svg>", size // 2) + fill("</x>", size // 2),
    "formatting": lambda size: numbered("<b a=%d>", size),
    "formatting and end tags": lambda size: numbered("<b a=%d>", size // 2) + fill("</b>", size // 2),
    "formatting opened anew": lambda size: "<p>" + numbered("<b a=%d>", size // 2) + "</p>" + fill("<p>x", size // 2),
    "formatting behind > in a value": lambda size: (
        "<p>" + numbered("<b a='>%d'>", size // 2) + "</p>" + fill("<p>x", size // 2)
    ),
    "formatting in a table": lambda size: numbered("<table><i a=%d>", size // 2) + fill("<table>x", size // 2),
    "links in blocks": lambda size: fill("<a>x<div>", size),
    "attributes": lambda size: "<p " + numbered("a%d ", size) + ">",
    "attributes and > in values": lambda size: "<p " + numbered("a%d x='>' ", size) + ">",
    "attributes of body": lambda size: numbered("<body a%d>", size),
    "options": lambda size: "<select>" + fill("<option>", size),
    "nested lists": lambda size: fill("<ul><li>x", size),
    "nested templates": lambda size: fill("<template>", size),
    "templates in a title of SVG": lambda size: "<svg><title>" + fill("<template>", size),
}
"""Markup that costs a parser the square of its bytes, or all of its stack."""
LINEAR: dict[str, Make] = {
    "b": lambda size: fill("<b>", size),
    "p": lambda size: fill("<p>x", size),
    "div": lambda size: fill("<div>x", size),
    "links": lambda size: fill("<a href=//x>y</a>", size),
    "different links": lambda size: numbered("<a href=//%d.example>", size),
    "attributes": lambda size: fill("<p a b c d>", size),
    "one tag": lambda size: f"<p {fill('a ', size)}>",
    "comments": lambda size: fill("<!>", size),
    "cells": lambda size: fill("<table><tr><td>x", size),
    "meta": lambda size: fill("<meta charset=x>", size),
    "srcset": lambda size: f"<img srcset='{fill('a.png 1x, ', size)}'>",
    "a value": lambda size: f"<p title='{fill('a ', size)}'>",
    "escapes": lambda size: fill("&", size),
    "less than": lambda size: fill("<", size),
    "wide letters": lambda size: "\U0001f600" + fill("& ", size),
    "scripts": lambda size: fill("<script><!--", size),
    "words": lambda size: numbered("%x ", size),
    "one word": lambda size: fill("a", size),
    "marks": lambda size: "a" + fill("\u0301", size // 2),
    "articles": lambda size: fill('<div class="item"><a href="/some/page.html">Some words of a link</a></div>\n', size),
}
"""Markup that grows a tree and what is made of it with its bytes, as fast as one can."""

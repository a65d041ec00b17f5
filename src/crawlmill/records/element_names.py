"""Names of HTML elements by how a parser treats them (HTML Standard, section 13.2)."""

from __future__ import annotations


def _set(names: str) -> frozenset[str]:
    return frozenset(names.split())


VOID = _set("area base basefont bgsound br col embed frame hr image img input keygen link meta param source track wbr")
RAW = _set("script style textarea title xmp iframe noembed noframes")
FORMATTING = _set("a b big code em font i nobr s small strike strong tt u")
SCOPES = _set("applet caption table td th marquee object template select") | RAW
TABLES = SCOPES - {"td", "th", "caption"}
MARKERS = _set("applet object marquee template td th caption")
CELLS, ROWS, GROUPS = ("td", "th"), ("tr",), ("tbody", "thead", "tfoot")
OF_TABLES = frozenset((*CELLS, *ROWS, *GROUPS, "caption", "col", "colgroup"))
BLOCKS = _set(
    "address article aside blockquote button center dd details dialog dir div dl dt fieldset figcaption figure footer form h "
    "header hgroup li listing main menu nav ol p pre search section summary ul"
)
UNNAMED = _set("frameset hr noscript plaintext tr tbody thead tfoot")  # special, but closed like any other
SPECIAL = BLOCKS | SCOPES | UNNAMED
LOOSE = _set("address div p")  # what the standard passes over when it looks for an open list item
LISTS = _set("ul ol menu dir")
HEADINGS = dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), "h")  # the end tag of one closes any
INTEGRATION = {"svg": _set("desc foreignobject title"), "math": _set("mi mo mn ms mtext")}
HTML_TYPES = ("text/html", "application/xhtml+xml")
FONT_NAMES = {"color", "face", "size"}
BREAKOUT = FORMATTING - {"a", "font"} | _set(
    "blockquote body br center dd div dl dt embed h head hr img li listing menu meta ol p pre ruby span sub sup table ul "
    "var"
)

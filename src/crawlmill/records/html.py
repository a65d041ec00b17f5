"""From the bytes of a page to its text, elements and links, read as a browser would. Parsing needs ``crawlmill[html]``."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from crawlmill.errors import MissingExtra
from crawlmill.records import resolving
from crawlmill.records.http import media_type
from crawlmill.records.markup import check
from crawlmill.warc.reading import MAX_BODY

if TYPE_CHECKING:
    from resiliparse.parse.html import HTMLTree

    Tree = HTMLTree
else:
    Tree = object  # so that an analysis can name the type without the package

HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
"""Media types of pages."""

PRESCAN = 1024
"""Bytes in which a page must declare its encoding (HTML Standard, section 13.2.3.2)."""

MANY_NAMES = 200
"""Distinct names after a ``<`` from which elements are counted one by one instead of name by name."""

# Python codec -> the labels that mean it (Encoding Standard, section 4.2), without what is neither letter nor digit.
_CODECS = {
    "utf-8": "utf8 unicode11utf8 unicode20utf8 xunicode20utf8 utf8mb4",
    "utf-16-le": "utf16 utf16le ucs2 iso10646ucs2 unicode csunicode unicodefeff",
    "utf-16-be": "utf16be unicodefffe",
    "windows-1252": "windows1252 cp1252 xcp1252 ascii usascii ansix341968 iso88591 iso885911987 isoir100 latin1 l1 ibm819"
    " cp819 csisolatin1 xuserdefined",
    "iso8859-2": "iso88592 iso885921987 isoir101 latin2 l2 csisolatin2",
    "iso8859-3": "iso88593 iso885931988 isoir109 latin3 l3 csisolatin3",
    "iso8859-4": "iso88594 iso885941988 isoir110 latin4 l4 csisolatin4",
    "iso8859-5": "iso88595 iso885951988 isoir144 cyrillic csisolatincyrillic",
    "iso8859-6": "iso88596 iso88596e iso88596i iso885961987 isoir127 arabic asmo708 ecma114 csisolatinarabic",
    "iso8859-7": "iso88597 iso885971987 isoir126 greek greek8 elot928 ecma118 suneugreek csisolatingreek",
    "iso8859-8": "iso88598 iso88598e iso88598i iso885981988 isoir138 hebrew logical visual csisolatinhebrew",
    "iso8859-10": "iso885910 isoir157 latin6 l6 csisolatin6",
    "iso8859-13": "iso885913",
    "iso8859-14": "iso885914",
    "iso8859-15": "iso885915 latin9 l9 csisolatin9",
    "iso8859-16": "iso885916",
    "koi8-r": "koi8r koi koi8 cskoi8r",
    "koi8-u": "koi8u koi8ru",
    "mac-roman": "macintosh mac xmacroman csmacintosh",
    "mac-cyrillic": "xmaccyrillic xmacukrainian",
    "cp866": "866 cp866 ibm866 csibm866",
    "cp874": "windows874 dos874 tis620 iso885911",
    "cp1250": "windows1250 cp1250 xcp1250",
    "cp1251": "windows1251 cp1251 xcp1251",
    "cp1253": "windows1253 cp1253 xcp1253",
    "cp1254": "windows1254 cp1254 xcp1254 iso88599 iso885991989 isoir148 latin5 l5 csisolatin5",
    "cp1255": "windows1255 cp1255 xcp1255",
    "cp1256": "windows1256 cp1256 xcp1256",
    "cp1257": "windows1257 cp1257 xcp1257",
    "cp1258": "windows1258 cp1258 xcp1258",
    "gb18030": "gb18030 gbk xgbk gb2312 gb231280 chinese isoir58 csgb2312 csiso58gb231280",
    "big5hkscs": "big5 big5hkscs cnbig5 xxbig5 csbig5",
    "euc_jp": "eucjp xeucjp cseucpkdfmtjapanese",
    "iso2022_jp": "iso2022jp csiso2022jp",
    "cp932": "shiftjis sjis xsjis mskanji ms932 windows31j csshiftjis",
    "cp949": "euckr cseuckr korean ksc5601 ksc56011987 ksc56011989 isoir149 windows949 csksc56011987",
}
_LABELS = {label: codec for codec, labels in _CODECS.items() for label in labels.split()}
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))

# The five bytes that windows-1252 leaves open are control characters, as in Latin-1 (Encoding Standard, section 9.1).
_CP1252 = {byte: bytes([byte]).decode("cp1252") for byte in range(0x80, 0xA0) if byte not in b"\x81\x8d\x8f\x90\x9d"}

_NOT_IN_LABEL = re.compile(r"[^a-z0-9]+")
_CHARSET = re.compile(r"""charset\s*=\s*(?:["']\s*)?([^\s"';,]+)""", re.IGNORECASE)
_META = re.compile(rb"""<meta[\s/][^>]*?charset\s*=\s*(?:["']\s*)?([^\s"'/>;]+)""", re.IGNORECASE)
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
_PAGE_START = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?<(?:!doctype\s+html|html)(?![a-z0-9-])", re.IGNORECASE
)
_SURROGATE = re.compile("[\ud800-\udfff]")

_NAME = re.compile(r"<([A-Za-z][^\t\n\f\r />]*)")


def is_html(mime: str | None, identified: str | None, body: bytes) -> bool:
    """Whether a response holds a page.

    Args:
        mime: the declared media type; None or empty when there is none.
        identified: the media type that the crawler recognised; decides where there is one.
        body: looked at when neither type is there: does it begin with ``<!doctype html`` or ``<html``, white space,
            comments and an XML declaration left aside?

    >>> is_html("text/plain", "text/html", b""), is_html("application/json", None, b"<html>"), is_html("", None, b" <HTML>")
    (True, False, True)
    """
    kind = media_type(identified) or media_type(mime)
    if kind:
        return kind in HTML_TYPES
    return _PAGE_START.match(_COMMENT.sub(b"", body[:PRESCAN])) is not None


def decode(body: bytes, content_type: str | None) -> str:
    """The characters of a page; bytes that mean none become U+FFFD.

    The encoding is that of the byte order mark, else of the ``charset`` of `content_type`, else of a ``<meta>`` in the
    first 1024 bytes, else UTF-8 when the bytes are that (a character cut at the end is allowed: crawlers truncate),
    else windows-1252. Labels are those of the Encoding Standard; unknown ones count as absent.

    >>> decode(b"caf\\xe9", None), decode("café".encode(), None), decode(b"\\xec\\xd1", "text/html; charset=koi8-r")
    ('café', 'café', 'Ля')
    """
    for mark, codec in _BOMS:
        if body.startswith(mark):
            return _decode_as(body[len(mark) :], codec)
    declared = _declared(body[:PRESCAN], content_type)
    if declared is not None:
        return _decode_as(body, declared)
    try:
        text, used = codecs.utf_8_decode(body, "strict", False)
    except UnicodeDecodeError:
        return _decode_as(body, "windows-1252")
    if used == len(body):
        return text
    return _decode_as(body, "windows-1252" if text.isascii() else "utf-8")


def parse(body: bytes, content_type: str | None, max_body: int = MAX_BODY) -> Tree:
    """The tree of a page, whatever its bytes are.

    Args:
        body: the page, content encodings undone.
        content_type: the Content-Type field, for its ``charset`` (see :func:`decode`).
        max_body: what its tree may cost, in bytes of a page (see :func:`crawlmill.records.markup.check`).

    Raises:
        BodyDamage: ``oversized``: its tree would take too much memory or time.
        MissingExtra: resiliparse is not installed.
    """
    try:
        from resiliparse.parse.html import HTMLTree
    except ImportError:
        raise MissingExtra("resiliparse", "html") from None
    markup = decode(body, content_type)
    check(markup, max_body)
    return HTMLTree.parse(markup)


def tags(tree: Tree) -> dict[str, int]:
    """How often each element occurs, by its name in lower case.

    Counted is the tree, not the source: ``html``, ``head`` and ``body`` are there though the page left them out (so
    are ``tbody`` and others that the parser implies), and what is inside a ``template`` is not.

    >>> sorted(tags(parse(b"<P>a<p>b<BR>", None)).items())
    [('body', 1), ('br', 1), ('head', 1), ('html', 1), ('p', 2)]
    """
    document = tree.document
    if document is None:
        return {}
    # A Python object for each element costs more than parsing the page. So: every name that the serialised tree could
    # hold is counted inside the library. Scripts and comments add names that no element has.
    total = len(document.get_elements_by_tag_name("*"))
    names = {name.lower() for name in _NAME.findall(str(tree))}
    if len(names) <= MANY_NAMES:
        counts = {name: len(document.get_elements_by_tag_name(name)) for name in names if name != "*"}
        if sum(counts.values()) == total:
            return {name: count for name, count in counts.items() if count}
    # .values(): iterating over the list itself takes time that grows with its square (resiliparse 2.0.1).
    return dict(Counter(element.tag or "" for element in document.get_elements_by_tag_name("*").values()))


def links(tree: Tree, base_url: str) -> Iterator[str]:
    """The absolute ``http`` and ``https`` URLs of ``a[href]`` and ``area[href]``, in the order of the page.

    Repeated ones come repeatedly, fragments stay. What cannot be resolved is left out; see
    :func:`crawlmill.records.resolving.absolute`, also for how long a base and a link may be.

    Args:
        tree: the page.
        base_url: its URL; the first ``base[href]`` is resolved against it and then takes its place.

    >>> list(links(parse(b'<base href="/x/"><a href=a>A</a> <a href=mailto:b>B</a>', None), "http://c.example/y"))
    ['http://c.example/x/a']
    """
    return resolving.absolute(base_url, base(tree), hrefs(tree))


def base(tree: Tree) -> str | None:
    """The first ``base[href]`` of a page, as written; None when it has none."""
    found = None if tree.document is None else tree.document.query_selector("base[href]")
    return None if found is None else found.getattr("href")


def hrefs(tree: Tree) -> Iterator[str]:
    """``a[href]`` and ``area[href]`` of a page, as written, in its order."""
    if tree.document is not None:
        for element in tree.document.query_selector_all("a[href],area[href]").values():
            yield element.getattr("href") or ""


def title(tree: Tree) -> str:
    """The page's title, white space collapsed; empty when it has none.

    >>> title(parse(b"<title> A\\n B </title>", None))
    'A B'
    """
    return " ".join((tree.title or "").split())


def text(tree: Tree) -> str:
    """What a reader sees of a page, block by block; no scripts, styles, hidden elements or form fields.

    Raises:
        MissingExtra: resiliparse is not installed.

    >>> text(parse(b"<title>t</title><p>One <b>two</b><script>x()</script>", None))
    'One two'
    """
    try:
        from resiliparse.extract.html2text import extract_plain_text
    except ImportError:
        raise MissingExtra("resiliparse", "html") from None
    return extract_plain_text(tree, preserve_formatting=True, list_bullets=False, alt_texts=False)


def _declared(head: bytes, content_type: str | None) -> str | None:
    """The codec that the header or the page's beginning names; None when neither names a known one."""
    found = _CHARSET.search(content_type) if content_type else None
    if found is not None:
        codec = _codec(found[1])
        if codec is not None:
            return codec
    for meta in _META.finditer(_COMMENT.sub(b"", head)):
        codec = _codec(meta[1].decode("latin-1"))
        if codec is not None:
            # The declaration could not have been read in UTF-16 (HTML Standard, section 13.2.3.2).
            return "utf-8" if codec.startswith("utf-16") else codec
    return None


def _codec(label: str) -> str | None:
    return _LABELS.get(_NOT_IN_LABEL.sub("", label.lower()))


def _decode_as(body: bytes, codec: str) -> str:
    if codec == "windows-1252":
        return body.decode("latin-1").translate(_CP1252)
    text = body.decode(codec, "replace")
    return text if codec == "utf-8" else _SURROGATE.sub("\ufffd", text)

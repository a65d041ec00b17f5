"""Pages with known text, and an archive of pages of every kind: what the tests of extraction share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from archives import gz, make_record
from crawlmill.spark_apps import extractors

STORY = {
    "eng": (
        "The old ferry crosses the river every morning before the sun has reached the roofs of the town on the other side, and "
        "the people who have to be at work by six are on it with their baskets and their bicycles and the first news of the day.",
        "In the winter of that year the ice came so early that the ferryman had to leave his boat on the bank for months.",
        "He says that the people of the town have never forgiven the river for what it did to the bridge of their fathers.",
    ),
    "deu": (
        "Der alte Fährmann fährt jeden Morgen über den Fluss, noch bevor die Sonne auf die Dächer der Stadt gegenüber scheint, und "
        "die Leute, die um sechs bei der Arbeit sein müssen, sind mit ihren Körben und Rädern und mit den Nachrichten bei ihm.",
        "Im Winter kam das Eis in diesem Jahr so früh, dass er sein Boot einige Monate lang nicht mehr benutzen konnte.",
        "Er sagt, dass die Leute dem Fluss nicht verziehen haben, was er mit der Brücke und mit ihren Häusern gemacht hat.",
    ),
}
"""Paragraphs that every extractor takes as the main text of a page."""
LINKS = ["Imprint", "Sitemap", "Login", "Newsletter"]
"""What stands around it, and no extractor takes."""


def article(*paragraphs: str, before: str = "") -> bytes:
    """A page with a navigation, paragraphs and a footer."""
    links = "".join(f"<li><a href='/{name}'>{name}</a></li>" for name in LINKS)
    text = "".join(f"<p>{paragraph}</p>\n" for paragraph in paragraphs)
    page = (
        f"<!doctype html><html><head><title>The ferry</title></head><body>{before}<nav><ul>{links}</ul></nav>"
        f"<article>{text}</article><footer><ul>{links}</ul></footer><script>var x = 'Login';</script></body></html>"
    )
    return page.encode()


HTML = (("Content-Type", "text/html; charset=utf-8"),)
RECORDS = {
    "http://a.example/eng": make_record("response", "http://a.example/eng", article(*STORY["eng"]), http_headers=HTML),
    "http://a.example/deu": make_record("response", "http://a.example/deu", article(*STORY["deu"]), http_headers=HTML),
    "http://a.example/image": make_record(
        "response", "http://a.example/image", b"\x89PNG", http_headers=[("Content-Type", "image/png")]
    ),
    "http://a.example/blank": make_record("response", "http://a.example/blank", b" \n", http_headers=HTML),
    "http://a.example/nothing": make_record(
        "response", "http://a.example/nothing", b"<p><script>var x;</script>", http_headers=HTML
    ),
    "http://a.example/coded": make_record(
        "response", "http://a.example/coded", b"\x00\x01", http_headers=[*HTML, ("Content-Encoding", "rot13")]
    ),
    "dns:a.example": make_record("response", "dns:a.example", b"20240501\n1.2.3.4\n", http=None),
    "http://a.example/hang": make_record(
        "response", "http://a.example/hang", article("HANG", *STORY["eng"]), http_headers=HTML
    ),
    "http://a.example/crash": make_record(
        "response", "http://a.example/crash", article("CRASH", *STORY["eng"]), http_headers=HTML
    ),
    "http://a.example/raise": make_record(
        "response", "http://a.example/raise", article("RAISE", *STORY["eng"]), http_headers=HTML
    ),
    "http://a.example/last": make_record(
        "response", "http://a.example/last", article(*STORY["eng"]), http_headers=HTML
    ),
}
"""One record of each kind, by its URL. ``Content-Length`` of the pages is that of their record."""
REASONS = {
    "http://a.example/image": "not-html",
    "http://a.example/blank": "empty",
    "http://a.example/nothing": "empty",
    "http://a.example/coded": "encoding",
    "dns:a.example": "not-html",
    "http://a.example/hang": "timeout",
    "http://a.example/crash": "crash",
    "http://a.example/raise": "raised",
}
"""Why a record of :data:`RECORDS` has no text, where it has none; with the extractors of :func:`troubled`."""


def write_archive(path: Path) -> Path:
    """An archive of :data:`RECORDS`, with a damaged one before the last."""
    records = [gz([record]) for record in RECORDS.values()]
    broken = bytearray(
        gz([make_record("response", "http://a.example/broken", article(*STORY["eng"]), http_headers=HTML)])
    )
    broken[-9] ^= 0xFF  # in the compressed data, at their end: its headers can be had, its body cannot
    path.write_bytes(b"".join([*records[:-1], bytes(broken), records[-1]]))
    return path


def troubled(*names: str) -> Callable[[str, str], tuple[str, str | None]]:
    """The extractors, but for pages that ask for trouble: they are what a page costs that a library cannot take."""
    import os

    extract = extractors.load(*names)

    def call(name: str, page: str) -> tuple[Any, str | None]:
        while "HANG" in page:
            pass
        if "CRASH" in page:
            os._exit(3)
        if "RAISE" in page:
            raise RecursionError("too deep")
        return extract(name, page)

    return call

"""From the markup of a page to its main text, by the libraries that are used for it, and to the language of that text."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from typing import NamedTuple

from crawlmill.errors import MissingExtra, UsageError
from crawlmill.records import html
from crawlmill.records.text import detect_language

EXTRA = "text"
Extract = Callable[[str], str]

# ISO 639-3, as detect_language has it, -> the name of jusText's list of stop words.
_STOP_WORDS = {
    "afr": "Afrikaans", "ara": "Arabic", "aze": "Azerbaijani", "bel": "Belarusian", "ben": "Bengali", "bos": "Bosnian",
    "bre": "Breton", "bul": "Bulgarian", "cat": "Catalan", "ces": "Czech", "chv": "Chuvash", "cym": "Welsh", "dan": "Danish",
    "deu": "German", "ell": "Greek", "eng": "English", "epo": "Esperanto", "est": "Estonian", "eus": "Basque", "fas": "Persian",
    "fin": "Finnish", "fra": "French", "fry": "West_Frisian", "gle": "Irish", "glg": "Galician", "guj": "Gujarati",
    "heb": "Hebrew", "hin": "Hindi", "hrv": "Croatian", "hun": "Hungarian", "hye": "Armenian", "ido": "Ido",
    "ind": "Indonesian", "isl": "Icelandic", "ita": "Italian", "jav": "Javanese", "kan": "Kannada", "kat": "Georgian",
    "kaz": "Kazakh", "kir": "Kyrgyz", "kor": "Korean", "kur": "Kurdish", "lat": "Latin", "lav": "Latvian",
    "lit": "Lithuanian", "ltz": "Luxembourgish", "mal": "Malayalam", "mar": "Marathi", "mkd": "Macedonian",
    "mlt": "Maltese", "nep": "Nepali", "nld": "Dutch", "nor": "Norwegian_Bokmal", "pol": "Polish",
    "por": "Portuguese", "ron": "Romanian", "rus": "Russian", "slk": "Slovak", "slv": "Slovenian", "spa": "Spanish",
    "sqi": "Albanian", "srp": "Serbian", "swa": "Swahili", "swe": "Swedish", "tam": "Tamil",
    "tel": "Telugu", "tgl": "Tagalog", "tuk": "Turkmen", "tur": "Turkish", "ukr": "Ukrainian", "urd": "Urdu",
    "uzb": "Uzbek", "vie": "Vietnamese", "vol": "Volapuk",
}  # fmt: skip


def _resiliparse() -> Extract:
    from resiliparse.extract.html2text import extract_plain_text

    def extract(page: str) -> str:
        return str(extract_plain_text(page, main_content=True, list_bullets=False, alt_texts=False))

    return extract


def _trafilatura() -> Extract:
    import trafilatura

    def extract(page: str) -> str:
        return trafilatura.extract(page, include_comments=False) or ""

    return extract


def _justext() -> Extract:
    from justext import get_stoplist, justext
    from resiliparse.parse.html import HTMLTree

    stop_words = cache(get_stoplist)

    def extract(page: str) -> str:
        language = detect_language(html.text(HTMLTree.parse(page)))
        if language in _STOP_WORDS:
            paragraphs = justext(page, stop_words(_STOP_WORDS[language]))
        else:  # jusText's way for a language without a list: length and links alone decide
            paragraphs = justext(page, frozenset(), stopwords_low=0, stopwords_high=0)
        return "\n".join(paragraph.text for paragraph in paragraphs if not paragraph.is_boilerplate)

    return extract


class Extractor(NamedTuple):
    """A way to the text of a page.

    Attributes:
        packages: what it needs, itself first: their versions decide what it makes of a page.
        load: makes the function; markup in, text out.
    """

    packages: tuple[str, ...]
    load: Callable[[], Extract]

    @property
    def version(self) -> str:
        """The versions of its packages, as ``2.3.1 (lxml 6.1.3)``."""
        first, *others = self.packages
        rest = ", ".join(f"{name} {version(name)}" for name in others)
        return f"{version(first)} ({rest})" if rest else version(first)


EXTRACTORS = {
    "resiliparse": Extractor(("resiliparse",), _resiliparse),
    "trafilatura": Extractor(("trafilatura", "justext", "lxml", "lxml_html_clean"), _trafilatura),
    "justext": Extractor(("justext", "lxml", "lxml_html_clean", "resiliparse"), _justext),
}


def load(*names: str) -> Callable[[str, str], tuple[str, str | None]]:
    """A function that takes the name of an extractor and a page, and gives the page's text and the language of that text.

    Args:
        names: the extractors that will be asked for.

    Raises:
        MissingExtra: a package that one of them needs is not installed.
    """
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # it warns of every page that it finds empty
    found: dict[str, Extract] = {}
    for name in names:
        try:
            found[name] = EXTRACTORS[name].load()
        except ImportError as error:
            raise MissingExtra(error.name or name, EXTRA, name) from None

    def extract(name: str, page: str) -> tuple[str, str | None]:
        text = found[name](page).strip()
        return text, detect_language(text)

    return extract


def names_of(text: str) -> tuple[str, ...]:
    """The extractors in a list with commas. Raises :class:`UsageError` for one that is not known or named twice.

    >>> names_of("resiliparse, justext")
    ('resiliparse', 'justext')
    """
    names = tuple(name for part in text.split(",") if (name := part.strip()))
    for at, name in enumerate(names):
        if name not in EXTRACTORS:
            raise UsageError(f"no extractor is called {name!r}", hint=f"there are {', '.join(EXTRACTORS)}")
        if name in names[:at]:
            raise UsageError(f"the extractor {name!r} is named twice")
    if not names:
        raise UsageError("no extractor is named", hint=f"there are {', '.join(EXTRACTORS)}")
    return names

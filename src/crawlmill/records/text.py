"""Text: its words, its language, and the languages that a crawler noted."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator

from crawlmill.errors import MissingExtra

UNICODE_VERSION = unicodedata.unidata_version
"""The Unicode tables that say what a letter is; they differ between versions of Python."""

_WORD = re.compile(r"[^\W_]+")
# Scripts that put no blanks between words: Han, Hiragana, Katakana, Thai, Lao, Khmer, Myanmar.
_DENSE = (
    "\u3005\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\U00020000-\U0003ffff"
)
_RUN = re.compile(f"[{_DENSE}]+|[^{_DENSE}]+")
_CLD2 = re.compile(rb"(?:^|\n)languages-cld2:[ \t]*(\{[^\r\n]*\})")

_ISO_639_3 = dict(
    pair.split(":")
    for pair in [
        "af:afr",
        "ar:ara",
        "as:asm",
        "az:aze",
        "ba:bak",
        "be:bel",
        "bg:bul",
        "bn:ben",
        "bo:bod",
        "br:bre",
        "ca:cat",
        "ce:che",
        "cs:ces",
        "cv:chv",
        "cy:cym",
        "da:dan",
        "de:deu",
        "dv:div",
        "el:ell",
        "en:eng",
        "eo:epo",
        "es:spa",
        "et:est",
        "eu:eus",
        "fa:fas",
        "fi:fin",
        "fo:fao",
        "fr:fra",
        "fy:fry",
        "ga:gle",
        "gd:gla",
        "gl:glg",
        "gu:guj",
        "ha:hau",
        "he:heb",
        "hi:hin",
        "hr:hrv",
        "hu:hun",
        "hy:hye",
        "id:ind",
        "io:ido",
        "is:isl",
        "it:ita",
        "ja:jpn",
        "jv:jav",
        "ka:kat",
        "kk:kaz",
        "km:khm",
        "kn:kan",
        "ko:kor",
        "ku:kur",
        "ky:kir",
        "la:lat",
        "lb:ltz",
        "lt:lit",
        "lv:lav",
        "mg:mlg",
        "mk:mkd",
        "ml:mal",
        "mn:mon",
        "mr:mar",
        "mt:mlt",
        "my:mya",
        "ne:nep",
        "nl:nld",
        "no:nor",
        "or:ori",
        "pa:pan",
        "pl:pol",
        "ps:pus",
        "pt:por",
        "rm:roh",
        "ro:ron",
        "ru:rus",
        "sa:san",
        "sc:srd",
        "sd:snd",
        "si:sin",
        "sk:slk",
        "sl:slv",
        "so:som",
        "sq:sqi",
        "sr:srp",
        "sv:swe",
        "sw:swa",
        "ta:tam",
        "te:tel",
        "tg:tgk",
        "th:tha",
        "tk:tuk",
        "tl:tgl",
        "tr:tur",
        "tt:tat",
        "ug:uig",
        "uk:ukr",
        "ur:urd",
        "uz:uzb",
        "vi:vie",
        "vo:vol",
        "yi:yid",
        "zh:zho",
    ]
)


def words(text: str, min_length: int = 1, cjk: bool = False) -> Iterator[str]:
    """The words of a text: runs of letters and digits, lower-cased.

    Args:
        text: any text.
        min_length: characters that a word has at least.
        cjk: cut runs of scripts without blanks between words into overlapping pairs, as search engines do.

    >>> list(words("It's 1°C in 東京都!")), list(words("東京都 X", cjk=True)), list(words("a bc", min_length=2))
    (['it', 's', '1', 'c', 'in', '東京都'], ['東京', '京都', 'x'], ['bc'])
    """
    for found in _WORD.finditer(text.lower()):
        word = found[0]
        if not cjk or word.isascii():
            if len(word) >= min_length:
                yield word
            continue
        for run in _RUN.finditer(word):
            part = run[0]
            if len(part) > 2 and _RUN.fullmatch(part) and not _plain(part):
                yield from (part[at : at + 2] for at in range(len(part) - 1) if min_length <= 2)
            elif len(part) >= min_length:
                yield part


def _plain(part: str) -> bool:
    return re.match(f"[{_DENSE}]", part) is None


def detect_language(text: str) -> str | None:
    """The language of a text as an ISO 639-3 code, by resiliparse's fast detector; None when it cannot tell.

    >>> detect_language("Der schnelle braune Fuchs springt über den faulen Hund und läuft in den Wald.")
    'deu'
    """
    try:
        from resiliparse.parse.lang import detect_fast
    except ImportError:
        raise MissingExtra("resiliparse", "html") from None
    code, _ = detect_fast(text)
    return _ISO_639_3.get(code)


def parse_cld2(block: bytes) -> list[str]:
    """ISO 639-3 codes of the ``languages-cld2`` line in a Common Crawl metadata record, the most covered first.

    >>> parse_cld2(b'languages-cld2: {"languages":[{"code":"de","code-iso-639-3":"deu"}]}')
    ['deu']
    """
    found = _CLD2.search(block)
    if found is None:
        return []
    try:
        languages = json.loads(found[1])["languages"]
        codes = [language["code-iso-639-3"] for language in languages]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []
    return [code for code in codes if type(code) is str and code.isascii()]

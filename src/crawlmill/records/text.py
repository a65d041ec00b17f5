"""From text to words, and to the language that it is in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from crawlmill.errors import MissingExtra
from crawlmill.records.parse_json import loads

# Han, Hiragana, Katakana (also half-width) and Thai with its vowel and tone marks: written without blanks.
_UNSPACED = (
    "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f\U00030000-\U000323af"
    "\u3041-\u3096\u3099\u309a\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
    "\u0e01-\u0e3a\u0e40-\u0e4e"
)
# Combining marks (vowel signs, accents) are no letters, but belong to the word that they stand in.
_MARKS = "".join(chr(code) for code in range(0x300, 0x10000) if unicodedata.category(chr(code)) in ("Mn", "Mc"))
_WORD = re.compile(f"[^\\W_]+(?:[{_MARKS}]+[^\\W_]*)*")
_WORD_OR_UNSPACED = re.compile(f"([{_UNSPACED}]+)|[^\\W_{_UNSPACED}]+(?:[{_MARKS}]+[^\\W_{_UNSPACED}]*)*")
_GAP = re.compile(f"[^\\w{_MARKS}]|_")  # no word goes over it
_PART = 1 << 16  # characters whose words are found at once
_LETTER = re.compile(r"[^\W\d_]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_CLD2 = re.compile(rb"^languages-cld2:[ \t]*(\{[^\r\n]*)", re.MULTILINE | re.IGNORECASE)
_CODE = re.compile(r"[a-z]{3}")

# ISO 639-1 -> ISO 639-3, for every language that resiliparse knows; a macrolanguage where ISO 639-1 means one.
_PAIRS = (
    "af:afr ar:ara as:asm az:aze ba:bak be:bel bg:bul bn:ben bo:bod br:bre bs:bos ca:cat ce:che cs:ces cv:chv cy:cym "
    "da:dan de:deu dv:div el:ell en:eng eo:epo es:spa et:est eu:eus fa:fas fi:fin fo:fao fr:fra fy:fry ga:gle gd:gla "
    "gl:glg gu:guj ha:hau he:heb hi:hin hr:hrv hu:hun hy:hye id:ind io:ido is:isl it:ita ja:jpn jv:jav ka:kat kk:kaz "
    "km:khm kn:kan ko:kor ku:kur ky:kir la:lat lb:ltz lt:lit lv:lav mg:mlg mk:mkd ml:mal mn:mon mr:mar mt:mlt my:mya "
    "ne:nep nl:nld no:nor or:ori pa:pan pl:pol ps:pus pt:por rm:roh ro:ron ru:rus sa:san sc:srd sd:snd si:sin sk:slk "
    "sl:slv so:som sq:sqi sr:srp sv:swe sw:swa ta:tam te:tel tg:tgk th:tha tk:tuk tl:tgl tr:tur tt:tat ug:uig uk:ukr "
    "ur:urd uz:uzb vi:vie vo:vol yi:yid zh:zho"
)
_ISO_639_3 = dict(pair.split(":") for pair in _PAIRS.split())


def words(text: str, min_length: int = 1, cjk: bool = False) -> Iterator[str]:
    """The words of a text, lower-cased: runs of letters and digits of any script, with the marks that combine with them.

    Args:
        text: any text.
        min_length: runs with fewer characters are left out.
        cjk: cut runs of Han, Hiragana, Katakana and Thai, which have no blanks between words, into overlapping pairs
            of characters; a single one stays itself.

    >>> list(words("The cat_and 2 Dogs")), list(words("The cat", min_length=4))
    (['the', 'cat', 'and', '2', 'dogs'], [])
    >>> list(words("हिंदी में"))
    ['हिंदी', 'में']
    >>> list(words("Python入門書 本", cjk=True))
    ['python', '入門', '門書', '本']
    """
    pattern, at = _WORD_OR_UNSPACED if cjk else _WORD, 0
    while at < len(text):
        # Part by part: a list of all words would take ten times the memory of the text.
        gap = _GAP.search(text, at + _PART)
        end = len(text) if gap is None else gap.start()
        yield from (
            _runs(pattern, text, at, end, min_length)
            if cjk
            else [run.lower() for run in pattern.findall(text, at, end) if len(run) >= min_length]
        )
        at = end


def _runs(pattern: re.Pattern[str], text: str, start: int, end: int, min_length: int) -> Iterator[str]:
    for found in pattern.finditer(text, start, end):
        run = found[0]
        if len(run) < min_length:
            continue
        if found[1] is None or len(run) == 1:
            yield run.lower()
        else:
            for at in range(len(run) - 1):
                yield run[at : at + 2]


def detect_language(text: str) -> str | None:
    """The language of a text as an ISO 639-3 code; None when it is not sure or the text has no letter.

    A guess by letter statistics: good for paragraphs, not for single words.

    Raises:
        MissingExtra: resiliparse is not installed.

    >>> detect_language("Dies ist ein deutscher Satz und er ist länger als ein Wort"), detect_language("12 + 3")
    ('deu', None)
    """
    try:
        from resiliparse.parse.lang import detect_fast
    except ImportError:
        raise MissingExtra("resiliparse", "html") from None
    if _LETTER.search(text) is None:
        return None
    try:
        code, _ = detect_fast(text)
    except UnicodeEncodeError:
        code, _ = detect_fast(_SURROGATE.sub("\ufffd", text))
    return _ISO_639_3.get(code)


def parse_cld2(block: bytes) -> list[str]:
    """The ISO 639-3 codes in the ``languages-cld2`` line of a Common Crawl metadata record, most covered first.

    Empty when the line is missing or damaged.

    >>> parse_cld2(b'fetchTimeMs: 9\\r\\nlanguages-cld2: {"languages":[{"code":"es","code-iso-639-3":"spa"}]}\\r\\n')
    ['spa']
    """
    try:
        return cld2_codes(block)
    except ValueError:
        return []


def cld2_codes(block: bytes) -> list[str]:
    """As :func:`parse_cld2`. Raises ValueError when the line is there and holds no JSON."""
    found = _CLD2.search(block)
    value = None if found is None else loads(found[1])
    languages: object = value.get("languages") if isinstance(value, dict) else None
    if not isinstance(languages, list):
        return []
    codes = [entry.get("code-iso-639-3") for entry in languages if isinstance(entry, dict)]
    return [code for code in codes if isinstance(code, str) and _CODE.fullmatch(code)]

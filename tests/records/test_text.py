"""Words of many scripts, languages, and the languages that a crawler found."""

from __future__ import annotations

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlmill.errors import MissingExtra
from crawlmill.records import text


@pytest.mark.parametrize(
    ("given_text", "min_length", "cjk", "expected"),
    [
        ("", 1, False, []),
        ("It's a_b C3PO!", 1, False, ["it", "s", "a", "b", "c3po"]),
        ("It's a_b C3PO!", 2, True, ["it", "c3po"]),
        ("ÉCOLE Straße ΟΔΟΣ", 1, False, ["école", "straße", "οδος"]),
        ("日本語 test", 1, False, ["日本語", "test"]),
        ("日本語test 本", 1, True, ["日本", "本語", "test", "本"]),
        ("日本語 本", 3, True, ["日本", "本語"]),
        ("ひらカナ漢", 1, True, ["ひら", "らカ", "カナ", "ナ漢"]),
        ("한국어 말", 1, True, ["한국어", "말"]),  # written with blanks
        ("ที่นี่", 1, True, ["ที", "ี่", "่น", "นี", "ี่"]),
        ("𠀀𠀁𠀂", 1, True, ["𠀀𠀁", "𠀁𠀂"]),
        ("日_本", 1, True, ["日", "本"]),
        ("\ud800a", 1, True, ["a"]),
    ],
)
def test_words(given_text: str, min_length: int, cjk: bool, expected: list[str]) -> None:
    assert list(text.words(given_text, min_length, cjk)) == expected


@given(st.text(), st.integers(-1, 4), st.booleans())
def test_words_of_any_text(given_text: str, min_length: int, cjk: bool) -> None:
    for word in text.words(given_text, min_length, cjk):
        assert word and word == word.lower()
        assert not set(word) & set(" _\n.")


SENTENCES = {
    "eng": "All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience.",
    "deu": "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und Gewissen begabt.",
    "fra": "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de raison.",
    "rus": "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом и совестью.",
}


@pytest.mark.parametrize("code", SENTENCES)
def test_detect_language(code: str) -> None:
    pytest.importorskip("resiliparse", reason="needs crawlmill[html]")
    assert text.detect_language(SENTENCES[code]) == code
    assert text.detect_language(SENTENCES[code] + "\ud800") == code


def test_no_language() -> None:
    pytest.importorskip("resiliparse", reason="needs crawlmill[html]")
    assert [text.detect_language(sample) for sample in ("", " \n", "1 + 2 = 3", "___")] == [None] * 4


def test_every_language_has_its_code() -> None:
    lang = pytest.importorskip("resiliparse.parse.lang", reason="needs crawlmill[html]")
    assert set(lang.supported_langs()) <= set(text._ISO_639_3)
    assert all(len(code) == 3 for code in text._ISO_639_3.values())
    assert len(set(text._ISO_639_3.values())) == len(text._ISO_639_3)


@given(st.text(max_size=60))
def test_detect_language_never_raises(sample: str) -> None:
    pytest.importorskip("resiliparse", reason="needs crawlmill[html]")
    found = text.detect_language(sample)
    assert found is None or len(found) == 3


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resiliparse.parse.lang", None)
    with pytest.raises(MissingExtra, match=r"crawlmill\[html\]"):
        text.detect_language("a")


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (
            b'fetchTimeMs: 412\r\ncharset-detected: UTF-8\r\nlanguages-cld2: {"reliable":true,"text-bytes":3,"languages":['
            b'{"code":"es","code-iso-639-3":"spa","text-covered":0.69},{"code":"en","code-iso-639-3":"eng"}]}\r\n\r\n',
            ["spa", "eng"],
        ),
        (b'Languages-CLD2:{"languages":[]}', []),
        (b"fetchTimeMs: 412\r\n", []),
        (b"x languages-cld2: {}", []),
        (b"languages-cld2: {", []),
        (b"languages-cld2: []", []),
        (b'languages-cld2: {"languages": {"code-iso-639-3": "spa"}}', []),
        (b'languages-cld2: {"languages": [1, {}, {"code-iso-639-3": 7}, {"code-iso-639-3": "\\ud800"}]}', []),
        (b'languages-cld2: {"languages": [{"code-iso-639-3": "spa", "name": "\xff"}]}', ["spa"]),
        (b'languages-cld2: {"a":' + b"[" * 2000, []),
        (b"", []),
    ],
)
def test_parse_cld2(block: bytes, expected: list[str]) -> None:
    assert text.parse_cld2(block) == expected


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["languages", "code-iso-639-3", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.binary(max_size=80) | anything.map(lambda value: json.dumps(value).encode()))
def test_parse_cld2_never_raises(rest: bytes) -> None:
    assert all(len(code) == 3 for code in text.parse_cld2(b"languages-cld2: " + rest))

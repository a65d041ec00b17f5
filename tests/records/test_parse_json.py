"""JSON blocks: one answer for each, on every Python and at any depth of the stack."""

from __future__ import annotations

import json
import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archives import make_record
from crawlmill.records import parse_json
from crawlmill.records.parse_json import MAX_DEPTH, depth, is_json, load_json
from crawlmill.records.record import Record
from crawlmill.warc.damage import BodyDamage
from crawlmill.warc.reading import Reading
from crawlmill.warc.walk import walk
from memory import Memory


def record(block: bytes, content_type: str = "application/json") -> Record:
    """A metadata record with this block."""
    found = make_record("metadata", "http://a.example/", block, headers=(("Content-Type", content_type),))
    item = next(iter(walk(Memory(found), 0, None, Reading())))  # valid until the next one is read
    assert isinstance(item, Record)
    return item


def kind(block: bytes, limit: int = 8 << 20) -> str:
    """The kind of damage that a block is."""
    with pytest.raises(BodyDamage) as raised:
        load_json(block, limit)
    return raised.value.kind


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (b'\xef\xbb\xbf{"a": 1}\r\n', {"a": 1}),
        (b'{"a": "\xe9"}', {"a": "é"}),
        (b'"\\ud83d\\ude00 \\ud83d"', "😀 \ufffd"),
        (b'"\\ude00\\ud83d\\ud83d\\ude00"', "\ufffd\ufffd😀"),
        (b'"\\\\ud800 \\n \\u00e9"', "\\ud800 \n é"),
        (b"null", None),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b"[Infinity, -Infinity, 1e999]", [math.inf, -math.inf, math.inf]),
        (b"9" * 4300, int("9" * 4300)),
        (b"-" + b"9" * 5000, -math.inf),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_load_json(block: bytes, expected: object) -> None:
    assert load_json(block) == expected
    assert record(block).json == expected


@pytest.mark.parametrize(
    "block",
    [b"", b" ", b"{", b'{"Envelope": {"a": "b', b"<html>", b"{} {}", b"\xff\xfe{\0}\0", b"[" * 100_000, b"\x00"],
)
def test_a_block_that_is_no_json_is_damage(block: bytes) -> None:
    assert kind(block) == "body"
    for touch in ("json", "wat"):
        with pytest.raises(BodyDamage) as raised:
            getattr(record(block, "Application/JSON; charset=utf-8"), touch)
        assert raised.value.kind == "body"


@pytest.mark.parametrize("content_type", ["application/warc-fields", "text/plain", "application/x-ndjson", "jsonp/x"])
def test_a_block_that_does_not_say_it_is_json_is_none(content_type: str) -> None:
    assert record(b"{", content_type).json is None and record(b"{}", content_type).wat is None
    assert not is_json(content_type) and not is_json(None) and is_json("application/vnd.x+json")


@pytest.mark.parametrize("block", [b"[]", b"7", b"null", b'"Envelope"', b'{"envelope": {}}'])
def test_json_without_an_envelope_is_no_wat(block: bytes) -> None:
    assert record(block).wat is None


# ---- depth


@pytest.mark.parametrize("inside", [b"", b'"]]"', b'"\\"[[[["', b'"\\\\", "}"', b"1, [2], {}"])
def test_the_depth_is_a_rule(inside: bytes) -> None:
    for levels, is_damage in ((MAX_DEPTH, False), (MAX_DEPTH + 1, True)):
        block = b'{"a":' * (levels - 2) + b"[[" + inside + b"]]" + b"}" * (levels - 2)
        nested = depth(block)
        if b"[2]" in inside:
            block, nested = block.replace(b"[2], {}", b"2"), nested - 1
        assert nested == levels
        if is_damage:
            assert kind(block) == "body"
        else:
            load_json(block)


def test_the_answer_does_not_depend_on_the_caller() -> None:
    """The standard library's parser gives up when the caller's stack and the nesting are too much together (until Python 3.12,
    which counts the calls of C by themselves)."""
    block = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    calls = sys.getrecursionlimit() - len_of_stack() - 100

    def deep(left: int) -> object:
        return load_json(block) if left == 0 else deep(left - 1)

    assert deep(calls) == load_json(block)
    with pytest.raises(BodyDamage):
        load_json(block[:-1])
    if sys.version_info < (3, 12):
        with pytest.raises(RecursionError):
            plain_at(calls, block)


def plain_at(left: int, block: bytes) -> object:
    return json.loads(block) if left == 0 else plain_at(left - 1, block)


def len_of_stack() -> int:
    frame, found = sys._getframe(), 0
    while frame.f_back is not None:
        frame, found = frame.f_back, found + 1
    return found


def test_an_error_in_the_other_thread_is_the_same_error() -> None:
    with pytest.raises(ValueError, match="Expecting value"):
        parse_json._parse_elsewhere("[")


nested = st.recursive(
    st.text(alphabet='[]{}"\\a', max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='[]{}"\\', max_size=3), inner, max_size=2)
    ),
    max_leaves=20,
)


def depth_of(value: object) -> int:
    if not isinstance(value, (list, dict)):
        return 0
    return 1 + max(map(depth_of, value.values() if isinstance(value, dict) else value), default=0)


@given(nested, st.booleans())
def test_depth_is_that_of_the_value(value: object, spaced: bool) -> None:
    text = json.dumps(value, indent=1 if spaced else None).encode()
    assert depth(text) == depth_of(value)
    assert load_json(text) == value


@given(st.binary(max_size=60))
def test_nothing_but_damage_is_raised(block: bytes) -> None:
    try:
        load_json(block)
    except BodyDamage as bad:
        assert bad.kind == "body"


# ---- size


@pytest.mark.slow
def test_what_is_larger_than_the_limit_is_not_parsed() -> None:
    assert kind(b'"' + b"a" * 100 + b'"', 101) == "oversized"
    assert load_json(b'"' + b"a" * 99 + b'"', 101) == "a" * 99
    many = (8 << 20) // parse_json.BYTES_AN_ITEM
    assert kind(b"[" + b"[]," * many + b"0]") == "oversized"
    assert len(load_json(b"[" + b"[]," * (many - 2) + b"0]")) == many - 1  # type: ignore[arg-type]


def test_the_limit_is_that_of_the_record() -> None:
    item = record(b'{"Envelope": {}}')
    item.max_body = 10
    with pytest.raises(BodyDamage) as raised:
        item.wat  # noqa: B018
    assert raised.value.kind == "oversized"

"""Bodies: what is encoded is decoded, what only says so is left alone, and no bomb goes off."""

from __future__ import annotations

import gzip
import importlib.util
import random
import sys
import tracemalloc
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlmill.errors import MissingExtra
from crawlmill.records.http import Headers
from crawlmill.warc.body_codings import zstd_window
from crawlmill.warc.damage import BodyDamage
from crawlmill.warc.decode import PROBLEMS, decode_body, decode_http

PAGE = "".join(f"<p>{number} Seite</p>\n" for number in random.Random(1).choices(range(10**9), k=30000)).encode()
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9


def packed(data: bytes) -> bytes:
    """gzip with the same bytes at any second."""
    return gzip.compress(data, mtime=0)


def raw_deflate(data: bytes) -> bytes:
    coder = zlib.compressobj(wbits=-15)
    return coder.compress(data) + coder.flush()


def brotli(data: bytes, quality: int = 5) -> bytes:
    encoded: bytes = pytest.importorskip("brotli", minversion="1.2").compress(data, quality=quality)
    return encoded


def zstd(data: bytes) -> bytes:
    encoded: bytes = pytest.importorskip("zstandard").compress(data)
    return encoded


def chunked(data: bytes, size: int = 1000, eol: bytes = b"\r\n") -> bytes:
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(b"%x%s%s%s" % (len(part), eol, part, eol) for part in [*parts, b""])


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": packed,
    "X-GZip": packed,
    "deflate": zlib.compress,
    " deflate ": raw_deflate,
    "br": brotli,
    "zstd": zstd,
    "identity": bytes,
    "": bytes,
}


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("body", [PAGE, PNG, b"x", PAGE * 3], ids=["page", "image", "byte", "long"])
def test_a_coding_is_undone(name: str, body: bytes) -> None:
    encoded = ENCODERS[name](body)
    assert decode_body(encoded, None, name) == (body, ())
    assert decode_body(chunked(encoded), "Chunked", name) == (body, ())


def test_codings_are_undone_from_the_last() -> None:
    twice = packed(zlib.compress(PAGE))
    assert decode_body(twice, None, "deflate, identity,gzip") == (PAGE, ())
    assert decode_body(chunked(packed(twice)), "gzip, chunked", "deflate, gzip") == (PAGE, ())
    assert decode_body(packed(PAGE), None, ",".join(["gzip"] * 9)) == (
        packed(PAGE),
        ("unknown-encoding",),
    )


def test_streams_one_behind_the_other() -> None:
    for name in ("gzip", "zstd"):
        encode = ENCODERS[name]
        several = encode(b"") + encode(PAGE) + encode(b"") * 3000 + encode(PNG)
        assert decode_body(several, None, name) == (PAGE + PNG, ())
        assert decode_body(several + b"\0\0", None, name) == (PAGE + PNG, ())
        assert decode_body(several + b"junk", None, name) == (PAGE + PNG, ("bad-encoding",))
    skippable = b"\x50\x2a\x4d\x18\x03\0\0\0abc"
    assert decode_body(skippable + zstd(PAGE), None, "zstd") == (PAGE, ())


@pytest.mark.parametrize("transfer", [None, "chunked", "gzip, chunked", "foo"])
@pytest.mark.parametrize("content", [None, "gzip", "br", "zstd", "deflate", "utf-8"])
def test_an_empty_payload_has_no_problem(transfer: str | None, content: str | None) -> None:
    assert decode_body(b"", transfer, content) == (b"", ())


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
@pytest.mark.parametrize("body", [PAGE, b"<!DOCTYPE html>\n", b"{}", b"hC plain", b"body { }", b"The page"])
def test_what_only_says_it_is_encoded_is_left_alone(name: str, body: bytes) -> None:
    assert decode_body(body, None, name) == (body, ("not-encoded",))


def test_unknown_codings() -> None:
    assert decode_body(PAGE, None, "utf-8") == (PAGE, ("unknown-encoding",))
    assert decode_body(chunked(PAGE), "chunked", "none") == (PAGE, ("unknown-encoding",))
    assert decode_body(packed(PAGE), None, "gzip, x-secret") == (packed(PAGE), ("unknown-encoding",))


@pytest.mark.parametrize(
    "payload, body, problems",
    [
        (b"2\r\nhi\r\n0\r\n\r\n", b"hi", ()),
        (b"2\nhi\n0\n\n", b"hi", ()),
        (b"0002 ; name=value\r\nhi\r\n0\r\nTrailer: x\r\n\r\nrest", b"hi", ()),
        (b"A\r\n0123456789\r\n0;\r\n", b"0123456789", ()),
        (b"0\r\n\r\n", b"", ()),
        (b"\r\n", b"\r\n", ("not-chunked",)),
        (b"<p>hi", b"<p>hi", ("not-chunked",)),
        (b"2024\nwas a year\n", b"2024\nwas a year\n", ("not-chunked",)),
        (b"0\n1\n2\n", b"0\n1\n2\n", ("not-chunked",)),
        (b"-2\r\nhi\r\n", b"-2\r\nhi\r\n", ("not-chunked",)),
        (b"2\r\nhi\r\n", b"hi", ("bad-chunk",)),
        (b"2\r\nhi\r\n5\r\nthe", b"hithe", ("bad-chunk",)),
        (b"ffffffffffffff\r\nhi", b"hi", ("bad-chunk",)),
        (b"2\r\nhi\r\nxyz\r\nmore", b"hi", ("bad-chunk",)),
        (b"2\r\nhigher\r\n0\r\n\r\n", b"hi", ("bad-chunk",)),
    ],
)
def test_chunks(payload: bytes, body: bytes, problems: tuple[str, ...]) -> None:
    assert decode_body(payload, "chunked", None) == (body, problems)


@pytest.mark.parametrize("name", ["gzip", "deflate", " deflate ", "br", "zstd"])
def test_broken_data_keep_their_sound_part(name: str) -> None:
    encoded = ENCODERS[name](PAGE)
    middle = len(encoded) // 2
    damaged = encoded[:middle] + b"\xff" * 500 + encoded[middle + 500 :]
    least = len(PAGE) // 2 - (1 << 17)  # zstd gives whole blocks of 128 KiB only
    for broken in [encoded[:middle]] if name == " deflate " else [encoded[:middle], damaged]:  # that has no checksum
        part, problems = decode_body(broken, None, name)
        assert problems == ("bad-encoding",)
        assert PAGE.startswith(part[:least]) and len(part) > least > 0
    if name == "gzip":
        assert decode_body(encoded[:-8] + b"checksum", None, name) == (PAGE, ("bad-encoding",))


@given(st.binary(max_size=60), st.sampled_from(["gzip", "deflate", "br", "zstd", "chunked"]), st.integers(0, 40))
def test_nothing_raises(data: bytes, name: str, limit: int) -> None:
    for magic in (b"", b"\x1f\x8b\x08\0\0\0\0\0\0\xff", b"\x28\xb5\x2f\xfd", b"2\r\nhi\r\n"):
        try:
            body, problems = decode_body(magic + data, None, name, limit)
        except BodyDamage as bad:
            assert bad.kind == "oversized"
        else:
            assert len(body) <= limit and set(problems) <= set(PROBLEMS)


@pytest.mark.parametrize("name", ["gzip", "deflate", " deflate ", "br", "zstd"])
def test_a_bomb_is_not_decoded_beyond_the_limit(name: str) -> None:
    limit = 1 << 20
    body = bytes(100 * limit)
    bomb = brotli(body, 1) if name == "br" else ENCODERS[name](body)
    del body
    tracemalloc.start()
    try:
        assert oversized(bomb, name, limit)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 24 * limit


def test_the_limit_itself_is_allowed() -> None:
    for encode, name in ((packed, "gzip"), (zlib.compress, "deflate"), (brotli, "br"), (zstd, "zstd"), (bytes, None)):
        assert decode_body(encode(PAGE), None, name, len(PAGE)) == (PAGE, ())
        assert oversized(encode(PAGE), name, len(PAGE) - 1)


def test_every_layer_is_within_the_limit() -> None:
    limit = 1 << 20
    assert oversized(packed(packed(bytes(64 * limit))), "gzip, gzip", limit)
    assert oversized(packed(bytes(2 * limit) + packed(PAGE)), "gzip, gzip", limit), (
        "also where the next one finds nothing"
    )
    assert oversized(packed(PAGE) + bytes(limit), "gzip", limit), "the payload as stored counts too"
    assert oversized(chunked(bytes(limit + 1)), None, limit, "chunked")


def window(log: int, frames: bytes = b"") -> bytes:
    """A zstd frame that asks for a window of 2**log bytes, and holds one byte."""
    return frames + b"\x28\xb5\x2f\xfd\x00" + bytes([(log - 10) << 3]) + b"\x09\x00\x00x"


def test_a_zstd_window_above_128_mib_is_refused() -> None:
    assert decode_body(window(27), None, "zstd") == (b"x", ())
    assert oversized(window(28), "zstd") and oversized(window(41), "zstd")
    assert oversized(window(28, zstd(PAGE) + b"\x50\x2a\x4d\x18\x03\0\0\0abc"), "zstd"), "in a later frame as well"
    single = b"\x28\xb5\x2f\xfd\xe0" + (1 << 28).to_bytes(8, "little")
    assert zstd_window(single) == 1 << 28 and oversized(single + b"\x09\x00\x00x", "zstd")
    assert (
        zstd_window(b"\x28\xb5\x2f\xfd\x60\x00\x01") == 512
        and zstd_window(b"\x28\xb5\x2f\xfd\x23" + b"\0" * 4 + b"\x07") == 7
    )


@pytest.mark.slow
def test_small_chunks_take_no_more_than_the_payload() -> None:
    payload = b"1\r\nx\r\n" * 200_000 + b"0\r\n\r\n"
    tracemalloc.start()
    try:
        assert decode_body(payload, "chunked", None) == (b"x" * 200_000, ())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < len(payload)


def oversized(payload: bytes, name: str | None, limit: int = 8 << 20, transfer: str | None = None) -> bool:
    """Whether a body is refused for its size."""
    with pytest.raises(BodyDamage) as raised:
        decode_body(payload, transfer, name, limit)
    return raised.value.kind == "oversized"


def test_only_the_real_headers_count() -> None:
    assert decode_http(
        PAGE, Headers(b"X-Crawler-Content-Encoding: gzip\r\nX-Crawler-Transfer-Encoding: chunked\r\n")
    ) == (
        PAGE,
        (),
    )
    headers = Headers(b"transfer-encoding: chunked\r\nContent-Encoding: deflate\r\ncontent-encoding: gzip\r\n\r\n")
    assert decode_http(chunked(packed(zlib.compress(PAGE))), headers) == (PAGE, ())


@pytest.mark.parametrize("name, package", [("br", "brotli>=1.2"), ("zstd", "zstandard")])
def test_a_missing_decoder_is_named(name: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = ENCODERS[name](PAGE)
    for module in ("brotli", "brotlicffi", "zstandard", "compression.zstd"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=r"crawlmill\[codecs\]") as raised:
        decode_body(encoded, None, name)
    assert raised.value.package == package
    assert decode_body(b"plain", None, "zstd") == (b"plain", ("not-encoded",)), "no decoder is needed to see that"


def test_real_chunked_bodies_equal_the_oracle(corpus: Path) -> None:
    path = corpus.parent / "tools" / "oracle.py"
    if not path.is_file():
        pytest.skip(f"no independent reader at {path}")
    spec = importlib.util.spec_from_file_location("oracle", path)
    assert spec is not None and spec.loader is not None
    oracle: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(oracle)
    seen: Counter[bool] = Counter()
    for archive in sorted(corpus.rglob("*.warc")):
        for _, fields, block, _, _ in oracle.warc_records(oracle.load(str(archive))[0], Counter()):
            message = oracle.http(block) if oracle.first(fields, "warc-type") == b"response" else None
            if message is None or b"chunked" not in (oracle.first(message[2], "transfer-encoding") or b"").lower():
                continue
            expected = oracle.dechunk(message[3])
            body, problems = decode_body(message[3], "chunked", None)
            assert (body, problems) == (expected, ()) if expected is not None else problems or not message[3]
            seen[expected is not None] += 1
    assert seen[True] > 10 and seen[False] > 5

"""Small records that ask for much: a damage row where they get nothing, and no worker grows large or hangs over one."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import zlib
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest

from archives import gz, make_record
from crawlmill import registry, wire
from crawlmill.mapside import map_side
from crawlmill.plan.split import Split
from crawlmill.task import Job
from hostile import LINEAR, QUADRATIC, fill, numbered

MIB = 1 << 20
JSON = (("Content-Type", "application/json"),)
WAT = '{"Envelope":{"WARC-Header-Metadata":{"WARC-Type":"response","WARC-Target-URI":"http://a.example/"},"Payload-Metadata":'
WAT += '{"HTTP-Response-Metadata":{"Headers":{"Server":"x"},"HTML-Metadata":{"Links":[%s]}}}}}'


def page(text: str | bytes, encoding: str | None = None, url: str = "http://a.example/") -> bytes:
    """A response with a page."""
    headers = [("Content-Type", "text/html; charset=utf-8")] + ([("Content-Encoding", encoding)] if encoding else [])
    return make_record("response", url, text if isinstance(text, bytes) else text.encode(), http_headers=headers)


def wat(block: str | bytes) -> bytes:
    return make_record(
        "metadata", "http://a.example/", block if isinstance(block, bytes) else block.encode(), headers=JSON
    )


def run(
    tmp_path: Path, records: list[bytes], *names: str, **limits: int
) -> tuple[dict[str, int], set[tuple[str, str]]]:
    """Rows by analysis, and (analysis, kind) of the damage."""
    path = tmp_path / "some.warc.gz"
    path.write_bytes(gz(records))
    job = Job(tuple(registry.load(names)), **limits)  # type: ignore[arg-type]
    rows: dict[str, int] = {}
    damage: set[tuple[str, str]] = set()
    for line in chain.from_iterable(map_side(job, [Split(str(path))])):
        name, columns = wire.parse_key(wire.split(line)[0])
        if name == wire.DAMAGE:
            damage.add((str(columns[3]), str(columns[4])))
        elif name != wire.COUNTERS:
            rows[name] = rows.get(name, 0) + 1
    return rows, damage


# ---- damage, not silence


@pytest.mark.parametrize(
    "block",
    [WAT % "" + "x", (WAT % "")[:-1], "", "no JSON", "[" * 100_000, WAT % ("[" * 100_000 + "]" * 100_000)],
    ids=["behind", "cut", "empty", "text", "open", "deep"],
)
def test_a_wat_record_that_is_no_json_is_damage_for_each_analysis(block: str, tmp_path: Path) -> None:
    rows, damage = run(
        tmp_path, [wat(WAT % '{"path":"A@/href","url":"//b.example"}'), wat(block)], "links", "servers", "ips"
    )
    assert rows == {"links": 1, "servers": 1}
    assert damage == {("links", "body"), ("servers", "body"), ("ips", "body")}


@pytest.mark.parametrize(
    "block",
    ["7", "null", "[]", "{}", '{"Envelope": [1]}', '{"Envelope": {"Payload-Metadata": NaN, "WARC-Header-Metadata": 1e999}}',
     WAT % '1, [], {"path": [], "url": {}}, {"url": 9, "href": Infinity}', WAT % ('{"path":"A@/href","url":' + "9" * 9000 + "}")],
)  # fmt: skip
def test_odd_json_is_a_value(block: str, tmp_path: Path) -> None:
    rows, damage = run(tmp_path, [wat(block)], "links", "servers", "ips")
    assert damage == set() and rows in ({}, {"servers": 1})


def test_other_metadata_is_neither(tmp_path: Path) -> None:
    record = make_record("metadata", "http://a.example/", b"{", headers=(("Content-Type", "application/warc-fields"),))
    assert run(tmp_path, [record], "links", "servers", "ips", "languages") == ({}, set())


def test_a_note_of_languages_that_breaks_off_is_damage(tmp_path: Path) -> None:
    note = b'languages-cld2: {"languages":[{"code-iso-639-3":"deu"}'
    records = [
        make_record("metadata", "http://a.example/", block) for block in (note, note + b"]}", b"languages-cld2: 7")
    ]
    assert run(tmp_path, records, "languages") == ({"languages": 1}, {("languages", "body")})


def encoders() -> dict[str, Callable[[bytes], bytes]]:
    brotli, zstandard = pytest.importorskip("brotli"), pytest.importorskip("zstandard")
    return {
        "gzip": gzip.compress,
        "deflate": zlib.compress,
        "br": lambda data: brotli.compress(data, quality=1),
        "zstd": zstandard.compress,
        "gzip, gzip": lambda data: gzip.compress(gzip.compress(data)),
    }


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
def test_a_bomb_is_oversized_for_who_touches_the_body(encoding: str, tmp_path: Path) -> None:
    bomb = page(encoders()[encoding](bytes(64 * MIB)), encoding)
    rows, damage = run(tmp_path, [bomb], "tags", "links", "words", "status", "sizes")
    assert damage == {(name, "oversized") for name in ("tags", "links", "words")}
    assert rows == {"status": 1, "sizes": 1}


def test_the_limit_is_on_what_is_parsed(tmp_path: Path) -> None:
    text = make_record("conversion", "http://a.example/", b"word " * 300_000)
    for record in (page("<p>" + "word " * 300_000), text):
        assert run(tmp_path, [record], "words", max_body=MIB) == ({}, {("words", "oversized")})
        assert run(tmp_path, [record], "words", max_body=2 * MIB) == ({"words": 1}, set())
    assert run(tmp_path, [wat(WAT % ("7," * MIB + "7"))], "servers", max_body=MIB) == ({}, {("servers", "oversized")})


def test_what_is_no_page_is_told_from_its_first_bytes(tmp_path: Path) -> None:
    film = make_record("response", "http://a.example/", bytes(2 * MIB), http_headers=())
    html = make_record("response", "http://a.example/", b"<html>" + bytes(2 * MIB), http_headers=())
    assert run(tmp_path, [film], "tags", max_body=MIB) == ({}, set())
    assert run(tmp_path, [html], "tags", max_body=MIB) == ({}, {("tags", "oversized")})


@pytest.mark.slow
@pytest.mark.parametrize("name", QUADRATIC)
def test_markup_that_takes_the_square_is_oversized(name: str, tmp_path: Path) -> None:
    rows, damage = run(tmp_path, [page(QUADRATIC[name](MIB))], "tags", "words", "mime")
    assert damage == {("tags", "oversized"), ("words", "oversized")} and rows == {"mime": 1}


@pytest.mark.slow
def test_more_words_than_a_language_has(tmp_path: Path) -> None:
    record = make_record("conversion", "http://a.example/", numbered("%x ", 4 * MIB).encode())
    assert run(tmp_path, [record], "words") == ({}, {("words", "oversized")})
    assert run(tmp_path, [record], "words", max_body=32 * MIB)[1] == set()


def test_the_host_of_a_page_does_not_multiply(tmp_path: Path) -> None:
    """It stands in the row of each link."""
    links = numbered("<a href=//%d.example>", 20_000)
    assert run(tmp_path, [page(links, url=f"http://{'a' * 256}/")], "links") == ({}, {("links", "analysis")})
    rows, damage = run(tmp_path, [page(links, url=f"http://{'a' * 255}/")], "links")
    assert rows["links"] > 500 and not damage


@pytest.mark.parametrize("kind", ["page", "wat"])
def test_a_long_base_does_not_multiply(kind: str, tmp_path: Path) -> None:
    base = "http://b.example/" + "x" * 2 * MIB
    if kind == "page":
        record = page(f"<base href='{base}'>" + "<a href=y>" * 30_000)
    else:
        links = ",".join(['{"path":"A@/href","url":"y"}'] * 30_000)
        record = wat((WAT % links).replace('"Links":', f'"Head":{{"Base":"{base}"}},"Links":'))
    assert run(tmp_path, [record], "links") == ({"links": 1}, set())


# ---- memory

MOST = 300
"""MB that a worker may take at its peak."""
CHILD = """
import sys
from crawlmill import registry
from crawlmill.plan.split import Split
from crawlmill.task import Job
from crawlmill.mapside import map_side
analyses = registry.with_settings(registry.load(sys.argv[2].split(",")), [])
if "+detect" in sys.argv:
    analyses = [a.with_options(source="detect") if a.base == "languages" else a for a in analyses]
with open("/dev/null", "wb") as out:
    for lines in map_side(Job(tuple(analyses), full="+full" in sys.argv), [Split(sys.argv[1])]):
        out.writelines(lines)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def peak(path: Path, analyses: str, *flags: str) -> float:
    """MB that a process takes which runs analyses over an archive as a worker does."""
    command = [sys.executable, "-c", CHILD, str(path), analyses, *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    return int(done.stdout.split()[-1]) * 1024 / 1e6


def largest_that_passes(make: Callable[[int], str]) -> str:
    """A page of a kind that is about as large as the limits let through, to a tenth."""
    from crawlmill.records.markup import check
    from crawlmill.warc.damage import BodyDamage

    size, step = 8 * MIB - 200, 8 * MIB
    while step > size // 10:
        try:
            check(make(size), 8 * MIB)
            if size >= 8 * MIB - 200:
                break
            size += step // 2
        except BodyDamage:
            size -= step // 2
        step //= 2
    return make(size)


needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")


@needs_proc
@pytest.mark.slow
@pytest.mark.parametrize("name", LINEAR)
def test_no_page_makes_a_worker_large(name: str, tmp_path: Path) -> None:
    path = tmp_path / "page.warc.gz"
    path.write_bytes(gz([page(largest_that_passes(LINEAR[name]).encode()[: 8 * MIB - 100])], 1))
    assert peak(path, "tags,links,words,languages,records", "+detect") < MOST


def keys(size: int) -> str:
    return '{"Envelope":{' + numbered('"%x":0,', size)[:-1] + "}}"


BLOCKS: dict[str, Callable[[], bytes]] = {
    "links": lambda: wat(WAT % numbered('{"path":"A@/href","url":"//%x"},', 7 * MIB)[:-1]),
    "lists": lambda: wat(WAT % (fill("[],", 3 * MIB) + "0")),
    "objects": lambda: wat(WAT % (fill('{"":0},', 7 * MIB // 2)[:-7] + '{"":0}')),
    "names": lambda: wat(keys(7 * MIB)),
    "strings": lambda: wat(WAT % ('"āb",' * MIB + '"' + "āb" * MIB + '"')),
    "64 MiB of objects": lambda: wat("[" + "{}," * (20 * MIB) + "{}]"),
    "words": lambda: make_record("conversion", "http://a.example/", numbered("%x ", 2 * MIB).encode()),
    "chunks": lambda: make_record(
        "response",
        "http://a.example/",
        b"2\r\nab\r\n" * MIB,
        http_headers=[("Content-Type", "text/html"), ("Transfer-Encoding", "chunked")],
    ),
    "64 MiB of text": lambda: page("word " * (12 * MIB)),
}


@needs_proc
@pytest.mark.slow
@pytest.mark.parametrize("name", BLOCKS)
def test_no_block_makes_a_worker_large(name: str, tmp_path: Path) -> None:
    path = tmp_path / "block.warc.gz"
    path.write_bytes(gz([BLOCKS[name]()], 1))
    assert peak(path, "tags,links,words,languages,servers,ips,records") < MOST


@pytest.mark.slow
@needs_proc
@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd", "gzip, gzip"])
def test_a_bomb_does_not_make_a_worker_large(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "bomb.warc.gz"
    path.write_bytes(gz([page(encoders()[encoding](bytes(200 * MIB)), encoding)]))
    assert path.stat().st_size < 8192 or encoding == "gzip"
    assert peak(path, "tags,links,words") < 100


@needs_proc
@pytest.mark.slow
def test_many_records_with_much_in_them_do_not_make_a_worker_large(tmp_path: Path) -> None:
    """Keys count by their length, and memory is asked for as they come, not after so many records."""
    path = tmp_path / "many.warc.gz"
    texts = [
        make_record("conversion", "http://a.example/", "".join(f"{part}x{n:x} " for n in range(120_000)).encode())
        for part in range(20)
    ]
    path.write_bytes(gz(texts, 1))
    assert peak(path, "words") < MOST
    urls = [page("", url=f"http://{part}.example/{'x' * 500_000}") for part in range(400)]
    path.write_bytes(gz(urls, 1))
    assert peak(path, "records,origins") < MOST


# ---- work that only a clock would show: it ends


@pytest.mark.parametrize("quote", ["", "'"], ids=["plain", "quoted"])
def test_a_content_type_full_of_blanks_is_read(quote: str, tmp_path: Path) -> None:
    content_type = f"text/html; charset={quote}" + " " * 300_000 + ";"
    record = make_record("response", "http://a.example/", b"<p>x", http_headers=[("Content-Type", content_type)])
    path = tmp_path / "blanks.warc.gz"
    path.write_bytes(gz([record]))
    command = [sys.executable, "-m", "crawlmill.mappers", "tags", "mime"]
    done = subprocess.run(command, input=str(path).encode(), capture_output=True, timeout=60, check=True)
    assert json.loads(b"[" + b",".join(done.stdout.splitlines()[-1].split(b"\t")) + b"]")
    assert b'["tags","p"]\t1' in done.stdout.splitlines()
